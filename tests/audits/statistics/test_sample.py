"""Rows as statistics treat them."""

import math

import pytest
import torch

from wald.audits.statistics import Sample, wilson

from ..samples import rate_of, source


def test_a_weight_of_two_is_two_rows_in_the_mean() -> None:
    values = torch.tensor([[1.0, 4.0, 9.0], [0.0, 1.0, 0.0]])
    weighed = Sample(3, weight=torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64))
    assert weighed.means(values).tolist() == pytest.approx([15 / 4, 1 / 4])
    assert weighed.mean(values[0]) == pytest.approx(15 / 4)


@pytest.mark.parametrize("kind", ["rows", "weights", "clusters", "time"])
def test_errors_are_those_of_the_bootstrap(kind: str) -> None:
    rows = 600
    values = torch.randn(rows, generator=source(0), dtype=torch.float64)
    weight = cluster = None
    if kind == "weights":
        weight = torch.empty(rows, dtype=torch.float64).exponential_(generator=source(1)) + 0.1
    if kind == "clusters":
        cluster = torch.arange(rows) // 6
        values = values + torch.randn(100, generator=source(2), dtype=torch.float64)[cluster]
    if kind == "time":
        values = values.cumsum(0) - 0.9 * torch.cat([torch.zeros(1), values.cumsum(0)[:-1]])
    sample = Sample(rows, 0, weight, cluster, kind == "time")
    drawn = sample.bootstrap(2_000).means(values).std()
    assert float(sample.errors(values)) == pytest.approx(float(drawn), rel=0.25 if kind == "time" else 0.1)


def test_one_unit_has_no_known_error() -> None:
    assert float(Sample(4, cluster=torch.zeros(4, dtype=torch.long)).errors(torch.arange(4.0))) == math.inf
    assert float(Sample(1).errors(torch.ones(1))) == math.inf


def test_clusters_of_one_row_are_no_clusters() -> None:
    assert Sample(5, cluster=torch.arange(5)).unit is None
    assert Sample(5).unit is None
    assert Sample(50, ordered=True).unit is not None


def test_shares_in_clusters_know_less_than_their_rows() -> None:
    cluster = torch.arange(400) // 8
    alike = (torch.rand(50, generator=source(0)) < 0.4).double()[cluster]
    sample = Sample(400, 0, None, cluster)
    assert sample.effective_for(alike) == pytest.approx(50, rel=0.05)
    assert sample.effective_for(torch.zeros(400)) == pytest.approx(50)
    assert Sample(400).effective_for(alike) == 400
    weights = torch.tensor([1.0, 3.0], dtype=torch.float64).repeat(200)
    assert Sample(400, weight=weights).effective_for(alike) == pytest.approx(320)


def test_wilson_covers_shares_in_clusters() -> None:
    def missed(trial: int) -> bool:
        chance = torch.rand(60, generator=source(trial)) * 0.6
        happened = (torch.rand(300, generator=source(trial + 5_000)) < chance.repeat_interleave(5)).double()
        sample = Sample(300, 0, None, torch.arange(300) // 5)
        trials = sample.effective_for(happened)
        low, high = wilson(sample.mean(happened) * trials, trials)
        return not low <= 0.3 <= high

    assert rate_of(missed, 200) <= 0.095


def test_halves_split_no_cluster_and_no_past() -> None:
    cluster = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    first, second = Sample(8, 0, None, cluster).halves("a")
    assert not set(cluster[first].tolist()) & set(cluster[second].tolist())
    early, late = Sample(7, ordered=True).halves()
    assert int(early.max()) < int(late.min())
    early, late = Sample(8, 0, None, cluster, ordered=True).halves()
    assert int(early.max()) < int(late.min())


def test_days_in_order_are_drawn_in_runs() -> None:
    days = torch.arange(300) // 3
    assert Sample(300, 0, None, days, ordered=True).bootstrap(1).block > 0
    assert Sample(300, 0, None, days).bootstrap(1).block == 0
    assert Sample(300, 0, None, days.flip(0), ordered=True).bootstrap(1).block == 0


def test_a_part_numbers_its_clusters_anew() -> None:
    part = Sample(6, 0, torch.arange(1.0, 7), torch.tensor([0, 0, 1, 1, 2, 2])).part(torch.tensor([2, 3, 5]))
    assert part.cluster is not None
    assert part.cluster.tolist() == [0, 0, 1]
    assert part.weight is not None
    assert part.weight.tolist() == [3, 4, 6]
