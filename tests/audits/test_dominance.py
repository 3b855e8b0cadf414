"""Whether every consistent metric agrees: the elementary scores, and what they tell."""

import pytest
import torch

import wald
from wald.audits import metrics
from wald.audits.aligning.elementary import statistic_named
from wald.audits.probes.dominance import DOMINANCE

from ..sampling import daily
from .samples import Column, ask, binary, found, rate_of, skewed, source, three_classes


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("mean", lambda x, y: 0.5 * (x - y).square() / 2),
        ("median", lambda x, y: 0.5 * (x - y).abs()),
        ("quantile(0.8)", lambda x, y: torch.where(y > x, 0.8 * (y - x), 0.2 * (x - y))),
        ("expectile(0.7)", lambda x, y: 0.5 * torch.where(y > x, 0.7, 0.3) * (x - y).square()),
        ("weighted median(y^-1)", lambda x, y: 0.5 * (x - y).abs() / y),
        ("weighted mean(y^-1)", lambda x, y: 0.25 * (x - y).square() / y),
    ],
)
def test_the_scores_add_up_to_the_loss_that_everybody_knows(name: str, score: object) -> None:
    statistic = statistic_named(name)
    assert statistic is not None
    x, y = 0.2 + torch.rand(2, 50, generator=source(0)).double()
    at = torch.linspace(0, 2, 20_001, dtype=torch.float64)
    summed = statistic.scores(x, y, at).sum(0) * float(at[1] - at[0])
    assert torch.allclose(summed, score(x, y), atol=2e-4)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["mean", "median", "quantile(0.9)", "expectile(0.3)", "weighted quantile(0.7, y^-1)"])
def test_the_best_constant_is_best_at_every_threshold_mixed(name: str) -> None:
    statistic = statistic_named(name)
    assert statistic is not None
    y = torch.exp(torch.randn(400, generator=source(1))).double()
    weight = torch.rand(400, generator=source(2)).double()
    best = statistic.constant(y, weight)
    at = torch.linspace(float(y.min()), float(y.max()), 4_000, dtype=torch.float64)

    def cost(constant: float) -> float:
        return float(statistic.scores(torch.full_like(y, constant), y, at).sum(0) @ weight)

    assert cost(best) <= min(cost(best * factor) for factor in (0.8, 0.95, 1.05, 1.2)) * (1 + 1e-9)


def test_unknown_words_have_no_scores() -> None:
    assert statistic_named("mode") is None
    assert statistic_named(None) is None
    assert statistic_named("unresolved") is None


@pytest.mark.parametrize(
    "case",
    daily(
        [
            binary(),
            binary(3_000, loss=wald.BinaryCrossEntropy(pos_weight=9.0), shift=2.1972),
            three_classes(),
            skewed(4_000),
            skewed(loss=wald.Pinball(level=0.9), model=lambda x: torch.exp(0.5 * x[:, 0] + 1.025)),
        ],
        3,
        ["probability", "weight undone", "classes", "mean", "quantile"],
    ),
)
def test_a_model_that_knows_something_dominates_the_constant(case: wald.Case) -> None:
    outcome = ask(DOMINANCE, case)
    told = found(outcome)["M405"]
    assert told.state == "pass"
    assert told.controls.right
    assert [series["name"] for series in outcome.figures[0].series][:2] == ["the model", "the best constant"]


@pytest.mark.parametrize(
    "case",
    [binary(3_000, factor=4.0), binary(3_000, shift=1.5), three_classes(model=lambda x: 5 * x)],
    ids=["too sure", "shifted", "classes"],
)
def test_an_order_that_turns_is_found(case: wald.Case) -> None:
    told = found(ask(DOMINANCE, case))["M405"]
    assert told.state in ("warn", "fail")
    assert told.controls.right
    assert "the order turns" in told.says


def test_checkpoints_are_compared_too() -> None:
    stages = ({"factor": torch.tensor(0.1), "shift": torch.tensor(0.0)},
              {"factor": torch.tensor(1.0), "shift": torch.tensor(1.5)})  # fmt: skip
    case = binary(3_000, model=Column(), checkpoints=stages)
    outcome = ask(DOMINANCE, case, level="standard")
    told = found(outcome)["M405"]
    assert told.evidence["checkpoint 1"] == "better"
    assert "against checkpoint 2" in told.says
    assert len(outcome.figures[0].series) == 4
    # The user's model is where it was.
    assert float(case.model.factor.detach()) == 1.0  # type: ignore[union-attr]


@pytest.mark.slow
def test_what_has_no_family_is_not_judged() -> None:
    mode = binary(loss=lambda p, y: (torch.sigmoid(p) - y).abs(), metric=metrics.error_rate())
    assert found(ask(DOMINANCE, mode))["M405"].state == "not_applicable"
    assert found(ask(DOMINANCE, binary(40)))["M405"].state == "inconclusive"


@pytest.mark.slow
def test_few_alarms_with_weights_and_clusters() -> None:
    def alarm(trial: int) -> bool:
        weight = 0.05 + torch.rand(600, generator=source(trial))
        case = binary(600, seed=3 * trial, weight=weight, clusters=[i // 3 for i in range(600)])
        return found(ask(DOMINANCE, case))["M405"].state in ("warn", "fail")

    assert rate_of(alarm, 4) == 0
