"""Resamples of rows, clusters and blocks, and the intervals that come of them."""

import math

import numpy as np
import pytest
import torch

from wald.audits.statistics import Bootstrap, Sample, bootstrap as bootstrap_file, percentiles, whole_sample

from ..samples import rate_of, source


def test_counts_are_resamples_and_means_follow() -> None:
    bootstrap = Bootstrap(7, 50, seed=3)
    values = torch.randn(2, 7, generator=source(0))
    counts = torch.cat(list(bootstrap.counts()))
    assert counts.shape == (50, 7)
    assert bool((counts.sum(-1) == 7).all())
    assert bootstrap.means(values).shape == (2, 50)
    assert torch.allclose(bootstrap.means(values), values.double() @ counts.T / 7)


def test_in_pieces_it_is_the_same_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.randn(40, generator=source(0))
    whole = Bootstrap(40, 33, seed=1).means(values)
    monkeypatch.setattr(bootstrap_file, "_HELD", 400)
    pieces = Bootstrap(40, 33, seed=1)
    assert len(list(pieces.counts())) == 4
    assert torch.equal(pieces.means(values), whole)


def test_indices_draw_the_same_resamples_one_by_one() -> None:
    found = list(Bootstrap(6, 4, seed=0).indices())
    assert len(found) == 4
    assert all(len(rows) == 6 and int(rows.max()) < 6 for rows in found)
    assert all(torch.equal(a, b) for a, b in zip(found, Bootstrap(6, 4, seed=0).indices(), strict=True))


def test_indices_of_clusters_hold_whole_clusters() -> None:
    cluster = torch.tensor([0, 0, 1, 2, 2, 2])
    for rows in Bootstrap(6, 20, seed=0, cluster=cluster).indices():
        counts = torch.bincount(rows, minlength=6)
        assert counts[0] == counts[1]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[2] + counts[3] == 3


def test_a_weight_of_two_is_two_copies_that_stay_together() -> None:
    values = torch.randn(12, generator=source(0))
    weighed = Bootstrap(12, 300, seed=0, weight=torch.tensor([2.0, *[1.0] * 11]))
    first = torch.tensor([0, *range(12)])
    copied = Bootstrap(13, 300, seed=0, cluster=first)
    drawn = torch.cat(list(weighed.counts()))[:, first]
    assert torch.allclose(weighed.means(values), (drawn @ values[first].double()) / drawn.sum(-1))
    assert weighed.means(values).std() == pytest.approx(float(copied.means(values[first]).std()), rel=0.3)


def missed(trial: int, kind: str, rows: int = 120) -> bool:
    """Whether the 95 % interval of a mean of 0 misses it."""
    values = torch.randn(rows, generator=source(trial), dtype=torch.float64)
    weight = cluster = None
    ordered = False
    if kind == "weights":
        weight = torch.empty(rows, dtype=torch.float64).exponential_(generator=source(trial + 10_000)) + 0.05
    if kind == "clusters":
        cluster = torch.arange(rows) // 3
        values = values + 1.5 * torch.randn(rows // 3, generator=source(trial + 20_000), dtype=torch.float64)[cluster]
    if kind == "time":
        ordered = True
        noise = np.convolve(values.numpy(), 0.5 ** np.arange(8))[:rows]
        values = torch.from_numpy(noise)
    bootstrap = Sample(rows, trial, weight, cluster, ordered).bootstrap(200)
    low, high = percentiles(bootstrap.means(values))
    return not low <= 0 <= high


@pytest.mark.parametrize(("kind", "rows"), [("rows", 120), ("weights", 120), ("clusters", 120), ("time", 600)])
def test_intervals_cover(kind: str, rows: int) -> None:
    # 5 % in the limit, a little more with few rows or blocks; 15 of 120 would be chance 0.001.
    assert rate_of(lambda trial: missed(trial, kind, rows), 120) <= 0.12


def test_clusters_that_are_ignored_do_not_cover() -> None:
    def missed_without(trial: int) -> bool:
        cluster = torch.arange(120) // 3
        values = (
            torch.randn(120, generator=source(trial)) + 1.5 * torch.randn(40, generator=source(trial + 9_000))[cluster]
        )
        low, high = percentiles(Bootstrap(120, 200, seed=trial).means(values))
        return not low <= 0 <= high

    assert rate_of(missed_without, 100) > 0.15


@pytest.mark.parametrize("clusters", [False, True])
def test_very_many_units_are_drawn_in_blocks_of_the_same_spread(
    monkeypatch: pytest.MonkeyPatch, clusters: bool
) -> None:
    rows = 3_000
    values = torch.randn(rows, generator=source(0), dtype=torch.float64)
    cluster = torch.arange(rows) // 2 if clusters else None
    expected = float(Bootstrap(rows, 2_000, seed=0, cluster=cluster).means(values).std())
    monkeypatch.setattr(bootstrap_file, "_UNITS", 200)
    many = Bootstrap(rows, 2_000, seed=0, cluster=cluster)
    assert many.units == 200
    assert float(many.means(values).std()) == pytest.approx(expected, rel=0.15)
    if cluster is not None:
        rows_drawn = next(iter(many.indices()))
        counts = torch.bincount(rows_drawn, minlength=rows)
        assert torch.equal(counts[::2], counts[1::2])


def test_runs_keep_their_length_when_units_are_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Bootstrap(4_000, 1, seed=0, block=40)._run == 40
    monkeypatch.setattr(bootstrap_file, "_UNITS", 400)
    assert Bootstrap(4_000, 1, seed=0, block=40)._run == pytest.approx(4)


def test_runs_are_of_the_length_that_was_asked_for() -> None:
    drawn = Bootstrap(5_000, 1, seed=0, block=10)
    rows = next(iter(drawn.indices()))
    breaks = int(((rows.diff() != 1) & (rows.diff() != 1 - 5_000)).sum())
    assert breaks == pytest.approx(500, rel=0.2)


def test_what_is_no_mean_is_measured_on_each_resample() -> None:
    values = torch.randn(200, generator=source(0))
    draws = whole_sample(lambda rows: float(values[rows].median()), Bootstrap(200, 100, seed=0))
    assert draws.shape == (100,)
    # The standard error of a median of normal values.
    assert float(draws.std()) == pytest.approx(1.2533 / 200**0.5, rel=0.35)


def test_a_few_clusters_know_nothing_of_their_spread() -> None:
    values = torch.randn(70, generator=source(0))
    few = Bootstrap(70, 100, 0, cluster=torch.arange(70) // 10)
    assert percentiles(few.means(values)) == (-math.inf, math.inf)
    enough = Bootstrap(70, 100, 0, cluster=torch.arange(70) // 7)
    assert percentiles(enough.means(values))[0] > -math.inf
