"""The catalogue as test cases: every loss at each field's typical values, and tensors for it from its card."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw, variants

#: Every loss of the catalogue, at its defaults and at each typical value of each field.
CASES: list[wald.Loss] = [loss for kind in wald.catalogue() for loss in variants(kind)]

#: The same for proofs that take a while: each loss as it comes every day, its other settings among the slow proofs.
PROOFS = [
    pytest.param(loss, id=repr(loss), marks=[pytest.mark.slow] if place else [])
    for kind in wald.catalogue()
    for place, loss in enumerate(variants(kind))
]
SEPARABLE = [loss for loss in CASES if loss.card.coupling == "separable"]

#: The fields of `CASES` that change how a loss is laid out; their inputs are the plain ones, rearranged.
CLASSES = 4


def batch_of(loss: wald.Loss, shape: tuple[int, ...], rng: torch.Generator) -> tuple[Tensor, ...]:
    """Inputs of these many examples, in float64, well inside the domains of the card."""
    return draw(loss, shape, rng, classes=CLASSES)


def leaf(x: Tensor) -> Tensor:
    """A copy of `x` that collects its gradient."""
    return x.detach().clone().requires_grad_()


def broken(loss: wald.Loss, inputs: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
    """The inputs with what no formula can bear in these rows: NaN, and −100 for ids."""
    out: list[Tensor] = []
    for x in inputs:
        worse = x.clone()
        worse[rows] = torch.nan if x.is_floating_point() else -100
        out.append(worse)
    return tuple(out)
