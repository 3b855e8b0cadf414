"""What is measured: a loss with all that must be known to call it, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
import warnings

import torch
from torch import Generator, Tensor
from torch.func import vmap

from ...cards import ClassId, Domain
from ...core import Loss, value_checks
from .domains import LABELS
from .draw import SIZE, draw, sample
from .grids import inside
from .standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Generator as Yields

    from ..likeness.claimed import Claimed

Inputs = tuple[Tensor, ...]

#: How many classes an example of a multiclass loss has, and how many examples a batch where examples meet.
CLASSES, BATCH = 4, 6


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A loss, and how to call it.

    Attributes:
        name: what the report calls it.
        recipe: a line of Python that makes it under the name `loss`; empty where only the caller holds it.
        call: the loss as its user calls it, over a whole batch.
        task: the kind of problem, in the words of a card.
        domains: the inputs and where each lives; the first is what a model emits.
        labels: how "no" and "yes" are written, for a binary loss.
        dtype: the widest dtype that it takes.
        column: whether an example is a row of one entry, of shape (n, 1), and not a bare number.
        together: whether its values for many examples can be had in one sweep.
        each: gives the value of each example, from the inputs in the shapes that `call` takes; without it, `call`
            is mapped over the examples.
        emitted: the places of the inputs that a model emits; the others are observed, or fixed.
        note: what a reader should know of how it is called, such as that its target comes first.
        whole: whether only whole batches have a value: examples meet, or their mean is transformed.
        weigh: what each example counts beside the others, where the loss weighs its examples by their targets.
        loss: the `Loss` itself, where it is one.
        claims: what its card says, to be held against what is measured.
        stand: what stands in for it, where it is foreign.
        claimed: the loss of the catalogue that it is said to be, held beside it; None where nothing was said.
        seed: of every random number.
    """

    name: str
    recipe: str
    call: Callable[..., Tensor]
    task: str
    domains: tuple[tuple[str, Domain], ...]
    labels: tuple[float, float] = (0.0, 1.0)
    dtype: torch.dtype = torch.float64
    column: bool = False
    together: bool = True
    each: Callable[..., Tensor] | None = None
    emitted: tuple[int, ...] = (0,)
    note: str = ""
    whole: bool = False
    weigh: Callable[[Tensor], Tensor] | None = None
    loss: Loss | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stand: StandIn | None = None
    claimed: Claimed | None = None
    seed: int = 0

    @property
    def prediction(self) -> Domain:
        """Where the prediction lives."""
        return self.domains[0][1]

    @property
    def target(self) -> Domain:
        """Where the target lives."""
        return self.domains[1][1]

    @property
    def scalar(self) -> bool:
        """Whether an example is one predicted number against one observed number."""
        observed = len(self.domains) == 2 and self.domains[1][0] == "target"
        return observed and not any(domain.axes or domain.integer for _, domain in self.domains)

    @property
    def outputs(self) -> bool:
        """Whether an example is several predicted numbers against one observed number."""
        observed = len(self.domains) == 2 and not self.target.axes and not self.target.integer
        return observed and len(self.prediction.axes) == 1 and not self.prediction.normalised

    @property
    def labelled(self) -> bool:
        """Whether that observed number is a label, one of two."""
        return self.scalar and self.task in ("binary", "multilabel")

    @property
    def close(self) -> float:
        """The relative difference beyond which two of its values differ."""
        return 1e-9 if self.dtype is torch.float64 else 1e-5

    def generator(self) -> Generator:
        """A fresh stream of random numbers, the same each time."""
        return torch.Generator().manual_seed(self.seed)

    def inputs(self, n: int, generator: Generator | None = None) -> Inputs:
        """Typical inputs for `n` examples."""
        generator = generator or self.generator()
        if self.loss is not None:
            drawn = draw(self.loss, n, generator, classes=CLASSES)
            return tuple(x[..., 0] for x in drawn) if self.column else drawn
        sizes = {axis: SIZE for _, domain in self.domains for axis in (*domain.axes, *domain.soft)}
        sizes["classes"] = classes = self.prediction.size or CLASSES
        drawn = [sample(d, (n,), generator, sizes=sizes, target=i > 0) for i, (_, d) in enumerate(self.domains)]
        for place, (_, domain) in enumerate(self.domains[1:], 1):
            if (labels := self._labels_of(place, domain)) is not None:
                drawn[place] = labels[0] + (labels[1] - labels[0]) * (torch.arange(n) % 2).to(torch.float64)
            elif domain == ClassId:
                # Where examples are compared by their class, each class has two of them.
                drawn[place] = torch.arange(n) % (
                    classes if self.task == "multiclass" else max(2, min(n // 2, CLASSES))
                )
        return tuple(x.to(self.dtype) if x.is_floating_point() else x for x in drawn)

    def _labels_of(self, place: int, domain: Domain) -> tuple[float, float] | None:
        """How "no" and "yes" are written, where an input is a label."""
        if self.labelled and place == 1:
            return self.labels
        return None if self.task == "regression" else dict(LABELS).get(domain)

    def observed(self, ids: Tensor, classes: int) -> Tensor:
        """Targets that say these classes for sure, in the form that the loss takes."""
        domain = self.target
        if domain.integer:
            return ids
        one_hot = torch.nn.functional.one_hot(ids, classes).to(self.dtype)
        if domain.normalised == "linear":
            return one_hot
        # Sure, and finite still.
        return inside(domain, 60 * one_hot)

    def batch(self, *inputs: Tensor) -> Tensor:
        """What its user gets for a whole batch; what it may do to its inputs is done to copies."""
        return self.call(*(x.clone() for x in self.shaped(inputs)))

    def values(self, *inputs: Tensor) -> Tensor:
        """The loss of each example as if it were alone, times what it counts beside the others; shape (n,)."""
        if self.loss is not None:
            with value_checks(False):
                return self.loss(*self.shaped(inputs), reduction="none")
        found = self._alone(*inputs)
        return found if self.weigh is None else found * self.weigh(inputs[1])

    def slopes(self, *inputs: Tensor) -> Tensor:
        """The derivative of each example's value in its prediction, in the shape of the first input."""
        first = inputs[0].detach().requires_grad_()
        found = self.values(first, *inputs[1:]).sum()
        if not found.requires_grad:
            return torch.full_like(first, torch.nan)
        (slope,) = torch.autograd.grad(found, first, materialize_grads=True)
        return slope.detach()

    def shaped(self, inputs: Inputs) -> Inputs:
        """The inputs in the shapes that the loss itself takes."""
        return tuple(x.unsqueeze(-1) for x in inputs) if self.column else inputs

    def _alone(self, *inputs: Tensor) -> Tensor:
        if self.each is not None:
            return self.each(*(x.clone() for x in self.shaped(inputs)))
        return one_by_one(self.batch, inputs, together=self.together)


def one_by_one(call: Callable[..., Tensor], inputs: Inputs, *, together: bool) -> Tensor:
    """The value of `call` for each example in a batch of its own."""

    def alone(*row: Tensor) -> Tensor:
        return call(*(x.unsqueeze(0) for x in row)).sum()

    if together:
        return vmap(alone)(*inputs)
    return torch.stack([alone(*row) for row in zip(*inputs, strict=True)])


@contextmanager
def undisturbed() -> Yields[None]:
    """Leave the caller's random state, gradient mode and warnings as they were found, whatever a loss does."""
    import random

    import numpy as np

    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  (the state to protect is the global one)
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
