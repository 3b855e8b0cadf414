"""Inputs near the given ones that make a loss as large as can be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .space import Space

#: inputs → scores, with a graph.
Forward = Callable[[Tensor], Tensor]
#: (scores, targets) → one value a row, with a graph.
Each = Callable[[Tensor, Tensor], Tensor]

#: A step is this share of the reach at the beginning and at the end.
_FIRST, _LAST = 0.5, 0.04


@dataclass(frozen=True)
class Box:
    """Where the inputs may go: so far from where they are, and never beyond what has been seen.

    Attributes:
        low: the least that each entry of each row may be.
        high: the most.
        size: how far one reach moves a feature.
    """

    low: Tensor
    high: Tensor
    size: Tensor

    @classmethod
    def around(cls, inputs: Tensor, size: Tensor, seen: tuple[Tensor, Tensor]) -> Box:
        """The box of this size around each row, within the smallest and largest values seen of each feature."""
        low, high = seen
        # What already lies outside the range stays where it is.
        return cls(
            torch.maximum(inputs - size, torch.minimum(low, inputs)),
            torch.minimum(inputs + size, torch.maximum(high, inputs)),
            size,
        )

    def hold(self, inputs: Tensor) -> Tensor:
        """The nearest inputs inside."""
        return torch.minimum(torch.maximum(inputs, self.low), self.high)


@dataclass(frozen=True)
class Worst:
    """The worst that was found for each row.

    Attributes:
        inputs: the inputs.
        values: their loss.
        still: the share of rows whose loss has no gradient where the search began.
    """

    inputs: Tensor
    values: Tensor
    still: float = 0.0

    def or_worse(self, other: Worst) -> Worst:
        """The worse of two, row by row."""
        worse = other.values > self.values
        shape = (-1,) + (1,) * (self.inputs.ndim - 1)
        return Worst(
            torch.where(worse.reshape(shape), other.inputs, self.inputs),
            torch.where(worse, other.values, self.values),
            max(self.still, other.still),
        )


def ascend(
    forward: Forward,
    each: Each,
    aim: Each,
    inputs: Tensor,
    target: Tensor,
    box: Box,
    *,
    steps: int,
    restarts: int,
    source: torch.Generator,
) -> Worst:
    """Follow the gradient of `aim`, keep the worst by `each`: from the inputs themselves and from random starts.

    Inputs are held in the box before the graph is built, never inside it: a clamp in the graph has no gradient
    at its ends, and hides there what it should find. Madry et al. 2018, arXiv:1706.06083.
    """
    with torch.no_grad():
        worst = Worst(inputs, each(forward(inputs), target))
    for start in range(1 + restarts):
        moved = inputs if start == 0 else box.hold(inputs + box.size * _signed(inputs, source))
        for step in range(steps):
            moved = moved.detach().requires_grad_()
            score = forward(moved)
            (slope,) = torch.autograd.grad(aim(score, target).sum(), moved)
            if start == 0 and step == 0:
                still = float((slope.reshape(len(slope), -1).abs().amax(-1) == 0).double().mean())
                worst = Worst(worst.inputs, worst.values, still)
            share = _FIRST * (_LAST / _FIRST) ** (step / max(1, steps - 1))
            moved = box.hold(moved.detach() + share * box.size * slope.nan_to_num().sign())
            with torch.no_grad():
                worst = worst.or_worse(Worst(moved, each(forward(moved), target)))
    return worst


def wander(
    forward: Forward, each: Each, inputs: Tensor, target: Tensor, box: Box, *, guesses: int, source: torch.Generator
) -> Worst:
    """Without any gradient: throw some features of each row to their ends, keep what makes the loss larger."""
    with torch.no_grad():
        worst = Worst(inputs, each(forward(inputs), target))
        for guess in range(guesses):
            # Many features at first, single ones at the end, as in Andriushchenko et al. 2020, arXiv:1912.00049.
            share = max(0.5 * (1 - guess / guesses), 1.0 / inputs[0].numel())
            chosen = torch.rand(inputs.shape, generator=source).to(inputs.device) < share
            ends = torch.where(_signed(inputs, source) > 0, box.high, box.low)
            moved = torch.where(chosen, ends, worst.inputs)
            worst = worst.or_worse(Worst(moved, each(forward(moved), target)))
    return worst


def aims(space: Space | None, each: Each) -> dict[str, Each]:
    """What to climb: the loss itself, and the score alone, which still has a slope where the loss has gone flat."""
    if space is None:
        return {"loss": each}
    if space.task == "binary":
        return {"loss": each, "margin": lambda score, target: -(2 * target - 1) * score}
    if space.task == "multiclass":
        return {"loss": each, "margin": _lead_of_another}
    return {"loss": each, "up": lambda score, target: score, "down": lambda score, target: -score}


def _lead_of_another(score: Tensor, target: Tensor) -> Tensor:
    own = torch.nn.functional.one_hot(target.long(), score.shape[-1]).bool()
    return score.masked_fill(own, -torch.inf).amax(-1) - score[own]


def _signed(like: Tensor, source: torch.Generator) -> Tensor:
    return (torch.rand(like.shape, generator=source) * 2 - 1).to(like)
