"""Metrics are what other libraries compute, and say what is wrong with a homemade one."""

import math

import pytest
import torch

from wald.audits import Metric, metrics

from .samples import labels, source


@pytest.fixture
def ranked() -> tuple[torch.Tensor, torch.Tensor]:
    score = torch.randn(300, generator=source(0)).round(decimals=1)
    return score, labels(score, 1)


def test_ranking_metrics_are_those_of_scikit_learn(ranked: tuple[torch.Tensor, torch.Tensor]) -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    score, label = ranked
    assert metrics.auc().value(score, label) == pytest.approx(theirs.roc_auc_score(label, score))
    expected = theirs.average_precision_score(label, score)
    assert metrics.average_precision().value(score, label) == pytest.approx(expected)
    assert metrics.brier().value(score, label) == pytest.approx(theirs.brier_score_loss(label, torch.sigmoid(score)))
    assert metrics.log_loss().value(score, label) == pytest.approx(theirs.log_loss(label, torch.sigmoid(score)))


def test_one_class_has_no_ranking() -> None:
    assert math.isnan(metrics.auc().value(torch.zeros(3), torch.ones(3)))
    assert math.isnan(metrics.average_precision().value(torch.zeros(3), torch.zeros(3)))


def test_classes() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    target = torch.tensor([0, 1, 1])
    assert metrics.error_rate().value(logits, target) == pytest.approx(1 / 3)
    chance = logits.softmax(-1)
    wrong = sum(float((chance[i] - torch.eye(2)[target[i]]).square().sum()) for i in range(3)) / 3
    assert metrics.brier().value(logits, target) == pytest.approx(wrong)


def test_shortfall_and_back() -> None:
    area = metrics.auc()
    assert area.shortfall(0.7) == pytest.approx(0.3)
    assert area.natural(0.3) == pytest.approx(0.7)
    unbounded = Metric(name="profit", per_example=lambda p, y: p * y, lower_is_better=False, perfect=math.inf)
    assert unbounded.shortfall(5.0) == -5.0
    assert unbounded.natural(-5.0) == 5.0
    assert Metric(name="cost", per_example=lambda p, y: p, unit="dollars").told(474.4) == "474 dollars"


def test_columns_reach_the_function_by_name() -> None:
    cost = Metric(name="cost", per_example=lambda p, y, *, amount: amount * (p - y).abs(), columns=("amount",))
    columns = {"amount": torch.tensor([2.0, 3.0]), "unused": torch.zeros(2)}
    assert cost.value(torch.tensor([1.0, 1.0]), torch.zeros(2), columns) == 2.5
    with pytest.raises(ValueError, match="amount is not in the case"):
        cost.value(torch.zeros(2), torch.zeros(2))


@pytest.mark.parametrize(
    "wrong",
    [{}, {"per_example": lambda p, y: p, "of": lambda p, y: 0.0}, {"of": lambda p, y: 0.0, "perfect": math.nan}],
)
def test_a_metric_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="m"):
        Metric(name="m", **wrong)  # type: ignore[arg-type]


def test_a_mean_is_not_a_value_a_row() -> None:
    averaged = Metric(name="m", per_example=lambda p, y: (p - y).abs().mean())
    with pytest.raises(ValueError, match="one value for each of 3 rows"):
        averaged.values(torch.zeros(3), torch.zeros(3))
    with pytest.raises(TypeError, match="whole sample"):
        metrics.auc().values(torch.zeros(3), torch.zeros(3))
