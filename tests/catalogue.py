"""The catalogue as test cases: every loss at each field's typical values, and tensors for it from its card."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw, variants

#: Every loss of the catalogue, at its defaults and at each typical value of each field.
CASES: list[wald.Loss] = [loss for kind in wald.catalogue() for loss in variants(kind)]

#: Every loss as it comes.
DEFAULTS: list[wald.Loss] = [next(iter(variants(kind))) for kind in wald.catalogue()]

#: Whom the dearest proofs look at every day. A whole measurement takes half a second, which the whole catalogue would
#: make into minutes; these have every family of inputs, every task, and each kind of claim that a card makes. The
#: others, and all other settings, are measured with the slow tests.
CORE = {
    "regression": (wald.Squared, wald.Huber, wald.Pinball, wald.Percentage, wald.Interval, wald.FisslerZiegel),
    "a parameter of a law": (wald.GaussianNLL, wald.Poisson, wald.Tweedie, wald.CRPS),
    "binary": (wald.BinaryCrossEntropy, wald.Focal, wald.Hinge),
    "multiclass": (wald.CrossEntropy, wald.RankedProbability, wald.KLDivergence, wald.NextToken),
    "embeddings": (wald.InfoNCE, wald.Triplet),
    "preferences and policies": (wald.DPO, wald.GRPO),
    "pairs and lists": (wald.PairwiseHinge, wald.ListMLE),
    "generative": (wald.GANDiscriminator,),
    "overlap": (wald.Dice,),
    "survival": (wald.Cox,),
}


def in_core(loss: wald.Loss) -> bool:
    """Whether a loss is of the core."""
    return any(type(loss) in kinds for kinds in CORE.values())


def _daily(losses: Iterable[wald.Loss]) -> list[Any]:
    """Every case as a parameter, all but these marked slow."""
    each_day = frozenset(losses)
    return [pytest.param(loss, id=repr(loss), marks=[] if loss in each_day else [pytest.mark.slow]) for loss in CASES]


#: For what takes some hundredths of a second: every loss at its defaults each day, its other settings with the slow
#: tests.
PROOFS = _daily(DEFAULTS)

#: For what takes longer: the core at its defaults each day, everything else with the slow tests.
MEASURED = _daily(filter(in_core, DEFAULTS))

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
