"""Forecasts that know nothing: which losses they win, and that they win no innocent one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.gaming.cheats import Cheats, measure_cheats
from wald.checks.rules.rule import binary, regression
from wald.checks.subjects.draw import variants
from wald.checks.subjects.subject import Subject

from . import known
from .test_invariance import broadcast, pairwise
from .test_reduction import pearson
from .test_shape import measured

S, L, C = known.STATISTICS, known.LABELS, known.CLASSES


def recall(z: Tensor, t: Tensor) -> Tensor:
    return 1 - (torch.sigmoid(z) * t).sum() / t.sum().clamp(min=1)


def entropy(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, torch.sigmoid(z))


def dice(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


def won(found: Cheats) -> set[tuple[str, str]]:
    return {(duel.cheat, duel.scene) for duel in found.won}


@pytest.mark.parametrize(
    ("subject", "cheat", "scene"),
    [
        (regression(lambda x, y: (x - y).mean()), "-1e+06 everywhere", "bell-shaped targets"),
        (regression(broadcast, whole=True), "the mean everywhere", "a series"),
        (
            regression(lambda x, y: (x.mean() - y.mean()).square(), whole=True),
            "the honest forecasts, shuffled",
            "bell-shaped targets",
        ),
        (binary(L["absolute error of a sigmoid"][0]), "no everywhere", "labels of which 3% are yes"),
        (binary(entropy), "1000 everywhere", "labels of which 50% are yes"),
        (replace(binary(recall), whole=True), "yes everywhere", "labels of which 50% are yes"),
        (binary(lambda z, t: (1 - z * (2 * t - 1)).mean()), "-1000 everywhere", "labels of which 3% are yes"),
        (binary(lambda z, t: F.relu(-z * (2 * t - 1)).mean()), "zero everywhere", "labels of which 50% are yes"),
    ],
    ids=["no abs", "broadcast", "means", "MAE of a sigmoid", "entropy", "recall", "unhinged", "perceptron"],
)
def test_a_cheat_wins(subject: Subject, cheat: str, scene: str) -> None:
    found = measure_cheats(subject)
    names = {name for name, where in won(found) if where == scene}
    assert cheat in names or (cheat == "no everywhere" and "-1000 everywhere" in names)
    assert found.won[0].inputs is not None
    # The exhibit shows what it says.
    cheated, rival = (subject.batch(*inputs).mean().item() for inputs in found.won[0].inputs)
    assert cheated <= rival


def test_half_the_honest_forecast_wins_under_a_percentage() -> None:
    found = measured(S["MAPE"][0]).cheats
    duel = next(duel for duel in found.won if duel.cheat == "the honest forecast times 0.5")
    assert duel.cost < 0.8 * duel.honest
    # And yet it is worth no more than a constant.
    assert duel.metric_name == "skill against a constant"
    assert duel.metric_interval[0] <= 0


def test_the_recalibrated_forecast_of_a_weighted_loss_is_honest() -> None:
    weighted = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(30.0))
    assert not measured(weighted).cheats.won


_NUMBERS = {
    name: S[name][0]
    for name in (
        "squared error", "root mean squared error", "1 - R2", "Poisson, log rate", "Poisson, rate", "gamma", "QLIKE",
        "Tweedie 1.5", "inverse Gaussian", "absolute error", "absolute error of logs", "pinball 0.9", "pinball 0.125",
        "newsvendor 3:1", "expectile 0.8", "squared over target", "squared error of logs", "MSLE", "sMAPE", "Huber",
        "quantile Huber", "log-cosh", "epsilon-insensitive", "cubed", "Welsch", "Cauchy",
    )
}  # fmt: skip
_LABELS = {
    name: L[name][0]
    for name in (
        "logistic", "cross-entropy of a probability", "spherical", "soft margin", "exponential", "squared hinge",
        "hinge", "focal", "focal, alpha 0.25", "pos_weight 3", "label smoothing", "poly-1", "tangent",
    )
}  # fmt: skip
#: Losses that no cheat may win, whatever they elicit.
INNOCENT: dict[str, object] = {
    **_NUMBERS,
    **_LABELS,
    **{f"{name} of classes": C[name][0] for name in ("cross-entropy", "log-likelihood", "Brier", "class weights")},
    "correlation": pearson,
    "pos_weight 30": torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(30.0)),
}
COUPLED = {"Dice": replace(binary(dice), whole=True), "pairs": replace(binary(pairwise), whole=True)}


@pytest.mark.slow
def test_false_alarms_are_counted() -> None:
    subjects = [(measured(loss).subject, measured(loss).statistic.name) for loss in INNOCENT.values()]
    subjects += [(subject, "") for subject in COUPLED.values()]
    assert len(subjects) >= 30
    alarms = [
        (subject.name, duel.cheat, duel.scene)
        for subject, elicits in subjects
        for seed in range(5)
        for duel in measure_cheats(replace(subject, seed=seed), elicits).won
    ]
    assert alarms == []


@pytest.mark.parametrize("name", ["squared error", "Huber", "sMAPE", "pinball 0.9", "hinge", "focal", "correlation"])
def test_innocent_losses_resist(name: str) -> None:
    found = measured(INNOCENT[name]).cheats
    assert found.duels
    assert not found.won


@pytest.mark.parametrize("name", COUPLED)
def test_losses_whose_examples_meet_resist(name: str) -> None:
    assert not measure_cheats(COUPLED[name]).won


@pytest.mark.parametrize(
    "loss",
    [loss for kind in (wald.Huber, wald.Pinball, wald.Expectile, wald.Focal, wald.Hinge) for loss in variants(kind)],
    ids=repr,
)
def test_the_catalogue_resists(loss: wald.Loss) -> None:
    assert not measured(loss).cheats.won


def test_a_scene_that_hangs_on_one_sample_says_nothing() -> None:
    def steep(x: Tensor, y: Tensor) -> Tensor:
        return (torch.exp(y * y) * (x - y).square()).mean()

    assert not measure_cheats(regression(steep)).won


def test_what_has_no_scene_is_told() -> None:
    found = measured(wald.Triplet()).cheats
    assert not found.duels
    assert "one prediction against one" in found.why


@pytest.mark.parametrize(
    "loss",
    [lambda x, y: F.softplus(y - x).mean(), lambda x, y: -F.logsigmoid(x - y - 1).mean()],
)
def test_a_comparison_of_two_scores_has_no_target(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    found = measure_cheats(regression(loss))
    assert not found.duels
    assert "compares two outputs" in found.why


def test_an_error_on_one_side_alone_is_no_comparison() -> None:
    assert measure_cheats(regression(lambda x, y: F.relu(x - y).mean())).won
