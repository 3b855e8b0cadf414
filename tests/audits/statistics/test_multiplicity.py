"""Many tests at once."""

import pytest
import torch

from wald.audits.statistics import benjamini_hochberg, holm

from ..samples import source


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_holds_the_chance_of_any_false_alarm() -> None:
    drawn = torch.rand(1_000, 12, generator=source(0), dtype=torch.float64).tolist()
    alarms = sum(min(holm(p)) <= 0.05 for p in drawn) / len(drawn)
    assert 0.03 <= alarms <= 0.07


def test_benjamini_and_hochberg_by_hand() -> None:
    pytest.importorskip("scipy")
    p = [0.001, 0.2, 0.012, 0.03, 0.9]
    ranked = sorted(p)
    raw = [min(ranked[k] * len(p) / (k + 1) for k in range(rank, len(p))) for rank in range(len(p))]
    assert benjamini_hochberg(p) == pytest.approx([min(1, raw[ranked.index(one)]) for one in p])
    assert benjamini_hochberg([]) == []


def test_benjamini_and_hochberg_hold_the_share_that_is_false() -> None:
    pytest.importorskip("scipy")
    false: list[float] = []
    for trial in range(400):
        z = torch.randn(20, generator=source(trial), dtype=torch.float64)
        z[:5] += 4
        p = (2 * (1 - torch.distributions.Normal(0.0, 1.0).cdf(z.abs()))).clamp(0, 1).tolist()
        found = [place for place, one in enumerate(benjamini_hochberg(p)) if one <= 0.1]
        false.append(sum(place >= 5 for place in found) / max(1, len(found)))
    # 0.1 times the share of true nulls, three quarters.
    assert sum(false) / len(false) == pytest.approx(0.075, abs=0.025)
