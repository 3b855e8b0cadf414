"""Which losses are proposed for a target, what they are said to estimate there, and where the metric is doubted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize, special, stats
import torch
from torch import Tensor

import wald
from wald.audits.metrics import metric_of
from wald.audits.metrics.numbers import pinball
from wald.choices import Candidate, ChoiceError, Costs, Refusal
from wald.choices.profiling import Profile, profile
from wald.choices.proposing import best_constant, doubts, estimate, estimates, propose

from ..catalogue import CASES, DEFAULTS
from ..sampling import daily

RARE = [0] * 999 + [1]


def source(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def yes(rate: float, rows: int = 1_000) -> Profile:
    many = round(rate * rows)
    return profile([0] * (rows - many) + [1] * many)


def classes(*counts: int, **options: Any) -> Profile:
    return profile(np.repeat(np.arange(len(counts)), counts), **options)


def named(proposed: tuple[tuple[Candidate, ...], tuple[Refusal, ...]]) -> dict[str, Candidate]:
    found = {one.name: one for one in proposed[0]}
    assert len(found) == len(proposed[0]), "two candidates of one name"
    return found


def refused(proposed: tuple[tuple[Candidate, ...], tuple[Refusal, ...]]) -> dict[str, Refusal]:
    return {name: one for one in proposed[1] for name in one.name.split(", ")}


# What a loss estimates, against closed forms.

LAWS: dict[str, Any] = {
    "lognormal": lambda: source(1).lognormal(0, 1, 4_001),
    "gamma": lambda: source(2).gamma(2, 3, 4_001),
    "uniform": lambda: source(3).uniform(1, 9, 4_001),
    "pareto": lambda: source(4).pareto(3, 4_001) + 1,
    "long": lambda: source(5).lognormal(0, 1.5, 20_000),
}


def weighted_median(y: Any, weight: Any) -> float:
    order = np.argsort(y)
    upto = np.cumsum(weight[order]) / weight.sum()
    return float(y[order][np.searchsorted(upto, 0.5)])


def location(y: Any, slope: Any) -> float:
    return float(optimize.brentq(lambda c: slope(c - y).mean(), y.min(), y.max(), xtol=1e-12))


@pytest.mark.parametrize("law", daily(LAWS, 3))
def test_the_number_is_the_statistic(law: str) -> None:
    y = LAWS[law]()
    found = profile(y)
    mean, close = y.mean(), 1e-6 if len(y) < 4_096 else 2e-3
    known: list[tuple[wald.Loss, float]] = [
        (wald.Squared(), mean),
        (wald.Absolute(), np.median(y)),
        (wald.Pinball(level=0.9), np.quantile(y, 0.9, method="inverted_cdf")),
        (wald.Expectile(level=0.8), float(stats.expectile(y, 0.8))),
        (wald.Percentage(), weighted_median(y, 1 / y)),
        (wald.SquaredLog(), np.expm1(np.log1p(y).mean())),
        (wald.Poisson(), mean),
        (wald.Gamma(), mean),
        (wald.Tweedie(power=1.5), mean),
        (wald.NegativeBinomial(dispersion=0.7), mean),
        (wald.Huber(delta=1.3), location(y, lambda r: np.clip(r, -1.3, 1.3))),
        (wald.LogCosh(scale=1.3), location(y, lambda r: np.tanh(r / 1.3))),
    ]
    for loss, value in known:
        assert estimate(loss, found) == pytest.approx(value, rel=max(close, 1e-5)), loss


def test_weights_and_several_levels_are_respected() -> None:
    y, weight = np.arange(1.0, 101), np.linspace(0.1, 3, 100)
    found = profile(y, task="regression", weight=weight)
    assert estimate(wald.Squared(), found) == pytest.approx(np.average(y, weights=weight))
    assert estimate(wald.Absolute(), found) == pytest.approx(weighted_median(y, weight))
    both = best_constant(wald.Pinball(level=(0.1, 0.5, 0.9)), found)
    assert both is not None
    alone = [estimate(wald.Pinball(level=one), found) for one in (0.1, 0.5, 0.9)]
    assert both.tolist() == pytest.approx(alone)


def test_mape_is_seen_to_estimate_less_than_the_mean() -> None:
    # A lognormal of σ = 1 has mean e^½, median 1, and the median weighted by 1/y at e⁻¹.
    found = profile(np.exp(special.ndtri((np.arange(20_000) + 0.5) / 20_000)))
    assert estimate(wald.Percentage(), found) == pytest.approx(np.exp(-1), rel=1e-3)
    told = named(propose(found, metric_of("mape")))["percentage"]
    assert told.estimates == (
        "a median in which small targets count most: 0.368 for all rows together, where the mean is 1.65 and the "
        "median is 1"
    )
    assert told.baseline
    assert any("rewards forecasts that are too low" in one for one in doubts(found, metric_of("mape")))


@pytest.mark.parametrize("rate", [0.001, 0.05, 0.4])
def test_probabilities_are_what_theory_says(rate: float) -> None:
    found = yes(rate)
    for loss in (wald.BinaryCrossEntropy(), wald.Brier(), wald.CrossEntropy()):
        assert estimate(loss, found) == pytest.approx(rate, rel=1e-4), loss
        assert estimates(loss, found).startswith("the probability of yes"), loss
    weight = (1 - rate) / rate
    weighted = wald.BinaryCrossEntropy(pos_weight=weight)
    assert estimate(weighted, found) == pytest.approx(0.5, rel=1e-6)
    if rate < 0.1:
        assert f"odds are blown up {weight:.3g} times" in estimates(weighted, found)

    def slope(z: float) -> float:
        # Of focal loss with gamma 2, by hand.
        p = special.expit(z)
        up = -((1 - p) ** 2) * (1 - p) + 2 * (1 - p) * p * (1 - p) * np.log(p)
        down = p**2 * p - 2 * p * p * (1 - p) * np.log1p(-p)
        return float(rate * up + (1 - rate) * down)

    assert estimate(wald.Focal(gamma=2.0), found) == pytest.approx(special.expit(optimize.brentq(slope, -20, 20)))
    assert "it is bent" in estimates(wald.Focal(gamma=2.0), found)
    assert "only the likelier class" in estimates(wald.Hinge(), found)


def test_several_classes_are_what_theory_says() -> None:
    found = classes(600, 300, 100)
    for loss in (wald.CrossEntropy(), wald.RankedProbability(), wald.Ordinal(levels=3)):
        assert estimates(loss, found) == "the probability of each class, 0.1 on average for the rarest", loss
    balanced = wald.CrossEntropy(class_weight=(1 / 0.6, 1 / 0.3, 1 / 0.1))
    raw = best_constant(balanced, found)
    assert raw is not None
    assert raw.softmax(-1).tolist() == pytest.approx([1 / 3] * 3)
    assert "has 0.1 and gets 0.333" in estimates(balanced, found)


# Which losses are proposed.


def test_the_fraud_question() -> None:
    found = profile(RARE * 40)
    told = named(propose(found, metric_of("log_loss")))
    assert next(iter(told)) == "cross-entropy"
    assert told["weighted cross-entropy"].estimates == (
        "not the probability of yes: its odds are blown up 999 times, and where yes has 0.001 it says 0.5"
    )
    corrected = told["weighted cross-entropy, prior corrected"]
    assert corrected.after == "prior correction"
    assert corrected.baseline
    assert corrected.estimates.endswith("the closed-form correction gives 0.001 back")
    assert {"focal", "focal, recalibrated", "Brier"} <= set(told)
    assert [one.plainness for one in told.values()] == sorted(one.plainness for one in told.values())


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_what_cannot_differ_is_one(metric: str) -> None:
    told = named(propose(yes(0.05), metric_of(metric)))
    assert all(one.after == "nothing" for one in told.values())
    assert told["cross-entropy"].baseline
    assert "Moving the threshold changes nothing" in told["cross-entropy"].why
    assert told["weighted cross-entropy"].baseline
    assert "prior correction changes nothing" in told["weighted cross-entropy"].why


def test_decisions_get_their_threshold() -> None:
    told = named(propose(yes(0.05), metric_of("f1")))
    assert told["cross-entropy, threshold moved"].baseline
    assert told["focal, threshold moved"].after == "threshold"
    assert "cross-entropy, threshold moved" not in named(propose(yes(0.05), metric_of("log_loss")))


def test_costs_are_counted_once() -> None:
    costs = Costs(false_negative=30.0, false_positive=1.0)
    proposed = propose(yes(0.05), costs.metric, costs=costs)
    told = named(proposed)
    loss = told["cost-weighted cross-entropy, prior corrected"].loss
    assert getattr(loss, "pos_weight", None) == pytest.approx(30)
    assert "count twice" in refused(proposed)["cost-weighted cross-entropy as it is"].why
    assert told["cross-entropy, threshold moved"].baseline
    each = Costs(false_negative="amount", false_positive=1.0)
    assert (
        "each row has costs" in refused(propose(yes(0.05), each.metric, costs=each))["cost-weighted cross-entropy"].why
    )


def test_several_classes_and_levels() -> None:
    long = named(propose(classes(3_000, 1_000, 200, 40), metric_of("balanced_accuracy")))
    assert {"cross-entropy", "weighted cross-entropy", "class-balanced cross-entropy", "logit-adjusted", "LDAM",
            "focal", "smoothed cross-entropy"} <= set(long)  # fmt: skip
    even = propose(classes(300, 290, 310), metric_of("accuracy"))
    assert "weights change next to nothing" in refused(even)["LDAM"].why
    assert not any("weighted" in name for name in named(even))
    levels = named(propose(classes(300, 200, 100, task="ordinal"), metric_of("accuracy")))
    assert {"cross-entropy", "ordinal", "ranked probability", "weighted cross-entropy"} == set(levels)
    numbers = named(propose(classes(300, 200, 100, task="ordinal"), metric_of("mae")))
    assert set(numbers) == {"squared", "absolute"}
    assert numbers["squared"].estimates.startswith("the mean: 0.667") or "0.667" in numbers["squared"].estimates


def test_numbers_by_what_they_are() -> None:
    g = source(7)
    real = propose(profile(g.normal(size=1_000)), metric_of("rmse"))
    assert set(named(real)) == {"squared", "absolute", "Huber", "log-cosh"}
    assert "targets" in refused(real)["Poisson"].why
    counted = propose(profile(g.negative_binomial(1, 0.2, 1_000), task="counts"), metric_of("rmse"))
    assert {"Poisson", "negative binomial"} <= set(named(counted))
    assert "gamma" in refused(counted)
    plain = propose(profile(g.poisson(4, 1_000), task="counts"), metric_of("rmse"))
    assert "Poisson all but in name" in refused(plain)["negative binomial"].why
    sums = g.poisson(1, 1_000) * g.gamma(2, 1, 1_000)
    assert "Tweedie" in named(propose(profile(sums), metric_of("rmse")))
    median = propose(profile(g.normal(size=1_000)), metric_of("mae"))[0]
    assert [one.name for one in median[:2]] == ["absolute", "squared"]
    high = named(propose(profile(g.normal(size=1_000)), pinball(0.9)))
    assert {"pinball", "squared", "smoothed pinball"} == set(high)
    assert high["pinball"].estimates.startswith("the value that 90 % of the targets stay below: 1.")
    several = propose(profile(g.normal(size=1_000)), metric_of("mae"), quantiles=(0.9, 0.1))[0]
    assert [one.loss for one in several] == [wald.Pinball(level=(0.1, 0.9))]


def test_delta_is_of_the_residuals() -> None:
    g = source(8)
    x = g.normal(size=(2_000, 2))
    found = profile(50 * x[:, 0] + g.normal(size=2_000), x)
    loss = named(propose(found, metric_of("rmse")))["Huber"].loss
    assert isinstance(loss, wald.Huber)
    assert loss.delta == pytest.approx(1.345, rel=0.25)


# What is refused, and what the user brings.


@pytest.mark.parametrize(
    ("found", "metric", "loss", "words", "instead"),
    [
        (profile([0.0] * 39 + [1.5, 2.5] * 30 + [7.1]), "mae", wald.Percentage(), "39 % of the targets", "WAPE"),
        (profile([0.0] * 39 + [1.5, 2.5] * 30 + [7.1]), "mae", wald.Gamma(), "at or below 0", "Poisson"),
        (profile([-1.0, 2.5, 3.1] * 30), "mae", wald.Poisson(), "30 of 90 targets (33.3 %) are below 0", "Squared"),
        (profile([-1.0, 2.5, 3.1] * 30), "mae", wald.SquaredLog(), "at or below -1", "Squared"),
        (profile([-1.0, 2.5, 3.1] * 30), "mae", wald.BinaryCrossEntropy(), "target is numbers", "Squared"),
        (profile([-1.0, 2.5, 3.1] * 30), "mae", wald.Huber(delta=100.0), "half of Squared", "1.345"),
        (profile([-1.0, 2.5, 3.1] * 30), "mae", wald.Huber(delta=1e-4), "Absolute times delta", "1.345"),
        (yes(0.3), "log_loss", wald.Hinge(), "needs probabilities", "BinaryCrossEntropy"),
        (yes(0.3), "log_loss", wald.SquaredHinge(), "needs probabilities", "BinaryCrossEntropy"),
        (yes(0.3), "log_loss", wald.Squared(), "below 0 and above 1", "Brier"),
        (yes(0.003), "log_loss", wald.BinaryCrossEntropy(pos_weight=300.0), "3 rows of 1", "threshold moved"),
        (yes(0.5), "log_loss", wald.LDAM(counts=(500, 500)), "1 times as common", "CrossEntropy"),
        (yes(0.3), "log_loss", wald.Triplet(), "one target a row", "prediction and target"),
        (classes(50, 40, 60), "log_loss", wald.BinaryCrossEntropy(pos_weight=3.0), "weight of yes", "class_weight"),
        (classes(50, 40, 60), "log_loss", wald.Focal(), "takes a yes or a no", "kind='multiclass'"),
        (classes(50, 40, 60), "log_loss", wald.CrossEntropy(class_weight=(1.0, 2.0)), "2 classes", "3 classes"),
        (classes(50, 40, 60), "log_loss", wald.Ordinal(levels=5), "5 levels", "levels=3"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_numbers(
    found: Profile, metric: str, loss: wald.Loss, words: str, instead: str
) -> None:
    proposed = propose(found, metric_of(metric), losses=[loss])
    told = refused(proposed)
    why = [one for name, one in told.items() if words in one.why]
    assert why, [one.why for one in proposed[1]]
    assert any(instead in one.instead for one in why)
    assert loss not in [one.loss for one in proposed[0]]


def test_what_the_user_brings_is_kept() -> None:
    mine = Candidate(name="mine", loss=wald.Focal(gamma=5.0), after="recalibration")
    told = named(propose(yes(0.1), metric_of("log_loss"), losses=["Focal(gamma=3)", wald.Brier, mine]))
    assert told["Focal(gamma=3.0)"].given
    assert told["Brier"].given
    assert told["mine"].given
    assert told["mine"].after == "recalibration"
    assert not told["focal"].given


EVERY = {
    "yes": (yes(0.1), "log_loss"),
    "three": (classes(50, 40, 60), "log_loss"),
    "levels": (classes(50, 40, 60, task="ordinal"), "accuracy"),
    "real": (profile(source(11).normal(size=200)), "rmse"),
    "counts": (profile(source(12).poisson(3, 200), task="counts"), "mae"),
}


def has_a_best(loss: wald.Loss) -> bool:
    """Whether one prediction for all rows surely can be searched for: it is a number or the scores of classes.

    Where examples meet, what is predicted adds to one, or a spread must stay above zero, there may be none.
    """
    domain = loss.named_domains[0][1]
    return loss.card.coupling == "separable" and domain.axes in ((), ("classes",)) and not domain.normalised


@pytest.mark.parametrize(
    "losses", [DEFAULTS, pytest.param(CASES, marks=pytest.mark.slow)], ids=["defaults", "settings"]
)
@pytest.mark.parametrize("kind", EVERY)
def test_every_loss_is_a_candidate_or_refused(
    kind: str, losses: list[wald.Loss], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, metric = EVERY[kind]
    best: dict[wald.Loss, Tensor | None] = {}  # what the sentences were made of, so as not to search twice

    def remembered(loss: wald.Loss, profile: Profile) -> Tensor | None:
        answer = best_constant(loss, profile)
        if profile is found:
            best[loss] = answer
        return answer

    monkeypatch.setattr("wald.choices.proposing.meaning.best_constant", remembered)
    candidates, refusals = propose(found, metric_of(metric), losses=losses)
    kept = {one.loss: one for one in candidates if one.given}
    names = " ".join(one.name for one in refusals)
    assert all(one.why and one.instead for one in refusals)
    assert len(kept) >= 3
    for loss in losses:
        assert loss in kept or repr(loss) in names, loss
    for loss, one in kept.items():
        assert one.estimates, loss
        prediction = best[loss] if loss in best else best_constant(loss, found)
        assert prediction is not None or not has_a_best(loss), loss
        if prediction is None:
            continue
        # What is said to be best costs no more than what lies beside it.
        rows = found.target.double() if loss.card.task in ("binary", "regression") else found.target
        there, *beside = (
            float(loss((prediction + move).expand(len(rows), *prediction.shape), rows)) for move in (0.0, 0.03, -0.03)
        )
        assert there <= min(beside) + 1e-9, loss


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([torch.nn.BCELoss()], "wald losses"),
        (["Fokal"], "no loss can be made"),
        ([wald.LDAM], "without its fields"),
        ([3], "holds a int"),
    ],
)
def test_what_is_no_loss_is_refused(losses: list[Any], words: str) -> None:
    with pytest.raises(ChoiceError, match=words):
        propose(yes(0.1), metric_of("log_loss"), losses=losses)


@pytest.mark.parametrize(
    ("found", "metric", "words"),
    [
        (profile(np.linspace(0.1, 9.7, 50)), "roc_auc", "judges classes"),
        (profile(["a", "b", "c"] * 9), "mae", "judges numbers"),
        (profile(["a", "b", "c"] * 9), "roc_auc", "judges yes or no"),
    ],
)
def test_a_metric_that_cannot_judge_the_target_is_refused(found: Profile, metric: str, words: str) -> None:
    with pytest.raises(ChoiceError, match=words):
        propose(found, metric_of(metric))


def test_levels_that_are_none_are_refused() -> None:
    for levels in (1.5, (0.5, 0.5)):
        with pytest.raises(ChoiceError, match="quantile"):
            propose(profile(np.linspace(0.1, 9.7, 50)), metric_of("mae"), quantiles=levels)


# Where the metric is the problem.

HEAVY = source(9).standard_t(1.5, 3_000)
ZEROS = [0.0] * 60 + [1.5, 2.5] * 20


@pytest.mark.parametrize(
    ("found", "metric", "words"),
    [
        (profile(RARE * 60), "accuracy", "always saying 0 is right in 99.9 % of the rows"),
        (profile(RARE * 60), "roc_auc", "right in about 4.77 % of its alarms"),
        (profile(RARE * 60), "f1", "read at a probability of 0.5"),
        (profile(RARE * 60), "balanced_accuracy", "counts one yes like 999 no"),
        (yes(0.03), "average_precision", "30 rows of 1"),
        (yes(0.3), "recall", "always says yes"),
        (profile(HEAVY), "r2", "of the variance"),
        (profile(HEAVY), "rmse", "30 rows decide"),
        (profile(HEAVY), "max_error", "single row"),
        (profile(ZEROS), "mape", "60 % of the targets (60 of 100) are 0"),
        (profile(ZEROS), "mae", "always saying 0 is the best constant; it scores 0.8"),
        (profile([-1.0, 2.5, 3.1] * 30), "mape", "30 targets are below 0"),
        (profile([-1.0, 2.5, 3.1] * 30), "msle", "30 rows are at or below -1"),
        (classes(300, 200, 100, task="ordinal"), "accuracy", "like a miss by 2"),
    ],
)  # fmt: skip
def test_metrics_are_doubted_with_numbers(found: Profile, metric: str, words: str) -> None:
    assert any(words in one for one in doubts(found, metric_of(metric))), doubts(found, metric_of(metric))


def test_a_metric_that_ignores_the_costs_is_doubted() -> None:
    costs = Costs(false_negative=100.0, false_positive=1.0)
    assert any("0.0099" in one for one in doubts(yes(0.2), metric_of("roc_auc"), costs=costs))
    assert doubts(yes(0.2), costs.metric, costs=costs) == ()


def test_sound_metrics_are_left_alone() -> None:
    g = source(10)
    for y in (g.normal(50, 5, 2_000), g.gamma(9, 2, 2_000)):
        for metric in ("rmse", "mae", "r2"):
            assert doubts(profile(y), metric_of(metric)) == (), metric
    for metric in ("accuracy", "roc_auc", "f1", "average_precision", "log_loss", "balanced_accuracy"):
        assert doubts(yes(0.4), metric_of(metric)) == (), metric
