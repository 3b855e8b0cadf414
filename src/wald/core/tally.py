"""What a batch contributes to the cost of a data set. Tallies add."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .reduction import Empty, ratio

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """A total, a count, and how many examples were left out or not finite; all 0-d tensors.

    The mean over any split into micro-batches and ranks is the mean over the whole, in value and gradient:

    >>> import torch, wald
    >>> loss, x, y = wald.Squared(), torch.tensor([1.0, 3.0, 2.0, 4.0]), torch.zeros(4)
    >>> (loss.tally(x[:1], y[:1]) + loss.tally(x[1:], y[1:])).mean
    tensor(7.5000, dtype=torch.float64)
    >>> loss(x, y)
    tensor(7.5000)

    Attributes:
        total: the sum of weighted losses, with its gradient.
        count: what the mean divides by: the sum of weights, or the unmasked examples without them.
        examples: the unmasked examples.
        masked: the examples that were left out by a mask, a zero weight or an ignored target.
        nonfinite: the unmasked examples whose loss is NaN or infinite.
        infeasible: the examples for which no prediction has a finite loss.
        empty: what the mean of nothing is.
    """

    total: Tensor
    count: Tensor
    examples: Tensor
    masked: Tensor
    nonfinite: Tensor
    infeasible: Tensor
    empty: Empty = "zero"

    @property
    def mean(self) -> Tensor:
        """The cost: total / count."""
        return ratio(self.total, self.count, self.empty)

    def __add__(self, other: Tally) -> Tally:
        if not isinstance(other, Tally):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in _PARTS})

    def __radd__(self, other: Any) -> Tally:
        # `sum(tallies)` begins with the number 0.
        return self if other == 0 else NotImplemented

    def detach(self) -> Tally:
        """The same numbers without the graph, to keep over an epoch."""
        return replace(self, total=self.total.detach())

    def all_reduce(self, group: ProcessGroup | None = None) -> Tally:
        """The sum over all ranks of `group`, in one collective call; every rank must call it.

        The value of `total` becomes the global one, its gradient stays this rank's own share. Ranks that
        average gradients (DDP, FSDP) therefore multiply `.mean` by the world size before `backward`.
        Without an initialised process group there is one rank, and the tally is returned as it is.
        """
        from torch import distributed

        if not (distributed.is_available() and distributed.is_initialized()):
            return self
        own = torch.stack([getattr(self, name).detach().to(torch.float64) for name in _PARTS])
        everyone = own.clone()
        distributed.all_reduce(everyone, group=group)
        summed = dict(zip(_PARTS, everyone.unbind(), strict=True))
        return replace(self, **(summed | {"total": self.total + (summed["total"] - own[0])}))


_PARTS = tuple(field.name for field in fields(Tally) if field.name != "empty")
