"""How losses bend, where they have kinks and how they grow: against what is known of them by hand."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.measured import Measured
from wald.checks.rules.rule import regression
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve

from . import known
from .test_shape import measured

S, L, C = known.STATISTICS, known.LABELS, known.CLASSES


def insensitive(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y).abs() - 0.5).clamp(min=0)


#: strictly convex, strongly convex, quasi-convex, Lipschitz, derivatives, growth, gradient. The five that
#: LossFunctions.jl declares otherwise are the last five of the regression losses.
TRUTH: dict[str, tuple[object, str]] = {
    "squared": (F.mse_loss, "yes yes yes no 3 quadratic linear"),
    "absolute": (F.l1_loss, "no no yes yes 0 linear bounded"),
    "pinball": (known.pinball(0.9), "no no yes yes 0 linear bounded"),
    "expectile": (S["expectile 0.8"][0], "yes yes yes no 1 quadratic linear"),
    "Huber": (F.huber_loss, "no no yes yes 1 linear bounded"),
    "Huber, wide": (S["Huber, wide"][0], "no no yes yes 1 linear bounded"),
    "quantile Huber": (S["quantile Huber"][0], "no no yes yes 1 linear bounded"),
    "pseudo-Huber": (wald.PseudoHuber(), "yes no yes yes 3 linear bounded"),
    "epsilon-insensitive": (S["epsilon-insensitive"][0], "no no yes yes 0 linear bounded"),
    "Welsch": (S["Welsch"][0], "no no yes yes 3 bounded vanishing"),
    "Cauchy": (S["Cauchy"][0], "no no yes yes 3 logarithmic vanishing"),
    "LINEX": (lambda x, y: torch.exp(x - y) - (x - y) - 1, "yes no yes no 3 exponential exponential"),
    "fourth power": (lambda x, y: (x - y) ** 4, "yes no yes no 3 power(4) polynomial"),
    "periodic": (lambda x, y: 1 - torch.cos(x - y), "no no no yes 3 bounded bounded"),
    "truncated": (lambda x, y: (x - y).square().clamp(max=4), "no no yes yes 0 bounded vanishing"),
    "Poisson, log rate": (F.poisson_nll_loss, "yes no yes no 3 exponential exponential"),
    "Poisson, rate": (S["Poisson, rate"][0], "yes no yes no 3 linear bounded"),
    "gamma": (S["gamma"][0], "no no yes no 3 logarithmic vanishing"),
    "MAPE": (S["MAPE"][0], "no no yes yes 0 linear bounded"),
    "squared error of logs": (S["squared error of logs"][0], "no no yes no 3 logarithmic vanishing"),
    "root of the absolute error": (lambda x, y: (x - y).abs().sqrt(), "no no yes no 0 power(0.5) vanishing"),
    "no absolute value": (S["no absolute value"][0], "no no yes yes 3 linear bounded"),
    "log-cosh": (S["log-cosh"][0], "yes no yes yes 3 linear bounded"),
    "epsilon-insensitive, squared": (lambda x, y: insensitive(x, y).square(), "no no yes no 1 quadratic linear"),
    "cubed": (S["cubed"][0], "yes no yes no 2 power(3) polynomial"),
    "zero-one": (L["zero-one"][0], "no no yes no 0 bounded None"),
    "power 1.5": (lambda x, y: (x - y).abs().pow(1.5), "yes no yes no 1 power(1.5) sublinear"),
    "soft margin": (F.soft_margin_loss, "yes no yes yes 3 linear bounded"),
    "exponential": (L["exponential"][0], "yes no yes no 3 exponential exponential"),
    "squared margin": (L["squared margin"][0], "yes yes yes no 3 quadratic linear"),
    "squared hinge": (L["squared hinge"][0], "no no yes no 1 quadratic linear"),
    "modified Huber": (L["modified Huber"][0], "no no yes yes 1 linear bounded"),
    "hinge": (L["hinge"][0], "no no yes yes 0 linear bounded"),
    "smoothed hinge": (L["smoothed hinge"][0], "no no yes yes 1 linear bounded"),
    "distance-weighted": (L["distance-weighted"][0], "no no yes yes 1 linear bounded"),
    "tangent": (L["tangent"][0], "no no yes yes 3 bounded vanishing"),
    "perceptron": (L["perceptron"][0], "no no yes yes 0 linear bounded"),
    "sigmoid": (L["sigmoid"][0], "no no yes yes 3 bounded vanishing"),
    "ramp": (L["ramp"][0], "no no yes yes 0 bounded vanishing"),
    "unhinged": (L["unhinged"][0], "no no yes yes 3 linear bounded"),
    "focal": (L["focal"][0], "no no yes yes 3 linear bounded"),
    "Brier": (L["Brier"][0], "no no yes yes 3 bounded vanishing"),
    "cross-entropy of a probability": (F.binary_cross_entropy, "yes yes yes no 3 unbounded unbounded"),
    "cross-entropy": (F.cross_entropy, "no no yes yes 3 linear bounded"),
    "Brier of classes": (known.brier, "no no no yes 3 bounded vanishing"),
    "squared scores": (C["squared scores"][0], "yes yes yes no 3 quadratic linear"),
}


@cache
def shape_of(name: str) -> Measured:
    return measured(TRUTH[name][0])


@pytest.mark.parametrize("name", TRUTH)
def test_shape(name: str) -> None:
    found = shape_of(name)
    shape = found.shape
    claims = [found.claim(word) for word in ("strictly_convex", "strongly_convex", "quasi_convex", "lipschitz")]
    words = [claim.word for claim in claims]
    truth = TRUTH[name][1].split()
    for word, true in zip([*words, shape.kinks.smooth, shape.growth.value, shape.growth.slope], truth, strict=True):
        assert word == "unresolved" or str(word) == true
    for claim in claims:
        assert claim.why
        # A "no" comes with its counter-example.
        assert claim.inputs or claim.word != "no"


def test_hardly_any_of_three_hundred_verdicts_is_unresolved() -> None:
    words = ("strictly_convex", "strongly_convex", "quasi_convex", "lipschitz")
    unresolved = sum(shape_of(name).claim(word).word == "unresolved" for name in TRUTH for word in words)
    assert sum(len(words.split()) for _, words in TRUTH.values()) > 300
    # A bend that fades below what double precision can show may still be there.
    assert unresolved <= 3


@pytest.mark.parametrize(
    ("loss", "where"),
    [
        (F.l1_loss, "prediction - target = 0"),
        (F.huber_loss, "prediction - target = -1 or prediction - target = 1"),
        (L["hinge"][0], "the prediction is -1 under the label -1 and 1 under the label 1"),
        (lambda x, y: (x - y).square() + x.abs(), "prediction = 0"),
        (lambda x, y: (x / y - 2).abs() + 0 * x, "prediction / target = 2"),
    ],
)
def test_kinks_are_located(loss: object, where: str) -> None:
    assert measured(loss).shape.kinks.where == where


def test_the_constant_of_lipschitz_is_the_largest_slope() -> None:
    assert measured(known.pinball(0.9)).shape.growth.constant == pytest.approx(0.9)
    assert measured(L["modified Huber"][0]).shape.growth.constant == pytest.approx(4)
    assert "another one for each target" in measured(S["MAPE"][0]).claim("lipschitz").why


def test_a_hill_is_shown_between_its_valleys() -> None:
    found = shape_of("periodic")
    low, hill, other = (found.subject.values(*point).item() for point in found.claim("quasi_convex").inputs)
    assert hill > max(low, other) + 0.1


def test_a_straight_part_is_shown() -> None:
    found = shape_of("Huber")
    low, middle, high = (found.subject.values(*point).item() for point in found.claim("strictly_convex").inputs)
    assert middle == pytest.approx((low + high) / 2, rel=1e-12)


def test_a_gradient_that_is_not_that_of_the_value_is_not_believed() -> None:
    def detached(x: Tensor, y: Tensor) -> Tensor:
        return ((x - y) * (x - y).detach()).mean()

    found = measured(detached).shape
    assert found.kinks.smooth is None
    assert found.growth.slope is None
    assert found.growth.lipschitz.word == "unresolved"
    assert "autograd says" in found.growth.why


def test_the_same_in_single_precision_or_not_resolved() -> None:
    def single(x: Tensor, y: Tensor) -> Tensor:
        return F.huber_loss(x.float(), y.float())

    found = Measured(regression(single, dtype=torch.float32)).shape
    assert found.curvature.strict.word in ("no", "unresolved")
    assert found.growth.slope == "bounded"
    assert found.growth.value == "linear"


def test_one_by_one_is_as_good() -> None:
    subject = subject_of(resolve(lambda x, y: F.l1_loss(x, y) if x.sum().item() < 1e300 else x.sum()))
    assert isinstance(subject, Subject)
    assert not subject.together
    found = Measured(subject).shape
    assert found.kinks.smooth == 0
    assert found.growth.slope == "bounded"
