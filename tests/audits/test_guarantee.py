"""How low a loss must be for how few errors, held to the closed forms."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import wald
from wald.audits import metrics
from wald.audits.probes.guarantee import GUARANTEE
from wald.checks.probabilities.curves import Curves
from wald.checks.probabilities.guarantee import error_allowed, hull_at, transform
from wald.checks.subjects.discover import Unknown, subject_of
from wald.checks.subjects.target import resolve

from ..sampling import daily
from .samples import ask, binary, found, skewed, three_classes


def logistic(theta: float) -> float:
    return 0.5 * ((1 + theta) * math.log1p(theta) + (1 - theta) * math.log1p(-theta))


def double_sigmoid(p: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(torch.sigmoid(p), y, reduction="none")


def needed(loss: object) -> float:
    told = found(ask(GUARANTEE, binary(400, loss=loss, metric=metrics.error_rate())))["A104"]
    assert told.state == "pass"
    assert told.controls.right
    return told.evidence["excess loss for 5 % of errors"]


@pytest.mark.parametrize(
    ("loss", "known"),
    daily(
        [
            (wald.BinaryCrossEntropy(), logistic(0.05)),
            (lambda p, y: torch.relu(1 - (2 * y - 1) * p), 0.05),
            (lambda p, y: torch.exp(-(2 * y - 1) * p), 1 - math.sqrt(1 - 0.05**2)),
            (lambda p, y: (torch.sigmoid(p) - y).square(), 0.05**2 / 4),
        ],
        2,
        ["logistic", "hinge", "exponential", "brier"],
    ),
)
def test_the_excess_for_five_per_cent(loss: object, known: float) -> None:
    assert needed(loss) == pytest.approx(known, abs=1e-7)


def test_a_focal_loss_guarantees_less() -> None:
    assert needed(wald.Focal(gamma=2.0)) == pytest.approx(0.00028, abs=1e-5)


def test_the_transform_and_its_inverse() -> None:
    subject = subject_of(resolve(wald.BinaryCrossEntropy()), task="binary")
    assert not isinstance(subject, Unknown)
    raw = transform(Curves.of(subject))
    assert raw is not None
    for theta in (0.02, 0.1, 0.5, 0.9):
        assert hull_at(*raw, theta) == pytest.approx(logistic(theta), abs=1e-7)
    hull = torch.tensor([hull_at(*raw, float(at)) for at in raw[0]], dtype=torch.float64)
    for theta in (0.0, 0.1, 0.5):
        assert error_allowed(raw[0], hull, logistic(theta)) == pytest.approx(theta, abs=1e-5)
    assert error_allowed(raw[0], hull, 10.0) == 1.0


def test_the_model_gets_its_bounds() -> None:
    told = found(ask(GUARANTEE, binary(2_000, metric=metrics.error_rate(), factor=4.0)))["A104"]
    facts = told.evidence
    # A model that is four times too sure: what scale saves is a part of its excess, and all its loss is the rest.
    assert 0.2 < facts["excess at least"] < facts["excess at most"] <= facts["loss"]
    assert 0 < facts["errors allowed"] <= 1
    assert "over all functions" in told.method


@pytest.mark.parametrize(
    ("loss", "flips"),
    daily(
        [
            (wald.Focal(gamma=2.0, alpha=0.25), 0.75),
            (wald.BinaryCrossEntropy(pos_weight=3.0), 0.25),
            (double_sigmoid, 0.623),
        ],
        3,
        ["alpha focal", "weight", "double sigmoid"],
    ),
)
def test_a_decision_that_flips_elsewhere_is_found(loss: object, flips: float) -> None:
    told = found(ask(GUARANTEE, binary(400, loss=loss, metric=metrics.error_rate())))["A104"]
    assert told.state == "warn"
    assert told.controls.right
    assert told.evidence["decision flips at"] == pytest.approx(flips, abs=2e-3)
    assert "witness" in told.evidence


def test_a_loss_that_never_tells() -> None:
    def perceptron(p: Tensor, y: Tensor) -> Tensor:
        return torch.relu(-(2 * y - 1) * p)

    told = found(ask(GUARANTEE, binary(400, loss=perceptron, metric=metrics.error_rate())))["A104"]
    assert told.state == "warn"
    assert "never tells" in told.says


@pytest.mark.slow
def test_it_is_about_wrong_decisions_of_two_classes() -> None:
    weighted = binary(400, loss=wald.BinaryCrossEntropy(pos_weight=3.0))
    assert found(ask(GUARANTEE, weighted))["A104"].state == "not_applicable"
    assert found(ask(GUARANTEE, skewed(200)))["A104"].state == "not_applicable"
    assert found(ask(GUARANTEE, three_classes(200)))["A104"].state == "not_applicable"
