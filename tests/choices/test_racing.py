"""Racing candidates: what is trained on what, what is learned where, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import wald
from wald.choices import Candidate, ChoiceError, Costs
from wald.choices.racing import race
from wald.choices.racing.folds import Structure, inner_splits, sampled, splits_of
from wald.choices.racing.learners import Network
from wald.choices.racing.orders import Order, ranking_kind
from wald.choices.racing.plans import Plan
from wald.choices.racing.tables import Scaled, table_of

PLAIN, WEIGHTED = wald.BinaryCrossEntropy(), wald.BinaryCrossEntropy(pos_weight=9.0)


class Ridge:
    """A quick learner that obeys the loss as far as a class weight goes."""

    def __init__(self, loss: Any, seed: int) -> None:
        self.weight = float(getattr(loss, "pos_weight", None) or 1.0)

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> None:
        """A few steps of Newton."""
        x = np.c_[np.ones(len(x)), np.asarray(x, dtype=float)]
        mass = np.where(np.asarray(y) == 1, self.weight, 1.0) * (1.0 if sample_weight is None else sample_weight)
        self.b = np.zeros(x.shape[1])
        for _ in range(8):
            p = 1 / (1 + np.exp(-(x @ self.b)))
            bend = (x * (mass * p * (1 - p))[:, None]).T @ x + 1e-2 * np.eye(x.shape[1])
            self.b += np.linalg.solve(bend, x.T @ (mass * (y - p)) - 1e-2 * self.b)

    def raw(self, x: Any) -> Any:
        """Log-odds."""
        return np.c_[np.ones(len(x)), np.asarray(x, dtype=float)] @ self.b


def rare(rows: int = 900, seed: int = 0) -> tuple[Any, Any]:
    """One in nine, told by two columns of three."""
    luck = np.random.default_rng(seed)
    x = luck.normal(size=(rows, 3))
    return x, (luck.random(rows) < 1 / (1 + np.exp(3 - 1.5 * x[:, 0] - x[:, 1]))).astype(int)


def four() -> list[Candidate]:
    """The plain loss and the weighted one, each read in two ways."""
    return [
        Candidate(name="plain", loss=PLAIN, baseline=True),
        Candidate(name="moved", loss=PLAIN, after="threshold", plainness=1, baseline=True),
        Candidate(name="weighted", loss=WEIGHTED, plainness=2),
        Candidate(name="corrected", loss=WEIGHTED, after="prior correction", plainness=3),
    ]


# What is trained on what.


@pytest.mark.parametrize("seed", range(3))
def test_folds_are_stratified_and_keep_clusters_whole(seed: int) -> None:
    luck = np.random.default_rng(seed)
    classes, cluster = (luck.random(400) < 0.1).astype(int), luck.integers(0, 90, 400)
    alone = splits_of(Structure(400, classes), 5, 2, seed)
    assert len(alone) == 10
    assert all(abs(int(classes[one.test].sum()) - classes.sum() / 5) <= 1 for one in alone)
    whole = splits_of(Structure(400, classes, cluster), 5, 1, seed)
    for one in whole:
        assert not set(cluster[one.train]) & set(cluster[one.test])
        assert len(one.train) + len(one.test) == 400
    assert sorted(np.concatenate([one.test for one in whole])) == list(range(400))
    again = splits_of(Structure(400, classes), 5, 2, seed)
    assert all(np.array_equal(a.test, b.test) and a.seed == b.seed for a, b in zip(alone, again, strict=True))


def test_in_order_of_time_nothing_is_predicted_by_its_future() -> None:
    structure = Structure(120, None, None, ordered=True)
    splits = splits_of(structure, 5, 1, 0)
    assert len(splits) == 5
    assert all(one.train.max() < one.test.min() for one in splits)
    fit, held = inner_splits(structure, 0, 4)[0]
    assert fit.max() < held.min()
    assert sampled(structure, 30, 0).min() == 90


def test_a_class_that_is_too_rare_for_the_folds_makes_fewer_of_them_and_a_single_row_is_refused() -> None:
    assert len(splits_of(Structure(50, np.arange(50) // 47), 5, 1, 0)) == 3
    with pytest.raises(ChoiceError, match="rarest class is in 1 row"):
        splits_of(Structure(50, np.arange(50) // 49), 5, 1, 0)


def test_scales_and_words_are_learned_from_training_rows_alone() -> None:
    frame = pd.DataFrame({
        "number": [1.0, 2.0, 3.0, np.nan] * 10 + [1e6] * 10,
        "word": ["a", "b"] * 20 + ["only later"] * 10,
        "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(range(50), unit="D"),
    })  # fmt: skip
    table = table_of(frame, 50)
    train, test = np.arange(40), np.arange(40, 50)
    scaled = Scaled.of(table, train)
    seen, new = scaled.apply(table, train), scaled.apply(table, test)
    # number, day, where number has a gap, a, b: no column for the word that training did not see.
    assert seen.shape[1] == new.shape[1] == 5
    assert np.isfinite(seen).all()
    assert np.allclose(seen[:, :2].mean(0), 0, atol=1e-9)
    assert (new[:, 0] == 10).all(), "a number from another world is as far as it can be, and no further"
    assert (new[:, 3:] == 0).all()
    changed = frame.assign(number=frame.number.where(frame.index < 40, -5.0))
    assert np.array_equal(Scaled.of(table_of(changed, 50), train).apply(table_of(changed, 50), train), seen)


def test_no_label_of_a_held_out_row_reaches_its_prediction() -> None:
    luck = np.random.default_rng(0)
    x, y = luck.normal(size=(90, 1)), luck.normal(size=90)
    losses = [Candidate(name="squared", loss=wald.Squared())]
    first = race(x, y, losses, "mae", learner=Tuned(), folds=3)
    test = first.splits[0].test
    other = y.copy()
    other[test] += 100.0
    second = race(x, other, losses, "mae", learner=Tuned(), folds=3)
    assert torch.equal(first.predictions["squared"][test], second.predictions["squared"][test])
    assert not torch.equal(first.predictions["squared"], second.predictions["squared"])
    assert sum(first.entries[0].settings.values()) == 3


class Tuned:
    """A learner with something to tune: the quantile that it always predicts."""

    name = "quantile"
    encoding = "given"
    settings = ({"level": 0.5}, {"level": 0.1}, {"level": 0.9})

    def fit(self, inputs: Any, target: torch.Tensor, loss: Any, *, settings: Any, **_: Any) -> Any:
        """A constant."""
        level = torch.quantile(target, settings["level"])
        return lambda asked: level.expand(len(asked))


class Echo:
    """A learner that predicts what it has seen of its training inputs, and what was drawn meanwhile."""

    name = "echo"
    settings = ({},)

    def __init__(self, *, luck: bool) -> None:
        self.luck = luck
        self.encoding = "scaled"

    def fit(self, inputs: Any, target: torch.Tensor, loss: Any, **_: Any) -> Any:
        """A constant."""
        seen = torch.rand(()) if self.luck else torch.tensor(np.abs(inputs).sum())
        return lambda asked: seen.expand(len(asked))


def test_no_input_of_a_held_out_row_reaches_the_scales_of_training() -> None:
    luck = np.random.default_rng(0)
    x, y = luck.normal(size=(90, 2)), luck.normal(size=90)
    losses = [Candidate(name="squared", loss=wald.Squared())]
    first = race(x, y, losses, "mae", learner=Echo(luck=False), folds=3)
    test = first.splits[0].test
    other = x.copy()
    other[test] *= 7.0
    second = race(other, y, losses, "mae", learner=Echo(luck=False), folds=3)
    assert torch.equal(first.predictions["squared"][test], second.predictions["squared"][test])
    assert not torch.equal(first.predictions["squared"], second.predictions["squared"])


def test_all_candidates_have_the_same_luck_and_each_fold_another() -> None:
    luck = np.random.default_rng(0)
    x, y = luck.normal(size=(90, 2)), luck.normal(size=90)
    losses = [Candidate(name=str(one), loss=one) for one in (wald.Squared(), wald.Absolute())]
    found = race(x, y, losses, "mae", learner=Echo(luck=True), folds=3)
    one, other = found.predictions.values()
    assert torch.equal(one, other)
    assert len(one.unique()) == 3


class Spy(Ridge):
    """Remembers which rows it was trained on and asked for, by their first column."""

    seen: list[tuple[Any, Any]] = []  # noqa: RUF012

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> None:
        """As its parent."""
        self.rows = np.asarray(x)[:, 0]
        super().fit(x, y, sample_weight)

    def raw(self, x: Any) -> Any:
        """As its parent."""
        Spy.seen.append((self.rows, np.asarray(x)[:, 0]))
        return super().raw(x)


def test_a_loss_is_trained_once_for_all_ways_of_reading_it() -> None:
    x, y = rare(1500)
    Spy.seen = []
    race(x, y, four(), "f1", learner=Spy, folds=2)
    # Two losses in two folds for the held-out rows; and the plain one in each on four parts of the training rows, as
    # one part holds too few positives to learn a threshold from.
    assert len(Spy.seen) == 2 * (2 + 4)
    assert all(not set(trained.tolist()) & set(asked.tolist()) for trained, asked in Spy.seen)


# What is told.


def test_the_moved_threshold_wins_where_decisions_count() -> None:
    x, y = rare(1500)
    found = race(x, y, four(), "f1", learner=Ridge)
    assert found.entry("moved").value > found.entry("plain").value
    assert found.entry("moved").over_plain is not None
    assert found.entry("moved").over_plain.sure
    assert found.recommended == "moved", "it is plainer than what is as good"
    assert found.entry("moved").shift is not None
    assert found.entry("moved").shift > 0
    assert found.entry("weighted").calibration.predicted > 2 * y.mean() > 0
    assert found.entry("corrected").calibration.predicted == pytest.approx(y.mean(), rel=0.15)
    assert "moved" in str(found)


def test_a_prior_correction_gives_probabilities_back_and_changes_no_order() -> None:
    x, y = rare()
    found = race(x, y, four(), "log_loss", learner=Ridge)
    assert found.entry("weighted").over_best.high < 0, "weights spoil probabilities, surely"
    assert found.recommended == "plain"
    ranked = race(x, y, four(), "roc_auc", learner=Ridge)
    assert ranked.entry("corrected").same_as == ("weighted",)
    assert ranked.verdict == "tie"


def test_costs_move_the_threshold_by_their_closed_form() -> None:
    x, y = rare()
    costs = Costs(false_negative="amount", false_positive=1.0, unit="dollars")
    amount = np.random.default_rng(1).exponential(5, len(y)) + 1.1
    losses = [
        Candidate(name="plain", loss=PLAIN),
        Candidate(name="plain moved", loss=PLAIN, after="threshold", plainness=1),
        Candidate(name="weighted", loss=WEIGHTED, plainness=2),
        Candidate(name="weighted moved", loss=WEIGHTED, after="threshold", plainness=3),
        Candidate(name="corrected", loss=WEIGHTED, after="prior correction", plainness=3),
    ]
    found = race(x, y, losses, costs.metric, costs=costs, columns={"amount": amount}, learner=Ridge, folds=3)
    assert found.entry("plain moved").same_as == ("plain",)
    assert "weighted moved" in found.entry("corrected").same_as
    assert found.entry("weighted").value > found.entry("corrected").value
    assert found.entry("plain").tail > found.entry("plain").value


def test_where_nothing_is_known_nothing_wins() -> None:
    luck = np.random.default_rng(5)
    x, y = luck.normal(size=(3000, 3)), luck.integers(0, 2, 3000)
    found = race(x, y, four(), "log_loss", learner=Ridge, folds=3)
    assert found.verdict == "nothing beats a constant"
    assert found.constant == pytest.approx(0.6931, abs=2e-3)


def test_a_metric_that_does_not_see_what_models_know_is_told() -> None:
    luck = np.random.default_rng(6)
    x = luck.normal(size=(6000, 2))
    y = (luck.random(6000) < 0.02 * np.exp(0.5 * x[:, 0])).astype(int)
    found = race(x, y, four()[:2], "accuracy", learner=Ridge, folds=3)
    assert found.verdict == "metric is the problem"
    assert "rank" in found.says
    everything = race(x, y, four()[:1], "recall", learner=Ridge, folds=3)
    assert everything.verdict == "metric is the problem"
    assert "perfect" in everything.says


def test_what_fails_is_told_and_keeps_its_place() -> None:
    class Sometimes(Ridge):
        def raw(self, x: Any) -> Any:
            return np.full(len(x), np.nan) if self.weight > 1 else super().raw(x)

    x, y = rare(300)
    found = race(x, y, [*four()[:3], Candidate(name="odd", loss=PLAIN, after="prior correction")], "f1",
                 learner=Sometimes, folds=3)  # fmt: skip
    assert [one.name for one in found.entries] == ["plain", "moved", "weighted", "odd"]
    assert "NaN" in found.entry("weighted").failure
    assert "every fold" in found.entry("weighted").failure
    assert "weighted" not in found.predictions
    assert found.table()[2]["value"] is None
    with pytest.raises(ChoiceError, match="every candidate failed"):
        race(x, y, [four()[2]], "f1", learner=Sometimes, folds=3)


def test_groups_weights_and_repeats() -> None:
    x, y = rare()
    group = np.where(x[:, 2] > 0, "right", "left")
    weight = np.random.default_rng(2).integers(0, 3, len(y))
    found = race(x, y, four()[:2], "accuracy", learner=Ridge, groups={"side": group}, weight=weight, repeats=2, folds=3)
    assert len(found.splits) == 6
    assert found.rows == int((weight > 0).sum())
    assert found.entry("plain").groups["side"].worst in ("left", "right")
    twice = np.repeat(np.arange(len(y)), weight)
    told = wald.Metric(name="accuracy", per_example=lambda p, t: ((p > 0) == (t > 0.5)).double(), lower_is_better=False)
    predicted = found.predictions["plain"]
    assert predicted.shape == (found.rows,)
    assert bool(predicted.isfinite().all())
    assert len(twice) == weight.sum()
    assert told.decomposable


def test_numbers_are_raced_by_the_metric_of_numbers() -> None:
    class Middle:
        def __init__(self, loss: Any, seed: int) -> None:
            self.of = np.median if isinstance(loss, wald.Absolute) else np.mean

        def fit(self, x: Any, y: Any) -> None:
            self.low, self.high = self.of(y[x[:, 0] < 0]), self.of(y[x[:, 0] >= 0])

        def predict(self, x: Any) -> Any:
            return np.where(x[:, 0] < 0, self.low, self.high)

    luck = np.random.default_rng(0)
    x = luck.normal(size=(1500, 1))
    y = np.exp(luck.normal(size=1500) + (x[:, 0] >= 0))
    losses = [
        Candidate(name="squared", loss=wald.Squared()),
        Candidate(name="absolute", loss=wald.Absolute(), plainness=1),
    ]
    found = race(x, y, losses, "mae", learner=Middle)
    assert (found.verdict, found.recommended) == ("winner", "absolute")
    assert race(x, y, losses, "rmse", learner=Middle).best == "squared"
    with pytest.raises(ChoiceError, match=r"every candidate failed.*threshold"):
        race(x, y, [Candidate(name="no", loss=wald.Squared(), after="threshold")], "mae", learner=Middle)


# How it is run.


def test_an_interrupted_race_goes_on_and_ends_with_the_same_table(tmp_path: Path) -> None:
    x, y = rare(300)
    whole = race(x, y, four(), "f1", learner=Ridge, folds=3)

    def stop(done: int, many: int, what: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    part = race(x, y, four(), "f1", learner=Ridge, folds=3, resume=tmp_path, progress=stop)
    assert part.interrupted.startswith("stopped after 1 of 3")
    assert len(part.splits) == 1
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 3
    assert all(one.suffix == ".npz" for one in kept)
    kept[0].write_bytes(b"half of a file")
    done: list[int] = []
    again = race(x, y, four(), "f1", learner=Ridge, folds=3, resume=tmp_path, progress=lambda n, *_: done.append(n))
    assert done == [3, 4, 5, 6], "two pieces were kept, and one was broken"
    assert again.table() == whole.table()
    assert not again.interrupted
    other = race(x, 1 - y, four(), "f1", learner=Ridge, folds=3, resume=tmp_path, progress=lambda n, *_: done.append(n))
    assert len(done) == 10
    assert other.table() != whole.table(), "other data are other work"


def test_stopped_before_anything_is_known_it_stops(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    x, y = rare(300)
    with pytest.raises(KeyboardInterrupt, match="before the first"):
        race(x, y, four(), "f1", learner=Ridge, folds=3, progress=stop)


def test_a_budget_cuts_for_all_alike_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rare(5000)
    monkeypatch.setattr("wald.choices.racing.plans._timed", lambda *_: 1.0)
    tight = race(x, y, four(), "f1", learner=Ridge, repeats=3, budget=12.0)
    assert tight.rows == 2500
    assert len(tight.splits) == 5
    assert "2,500 of 5,000 rows" in tight.plan
    roomy = race(x, y, four()[:1], "f1", learner=Ridge, folds=2, budget=1000.0)
    assert roomy.rows == 5000
    assert not roomy.plan
    assert Plan(5, 1, 1, 100).fits(Network()) < Plan(5, 2, 3, 100).fits(Network())


def test_the_same_seed_is_the_same_race_and_nothing_of_the_users_is_changed() -> None:
    x, y = rare(300)
    before, numbers, state = x.copy(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    first, second = (race(x, y, four(), "f1", learner=Ridge, folds=2, seed=4).table() for _ in range(2))
    assert first == second
    assert np.array_equal(x, before)
    assert np.array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_orders_agree_with_the_metrics_themselves() -> None:
    source = torch.Generator().manual_seed(0)
    score, target = torch.randn(200, generator=source).double(), (torch.rand(200, generator=source) < 0.2).long()
    mass = torch.randint(0, 3, (4, 200), generator=source).double()
    for name in ("roc_auc", "average_precision"):
        metric = wald.audits.metrics.names.metric_of(name)
        for scores in (score, (2 * score).round()):
            order = Order.of(scores, target)
            kind = ranking_kind(metric)
            assert kind is not None
            found = order.measured(mass.T[order.order], kind)
            wanted = torch.tensor(
                [metric.value(scores, target.double(), None, one) for one in mass], dtype=torch.float64
            )
            assert torch.allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((5, 2))}, "X has 5 rows and y has 300"),
        ({"x": np.full((300, 2), np.inf)}, "infinite"),
        ({"y": np.ones(300)}, "nothing to tell apart"),
        ({"weight": -np.ones(300)}, "negative"),
        ({"columns": {"amount": [1.0]}}, "amount"),
        ({"groups": ["a"]}, "groups"),
        ({"candidates": []}, "no candidate"),
        ({"candidates": [Candidate(name="a", loss=PLAIN)] * 2}, "two candidates"),
        ({"learner": 3}, "learner is"),
        ({"folds": 1}, "at least 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(change: dict[str, Any], message: str) -> None:
    x, y = rare(300)
    given = {"x": x, "y": y, "candidates": four(), "metric": "f1", "learner": Ridge} | change
    x, y, candidates, metric = (given.pop(name) for name in ("x", "y", "candidates", "metric"))
    with pytest.raises(ChoiceError, match=message):
        race(x, y, candidates, metric, **given)
