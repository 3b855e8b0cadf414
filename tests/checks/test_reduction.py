"""How a batch becomes a number."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.discover import subject_of
from wald.checks.reduction import measure_reduction
from wald.checks.subject import Subject
from wald.checks.target import resolve

from . import known


def pearson(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - x.mean(), y - y.mean()
    return 1 - (x * y).sum() / (x.norm() * y.norm())


def dice(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


def ranked(x: Tensor, y: Tensor) -> Tensor:
    return (torch.arange(1, len(x) + 1, dtype=x.dtype) * (x - y).square()).mean()


def standardised(x: Tensor, y: Tensor) -> Tensor:
    error = (x - y).square()
    return error / error.detach().mean()


REDUCTIONS: dict[str, tuple[object, str, str]] = {
    "none": (torch.nn.MSELoss(reduction="none"), "none", "separable"),
    "mean": (F.mse_loss, "mean", "separable"),
    "sum": (torch.nn.MSELoss(reduction="sum"), "sum", "separable"),
    "mean over classes": (F.cross_entropy, "mean", "separable"),
    "weighted mean": (
        torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0])),
        "weighted mean",
        "separable",
    ),
    "weighted by label": (known.class_weighted_mean, "weighted mean", "separable"),
    "root": (known.STATISTICS["root mean squared error"][0], "transform of mean", "separable"),
    "log": (lambda x, y: (x - y).square().mean().log(), "transform of mean", "separable"),
    "maximum": (lambda x, y: (x - y).abs().max(), "other", "coupled"),
    "correlation": (pearson, "other", "coupled"),
    "Dice of a batch": (dice, "other", "coupled"),
    "values that meet": (standardised, "none", "coupled"),
    "catalogue": (wald.Huber(), "mean", "separable"),
    "catalogue, weighted": (wald.CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0)), "weighted mean", "separable"),
    "catalogue, coupled": (wald.InfoNCE(), "mean", "coupled"),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_and_coupling(name: str) -> None:
    loss, reduction, coupling = REDUCTIONS[name]
    subject = subject_of(resolve(loss))
    assert isinstance(subject, Subject)
    found = measure_reduction(subject)
    assert (found.reduction, found.coupling) == (reduction, coupling)
    assert not found.ordered


def test_an_order_that_counts_is_seen() -> None:
    subject = subject_of(resolve(ranked))
    assert isinstance(subject, Subject)
    assert measure_reduction(subject).ordered


def test_weights_are_found() -> None:
    subject = subject_of(resolve(known.class_weighted_mean))
    assert isinstance(subject, Subject)
    found = measure_reduction(subject)
    assert found.weights is not None
    ratio = found.weights / (1 + 2 * found.inputs[1])
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))
