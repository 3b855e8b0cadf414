"""Logs of a training: what agrees, what parts, what is gamed, and what broke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from wald.audits.probes.history import HISTORY
from wald.audits.training.series import drift, smooth, together
from wald.audits.training.trials import mean_of, next_of, student
from wald.findings import Finding

from .samples import binary, evidence, found, rate_of, source

BASE = evidence(binary(60))


def logged(**history: Tensor) -> dict[str, Finding]:
    named = {name.replace("_", "-"): values.tolist() for name, values in history.items()}
    return found(HISTORY.measure(replace(BASE, case=replace(BASE.case, history=named))))


def noise(epochs: int, seed: int, size: float = 1.0) -> Tensor:
    return size * torch.randn(epochs, generator=source(seed), dtype=torch.float64)


def falling(epochs: int) -> Tensor:
    return 0.3 + torch.exp(-5 * torch.linspace(0, 1, epochs, dtype=torch.float64))


def test_students_interval_is_the_one_of_the_tables() -> None:
    assert [round(student(freedom), 3) for freedom in (4, 10, 30)] == pytest.approx([2.776, 2.228, 2.042], abs=2e-3)
    assert mean_of(torch.tensor([1.0])).interval == (-torch.inf, torch.inf)
    low, high = next_of(torch.tensor([1.0, 2.0, 3.0]))
    assert low < -1 < 5 < high


def test_random_walks_have_nothing_to_do_with_each_other() -> None:
    def alarm(trial: int) -> bool:
        loss, metric = (30 + noise(100, 2 * trial + one).cumsum(0) for one in (0, 1))
        return any(
            one.state in ("warn", "fail") for one in logged(loss=loss, metric=metric).values() if one.code[0] == "M"
        )

    assert rate_of(alarm, 60) <= 0.1


def test_changes_of_independent_logs_agree_one_time_in_twenty() -> None:
    def surely(trial: int) -> bool:
        first, second = (noise(60, 2 * trial + one) for one in (0, 1))
        if trial % 2:
            first, second = first.cumsum(0), second.cumsum(0)
        low, high = together(first, second)[1]
        return low > 0 or high < 0

    assert rate_of(surely, 300) <= 0.07


def remembering(epochs: int, seed: int) -> Tensor:
    """A log whose changes go on for a while."""
    change, at = [], 0.0
    for new in noise(epochs, seed).tolist():
        at = 0.7 * at + new
        change.append(at)
    return torch.tensor(change, dtype=torch.float64).cumsum(0)


def test_logs_that_remember_agree_no_more_often() -> None:
    def surely(trial: int) -> bool:
        low, high = together(remembering(80, 2 * trial), remembering(80, 2 * trial + 1))[1]
        return low > 0 or high < 0

    assert rate_of(surely, 200) <= 0.08


def test_a_random_walk_drifts_one_time_in_twenty() -> None:
    def surely(trial: int) -> bool:
        went = drift(noise(60, trial).cumsum(0))
        return went.up or went.down

    assert rate_of(surely, 400) <= 0.075
    assert drift(noise(60, 0, 0.1) + torch.linspace(0, 1, 60)).up


def test_loss_and_metric_in_step() -> None:
    shared = noise(60, 0, 0.03)
    told = logged(loss=falling(60) + shared, metric=falling(60) + shared + noise(60, 1, 0.01))
    assert told["M403"].state == "pass"
    assert told["T806"].state == "pass"
    assert told["M406"].state in ("pass", "inconclusive")


def test_loss_and_metric_against_each_other() -> None:
    walk = noise(60, 0).cumsum(0)
    assert logged(loss=50 + walk, metric=50 - walk + noise(60, 1, 0.2))["M403"].state == "fail"


def test_the_epoch_where_they_part() -> None:
    place = torch.linspace(0, 1, 100, dtype=torch.float64)
    metric = 0.3 + torch.exp(-8 * place) + 0.4 * (place - 0.4).clamp_min(0) + noise(100, 0, 0.005)
    told = logged(loss=falling(100) + noise(100, 1, 0.005), metric=metric)["M406"]
    assert told.state == "fail"
    low, high = told.evidence["its interval"]
    assert low <= 45 <= high + 8
    assert 35 < told.evidence["best epoch"] < 60
    assert told.controls.right
    both = logged(loss=metric, metric=metric)["M406"]
    assert both.state == "pass"
    assert "loss rose with it" in both.says


def test_a_reward_that_is_gamed() -> None:
    place = torch.linspace(0, 1, 120, dtype=torch.float64)
    reward = 3 * place + noise(120, 0, 0.1)
    gamed = logged(reward=reward, held_out=place - 1.5 * place**2 + noise(120, 1, 0.02), kl=20 * place)["G310"]
    assert gamed.state == "fail"
    assert "kl rose" in gamed.says
    assert gamed.question == "gaming"
    honest = logged(reward=reward, held_out=1 - torch.exp(-2 * place) + noise(120, 2, 0.02))["G310"]
    assert honest.state == "pass"
    flat = logged(reward=noise(120, 3), held_out=-place + noise(120, 1, 0.02))["G310"]
    assert flat.state == "inconclusive"


@pytest.mark.parametrize(
    ("spoil", "state", "word"),
    [
        (lambda log: log.index_fill(0, torch.tensor([17]), torch.nan), "fail", "NaN or infinite in 1 of 60"),
        (lambda log: log + 3 * (torch.arange(60) == 30), "warn", "leaps"),
        (lambda log: torch.full_like(log, 0.7) + noise(60, 4, 1e-4), "warn", "never falls"),
        (lambda log: log, "pass", "falls"),
    ],
)
def test_faults_of_the_log_itself(spoil: Callable[[Tensor], Tensor], state: str, word: str) -> None:
    told = logged(loss=spoil(falling(60) + noise(60, 0, 0.01)))["T806"]
    assert told.state == state
    assert word in told.says


def test_noisy_logs_are_not_broken() -> None:
    def alarm(trial: int) -> bool:
        rough = noise(200, trial, 0.05) / (0.3 + noise(200, 999 + trial).abs()).sqrt()
        return logged(loss=falling(200) + rough)["T806"].state != "pass"

    assert rate_of(alarm, 60) <= 0.05


def test_what_cannot_be_compared_says_so() -> None:
    assert "log both at the same epochs" in logged(loss=noise(40, 0), metric=noise(20, 1))["M403"].says
    assert "12 are the least" in logged(loss=noise(5, 0), metric=noise(5, 1))["M403"].says
    assert logged(other=noise(20, 0))["M403"].state == "not_run"
    broken = noise(40, 0).index_fill(0, torch.tensor([3]), torch.inf)
    assert logged(loss=broken, metric=noise(40, 1))["M403"].state == "inconclusive"
    assert logged(loss=torch.ones(40), metric=noise(40, 1))["M403"].state == "inconclusive"


def test_smoothing_leaves_a_slope_alone() -> None:
    line = torch.arange(30, dtype=torch.float64)
    torch.testing.assert_close(smooth(line, 7), line)
