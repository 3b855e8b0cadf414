"""Designs: the minimiser of every designed loss is the asked-for statistic, and what is at stake is counted right."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest
import torch

import wald
from wald.choices import ChoiceError, Costs, Design, design
from wald.choices.designing.measuring import flip, weight_over_thresholds

#: What is asked for, and what `wald check` must measure of the loss that comes back.
QUICK = [
    ({"statistic": "mean"}, "mean"),
    ({"statistic": "mean", "counts": True}, "mean through log"),
    ({"statistic": "quantile=0.9"}, "quantile(0.9)"),
    ({"statistic": "quantiles=0.05,0.95"}, "quantile(0.05), quantile(0.95)"),
    ({"underage": 3, "overage": 1}, "quantile(0.75)"),
    ({"metric": "f1"}, "probability"),
]
SLOW = [
    ({"metric": "mape"}, "weighted median(y^-1)"),
    ({"statistic": "mean", "positive": True}, "mean through log"),
    ({"statistic": "expectile=0.8"}, "expectile(0.8)"),
    ({"loss": wald.Absolute(), "make": "asymmetric=3"}, "quantile(0.75)"),
    ({"statistic": "median", "heavy_tails": True}, "median"),
    ({"statistic": "mean", "zeros": True}, "mean through log"),
    ({"statistic": "mean", "counts": True, "heavy_tails": True}, "mean through log"),
    ({"statistic": {"quantile": 0.02}}, "quantile(0.02)"),
    ({"statistic": "p30"}, "quantile(0.3)"),
    ({"statistic": "quantile(0.3)"}, "quantile(0.3)"),
    ({"statistic": "quantile(0.05), quantile(0.95)"}, "quantile(0.05), quantile(0.95)"),
    ({"statistic": "quantiles=0.1,0.5,0.9"}, "quantile(0.1), quantile(0.5), quantile(0.9)"),
    ({"statistic": "interval=0.8"}, "quantile(0.1), quantile(0.9)"),
    ({"statistic": "var and es=0.05"}, "quantile(0.05), expected shortfall(0.05) through log of its size"),
    ({"statistic": "var and es=0.95"}, "quantile(0.95), expected shortfall(0.95, above) through log of its size"),
    ({"statistic": "expected shortfall=0.05"}, "quantile(0.05), expected shortfall(0.05) through log of its size"),
    ({"statistic": "variance"}, "mean, variance through log"),
    ({"statistic": "geometric mean"}, "mean through log1p"),
    ({"statistic": "probability"}, "probability"),
    ({"statistic": "distribution"}, "distribution"),
    ({"thresholds": "beta=2,3"}, "probability"),
    ({"thresholds": {0.12: 2.0, 0.37: 1.0}}, "probability"),
    ({"thresholds": "0.071-0.222"}, "probability"),
    ({"thresholds": lambda c: 1 + c}, "probability"),
    ({"costs": "fn=3,fp=3"}, "probability"),
    ({"costs": "fn=amount,fp=5"}, "probability"),
    ({"metric": "accuracy"}, "probability"),
    ({"metric": "accuracy", "classes": 4}, "distribution"),
    ({"metric": "brier", "classes": 3}, "distribution"),
    ({"metric": "ndcg@10"}, "mean"),
    ({"metric": "rmse", "positive": True}, "mean through log"),
    ({"metric": "pinball=0.8"}, "quantile(0.8)"),
    ({"metric": "rmsle"}, "mean through log1p"),
    ({"loss": "Squared()", "make": "asymmetric=4"}, "expectile(0.8)"),
    ({"loss": "Hinge()", "make": "calibrated"}, "probability"),
    ({"loss": "Focal(gamma=2)", "make": "calibrated"}, "probability"),
    ({"loss": "CrossEntropy(class_weight=(1, 5, 9))", "make": "calibrated"}, "distribution"),
    ({"loss": "Pinball(level=0.9)", "make": "symmetric"}, "median"),
    ({"loss": "Asymmetric(Squared(), 3.0)", "make": "symmetric"}, "mean"),
]


@pytest.mark.parametrize(("wish", "elicits"), [*QUICK, *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOW)])
def test_the_minimiser_is_what_was_asked_for(wish: dict[str, object], elicits: str) -> None:
    designed = design(**wish)
    report = designed.check()
    assert report.card["elicits"] == elicits
    assert next(one.state for one in report.findings if one.code == "D101") == "pass"
    report.raise_if_failed()


@pytest.mark.slow
def test_where_thresholds_weigh_next_to_nothing_slopes_tell_what_values_cannot() -> None:
    # At a chance of 0.99 this weighs 1e-10: to the values any prediction near there is as good.
    report = design(thresholds="beta=2,6").check()
    assert next(one for one in report.findings if one.code == "D101").state == "pass"


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.025, 0.975])
def test_value_at_risk_and_shortfall_of_a_normal_law(level: float) -> None:
    from scipy import stats

    law = torch.from_numpy(stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000))
    designed = design(statistic=f"var and es={level}")
    best = torch.tensor([0.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([best], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = designed.loss(best.expand(len(law), 2), law)
        value.backward()
        return value

    for _ in range(5):
        optimiser.step(closure)
    shortfall = stats.norm.pdf(stats.norm.ppf(level)) / min(level, 1 - level)
    assert best[0].item() == pytest.approx(stats.norm.ppf(level), abs=5e-3)
    assert best[1].exp().item() == pytest.approx(shortfall, rel=2e-3)


def test_a_loss_of_something_else_would_be_found() -> None:
    from dataclasses import replace

    wrong = replace(design(statistic="quantile=0.9"), loss=wald.Pinball(level=0.1))
    report = wrong.check()
    assert next(one.state for one in report.findings if one.code == "D101") == "fail"
    assert report.exit_code() == 1
    moved = replace(design(costs="fn=9,fp=1"), loss=wald.BinaryCrossEntropy(pos_weight=8.0))
    assert next(one.state for one in moved.check().findings if one.code == "D102") == "fail"


# Costs of a yes or a no.


@pytest.mark.parametrize(("fn", "fp", "tp", "tn"), [(100, 1, 0, 0), (1, 20, 0, 0), (50, 8, 5, -1), (3, 1, 0, 0)])
def test_the_decision_flips_at_the_critical_ratio(fn: float, fp: float, tp: float, tn: float) -> None:
    designed = design(costs={"fn": fn, "fp": fp, "tp": tp, "tn": tn})
    ratio = (fp - tn) / (fp - tn + fn - tp)
    assert designed.threshold == pytest.approx(ratio)
    assert designed.score == 0.0
    # The loss itself flips there, and so does each alternative at its own score.
    assert flip(designed.loss, 0.0) == pytest.approx(ratio)
    for option in designed.alternatives:
        assert option.score is not None
        assert flip(option.loss, option.score) == pytest.approx(ratio)


def test_the_weighted_loss_trains_to_the_cheapest_decision() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 4, (40_000,), generator=generator)
    chance = torch.tensor([0.005, 0.03, 0.3, 0.8])[x]
    y = (torch.rand(len(x), generator=generator) < chance).double()
    designed = design(costs="fn=30,fp=1")
    score = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([score], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = designed.loss(score[x], y)
        value.backward()
        return value

    optimiser.step(closure)
    assert (score.detach() >= designed.score).tolist() == [False, False, True, True]
    assert designed.threshold == pytest.approx(1 / 31)


def test_weights_of_rows_and_thresholds_of_rows_decide_alike() -> None:
    # The weighted loss has its best score at 0 just where both decisions cost the same.
    amount, fee = torch.tensor([100.0, 2.0]), 5.0
    designed = design(costs=Costs(false_negative="amount", false_positive=fee))
    for value in amount.tolist():
        columns = {"amount": [value, value]}
        yes, no = designed.weight([1, 0], columns).tolist()
        assert (yes, no) == (value, fee)
        for chance in (0.01, 0.2, 0.6, 0.9):
            best = math.log(chance * yes / ((1 - chance) * no))
            decided = bool(designed.decision([chance, chance], columns)[0])
            assert decided == (best >= designed.score) == (chance * value >= (1 - chance) * fee)


def test_saving_is_what_enumeration_says() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(7)
    costs = {"fn": 12.0, "fp": 2.0, "tp": 1.0, "tn": 0.0}
    saving = design(costs=costs, unit="dollars").saving(probability)

    def expected(decisions: tuple[int, ...]) -> float:
        return sum(
            p * (costs["tp"] if yes else costs["fn"]) + (1 - p) * (costs["fp"] if yes else costs["tn"])
            for p, yes in zip(probability, decisions, strict=True)
        )

    every = [expected(tuple(k >> place & 1 for place in range(7))) for k in range(2**7)]
    assert saving.cost == pytest.approx(min(every))
    assert saving.cost + saving.against_never == pytest.approx(expected((0,) * 7))
    assert saving.cost + saving.against_half == pytest.approx(expected(tuple(int(p >= 0.5) for p in probability)))
    assert saving.others["always a yes"] == pytest.approx(expected((1,) * 7))
    assert saving.expected
    assert "dollars" in str(saving)


def test_saving_on_what_came_is_what_was_paid() -> None:
    saving = design(costs="fn=100,fp=1").saving([0.2, 0.02, 0.001, 0.9], [1, 0, 1, 0])
    # It says yes, yes, no, yes: a false alarm, a miss, a false alarm.
    assert saving.cost == 1 + 100 + 1
    assert saving.others == {"the decision at one half": 100 + 100 + 1, "never a yes": 200, "always a yes": 2}
    assert not saving.expected
    assert saving.rows == 4


def test_costs_of_several_classes() -> None:
    matrix = [[0.0, 1.0, 1.0], [10.0, 0.0, 10.0], [1.0, 1.0, 0.0]]
    designed = design(costs=matrix)
    assert isinstance(designed.loss, wald.CostSensitiveCrossEntropy)
    assert any(isinstance(option.loss, wald.CrossEntropy) for option in designed.alternatives)
    generator = torch.Generator().manual_seed(1)
    probability = torch.rand(40, 3, generator=generator, dtype=torch.float64)
    probability /= probability.sum(-1, keepdim=True)
    decided = designed.decision(probability)
    assert decided.tolist() == [
        min(range(3), key=lambda j: sum(p[k] * matrix[k][j] for k in range(3))) for p in probability.tolist()
    ]
    # The best score of the loss is the same decision, row by row: it is trained on soft targets.
    score = torch.zeros(40, 3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([score], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = designed.loss(score, probability, reduction="sum")
        value.backward()
        return value

    optimiser.step(closure)
    assert score.argmax(-1).tolist() == decided.tolist()
    costs = torch.tensor(matrix, dtype=torch.float64)
    assert designed.saving(probability).cost == pytest.approx(float((probability @ costs).amin(-1).sum()))
    saving = designed.saving(probability, probability.argmax(-1))
    assert saving.cost == pytest.approx(float(costs[probability.argmax(-1), decided].sum()))
    assert set(saving.others) == {"the likeliest class", "one decision for all"}
    assert saving.others["the likeliest class"] == 0.0
    assert designed.saving(probability).against_half >= 0


def test_gains_change_no_decision_of_several_classes() -> None:
    gains = design(costs=[[-5.0, 1.0, 1.0], [10.0, -2.0, 10.0], [1.0, 1.0, 0.0]])
    costs = design(costs=[[0.0, 6.0, 6.0], [12.0, 0.0, 12.0], [1.0, 1.0, 0.0]])
    assert gains.loss == costs.loss
    probability = torch.tensor([[0.5, 0.1, 0.4], [0.2, 0.2, 0.6]])
    assert gains.decision(probability).tolist() == costs.decision(probability).tolist()


def test_costs_are_read_however_they_are_written() -> None:
    wanted = design(costs=Costs(false_negative=100.0, false_positive=1.0)).loss
    ways = ["fn=100,fp=1", {"fn": 100, "fp": 1}, {"false_negative": 100, "false_positive": 1.0}, [[0, 1], [100, 0]],
            "0,1;100,0", "[[0, 1], [100, 0]]", np.array([[0, 1], [100, 0]]),
            torch.tensor([[0, 1], [100, 0]])]  # fmt: skip
    for way in ways:
        assert design(costs=way).loss == wanted


# Amounts.


@pytest.mark.slow
def test_the_normal_newsvendor_costs_what_its_formula_says() -> None:
    from scipy import stats

    designed = design(underage=3.0, overage=1.0)
    share = (np.arange(200_000) + 0.5) / 200_000
    normal, z = stats.norm(100, 20).ppf(share), stats.norm.ppf(0.75)
    found = designed.saving(np.full(len(normal), 100 + 20 * z), normal).cost / len(normal)
    # (cu + co) sigma phi(z)
    assert found == pytest.approx(4 * 20 * stats.norm.pdf(z), rel=1e-4)
    loss = float(designed.loss(torch.full((len(normal),), 100 + 20 * z), torch.from_numpy(normal)))
    assert 4 * loss == pytest.approx(found, rel=1e-4)


def test_the_newsvendor_is_the_cheapest_order() -> None:
    rng = np.random.default_rng(0)
    demand = np.round(rng.gamma(4.0, 25.0, 4001))
    designed = design(underage=3.0, overage=1.0, unit="dollars")
    assert isinstance(designed.loss, wald.Pinball)
    assert designed.loss.level == pytest.approx(3 / 4)
    cost = lambda order: 3 * np.maximum(demand - order, 0).sum() + np.maximum(order - demand, 0).sum()  # noqa: E731
    best = min(np.unique(demand), key=cost)
    assert best == np.quantile(demand, 0.75, method="inverted_cdf")
    saving = designed.saving(np.full(len(demand), best), demand)
    assert saving.cost == pytest.approx(cost(best))
    assert saving.cost + saving.against_half == pytest.approx(cost(np.median(demand)))
    assert saving.cost + saving.against_never == pytest.approx(3 * demand.sum())


# Thresholds.


@pytest.mark.parametrize("wish", ["beta=2,6", "beta=0.5,0.5", "beta=0,0"])
def test_the_weight_over_thresholds_is_the_one_asked_for(wish: str) -> None:
    alpha, beta = (float(part) for part in wish.removeprefix("beta=").split(","))
    c = torch.linspace(0.02, 0.98, 49, dtype=torch.float64)
    weight = weight_over_thresholds(design(thresholds=wish).loss, c)
    assert torch.allclose(weight, c ** (alpha - 1) * (1 - c) ** (beta - 1), rtol=1e-6)


def test_a_range_and_a_function_weigh_as_asked() -> None:
    c = torch.tensor([0.03, 0.1, 0.15, 0.5], dtype=torch.float64)
    band = design(thresholds="0.05-0.2").loss
    exact = weight_over_thresholds(band.replace(smooth=0.0), c)
    assert torch.allclose(exact, torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64))
    assert design(thresholds=(0.05, 0.2)).loss == band
    law = design(thresholds=lambda t: 2 + torch.sin(6 * t))
    middle = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
    assert torch.allclose(weight_over_thresholds(law.loss, middle), 2 + torch.sin(6 * middle))
    assert len(law.figures) == 2
    assert [series["name"] for series in law.figures[0].series] == ["the loss, measured", "asked for"]


def test_points_among_thresholds_are_the_costs_that_they_stand_for() -> None:
    points = design(thresholds={0.1: 10.0, 0.5: 2.0})
    exact = points.loss.replace(width=0.0, smooth=0.0)
    # A yes that is missed costs (1 - c) of the weight of each threshold above it, a false alarm c of those below.
    scores = torch.logit(torch.tensor([0.05, 0.3, 0.8], dtype=torch.float64))
    assert exact(scores, torch.ones(3), reduction="none").tolist() == pytest.approx([9 + 1, 1, 0])
    assert exact(scores, torch.zeros(3), reduction="none").tolist() == pytest.approx([0, 1, 1 + 1])
    assert design(thresholds="0.1:10, 0.5:2").loss == points.loss


# Metrics.


def population() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    eta = torch.rand(60_000, generator=generator, dtype=torch.float64) ** 3
    return eta, (torch.rand(60_000, generator=generator, dtype=torch.float64) < eta).double()


def counts(eta: torch.Tensor, cut: float) -> tuple[float, float, float, float]:
    yes = eta >= cut
    return float(eta[yes].sum()), float((1 - eta)[yes].sum()), float(eta.sum()), float((1 - eta).sum())


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_tuned_threshold_of_f_is_f_over_one_plus_beta_squared(beta: float) -> None:
    eta, _ = population()
    # Probabilities as targets: what is to be expected, without noise.
    threshold, best = design(metric=f"fbeta={beta}").tuned(eta, eta)
    right, wrong, yes, _ = counts(eta, threshold)
    assert best == pytest.approx((1 + beta**2) * right / (beta**2 * yes + right + wrong))
    assert threshold == pytest.approx(best / (1 + beta**2), abs=1e-3)


def test_other_tuned_thresholds_are_where_theory_has_them() -> None:
    eta, target = population()
    rate = float(eta.mean())
    assert design(metric="balanced accuracy").tuned(eta, eta)[0] == pytest.approx(rate, abs=1e-3)
    assert design(metric="accuracy").tuned(eta, eta)[0] == pytest.approx(0.5, abs=1e-3)
    cut, jaccard = design(metric="iou").tuned(eta, eta)
    assert cut == pytest.approx(jaccard / (1 + jaccard), abs=1e-3)
    cut, recall = design(metric="recall at fpr=0.01").tuned(eta, target)
    taken = eta >= cut
    assert float((taken & (target == 0)).sum() / (target == 0).sum()) == pytest.approx(0.01, abs=1e-3)
    assert recall == pytest.approx(float((taken & (target == 1)).sum() / target.sum()))
    cut, recall = design(metric="recall at precision=0.9").tuned(eta, target)
    assert float(target[eta >= cut].mean()) >= 0.9
    cut, precision = design(metric="precision at recall=0.8").tuned(eta, target)
    assert float(target[eta >= cut].sum() / target.sum()) >= 0.8
    assert float(target[eta >= cut].mean()) == pytest.approx(precision)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("f1", "f1_score"), ("mcc", "matthews_corrcoef"), ("kappa", "cohen_kappa_score"), ("iou", "jaccard_score"),
        ("balanced accuracy", "balanced_accuracy_score"),
    ],
)  # fmt: skip
def test_the_tuned_metric_is_that_of_scikit_learn_and_the_best(metric: str, name: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(5)
    score = np.round(rng.random(200), 2)
    target = (rng.random(200) < score).astype(int)
    cut, best = design(metric=metric).tuned(score, target)
    theirs = getattr(metrics, name)
    assert theirs(target, score >= cut) == pytest.approx(best)
    tried = [theirs(target, score >= value) for value in np.unique(score)]
    assert best == pytest.approx(max(tried))
    # A weight of two is a row that stands there twice.
    weight = rng.integers(1, 3, 200)
    twice = design(metric=metric).tuned(np.repeat(score, weight), np.repeat(target, weight))
    assert design(metric=metric).tuned(score, target, weight) == pytest.approx(twice)


def test_a_known_rate_gives_the_threshold_of_balanced_accuracy() -> None:
    designed = design(metric="balanced_accuracy", rate=0.1)
    assert designed.threshold == 0.1
    assert flip(designed.loss, designed.score) == pytest.approx(0.1)
    for option in designed.alternatives:
        assert flip(option.loss, option.score) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("metric", "loss"),
    [
        ("mae", wald.Absolute()), ("neg_mean_absolute_error", wald.Absolute()), ("rmse", wald.Squared()),
        ("r2", wald.Squared()),
        ("R²", wald.Squared()), ("mape", wald.Percentage()), ("WAPE", wald.Absolute()), ("ndcg@5", wald.Squared()),
        ("roc_auc", wald.BinaryCrossEntropy()), ("average_precision", wald.BinaryCrossEntropy()),
        ("precision@100", wald.BinaryCrossEntropy()), ("precision at k", wald.BinaryCrossEntropy()),
        ("F2", wald.BinaryCrossEntropy()), ("fbeta(2)", wald.BinaryCrossEntropy()),
        ("neg_log_loss", wald.BinaryCrossEntropy()),
        ("recall@fpr=0.1", wald.BinaryCrossEntropy()), ("precision at 5%", wald.BinaryCrossEntropy()),
        ("top 5 accuracy", wald.CrossEntropy()), ("quadratic weighted kappa", wald.Squared()),
    ],
)  # fmt: skip
def test_a_metric_by_the_names_that_people_use(metric: str, loss: wald.Loss) -> None:
    assert design(metric=metric).loss == loss


def test_a_metric_of_ones_own_says_what_it_elicits() -> None:
    late = wald.Metric(name="late", per_example=lambda p, y: (p - y).clamp_min(0), elicits="quantile(0.8)")
    assert design(metric=late).loss == wald.Pinball(level=0.8)
    with pytest.raises(ChoiceError, match="elicits"):
        design(metric=wald.Metric(name="late", per_example=lambda p, y: (p - y).clamp_min(0)))


@pytest.mark.parametrize(
    "metric", ["quadratic weighted kappa", "spearman", "smape", "median absolute error", "max error", "ece"]
)
def test_where_none_is_known_it_says_so(metric: str) -> None:
    designed = design(metric=metric)
    assert not designed.consistent
    assert "No loss is known" in str(designed)


# Losses that are made into others.


@pytest.mark.slow
def test_what_a_change_does_is_measured() -> None:
    smooth = design(loss="Pinball(level=0.9)", make="smooth=0.1")
    assert isinstance(smooth.loss, wald.SmoothedPinball)
    assert smooth.changes["elicits"] == ("quantile(0.9)", "m-functional")
    before, after = smooth.changes["best constant for waiting times of mean 1"]
    assert before == pytest.approx(math.log(10), abs=2e-3)
    assert 0 < after - before < 0.02
    bounded = design(loss=wald.Squared(), make="bounded=4")
    assert bounded.changes["convex"] == ("yes", "no")
    assert bounded.changes["best constant for waiting times of mean 1"][0] == pytest.approx(1.0, abs=2e-3)
    assert bounded.changes["best constant for waiting times of mean 1"][1] < 0.95


@pytest.mark.slow
def test_a_symmetric_cross_entropy_is_measured_as_such() -> None:
    designed = design(loss=wald.CrossEntropy(), make="symmetric")
    assert designed.changes["symmetric"] == ("no", "yes")
    assert design(loss="BinaryCrossEntropy(pos_weight=9.0)", make="symmetric").loss == wald.BinaryCrossEntropy()


@pytest.mark.slow
def test_an_asymmetric_logistic_loss_flips_elsewhere() -> None:
    assert flip(design(loss=wald.BinaryCrossEntropy(), make="asymmetric=3").loss, 0.0) == pytest.approx(0.25)


@pytest.mark.parametrize("width", [0.3, 1.0])
def test_the_mode_is_the_peak_of_the_blurred_density(width: float) -> None:
    rng = np.random.default_rng(0)
    law = torch.from_numpy(rng.gamma(3.0, size=1500))
    designed = design(statistic=f"mode={width}")
    grid = torch.linspace(0, 5, 501, dtype=torch.float64)
    cost = torch.stack([designed.loss.per_example(at.expand(len(law)), law).mean() for at in grid])
    blurred = torch.exp(-((grid[:, None] - law) ** 2) / (2 * width**2)).mean(1)
    assert int(cost.argmin()) == int(blurred.argmax())
    assert not designed.consistent


# What is told.


def test_a_design_tells_itself_in_few_lines() -> None:
    for wish in ({"costs": "fn=100,fp=1"}, {"statistic": "mean"}, {"metric": "f1"}, {"thresholds": "beta=2,6"}):
        lines = str(design(**wish)).splitlines()
        assert 8 <= len(lines) <= 32
        assert max(map(len, lines)) <= 100
    assert "0.009901" in str(design(costs="fn=100,fp=1"))


def test_a_design_is_plain_data_and_a_pickle() -> None:
    designed = design(costs="fn=100,fp=1", unit="dollars")
    facts = json.loads(designed.json())
    assert facts["kind"] == "design"
    assert wald.from_dict(facts["loss"]) == designed.loss
    assert wald.from_dict(facts["alternatives"][0]["loss"]) == wald.BinaryCrossEntropy()
    assert facts["threshold"] == pytest.approx(1 / 101)
    again = pickle.loads(pickle.dumps(design(metric="f1")))
    assert isinstance(again, Design)
    assert again.tuned([0.9, 0.1], [1, 0])[1] == 1.0


@pytest.mark.slow
def test_a_design_is_a_page() -> None:
    designed = design(costs="fn=100,fp=1", unit="dollars")
    page = designed.html()
    assert "The loss of one example" in page
    assert "Design of" in page
    assert designed.report().kind == "design"


def test_nothing_of_the_users_is_changed() -> None:
    probability, target = torch.rand(50, dtype=torch.float32, requires_grad=True), np.zeros(50, dtype=np.int64)
    target[:5] = 1
    kept, state = probability.detach().clone(), torch.get_rng_state()
    designed = design(costs="fn=4,fp=1")
    designed.saving(probability, target)
    designed.check()
    design(metric="f1").tuned(probability, target)
    assert torch.equal(kept, probability.detach())
    assert torch.equal(state, torch.get_rng_state())


# Bad input.


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({}, "exactly one"),
        ({"statistic": "mean", "metric": "f1"}, "statistic and metric"),
        ({"loss": "Huber()"}, "go together"),
        ({"statistic": "mean", "make": "smooth"}, "go together"),
        ({"underage": 3.0}, "overage is missing"),
        ({"underage": 0.0, "overage": 1.0}, "positive number"),
        ({"underage": 1.0, "overage": float("nan")}, "positive number"),
        ({"costs": "fn=0,fp=1"}, "nothing to decide"),
        ({"costs": "fn=1,fq=1"}, "fn=100,fp=1"),
        ({"costs": {"miss": 3}}, "fn, fp, tp and tn"),
        ({"costs": [[0, 1, 2], [1, 0, 2]]}, "square"),
        ({"costs": [[0, 0, 1], [0, 0, 1], [0, 1, 0]]}, "nothing to decide"),
        ({"costs": [[0, 1], [float("inf"), 0]]}, "finite"),
        ({"costs": 3}, "fn=100,fp=1"),
        ({"costs": "hello"}, "fn=100,fp=1"),
        ({"statistic": "quantile=1.2"}, "strictly between 0 and 1"),
        ({"statistic": "quantile=90"}, "write 0.9"),
        ({"statistic": "quantile=0"}, "strictly between 0 and 1"),
        ({"statistic": "quantile"}, "quantile=0.9"),
        ({"statistic": "quantile=0.1,0.9"}, "one number"),
        ({"statistic": "quantiles=a,b"}, "numbers"),
        ({"statistic": "quantil=0.9"}, "quantile"),
        ({"statistic": "mean=3"}, "no number"),
        ({"statistic": 0.9}, "quantile=0.9"),
        ({"statistic": "maximum"}, "quantile=0.99"),
        ({"statistic": "mode=-1"}, "positive width"),
        ({"statistic": "mean", "positive": True, "zeros": True}, "no zeros"),
        ({"thresholds": {}}, "nothing to design"),
        ({"thresholds": {0.1: 0.0}}, "nothing to design"),
        ({"thresholds": {1.0: 2.0}}, "strictly between 0 and 1"),
        ({"thresholds": {0.2: -1.0}}, "from 0 on"),
        ({"thresholds": "0.4-0.2"}, "lower to a higher"),
        ({"thresholds": "beta=2"}, "two numbers"),
        ({"thresholds": "often"}, "beta=2,6"),
        ({"thresholds": lambda c: c[:3]}, "one weight for each"),
        ({"thresholds": lambda c: 0 * c}, "nothing to design"),
        ({"thresholds": lambda c: 1 / 0}, "ZeroDivisionError"),
        ({"metric": "f1_scor"}, "nearest are f1"),
        ({"metric": "precision at 200%"}, "positive k"),
        ({"metric": "balanced acuracy"}, "balanced_accuracy"),
        ({"metric": "money"}, "costs="),
        ({"metric": "recall"}, "everything is a yes"),
        ({"metric": "precision"}, "nothing to design"),
        ({"metric": "coverage"}, "interval=0.9"),
        ({"metric": "fbeta"}, "fbeta=2"),
        ({"metric": "fbeta=-1"}, "positive beta"),
        ({"metric": "recall at fpr=5"}, "write 0.05"),
        ({"metric": "f1", "rate": 1.5}, "rate"),
        ({"metric": "f1", "classes": 1}, "classes"),
        ({"loss": "Hubr()", "make": "smooth"}, "Huber"),
        ({"loss": wald.Huber, "make": "smooth"}, "class"),
        ({"loss": len, "make": "smooth"}, "wald.check"),
        ({"loss": "Squared()", "make": "smooth"}, "no kink"),
        ({"loss": "Squared()", "make": "calibrated"}, "regression"),
        ({"loss": "BinaryCrossEntropy()", "make": "calibrated"}, "proper already"),
        ({"loss": "Absolute()", "make": "asymmetric"}, "number is missing"),
        ({"loss": "Absolute()", "make": "asymmetric=0"}, "positive"),
        ({"loss": "Absolute()", "make": "round"}, "smooth"),
        ({"loss": "Absolute()", "make": "symmetric"}, "alike already"),
        ({"loss": "Poisson()", "make": "asymmetric=2"}, "Poisson"),
    ],
)  # fmt: skip
def test_bad_wishes_get_one_clear_answer(wish: dict[str, object], says: str) -> None:
    with pytest.raises(ChoiceError, match=says):
        design(**wish)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda d: d.saving([2.0, -1.0]), "sigmoid"),
        (lambda d: d.saving([0.1, float("nan")]), "NaN"),
        (lambda d: d.saving([[0.1, 0.9]]), "last column"),
        (lambda d: d.saving([0.1, 0.2], [1]), "a target for each row"),
        (lambda d: d.saving("many"), "numbers"),
        (lambda d: d.saving([0.1, 0.2], [-1, 1]), "target > 0"),
        (lambda d: design(costs="fn=amount,fp=1").weight([-1], {"amount": [3.0]}), "target > 0"),
        (lambda d: design(metric="f1").tuned([0.1, 0.2], [1, 2]), "0 for no"),
        (lambda d: design(metric="f1").tuned([0.1, 0.2], [1, 0], [1, -1]), "not negative"),
        (lambda d: design(metric="f1").tuned([0.1, float("nan")], [1, 0]), "NaN"),
        (lambda d: design(costs=[[0, 1, 2], [3, 0, 1], [1, 2, 0]]).saving([[0.1, 0.2, 0.7]], [3]), "0 to 2"),
        (lambda d: d.tuned([0.1], [1]), "no threshold to tune"),
        (lambda d: design(statistic="mean").saving([1.0], [2.0]), "no costs"),
        (lambda d: design(underage=1.0, overage=1.0).saving([1.0]), "target="),
        (lambda d: design(costs="fn=amount,fp=1").saving([0.5]), "column amount"),
        (lambda d: design(costs="fn=amount,fp=1").weight([1]), "column amount"),
        (lambda d: design(costs=Costs(false_negative=torch.tensor([3.0, 4.0]))).saving([0.5]), "2 rows"),
        (lambda d: design(costs=Costs(false_negative=torch.tensor([3.0, 4.0]))).weight([1]), "1"),
        (lambda d: design(metric="f1").tuned([0.1, 0.2], [0, 0]), "both kinds"),
        (lambda d: design(metric="f1").tuned([], []), "rows"),
        (lambda d: design(costs=[[0, 1, 2], [3, 0, 1], [1, 2, 0]]).decision([0.1, 0.2]), r"\(rows, 3\)"),
        (lambda d: design(costs=[[0, 1, 2], [3, 0, 1], [1, 2, 0]]).decision([[0.1, 0.2, 0.1]]), "softmax"),
    ],
)
def test_bad_rows_get_one_clear_answer(call, says: str) -> None:
    with pytest.raises(ChoiceError, match=says):
        call(design(costs="fn=100,fp=1"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_rows_of_any_type_are_read(dtype: torch.dtype) -> None:
    pandas = pytest.importorskip("pandas")
    designed = design(costs="fn=4,fp=1", unit="days")
    wanted = designed.saving([0.5, 0.125], [1, 0]).to_dict()
    assert designed.saving(torch.tensor([0.5, 0.125], dtype=dtype), torch.tensor([True, False])).to_dict() == wanted
    assert designed.saving(pandas.Series([0.5, 0.125], index=[7, 9]), pandas.Series([1, 0])).to_dict() == wanted
    assert wanted["unit"] == "days"


def test_no_rows_cost_nothing() -> None:
    saving = design(costs="fn=100,fp=1").saving([])
    assert (saving.cost, saving.rows, saving.against_half) == (0.0, 0, 0.0)
