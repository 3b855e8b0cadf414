"""How a batch becomes a number."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.behaviour.reduction import measure_reduction
from wald.checks.rules.rule import regression
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve

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


def squares(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square()


def over_valid(x: Tensor, y: Tensor) -> Tensor:
    """The mean over targets that are not near zero."""
    valid = y.abs() > 0.7
    return (squares(x, y) * valid).sum() / valid.sum().clamp(min=1)


def over_picked(x: Tensor, y: Tensor) -> Tensor:
    return squares(x, y)[y.abs() > 0.7].mean()


def worst_share(x: Tensor, y: Tensor) -> Tensor:
    worst = squares(x, y).sort(descending=True).values
    return worst[: math.ceil(0.3 * len(x))].mean()


def trimmed(x: Tensor, y: Tensor) -> Tensor:
    return squares(x, y).sort().values[: max(1, int(0.8 * len(x)))].mean()


def worst_group(x: Tensor, y: Tensor) -> Tensor:
    groups = [squares(x, y)[y > 0].sum(), squares(x, y)[y <= 0].sum()]
    return torch.stack(groups).max()


def focused(x: Tensor, y: Tensor) -> Tensor:
    """Hard examples count more, by weights that are cut from the graph."""
    return ((x - y).abs().detach().softmax(0) * squares(x, y)).sum()


def by_worst(x: Tensor, y: Tensor) -> Tensor:
    return squares(x, y).sum() / squares(x, y).max().detach()


def in_order(x: Tensor, y: Tensor) -> Tensor:
    right = (y[:, None] - y).sign()
    return F.softplus(-(x[:, None] - x) * right).mean()


def normalised(x: Tensor, y: Tensor) -> Tensor:
    return squares((x - x.mean()) / (x.std(correction=0) + 1e-3), y).mean()


def of_numpy(x: Tensor, y: Tensor) -> Tensor:
    return torch.tensor(squares(x, y).mean().item() ** 0.5, dtype=x.dtype)


class Running:
    """A loss that is larger at every call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        self.calls += 1
        return squares(x, y).mean() * self.calls


#: Losses whose inputs are found out.
FOREIGN: dict[str, tuple[object, str, str]] = {
    "none": (torch.nn.MSELoss(reduction="none"), "none", "separable"),
    "mean": (F.mse_loss, "mean", "separable"),
    "sum": (torch.nn.MSELoss(reduction="sum"), "sum", "separable"),
    "mean over classes": (F.cross_entropy, "mean", "separable"),
    "batchmean": (lambda x, y: F.kl_div(x, y, reduction="batchmean"), "mean", "separable"),
    "accuracy": (lambda z, ids: (z.argmax(-1) != ids).double().mean(), "mean", "separable"),
    "ignored class": (lambda z, ids: F.cross_entropy(z, ids, ignore_index=0), "weighted mean", "separable"),
    "weighted mean": (
        torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0])),
        "weighted mean",
        "separable",
    ),
    "weighted by label": (known.class_weighted_mean, "weighted mean", "separable"),
    "sum over the positives": (
        lambda z, t: known.bce(z, t).sum() / t.sum().clamp(min=1),
        "other",
        "separable",
    ),
    "correlation": (pearson, "other", "coupled"),
    "Dice of a batch": (dice, "other", "coupled"),
    "catalogue": (wald.Huber(), "mean", "separable"),
    "catalogue, weighted": (wald.CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0)), "weighted mean", "separable"),
    "catalogue, coupled": (wald.InfoNCE(), "mean", "coupled"),
}

#: Losses of numbers.
NUMBERS: dict[str, tuple[known.Loss, str, str]] = {
    "column": (lambda x, y: squares(x, y).unsqueeze(1), "none", "separable"),
    "one entry": (lambda x, y: squares(x, y).mean().unsqueeze(0), "mean", "separable"),
    "sum over the length": (lambda x, y: squares(x, y).sum() / len(x), "mean", "separable"),
    "sum of features, mean of rows": (
        lambda x, y: squares(x, y).reshape(len(x), -1).sum(1).mean(),
        "mean",
        "separable",
    ),
    "mean and a constant": (lambda x, y: squares(x, y).mean() + 3, "mean", "separable"),
    "window": (lambda x, y: ((x - y).abs() > 0.5).to(x.dtype).mean(), "mean", "separable"),
    "mean without a gradient": (known.STATISTICS["squared error by NumPy"][0], "mean", "separable"),
    "sum without a gradient": (lambda x, y: squares(x, y).sum().detach(), "sum", "separable"),
    "mean over valid": (over_valid, "weighted mean", "separable"),
    "mean over picked": (over_picked, "weighted mean", "separable"),
    "weighted by target": (lambda x, y: (y.abs() * squares(x, y)).sum() / y.abs().sum(), "weighted mean", "separable"),
    "wMAPE": (known.STATISTICS["wMAPE"][0], "weighted mean", "separable"),
    "R2": (known.STATISTICS["1 - R2"][0], "other", "separable"),
    "root of the length": (lambda x, y: squares(x, y).sum() / len(x) ** 0.5, "other", "separable"),
    "root": (known.STATISTICS["root mean squared error"][0], "transform of mean", "separable"),
    "root without a gradient": (of_numpy, "transform of mean", "separable"),
    "norm": (lambda x, y: (x - y).norm(), "transform of mean", "separable"),
    "log": (lambda x, y: squares(x, y).mean().log(), "transform of mean", "separable"),
    "decibels": (lambda x, y: 10 * squares(x, y).mean().log10(), "transform of mean", "separable"),
    "square of a sum": (lambda x, y: (x - y).abs().sum() ** 2, "transform of mean", "separable"),
    "fourth root": (lambda x, y: (x - y).abs().pow(4).mean().pow(0.25), "transform of mean", "separable"),
    "logsumexp": (lambda x, y: squares(x, y).logsumexp(0), "transform of mean", "separable"),
    "geometric mean": (lambda x, y: (squares(x, y) + 1e-6).log().mean().exp(), "transform of mean", "separable"),
    "harmonic mean": (lambda x, y: 1 / (1 / (squares(x, y) + 0.1)).mean(), "transform of mean", "separable"),
    "maximum": (lambda x, y: (x - y).abs().max(), "other", "coupled"),
    "three worst": (lambda x, y: squares(x, y).topk(min(3, len(x))).values.mean(), "other", "coupled"),
    "worst share": (worst_share, "other", "coupled"),
    "trimmed": (trimmed, "other", "coupled"),
    "median": (lambda x, y: (x - y).abs().median(), "other", "coupled"),
    "worst group": (worst_group, "other", "coupled"),
    "mean and deviation": (
        lambda x, y: squares(x, y).mean() + squares(x, y).std(correction=0),
        "other",
        "coupled",
    ),
    "variance of errors": (lambda x, y: (x - y).var(correction=0), "other", "coupled"),
    "hard examples": (focused, "other", "coupled"),
    "over the worst": (by_worst, "other", "coupled"),
    "pairs": (in_order, "other", "coupled"),
    "normalised batch": (normalised, "other", "coupled"),
    "values that meet": (standardised, "none", "coupled"),
    "running": (Running(), "unresolved", "unresolved"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_reduction_and_coupling(name: str) -> None:
    loss, reduction, coupling = FOREIGN[name]
    subject = subject_of(resolve(loss))
    assert isinstance(subject, Subject)
    found = measure_reduction(subject)
    assert (found.reduction, found.coupling) == (reduction, coupling)
    assert not found.ordered


@pytest.mark.parametrize("name", NUMBERS)
def test_reduction_and_coupling_of_numbers(name: str) -> None:
    loss, reduction, coupling = NUMBERS[name]
    found = measure_reduction(regression(loss))
    assert (found.reduction, found.coupling) == (reduction, coupling)
    assert not found.ordered


@pytest.mark.parametrize("name", NUMBERS)
def test_single_precision_says_the_same(name: str) -> None:
    loss, reduction, coupling = NUMBERS[name]
    found = measure_reduction(regression(lambda x, y: loss(x.float(), y.float()), dtype=torch.float32))
    assert (found.reduction, found.coupling) in ((reduction, coupling), ("unresolved", "unresolved"))


@pytest.mark.parametrize(
    ("name", "copies"), [("one entry", 1.0), ("sum without a gradient", 2.0), ("norm", 2**0.5), ("maximum", 1.0)]
)
def test_a_batch_twice_over(name: str, copies: float) -> None:
    assert measure_reduction(regression(NUMBERS[name][0])).copies == pytest.approx(copies)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: squares(x, y)[0],
        lambda x, y: squares(x, y)[:-1].mean(),
        lambda x, y: squares(x, y).mean() + x.diff().square().sum(),
    ],
    ids=["the first", "all but the last", "neighbours"],
)
def test_places_in_a_batch_count(loss: known.Loss) -> None:
    found = measure_reduction(regression(loss))
    assert (found.reduction, found.coupling) == ("other", "coupled")
    assert found.ordered


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
