"""The lines of code that a choice gives: each is run, and predicts what is true of the rows that it was made for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import wald
from wald.choices import Candidate, ChoiceError, Costs
from wald.choices.profiling import profile
from wald.choices.racing import Entry
from wald.choices.telling import TOOLS, Given, given_of, recipe
from wald.choices.telling.answers import stakes
from wald.choices.telling.money import Money, Rule

#: CatBoost takes seconds where the others take moments, and writes the same lines.
EVERY_TOOL = [pytest.param(tool, marks=pytest.mark.slow) if tool == "catboost" else tool for tool in TOOLS]

ROWS = 400
_random = np.random.default_rng(0)
X, NEW = _random.normal(size=(ROWS, 3)), _random.normal(size=(100, 3))


def chance(x: Any) -> Any:
    return 1 / (1 + np.exp(2 - 1.5 * x[:, 0]))


YES = (_random.random(ROWS) < chance(X)).astype(int)
WEIGHT = float((1 - YES.mean()) / YES.mean())
SHARES = tuple(np.bincount(np.digitize(X[:, 0] + _random.logistic(size=ROWS), [-1, 1])) / ROWS)
LEVEL = np.digitize(X[:, 0] + _random.logistic(size=ROWS), [-1, 1])


def levels(x: Any) -> Any:
    below = 1 / (1 + np.exp(x[:, :1] - np.array([[-1.0, 1.0]])))
    return np.diff(np.concatenate([np.zeros((len(x), 1)), below, np.ones((len(x), 1))], 1), axis=1)


def rate(x: Any) -> Any:
    return np.exp(3 + 0.5 * x[:, 0])


COUNT = _random.poisson(rate(X)).astype(float)


def ran(loss: Any, tool: str, given: Given, after: Any = "nothing", learner: str = "linear", **more: Any) -> Any:
    """The names that the lines leave behind."""
    env: dict[str, Any] = {"X": X, "new": NEW} | more.pop("env", {})
    entry = Entry(candidate=Candidate(name="it", loss=loss, after=after), **more)
    exec(recipe(entry, learner, tool, given), env)
    return env


def off(found: Any, truth: Any) -> float:
    return float(np.abs(np.asarray(found, dtype=float) - np.asarray(truth, dtype=float)).mean())


BINARY = Given(names=(0, 1))

# A booster of so few rows follows them further than a linear model, which knows the truth's own shape.
CLOSE = {"scikit-learn": 0.03, "torch": 0.03}


@pytest.mark.parametrize("tool", EVERY_TOOL)
@pytest.mark.parametrize(
    ("loss", "after"),
    [
        (wald.BinaryCrossEntropy(), "nothing"),
        (wald.BinaryCrossEntropy(pos_weight=WEIGHT), "prior correction"),
        (wald.Focal(gamma=2.0), "recalibration"),
        pytest.param(wald.Brier(kind="binary"), "nothing", marks=pytest.mark.slow),
    ],
    ids=["plain", "prior", "recalibrated", "brier"],
)
def test_a_yes_has_its_probability(loss: Any, after: Any, tool: str) -> None:
    found = ran(loss, tool, BINARY, after, env={"y": YES})["probability"]
    assert found.shape == (len(NEW),)
    assert off(found, chance(NEW)) < CLOSE.get(tool, 0.13)
    assert abs(found.mean() - chance(NEW).mean()) < 0.06


@pytest.mark.parametrize("tool", EVERY_TOOL)
def test_a_moved_threshold_decides(tool: str) -> None:
    found = ran(wald.BinaryCrossEntropy(), tool, BINARY, "threshold", env={"y": YES}, shift=1.0)["yes"]
    assert found.dtype == bool
    assert off(found, chance(NEW) >= 1 / (1 + np.e)) < (0.08 if tool in CLOSE else 0.2)


@pytest.mark.parametrize("tool", EVERY_TOOL)
def test_a_margin_is_not_called_a_probability(tool: str) -> None:
    env = ran(wald.Hinge(), tool, BINARY, env={"y": np.arange(ROWS) % 2, "X": X + 3 * (np.arange(ROWS) % 2)[:, None]})
    assert "probability" not in env
    assert np.asarray(env["score"]).shape == (len(NEW),)


@pytest.mark.parametrize("tool", EVERY_TOOL)
@pytest.mark.parametrize(
    ("loss", "after"),
    [
        (wald.CrossEntropy(), "nothing"),
        (wald.CrossEntropy(class_weight=tuple(1 / (3 * one) for one in SHARES)), "prior correction"),
        pytest.param(wald.LogitAdjusted(prior=SHARES), "prior correction", marks=pytest.mark.slow),
        (wald.Ordinal(levels=3), "nothing"),
        pytest.param(wald.RankedProbability(), "nothing", marks=pytest.mark.slow),
    ],
    ids=["plain", "weighted", "adjusted", "ordinal", "ranked"],
)
def test_every_class_has_its_probability(loss: Any, after: Any, tool: str) -> None:
    """Levels are words whose order is not the alphabet's."""
    names = ("low", "mid", "high")
    found = ran(loss, tool, Given(names=names, coded=True), after, env={"y": np.array(names)[LEVEL]})["probability"]
    assert found.shape == (len(NEW), 3)
    assert np.asarray(found).sum(1) == pytest.approx(np.ones(len(NEW)), abs=1e-5)
    assert off(found, levels(NEW)) < (0.06 if tool in CLOSE else 0.18)


@pytest.mark.parametrize("tool", EVERY_TOOL)
@pytest.mark.parametrize(
    "loss",
    [
        wald.Squared(),
        wald.Poisson(),
        wald.SquaredLog(),
        pytest.param(wald.Absolute(), marks=pytest.mark.slow),
        pytest.param(wald.Gamma(), marks=pytest.mark.slow),
    ],
    ids=repr,
)
def test_a_number_is_predicted_in_its_own_unit(loss: Any, tool: str) -> None:
    scale = 1000.0 if loss == wald.Squared() else 1.0
    found = ran(loss, tool, Given(), env={"y": scale * (COUNT + 1)})["prediction"]
    assert found.shape == (len(NEW),)
    assert off(np.asarray(found) / scale / (rate(NEW) + 1), 1.0) < 0.17


@pytest.mark.parametrize("tool", EVERY_TOOL)
@pytest.mark.parametrize(
    "loss",
    [wald.Pinball(level=(0.1, 0.5, 0.9)), pytest.param(wald.Interval(level=0.8), marks=pytest.mark.slow)],
    ids=repr,
)
def test_quantiles_are_columns_that_rise(loss: Any, tool: str) -> None:
    found = np.asarray(ran(loss, tool, Given(), env={"y": COUNT})["prediction"])
    assert found.shape[0] == len(NEW)
    assert (np.diff(found.mean(0)) > 2).all()


TABLE, NEWER = (
    pd.DataFrame(x, columns=["a", "b", "c"]).assign(
        shop=np.where(np.arange(len(x)) % 2, "food", "fuel"), on=np.arange(len(x)) % 3 == 0, amount=np.arange(len(x)),
        day=pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(x)), "D"),
    )
    for x in (X, NEW)
)  # fmt: skip
TABLE.loc[3, "b"] = NEWER.loc[4, "b"] = np.nan
TABLE.loc[5, "shop"] = None
NEWER.loc[0, "shop"] = "never seen"


@pytest.mark.parametrize("tool", EVERY_TOOL)
def test_a_table_with_words_times_and_gaps_is_made_ready_and_left_as_it_is(tool: str) -> None:
    y = pd.Series(np.where(YES == 1, "bad", "good")).mask(np.arange(ROWS) == 7)
    weights = np.ones(ROWS)
    known = profile(y, positive="bad")
    costs = Costs(false_negative="amount", false_positive=5.0)
    candidate = Candidate(name="it", loss=wald.BinaryCrossEntropy())
    given = given_of(TABLE, known, [candidate], weighted=True, costs=costs, by_costs=True)
    assert given.words == ("shop",)
    assert given.times == ("day",)
    assert given.coded
    before = TABLE.copy(), NEWER.copy()
    env = ran(wald.BinaryCrossEntropy(), tool, given, env={"X": TABLE, "new": NEWER, "y": y, "weights": weights})
    assert off(env["probability"], chance(NEW)) < (0.06 if tool in CLOSE else 0.11)
    assert (env["yes"] == (env["probability"] >= 5 / (5 + np.arange(len(NEW))))).all()
    for one, was in zip((TABLE, NEWER), before, strict=True):
        pd.testing.assert_frame_equal(one, was)


def test_costs_of_each_row_give_each_its_threshold() -> None:
    """After a weighted loss the threshold is that of the costs, with the weight taken back."""
    x, new = (pd.DataFrame(rows, columns=["a", "b", "amount"]) for rows in (X, NEW))
    new["amount"] = np.linspace(0.1, 9, len(new))
    costs = Costs(false_negative="amount")
    given = Given(names=(0, 1), columns=("a", "b", "amount"), holder="frame", costs=costs, by_costs=True)
    loss = wald.BinaryCrossEntropy(pos_weight=WEIGHT)
    found = ran(loss, "scikit-learn", given, "threshold", env={"X": x.assign(amount=0.0), "new": new, "y": YES})["yes"]
    assert off(found, chance(NEW) >= 1 / (1 + new["amount"])) < 0.1


@pytest.mark.parametrize(
    ("learner", "setting", "told"),
    [
        ("linear", "penalty=0.001", "LossClassifier(loss, penalty=0.001)"),
        ("mlp", "penalty=0.1, hidden=(32,)", 'model="mlp", penalty=0.1, hidden=(32,)'),
        ("boosting (lightgbm)", "rounds=25", "rounds=25, num_leaves=15"),
    ],
)
def test_what_raced_is_what_is_written(learner: str, setting: str, told: str) -> None:
    entry = Entry(candidate=Candidate(name="it", loss=wald.BinaryCrossEntropy()), settings={"other": 1, setting: 4})
    code = recipe(entry, learner)
    assert told in code
    assert "thread" not in code
    compile(code, "recipe", "exec")


def test_a_tool_that_is_not_known_is_answered_with_those_that_are() -> None:
    with pytest.raises(ChoiceError, match="scikit-learn, xgboost, lightgbm, catboost, torch"):
        recipe(Entry(candidate=Candidate(name="it", loss=wald.Squared())), "linear", "keras")


@pytest.mark.parametrize(("saved", "word"), [(900.0, "saves 900 dollars"), (-40.0, "loses 40 dollars")])
def test_money_says_what_is_saved_or_lost(saved: float, word: str) -> None:
    rules = tuple(
        Rule(name, cost, 10, 1)
        for name, cost in (("always no", 1000.0), ("always yes", 5000.0), ("at one half", 2000.0), ("it", 1000 - saved))
    )
    told = stakes(Money(rules, 2000, 20, "dollars", 3, saved, (saved - 100, saved + 100)))
    assert word in told
    assert "2,000 held-out rows, 20 of them yes" in told
