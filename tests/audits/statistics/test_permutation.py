"""Permutation within strata and by clusters: exact where nothing depends on the labels."""

from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor

from wald.audits.statistics import Sample, permutation_p, shuffles

from ...sampling import daily
from ..samples import rate_of, source


def test_a_p_value_is_never_zero() -> None:
    assert permutation_p(9.0, torch.zeros(99)) == 0.01
    assert permutation_p(0.0, torch.zeros(99)) == 1.0


def test_labels_stay_in_their_stratum() -> None:
    strata = torch.tensor([0, 1, 0, 1, 0, 2])
    parts = torch.cat(list(shuffles(torch.arange(6), 50, source(0), strata=strata)))
    assert parts.shape == (50, 6)
    assert bool((strata[parts] == strata).all())
    assert bool((parts.sort(-1).values == torch.arange(6)).all())
    # All six orders of the first stratum come up.
    assert len({tuple(one) for one in parts[:, [0, 2, 4]].tolist()}) == 6


def test_a_cluster_of_one_label_passes_it_on_as_a_whole() -> None:
    cluster = torch.arange(12) // 3
    label = torch.tensor([0, 0, 1, 1])[cluster]
    for shuffle in torch.cat(list(shuffles(label, 40, source(0), cluster=cluster))):
        moved = label[shuffle].reshape(4, 3)
        assert bool((moved == moved[:, :1]).all())
        assert int(moved[:, 0].sum()) == 2


def test_clusters_that_lie_in_one_stratum_stay_in_it() -> None:
    cluster, label = torch.arange(16) // 2, torch.arange(8).repeat_interleave(2)
    strata = (cluster >= 4).long()
    for shuffle in torch.cat(list(shuffles(label, 30, source(0), strata=strata, cluster=cluster))):
        assert bool(((label[shuffle] >= 4).long() == strata).all())


def test_in_a_cluster_of_several_labels_they_move_inside() -> None:
    cluster = torch.tensor([0, 0, 0, 1, 1, 2, 3])
    label = torch.tensor([0, 1, 1, 0, 1, 0, 1])
    parts = torch.cat(list(shuffles(label, 60, source(0), cluster=cluster)))
    assert bool((cluster[parts[:, :5]] == cluster[:5]).all())
    assert {tuple(one) for one in label[parts[:, 5:]].tolist()} == {(0, 1), (1, 0)}


def test_several_namings_move_together() -> None:
    namings = torch.stack([torch.arange(10) % 2, torch.arange(10) // 5])
    shuffle = next(iter(shuffles(namings, 1, source(0))))[0]
    pairs = sorted(zip(*namings.tolist(), strict=True))
    assert sorted(zip(*namings[:, shuffle].tolist(), strict=True)) == pairs


def test_in_parts_there_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    permutation = import_module("wald.audits.statistics.permutation")

    monkeypatch.setattr(permutation, "_AT_ONCE", 35)
    assert [len(one) for one in shuffles(torch.arange(10), 8, source(0))] == [3, 3, 2]


def gap_p(label: Tensor, values: Tensor, sample: Sample, draws: int, seed: int, strata: Tensor | None = None) -> float:
    """The p-value of a difference of weighted means, in units of its error."""

    def sure(labels: Tensor) -> Tensor:
        weight = torch.ones(len(values), dtype=torch.float64) if sample.weight is None else sample.weight
        found = []
        for own in (labels == 1).double() * weight, (labels == 0).double() * weight:
            mean = (own @ values) / own.sum(-1)
            parts = own * (values - mean[:, None])
            if sample.unit is not None:
                units = int(sample.unit.max()) + 1
                parts = torch.zeros(len(own), units, dtype=torch.float64).index_add(1, sample.unit, parts)
            found.append((mean, parts.square().sum(-1) / own.sum(-1).square()))
        return (found[0][0] - found[1][0]).abs() / (found[0][1] + found[1][1]).sqrt()

    parts = shuffles(label, draws, source(seed), strata=strata, cluster=sample.cluster)
    return permutation_p(float(sure(label[None])[0]), torch.cat([sure(label[one]) for one in parts]))


def innocent(trial: int, kind: str) -> bool:
    """Whether labels that mean nothing are said to matter at 5 %."""
    rows = 150
    values = torch.empty(rows, dtype=torch.float64).exponential_(generator=source(trial))
    label = (torch.rand(rows, generator=source(trial + 10_000)) < 0.3).long()
    weight = cluster = None
    if "weights" in kind:
        # The labelled are a small part of the whole, and were asked more often.
        weight = torch.where(label == 1, 0.3, 1.0).double() * (
            0.5 + torch.rand(rows, generator=source(trial + 1)).double()
        )
    if "clusters" in kind:
        cluster = torch.arange(rows) // 5
        values = values + torch.randn(30, generator=source(trial + 20_000), dtype=torch.float64)[cluster]
        if "whole" in kind:
            label = label[:30][cluster]
            weight = None if weight is None else torch.ones(rows, dtype=torch.float64)
    return gap_p(label, values, Sample(rows, 0, weight, cluster), 99, trial) <= 0.05


@pytest.mark.parametrize("kind", daily(["rows", "weights", "whole clusters", "clusters", "weights, clusters"], 3))
def test_labels_that_mean_nothing_raise_few_alarms(kind: str) -> None:
    # 5 %; 20 of 200 or more would be chance 0.002.
    assert rate_of(lambda trial: innocent(trial, kind), 200) <= 0.095


def test_rows_of_clusters_permuted_as_if_alone_raise_many() -> None:
    def wrong(trial: int) -> bool:
        cluster = torch.arange(150) // 5
        values = torch.randn(30, generator=source(trial), dtype=torch.float64)[cluster]
        label = (torch.rand(30, generator=source(trial + 10_000)) < 0.4).long()[cluster]
        return gap_p(label, values, Sample(150), 99, trial) <= 0.05

    assert rate_of(wrong, 60) > 0.2


@pytest.mark.parametrize("clusters", [False, True])
def test_a_gap_is_found(clusters: bool) -> None:
    def found(trial: int) -> bool:
        cluster = torch.arange(200) // 4 if clusters else None
        label = (torch.rand(200, generator=source(trial)) < 0.4).long()
        label = label if cluster is None else label[:50][cluster]
        values = torch.randn(200, generator=source(trial + 5_000), dtype=torch.float64) + 0.6 * label
        return gap_p(label, values, Sample(200, 0, None, cluster), 99, trial) <= 0.05

    assert rate_of(found, 40) >= 0.8


def test_strata_take_out_what_they_explain() -> None:
    def alarm(trial: int, strata: Callable[[Tensor], Tensor | None]) -> bool:
        hard = (torch.rand(200, generator=source(trial)) < 0.5).long()
        # The labelled have more hard rows, and nothing else.
        label = (torch.rand(200, generator=source(trial + 1_000)) < 0.2 + 0.6 * hard).long()
        values = torch.randn(200, generator=source(trial + 2_000), dtype=torch.float64) + 2 * hard
        return gap_p(label, values, Sample(200), 99, trial, strata(hard)) <= 0.05

    assert rate_of(lambda trial: alarm(trial, lambda hard: None), 40) > 0.9
    assert rate_of(lambda trial: alarm(trial, lambda hard: hard), 150) <= 0.1


def test_one_row_and_one_cluster_have_nothing_to_permute() -> None:
    assert next(iter(shuffles(torch.tensor([1]), 3, source(0)))).tolist() == [[0], [0], [0]]
    cluster = torch.zeros(4, dtype=torch.long)
    same = torch.cat(list(shuffles(torch.ones(4, dtype=torch.long), 3, source(0), cluster=cluster)))
    assert same.shape == (3, 4)
