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

from ..cards import Domain
from ..core import Loss, value_checks
from .draw import SIZE, draw, sample
from .grids import inside

if TYPE_CHECKING:
    from collections.abc import Generator as Yields

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
        whole: whether only whole batches have a value: examples meet, or their mean is transformed.
        weigh: what each example counts beside the others, where the loss weighs its examples by their targets.
        loss: the `Loss` itself, where it is one.
        claims: what its card says, to be held against what is measured.
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
    whole: bool = False
    weigh: Callable[[Tensor], Tensor] | None = None
    loss: Loss | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
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
        sizes["classes"] = CLASSES
        drawn = [sample(d, (n,), generator, sizes=sizes, target=i > 0) for i, (_, d) in enumerate(self.domains)]
        if self.labelled:
            no, yes = self.labels
            drawn[1] = no + (yes - no) * (torch.arange(n) % 2).to(torch.float64)
        if self.task == "multiclass" and self.target.integer:
            drawn[1] = torch.arange(n) % CLASSES
        return tuple(x.to(self.dtype) if x.is_floating_point() else x for x in drawn)

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
        return one_by_one(self.batch, inputs, together=self.together)


def one_by_one(call: Callable[..., Tensor], inputs: Inputs, *, together: bool) -> Tensor:
    """The value of `call` for each example in a batch of its own."""

    def alone(*row: Tensor) -> Tensor:
        return call(*(x.unsqueeze(0) for x in row)).sum()

    if together:
        return vmap(alone)(*inputs)
    return torch.stack([alone(*row) for row in zip(*inputs, strict=True)])


def sweeps(call: Callable[..., Tensor], inputs: Inputs) -> bool:
    """Whether `vmap` can call it, and gives what separate calls give."""
    few = tuple(x[:3] for x in inputs)
    try:
        with warnings.catch_warnings():
            # Without a rule of its own for vmap an operator is looped over, which is slower than our own loop.
            warnings.filterwarnings("error", message=".*performance drop.*")
            swept = one_by_one(call, few, together=True)
    except Exception:
        return False
    return torch.allclose(swept, one_by_one(call, few, together=False), rtol=1e-9, atol=0, equal_nan=True)


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
