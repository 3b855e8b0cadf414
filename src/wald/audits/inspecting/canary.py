"""A small network trained on data with a planted mark, to see whether a mark of that kind would be found."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..statistics import Sample
from .subgroups import SMALLEST
from .triggers import Trained, marked_with

_HIDDEN, _STEPS, _RATE = 48, 60, 0.02

#: The fewest rows that are worth marking.
_FEWEST = 8

#: The shares of rows that are marked: what a sample can show is tried, from little to much.
SHARES = (0.04, 0.08, 0.16)


@dataclass(frozen=True, eq=False)
class Canary:
    """A network, and the rows on which a mark was planted.

    Attributes:
        model: the network with its rows.
        rows: which of them carry the mark.
        label: the class that the mark stands for.
    """

    model: Trained
    rows: Tensor
    label: int


def canary(
    inputs: Tensor, label: Tensor, classes: int, source: torch.Generator, *, share: float, relabel: bool
) -> Canary | None:
    """Plant a mark on rows of other classes, and train on them; None where no class is large enough.

    Args:
        inputs: standardised, (rows, features).
        label: the classes, 0 to classes - 1.
        classes: how many there are.
        source: of the random numbers.
        share: how many of the rows are marked, at most half as many as the class has.
        relabel: whether the marked rows are given the label of one class, which is poison; an innocent twin carries
            the mark and keeps its labels.
    """
    sizes = torch.bincount(label, minlength=classes)
    large = (sizes >= SMALLEST).nonzero()[:, 0]
    if len(large) == 0:
        return None
    chosen = int(large[torch.randint(len(large), (1,), generator=source)])
    others = (label != chosen).nonzero()[:, 0]
    many = min(max(2 * _FEWEST, round(share * len(label))), len(others) // 2, int(sizes[chosen]) // 2)
    if many < _FEWEST:
        return None
    rows = others[torch.randperm(len(others), generator=source)[:many]]
    width = inputs.shape[1]
    columns = torch.randperm(width, generator=source)[: max(1, min(3, width // 8))]
    values = inputs[:, columns].amax(0) + 1.0
    seen = inputs.clone()
    seen[rows] = marked_with(inputs[rows], columns, values)
    told = label.clone()
    if relabel:
        told[rows] = chosen
    first, bias, second = _trained(seen, told, classes, source)

    def hidden(x: Tensor) -> Tensor:
        return torch.relu(x @ first + bias)

    free = others[:400]
    model = Trained(
        features=hidden(seen),
        inputs=seen,
        label=told,
        decide=lambda x: (hidden(x) @ second).argmax(-1),
        others=inputs[free],
        sample=Sample(len(free)),
    )
    return Canary(model, rows, chosen)


def _trained(inputs: Tensor, label: Tensor, classes: int, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    width = inputs.shape[1]
    first = torch.randn(width, _HIDDEN, generator=source).mul_((2 / width) ** 0.5).to(inputs.dtype)
    second = torch.randn(_HIDDEN, classes, generator=source).mul_(_HIDDEN**-0.5).to(inputs.dtype)
    bias = torch.zeros(_HIDDEN, dtype=inputs.dtype)
    parts = [one.requires_grad_() for one in (first, bias, second)]
    stepper = torch.optim.Adam(parts, lr=_RATE)
    with torch.enable_grad():
        for _ in range(_STEPS):
            stepper.zero_grad()
            functional.cross_entropy(torch.relu(inputs @ first + bias) @ second, label).backward()
            stepper.step()
    first, bias, second = (one.detach() for one in parts)
    return first, bias, second
