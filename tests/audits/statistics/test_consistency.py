"""Labels drawn from forecasts, and signs drawn for clusters."""

from importlib import import_module

import pytest
import torch

from wald.audits.statistics import consistency, sign_flips

from ..samples import rate_of, source


def test_sums_are_those_of_the_rows() -> None:
    chance = torch.rand(20, generator=source(0), dtype=torch.float64)
    label = (torch.arange(20) % 2).double()
    factor = torch.randn(3, 20, generator=source(1), dtype=torch.float64)
    found = consistency(factor, chance, label, 10, source(2))
    assert torch.allclose(found.observed, factor @ (label - chance))
    assert found.drawn.shape == (3, 10)
    assert found.flipped is None


def test_drawn_sums_have_the_spread_that_chances_give() -> None:
    chance = torch.rand(50, generator=source(0), dtype=torch.float64)
    factor = torch.randn(1, 50, generator=source(1), dtype=torch.float64)
    found = consistency(factor, chance, torch.zeros(50), 4_000, source(2))
    expected = (factor.square() * chance * (1 - chance)).sum().sqrt()
    assert float(found.drawn.std()) == pytest.approx(float(expected), rel=0.05)
    assert abs(float(found.drawn.mean())) < 0.1 * float(expected)


def test_in_pieces_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    file = import_module("wald.audits.statistics.consistency")

    chance, label = torch.full((30,), 0.5), torch.ones(30)
    whole = consistency(torch.ones(1, 30), chance, label, 20, source(0))
    monkeypatch.setattr(file, "_AT_ONCE", 90)
    pieces = consistency(torch.ones(1, 30), chance, label, 20, source(0))
    assert torch.equal(whole.drawn, pieces.drawn)


def test_flipped_signs_keep_what_clusters_sum_to() -> None:
    values = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
    found = sign_flips(values, torch.tensor([0, 0, 1, 1]), 200, source(0))
    assert set(found[0].tolist()) == {15.0, 9.0, -9.0, -15.0}
    assert set(sign_flips(values, None, 2_000, source(0))[0].abs().tolist()) == {
        1.0,
        3.0,
        5.0,
        7.0,
        9.0,
        11.0,
        13.0,
        15.0,
    }


@pytest.mark.parametrize("clusters", [False, True])
def test_right_forecasts_stay_inside_the_band(clusters: bool) -> None:
    cluster = torch.arange(300) // 6 if clusters else None

    def outside(trial: int) -> bool:
        chance = 0.1 + 0.8 * torch.rand(300, generator=source(trial), dtype=torch.float64)
        rank = torch.rand(300, generator=source(trial + 5_000), dtype=torch.float64)
        if cluster is not None:
            # Labels of a cluster that hang together.
            rank = torch.rand(50, generator=source(trial + 5_000), dtype=torch.float64)[cluster]
            chance = chance[:50][cluster]
        label = (rank < chance).double()
        found = consistency(torch.ones(1, 300), chance, label, 199, source(trial), cluster=cluster)
        low, high = found.band()
        return not float(low) <= float(found.observed) <= float(high)

    assert rate_of(outside, 200) <= 0.095
