"""Convex, bounded below, least on the target, falling the right way: against known losses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.measured import Measured
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve

from . import known
from .test_reduction import pearson

S, L = known.STATISTICS, known.LABELS


def measured(loss: object, **hints: str) -> Measured:
    subject = subject_of(resolve(loss), **hints)
    assert isinstance(subject, Subject)
    return Measured(subject)


SHAPES: dict[str, tuple[object, str]] = {
    # convex, bounded below, perfect is minimal
    "squared": (F.mse_loss, "yes yes yes"),
    "absolute": (F.l1_loss, "yes yes yes"),
    "log-cosh": (S["log-cosh"][0], "yes yes yes"),
    "root": (S["root mean squared error"][0], "yes yes yes"),
    "Welsch": (S["Welsch"][0], "no yes yes"),
    "Cauchy": (S["Cauchy"][0], "no yes yes"),
    "gamma": (S["gamma"][0], "no yes yes"),
    "periodic": (lambda x, y: (1 - torch.cos(x - y)).mean(), "no yes yes"),
    "sign error": (S["sign error"][0], "no no no"),
    "no absolute value": (S["no absolute value"][0], "yes no no"),
    "logistic": (F.binary_cross_entropy_with_logits, "yes yes yes"),
    "weighted, single precision": (torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), "yes yes yes"),
    "hinge": (L["hinge"][0], "yes yes yes"),
    "label smoothing": (L["label smoothing"][0], "yes yes no"),
    "focal": (L["focal"][0], "no yes yes"),
    "unhinged": (L["unhinged"][0], "yes no no"),
    "cross-entropy": (F.cross_entropy, "yes yes yes"),
    "cross-entropy, smoothed": (torch.nn.CrossEntropyLoss(label_smoothing=0.1), "yes yes no"),
    "Brier of classes": (known.brier, "no yes yes"),
    "correlation": (pearson, "no yes yes"),
    "mean and log variance": (wald.GaussianNLL(), "no no None"),
    "mean and variance": (wald.GaussianNLL(scale="variance"), "no no None"),
    "critic": (wald.GANDiscriminator(kind="wasserstein"), "yes no None"),
    "in-batch": (wald.InfoNCE(), "no yes None"),
    "square of the log-partition": (wald.CrossEntropy(z_loss=0.01), "no yes yes"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str) -> None:
    loss, words = SHAPES[name]
    found = measured(loss)
    claims = [found.claim(name) for name in ("convex", "bounded_below", "perfect_is_minimal")]
    assert " ".join(str(claim.word) for claim in claims) == words
    # A "no" is shown by inputs.
    assert all(claim.inputs for claim in claims if claim.word == "no")


def test_a_chord_that_is_shown_is_below_the_loss() -> None:
    found = measured(S["Welsch"][0])
    first, half, last = (found.subject.values(*point).item() for point in found.convex.inputs)
    assert half > (first + last) / 2
    x = [point[0].item() for point in found.convex.inputs]
    assert x[1] == pytest.approx((x[0] + x[2]) / 2)


@pytest.mark.parametrize(
    ("loss", "wrong"),
    [
        (F.mse_loss, False),
        (S["sign error"][0], True),
        (S["Welsch"][0], False),
        (lambda x, y: torch.exp(-((x - y) ** 2) / 2).mean(), True),
        (S["no absolute value"][0], False),
        (F.poisson_nll_loss, False),
        (F.binary_cross_entropy_with_logits, False),
        (L["sign error"][0], True),
        (L["zero-one"][0], False),
        (F.cross_entropy, False),
        (lambda z, ids: -F.cross_entropy(z, ids), True),
        (pearson, False),
        (lambda x, y: -pearson(x, y), True),
    ],
)
def test_direction(loss: object, wrong: bool) -> None:
    found = measured(loss).direction
    assert found.wrong is wrong
    assert found.away is not None
    assert (found.away > 0.5) is wrong


def test_in_a_scale_of_its_own_no_prediction_is_the_target() -> None:
    assert measured(F.poisson_nll_loss).perfect.word is None


def test_rounding_is_no_bend() -> None:
    def shifted(x: Tensor, y: Tensor) -> Tensor:
        return (x - y).square().mean() + 1e6 * (x - x).sum()

    assert measured(shifted).convex.word == "yes"


@pytest.mark.parametrize(
    ("loss", "word"),
    [
        (lambda x, y: F.huber_loss(x, y.log()), None),
        (lambda x, y: F.huber_loss(F.softplus(x), y), None),
        (lambda x, y: F.huber_loss(x, 2 * y), "no"),
        (lambda x, y: F.huber_loss(x, y + 0.5), "no"),
        (lambda x, y: ((x - y).square() + 0.3 * x.square()).mean(), "no"),
        (lambda x, y: F.softplus(y - x).mean(), None),
    ],
)
def test_a_scale_that_is_meant_is_no_error_of_the_perfect_prediction(loss: object, word: str | None) -> None:
    assert measured(loss).perfect.word == word
