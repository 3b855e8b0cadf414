"""Metrics are what other libraries compute, and say what is wrong with a homemade one."""

import math

import pytest
import torch

from wald.audits import CaseError, Metric, metrics

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


SKEWED = torch.exp(torch.randn(200, generator=source(2)).double())
GUESSED = (SKEWED + 0.5 * torch.randn(200, generator=source(3)).double()).abs()
WEIGHT = torch.randint(0, 4, (300,), generator=source(4)).double()

BINARY = ["accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_micro", "f1_weighted", "precision", "recall",
          "matthews_corrcoef", "roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "jaccard",
          "d2_log_loss_score"]  # fmt: skip
REGRESSION = ["neg_mean_absolute_error", "neg_mean_squared_error", "neg_root_mean_squared_error", "r2",
              "neg_mean_absolute_percentage_error", "neg_median_absolute_error", "neg_mean_squared_log_error",
              "neg_mean_poisson_deviance", "explained_variance", "neg_mean_gamma_deviance"]  # fmt: skip


def theirs_of(name: str, prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None) -> float:
    """What scikit-learn's function of this scorer gives, without the sign that the scorer adds."""
    scorer = pytest.importorskip("sklearn.metrics").get_scorer(name)
    asked = scorer._response_method
    asked = asked if isinstance(asked, str) else asked[-1]
    if name in REGRESSION:
        said = prediction
    elif prediction.ndim == 2:
        said = prediction.argmax(-1) if asked == "predict" else prediction.softmax(-1)
    else:
        said = (prediction >= 0).long() if asked == "predict" else torch.sigmoid(prediction)
    more = {} if weight is None else {"sample_weight": weight.numpy()}
    return scorer._score_func(target.numpy(), said.numpy(), **scorer._kwargs, **more)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", BINARY)
def test_names_of_scorers_are_what_they_are_called(
    name: str, weighted: bool, ranked: tuple[torch.Tensor, torch.Tensor]
) -> None:
    score, label = (one.double() for one in ranked)
    weight = WEIGHT if weighted else None
    expected = theirs_of(name, score, label.long(), weight)
    assert metrics.metric_named(name).value(score, label, None, weight) == pytest.approx(expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", REGRESSION)
def test_names_of_scorers_of_a_regression(name: str, weighted: bool) -> None:
    weight = WEIGHT[:200] if weighted else None
    expected = theirs_of(name, GUESSED, SKEWED, weight)
    found = metrics.metric_named(name)
    # The middle of an even weight is between two rows for us, and the lower of them for scikit-learn.
    close = 0.05 if weighted and name == "neg_median_absolute_error" else 1e-6
    assert found.value(GUESSED, SKEWED, None, weight) == pytest.approx(expected, rel=close)
    assert found.lower_is_better == name.startswith("neg_")


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef",
                                  "precision_micro", "neg_log_loss", "roc_auc_ovr"])  # fmt: skip
def test_several_classes(name: str) -> None:
    logits = torch.randn(300, 4, generator=source(5)).double()
    label = torch.multinomial(logits.softmax(-1), 1, generator=source(6))[:, 0]
    assert metrics.metric_named(name).value(logits, label, None, WEIGHT) == pytest.approx(
        theirs_of(name, logits, label, WEIGHT)
    )


@pytest.mark.parametrize("name", [*BINARY, "cohen_kappa_score", "wape", "rmse", "r2", "largest error"])
def test_a_weight_of_k_is_k_copies(name: str, ranked: tuple[torch.Tensor, torch.Tensor]) -> None:
    score, label = (one.double() for one in ranked)
    metric = metrics.largest_error() if name == "largest error" else metrics.metric_named(name)
    copies = torch.arange(300).repeat_interleave(WEIGHT.long())
    assert metric.weighs
    assert metric.value(score, label, None, WEIGHT) == pytest.approx(metric.value(score[copies], label[copies]))


def test_names_that_people_say() -> None:
    assert metrics.metric_named("ROC-AUC").name == "AUC"
    assert metrics.metric_named("Log Loss").name == "log loss"
    assert metrics.metric_named("mape").name == "mean absolute percentage error"
    assert metrics.metric_named("brier_score_loss").lower_is_better
    with pytest.raises(CaseError, match=r"no metric is known as 'roc_auk'. The nearest are roc_auc"):
        metrics.metric_named("roc_auk")


def test_lists_of_documents() -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    score = torch.randn(20, 6, generator=source(7)).round(decimals=0)
    gain = torch.randint(0, 4, (20, 6), generator=source(8))
    assert metrics.ndcg().value(score, gain) == pytest.approx(theirs.ndcg_score(gain, score))
    flat = metrics.ndcg(query="query").value(
        score.flatten(), gain.flatten(), {"query": torch.arange(20).repeat_interleave(6)}
    )
    assert flat == pytest.approx(metrics.ndcg().value(score, gain))
    assert metrics.ndcg(top=3).value(score, gain) == pytest.approx(theirs.ndcg_score(gain, score, k=3))


def test_a_callable_needs_a_direction_and_may_be_a_mean() -> None:
    def gap(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (prediction - target).abs()

    with pytest.raises(CaseError, match="lower_is_better=True for a cost"):
        metrics.metric_of(gap)
    few = (torch.zeros(4), torch.ones(4))
    assert metrics.metric_of(gap, lower_is_better=True, example=lambda: few).decomposable
    whole = metrics.metric_of(lambda p, y: gap(p, y).mean(), lower_is_better=False, example=lambda: few)
    assert (whole.decomposable, whole.best) == (False, math.inf)


def test_functions_and_scorers_of_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.metrics")
    assert metrics.metric_of(theirs.roc_auc_score).name == "AUC"
    assert metrics.metric_of(theirs.mean_absolute_error).lower_is_better
    scorer = theirs.make_scorer(theirs.fbeta_score, beta=2)
    score, label = torch.tensor([1.0, -1.0, 2.0]), torch.tensor([1.0, 1.0, 0.0])
    expected = theirs.fbeta_score(label, score >= 0, beta=2)
    assert metrics.metric_of(scorer).value(score, label) == pytest.approx(expected)


def test_predictions_in_another_form_are_read_first() -> None:
    from dataclasses import replace

    score, label = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    for metric in (metrics.brier(), metrics.log_loss(), metrics.auc(), metrics.f1(), metrics.accuracy()):
        chance = replace(metric, given="probabilities")
        assert chance.value(torch.sigmoid(score), label) == pytest.approx(metric.value(score, label))
    rate = replace(metrics.absolute_error(), given="log-numbers")
    assert rate.value(torch.tensor([0.0]), torch.tensor([3.0])) == 2.0
