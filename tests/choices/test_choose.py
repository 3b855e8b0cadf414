"""`wald.choose`: what it says where the truth is known, and what it answers to awkward input."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, get_scorer
import torch

import wald
from wald.choices import Choice, ChoiceError, Costs
from wald.choices.racing.learners import Network
from wald.findings import Report

ROWS = 160
_random = np.random.default_rng(0)
X = _random.normal(size=(ROWS, 2))
Y = (X[:, 0] + _random.normal(size=ROWS) > 0.3).astype(int)
NUMBERS = 3 * X[:, 0] + _random.normal(size=ROWS)
FRAME = pd.DataFrame(X, columns=["a", "b"]).assign(amount=_random.random(ROWS) * 10)


#: The linear model with one setting: nothing to tune.
LINEAR = Network(settings=({"penalty": 1e-3},))


def quick(x: Any = X, y: Any = Y, metric: Any = "log_loss", **more: Any) -> Choice:
    """The baselines alone, on two folds."""
    return wald.choose(x, y, metric, **{"folds": 2, "only": True, "learner": LINEAR} | more)


@pytest.fixture(autouse=True)
def cards_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a loss is like has tests of its own, and most of these choose the same one."""
    monkeypatch.setattr("wald.choices.choosing.check", _checked)


_checked = cache(wald.check)


# What it says.


def test_the_median_wins_where_it_is_what_counts() -> None:
    """Of skewed targets mean and median lie far apart, and absolute errors are least at the median."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(900, 1))
    y = x[:, 0] + rng.exponential(size=900) ** 2
    choice = quick(x, y, "mean_absolute_error", folds=3)
    assert choice.said == "winner"
    assert choice.loss == wald.Absolute()
    assert choice.exit_code() == 0
    assert "winner" in choice.answers["which loss"]


def test_the_mean_wins_where_squares_count() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(900, 1))
    y = x[:, 0] + rng.exponential(size=900) ** 2
    choice = quick(x, y, "root_mean_squared_error", losses=wald.Absolute(), folds=3)
    assert choice.said == "winner"
    assert choice.loss == wald.Squared()


@pytest.mark.slow
def test_equals_are_a_tie_and_the_plainest_is_recommended() -> None:
    """What corrects its weights and what never had any estimate the same."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1500, 1))
    y = (2 * x[:, 0] + rng.logistic(size=1500) > 1).astype(int)
    choice = quick(x, y, folds=5)
    assert choice.said == "tie"
    assert choice.recommended.name == "cross-entropy"
    assert choice.loss == wald.BinaryCrossEntropy()


def test_noise_is_not_called_a_winner() -> None:
    rng = np.random.default_rng(3)
    choice = quick(rng.normal(size=(300, 2)), rng.integers(0, 2, 300))
    assert choice.said in ("nothing beats a constant", "not enough data")
    assert choice.verdict in ("warn", "inconclusive")


def test_without_a_metric_the_costs_count_and_the_money_is_told() -> None:
    choice = quick(FRAME, Y, None, costs="fn=amount,fp=1", unit="dollars")
    assert choice.race is not None
    assert choice.race.metric.name == "cost"
    told = choice.answers["what is at stake"]
    assert "dollars" in told
    costs = np.where(Y == 1, FRAME["amount"], 1.0)
    assert min(costs[Y == 1].sum(), costs[Y == 0].sum()) == pytest.approx(
        float(told.split(" comes to ")[1].split()[0].replace(",", "")), rel=0.01
    )


@pytest.mark.parametrize(("y", "name"), [(Y, "log loss"), (NUMBERS, "root mean squared error")])
def test_the_usual_metric_is_taken_and_said_where_none_was_named(y: Any, name: str) -> None:
    choice = quick(X, y, None)
    assert choice.race is not None
    assert choice.race.metric.name == name
    assert f"No metric was named, so {name} counts" in choice.notes[0]


@pytest.mark.slow
def test_levels_alone_are_judged_by_their_pinball_loss() -> None:
    choice = quick(X, NUMBERS, None, quantiles=(0.9, 0.1))
    assert choice.loss == wald.Pinball(level=(0.1, 0.9))
    assert choice.race is not None
    values = choice.race.predictions[choice.recommended.name]
    assert values.shape == (ROWS, 2)
    wanted = wald.Pinball(level=(0.1, 0.9))(values, torch.tensor(NUMBERS))
    assert choice.race.entry(choice.recommended.name).value == pytest.approx(float(wanted), rel=1e-6)


# The report.


def test_it_goes_through_json_and_renders(tmp_path: Path) -> None:
    choice = quick(FRAME, Y, None, costs="fn=amount,fp=1", groups={"half": np.arange(ROWS) % 2})
    back = Report.from_dict(choice.to_dict())
    assert back.to_dict() == choice.to_dict()
    assert back.kind == "choose"
    assert back.answers == choice.answers
    assert "recommended" in choice.html()
    assert 'name="wald choose"' in choice.junit() or "testsuite" in choice.junit()
    text = choice.text(width=100)
    assert len(text.splitlines()) <= 45
    assert max(map(len, text.splitlines())) <= 100
    sentences = [one for one in text.replace("\n", " ").split(". ") if len(one) > 40]
    assert len(sentences) == len(set(sentences))


def test_what_was_read_back_knows_no_loss() -> None:
    choice = quick()
    assert choice.race is not None
    back = Choice(kind="choose", subject="x", findings=choice.findings)
    with pytest.raises(ChoiceError, match="read back from JSON"):
        _ = back.loss
    with pytest.raises(ChoiceError, match="choose again"):
        back.code()


# What may be given.


@pytest.mark.parametrize(
    "given",
    [
        (FRAME, pd.Series(Y, index=range(1000, 1000 + ROWS))),
        (torch.tensor(X), torch.tensor(Y)),
        (X.tolist(), Y.tolist()),
        (X, np.where(Y == 1, "yes", "no")),
        (X, Y.astype(bool)),
        (np.where(X > 2, np.nan, X), Y),
        (FRAME.assign(empty=np.nan, one=1.0, word="same"), Y),
    ],
    ids=["frame", "tensor", "lists", "words", "flags", "gaps", "useless columns"],
)
def test_whatever_holds_rows_is_taken(given: tuple[Any, Any]) -> None:
    assert quick(*given).recommended.name == "cross-entropy"


def test_positive_says_which_class_is_yes() -> None:
    choice = quick(X, np.where(Y == 1, "bad", "good"), positive="bad")
    assert choice.profile is not None
    assert choice.profile.classes is not None
    assert choice.profile.classes.names == ("good", "bad")
    same = quick(X, Y)
    assert choice.race is not None
    assert same.race is not None
    assert choice.race.entries[0].value == pytest.approx(same.race.entries[0].value)


def test_rows_without_a_target_or_weight_are_left_out_with_all_that_belongs_to_them() -> None:
    y = np.where(np.arange(ROWS) < 5, np.nan, Y)
    weights = np.where(np.arange(ROWS) >= ROWS - 7, 0.0, 1.0)
    whole: dict[str, Any] = {
        "groups": pd.Series(np.arange(ROWS) % 2, name="sex"),
        "clusters": (np.arange(ROWS) // 2).tolist(),
        "columns": {"amount": FRAME["amount"]},
    }
    choice = quick(FRAME, y, weights=weights, **whole)
    assert choice.race is not None
    assert choice.race.rows == ROWS - 12
    assert "5 rows without a target were left out." in choice.notes
    assert "sex" in choice.race.entries[0].groups
    kept = slice(5, ROWS - 7)
    same = quick(FRAME[kept], Y[kept], groups=whole["groups"][kept], clusters=whole["clusters"][kept])
    assert same.race is not None
    assert choice.race.entries[0].value == pytest.approx(same.race.entries[0].value)


def test_every_kind_of_groups_is_looked_at() -> None:
    kinds = {"half": np.arange(ROWS) % 2, "third": np.arange(ROWS) % 3}
    choice = quick(groups=kinds)
    assert choice.profile is not None
    assert choice.race is not None
    assert {one.kind for one in choice.profile.groups} == kinds.keys() == choice.race.entries[0].groups.keys()


def test_later_rows_are_predicted_by_earlier_ones() -> None:
    choice = quick(ordered=True, folds=3)
    assert choice.race is not None
    assert all(split.train.max() < split.test.min() for split in choice.race.splits)


@pytest.mark.parametrize(
    ("metric", "more", "name"),
    [
        pytest.param(get_scorer("roc_auc"), {}, "roc auc score", marks=pytest.mark.slow),
        (brier_score_loss, {}, "Brier score"),
        (lambda p, t: ((p > 0).double() - t).abs().mean(), {"lower_is_better": True}, "metric"),
        (
            wald.Metric(name="mine", per_example=lambda p, t: (p - t).square(), takes="probabilities"),
            {},
            "mine",
        ),
    ],
    ids=["scorer", "function of scikit-learn", "own function", "own metric"],
)
def test_metrics_come_in_many_forms(metric: Any, more: dict[str, Any], name: str) -> None:
    choice = quick(metric=metric, **more)
    assert choice.race is not None
    assert choice.race.metric.name == name


@pytest.mark.parametrize("losses", ["focal", wald.Focal(), wald.Focal, ["focal"], [wald.Focal()]], ids=repr)
def test_losses_are_named_in_many_forms_and_only_they_run_beside_the_baselines(losses: Any) -> None:
    choice = quick(losses=losses, metric="roc_auc")
    assert choice.race is not None
    asked = [one for one in choice.race.entries if one.candidate.given or isinstance(one.candidate.loss, wald.Focal)]
    assert len(asked) == 1
    assert all(one.candidate.baseline or one in asked for one in choice.race.entries)


def test_a_loss_that_does_not_fit_is_refused_with_the_reason() -> None:
    choice = quick(losses=[wald.Huber()])
    assert [one for one in choice.refusals if "Huber" in one.name and one.why]
    assert any(one.code == "K702" and "Huber" in one.says for one in choice.findings)


@pytest.mark.parametrize(
    "learner",
    [lambda loss, seed: wald.adapters.LossClassifier(loss), lambda loss, seed: LogisticRegression()],
    ids=["ours", "foreign"],
)
def test_a_learner_may_be_the_callers_own(learner: Callable[..., Any]) -> None:
    choice = quick(learner=learner)
    assert choice.recommended.loss == wald.BinaryCrossEntropy()
    env: dict[str, Any] = {"X": X, "y": Y, "new": X[:9], "learner": learner}
    code = choice.code()
    assert "learner(loss, 0)" in code
    if "raw" not in code:
        exec(code, env)
        assert env["probability"].shape == (9,)


def test_a_small_budget_is_kept_to_and_said() -> None:
    choice = quick(budget=1e-6, folds=3)
    assert any("for a budget of 1e-06 seconds" in note.lower() for note in choice.notes)


# What is answered with one clear error.


@pytest.mark.parametrize(
    ("given", "more", "told"),
    [
        ((X[:1], Y[:1]), {}, "nothing to choose"),
        ((X[:2], [0, 1]), {}, "2 rows"),
        ((X, np.zeros(ROWS)), {}, "all 160 targets are 0"),
        ((X[:0], Y[:0]), {}, "empty"),
        ((X[:-1], Y), {}, "159 rows"),
        ((None, Y), {}, "X is None"),
        ((X, None), {}, "one value for each row"),
        ((sparse.csr_matrix(X), Y), {}, r"X.toarray\(\)"),
        ((np.zeros((ROWS, 0)), Y), {}, "no column"),
        ((np.zeros((ROWS, 2, 2)), Y), {}, "reshape"),
        ((pd.DataFrame(X, columns=["a", "a"]), Y), {}, "two columns that are called 'a'"),
        ((np.where(X > 2, np.inf, X), Y), {}, "infinite"),
        ((X, Y), {"positive": 7}, "there are 0, 1"),
        ((X, Y), {"weights": -np.ones(ROWS)}, "160 are below 0"),
        ((X, Y), {"weights": np.ones(ROWS - 1)}, "159"),
        ((X, Y), {"groups": [1, 2]}, "groups"),
        ((X, Y), {"clusters": np.zeros(ROWS)}, "1 cluster"),
        ((X, Y), {"columns": {"amount": [1, 2]}}, "amount"),
        ((X, Y), {"task": "classification"}, "binary, multiclass, ordinal"),
        ((X, Y), {"metric": "log_los"}, "log_loss"),
        ((X, Y), {"metric": len}, "lower_is_better=True"),
        ((X, Y), {"metric": "mape"}, "average_precision"),
        ((X, NUMBERS), {"metric": "roc_auc"}, "mean_absolute_error"),
        ((X, Y), {"metric": None, "costs": "fn=amount"}, "columns={'amount'"),
        ((FRAME, Y), {"metric": None, "costs": "fn=amout"}, "nearest is amount"),
        ((X, Y), {"metric": None, "costs": 3}, "fn=100,fp=1"),
        ((X, Y), {"metric": None, "costs": {"fm": 3}}, "'fm'"),
        ((X, Y), {"metric": None, "costs": Costs(false_negative=torch.ones(ROWS))}, "Name the column"),
        ((X, np.arange(ROWS) % 3), {"metric": None, "costs": "fn=3"}, "3 classes"),
        ((X, Y), {"losses": ["focol"]}, "Focal"),
        ((X, Y), {"losses": [lambda p, t: (p - t) ** 2]}, "wald.Supervised"),
        ((X, Y), {"learner": "xgbost"}, "'boosting'"),
        ((X, Y), {"folds": 1}, "at least 2"),
        ((X, Y), {"folds": "3"}, "whole number"),
        ((X, Y), {"repeats": 0}, "at least 1"),
        ((X, Y), {"jobs": 0}, "-1 for all cores"),
        ((X, Y), {"seed": -3}, "at least 0"),
        ((X, NUMBERS), {"metric": None, "quantiles": 1.5}, "between 0 and 1"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_does_not_fit_is_answered_with_what_to_write(given: Any, more: dict[str, Any], told: str) -> None:
    with pytest.raises(ChoiceError, match=told) as error:
        quick(*given, **more)
    assert 30 < len(str(error.value)) < 600


# What it leaves alone.


def test_nothing_of_the_callers_is_changed_and_the_same_seed_says_the_same() -> None:
    frame, y, weights = FRAME.assign(word=["a", "b"] * (ROWS // 2)), Y.copy(), np.linspace(0, 1, ROWS)
    before = frame.copy(deep=True), y.copy(), weights.copy()
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    states = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()  # type: ignore[union-attr]  # noqa: NPY002
    first = quick(frame, y, weights=weights, losses="focal")
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tobytes() == states[1]  # type: ignore[union-attr]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    pd.testing.assert_frame_equal(frame, before[0])
    assert (y == before[1]).all()
    assert (weights == before[2]).all()
    again = quick(frame, y, weights=weights, losses="focal")
    assert first.race is not None
    assert again.race is not None
    assert first.race.table() == again.race.table()


@pytest.mark.slow
def test_an_interrupted_choice_goes_on_and_says_the_same(tmp_path: Path) -> None:
    whole = quick(losses="focal", folds=3)

    def stop(told: str, done: int, total: int) -> None:
        if done == 5 and total > 5:
            raise KeyboardInterrupt

    part = quick(losses="focal", folds=3, resume=tmp_path, progress=stop)
    assert any("stopped after" in note.lower() for note in part.notes)
    assert len(list(tmp_path.glob("*.npz"))) >= 5
    seen: list[tuple[int, int]] = []
    rest = quick(
        losses="focal", folds=3, resume=tmp_path, progress=lambda told, done, total: seen.append((done, total))
    )
    assert rest.race is not None
    assert whole.race is not None
    assert rest.race.table() == whole.race.table()
    assert not any("stopped" in note.lower() for note in rest.notes)
    assert min(done for done, total in seen if total > 5) > 5


@pytest.mark.slow
@pytest.mark.distributed
def test_two_processes_say_what_one_says() -> None:
    one, two = quick(losses="focal"), quick(losses="focal", jobs=2)
    assert one.race is not None
    assert two.race is not None
    assert one.race.table() == two.race.table()
