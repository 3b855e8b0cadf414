"""How sure a race is of what it says: measured where the truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import wald
from wald.audits.metrics.names import metric_of
from wald.choices import Candidate
from wald.choices.racing import race
from wald.choices.racing.folds import Structure, splits_of
from wald.choices.racing.problem import Problem, problem_of
from wald.choices.racing.reading import Judge
from wald.choices.racing.standing import Standing, standing
from wald.choices.racing.verdicts import Comparison

from .equals import Lottery, equals


def _standing(
    costs: Any, *, folds: int = 5, cluster: Any = None, metric: str = "mae", ordered: bool = False
) -> tuple[Standing, Problem]:
    """Predictions (k, rows) of a target that is 0 everywhere, so that what is predicted is what it costs."""
    rows = costs.shape[1]
    problem = problem_of(np.zeros((rows, 1)), np.zeros(rows), numbers=True, clusters=cluster, ordered=ordered)
    splits = splits_of(Structure(rows, None, problem.cluster, ordered), folds, 1, 0)
    held = [[torch.from_numpy(one[split.test].copy()) for split in splits] for one in costs]
    return standing(held, problem, Judge.of(metric_of(metric), 0), splits, 0), problem


def test_differences_by_rows_have_the_textbook_error() -> None:
    costs = np.random.default_rng(0).exponential(size=(3, 2000))
    found, _ = _standing(costs)
    gap = costs[0] - costs[1]
    assert float(found.by_rows[0, 1]) ** 0.5 == pytest.approx(gap.std(ddof=1) / 2000**0.5, rel=1e-6)
    assert float(found.costs[0]) == pytest.approx(costs[0].mean(), rel=1e-9)


def test_rows_of_a_cluster_are_not_counted_as_if_each_were_new() -> None:
    luck = np.random.default_rng(1)
    cluster = np.arange(1000) // 10
    costs = np.abs(10 + np.repeat(luck.normal(size=(2, 100)), 10, axis=1))
    alone, together = _standing(costs)[0], _standing(costs, cluster=cluster)[0]
    assert float(together.by_rows[0, 1] / alone.by_rows[0, 1]) == pytest.approx(10, rel=0.05)
    few = _standing(costs, cluster=np.arange(1000) // 200)[0]
    assert torch.isinf(few.halves([(0, 1)])).all(), "five clusters do not know how much clusters differ"


def test_what_folds_differ_by_beyond_their_rows_widens_the_interval() -> None:
    luck = np.random.default_rng(2)
    costs = 10 + luck.normal(size=(2, 1000))
    calm = _standing(costs)[0]
    for fold, split in enumerate(splits_of(Structure(1000), 5, 1, 0)):
        costs[0, split.test] += (-1) ** fold * 2.0
    wild = _standing(costs)[0]
    assert float(wild.training[0, 1]) > 0.3
    assert float(wild.halves([(0, 1)])) > 5 * float(calm.halves([(0, 1)]))


def test_intervals_of_all_pairs_are_wider_than_of_one_and_equal_predictions_are_the_same() -> None:
    luck = np.random.default_rng(3)
    costs = 10 + luck.normal(size=(6, 4000))
    costs[5] = costs[4]
    found = _standing(costs)[0]
    pairs = [(i, j) for i in range(5) for j in range(i)]
    ratio = float(found.halves(pairs)[0] / found.halves(pairs[:1]))
    assert 1.3 < ratio < 1.7, "Tukey's width for five means is 2.73 / 1.96 of the plain one's"
    assert bool(found.same[4, 5])
    assert float(Comparison.of(found).half[4, 5]) == 0


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_a_metric_of_whole_samples_is_as_sure_as_its_rows(metric: str) -> None:
    costs = 10 + np.random.default_rng(4).normal(size=(2, 500))
    of_rows, of_sample = _standing(costs)[0], _standing(costs, metric="rmse")[0]
    assert float(of_sample.by_rows[0, 1]) == pytest.approx(float(of_rows.by_rows[0, 1]), rel=0.3)


def test_of_two_alike_hardly_one_is_called_worse() -> None:
    """400 races of two learners that differ by luck alone called 15 of them different, 3.75 %."""
    sets = [one for one in equals(50, rows=120) if one.kind == "one learner, other luck" and one.metric != "f1"][:10]
    told = [race(one.x, one.y, one.candidates[:2], one.metric, learner=Lottery, folds=3).verdict for one in sets]
    assert told.count("winner") <= 2


@pytest.mark.slow
def test_on_a_hundred_data_sets_without_a_difference_at_most_five_have_a_winner() -> None:
    """Measured on 200: none with four candidates, and with the two hardest of them 7 of 400."""
    winners = [
        (number, one.kind, one.metric)
        for number, one in enumerate(equals(100))
        if race(one.x, one.y, one.candidates, one.metric, learner=one.learner).verdict == "winner"
    ]
    assert len(winners) <= 5, winners


@pytest.mark.slow
def test_of_a_hundred_pairs_without_a_difference_few_are_told_apart() -> None:
    sets = [one for one in equals(150) if one.learner is Lottery][:100]
    told = 0
    for one in sets:
        found = race(one.x, one.y, one.candidates[:2], one.metric, learner=Lottery)
        told += any(entry.over_best is not None and entry.over_best.high < 0 for entry in found.entries)
    assert told <= 11, "5 % of 100, and 2.5 standard deviations"


def test_a_difference_that_is_there_is_found() -> None:
    class Lazy(Lottery):
        def fit(self, x: Any, y: Any) -> None:
            super().fit(x, y)
            self.weights = self.weights * self.share

        def __init__(self, loss: Any, seed: int) -> None:
            super().__init__(loss, seed)
            self.share = 1.0 if isinstance(loss, wald.Squared) else 0.4

    luck = np.random.default_rng(0)
    x = luck.normal(size=(600, 3))
    y = x @ [1.0, 1.0, 0.0] + luck.normal(size=600)
    losses = [Candidate(name="lazy", loss=wald.Huber()), Candidate(name="keen", loss=wald.Squared(), plainness=1)]
    found = race(x, y, losses, "mse", learner=Lazy)
    assert (found.verdict, found.recommended) == ("winner", "keen")
    few = race(x[:40], y[:40] + 6 * luck.normal(size=40), losses, "mse", learner=Lazy)
    assert few.verdict == "not enough data"
    assert few.rows_needed is None or few.rows_needed > 40
    assert replace(few, verdict="tie").verdict == "tie"
