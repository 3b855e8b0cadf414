"""Several trainings: is the one with the lower loss the better one?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from wald.audits.probes.runs import RUNS, critical
from wald.findings import Finding

from .samples import binary, evidence, found, rate_of, source

BASE = evidence(binary(60))


def told(rows: list[dict[str, Any]]) -> Finding:
    return found(RUNS.measure(replace(BASE, case=replace(BASE.case, runs=rows))))["M404"]


def runs(many: int, seed: int, *, slope: float, noise: float = 0.3, size: float = 0.0) -> list[dict[str, Any]]:
    """Runs whose metric follows the loss by `slope`, with a setting that moves both apart by `size`."""
    drawn = torch.randn(many, 2, generator=source(seed)).tolist()
    return [
        {
            "loss": 20 + size * (index % 3) + loss,
            "metric": 20 - size * (index % 3) + slope * loss + noise * other,
            "width": 16 * (index % 3 + 1),
            "seed": index,
        }
        for index, (loss, other) in enumerate(drawn)
    ]


def test_the_critical_agreement_is_that_of_the_tables() -> None:
    assert [round(critical(many), 2) for many in (10, 20, 50)] == [0.51, 0.33, 0.19]
    # Where it goes over from counting to the normal law.
    assert abs(critical(60) - critical(61)) < 0.005


def test_runs_in_order() -> None:
    good = told(runs(30, 0, slope=1.0))
    assert good.state == "pass"
    assert good.controls.right
    assert told(runs(30, 0, slope=-1.0)).state == "fail"


def test_a_setting_that_turns_the_order_around_is_held() -> None:
    finding = told(runs(30, 0, slope=1.0, noise=0.1, size=4.0))
    assert finding.evidence["τ as it is"] < 0
    assert finding.evidence["τ with settings held"] > 0.7
    assert "turn the agreement around" in finding.says
    assert finding.state == "pass"
    assert set(finding.evidence["τ one setting at a time"]) == {"width"}


def test_few_runs_show_nothing() -> None:
    few = told(runs(8, 0, slope=1.0))
    assert few.state == "inconclusive"
    assert "10 runs are the least" in few.says
    assert told([{"loss": 1.0, "metric": 2.0}]).state == "inconclusive"
    assert "no order" in told([{"loss": 1.0, "metric": float(one)} for one in range(12)]).says


def test_runs_that_hardly_differ_are_not_blamed() -> None:
    rows = [row | {"metric": 20 + 1e-3 * row["metric"]} for row in runs(30, 0, slope=-1.0)]
    finding = told(rows)
    assert finding.state == "inconclusive"
    assert "hardly matters" in finding.says


@pytest.mark.slow
def test_agreement_by_chance_is_rare() -> None:
    def alarm(trial: int) -> bool:
        return told(runs(20, trial, slope=0.0, noise=1.0)).state == "fail"

    assert rate_of(alarm, 30) <= 0.1


def test_words_as_settings_and_runs_that_diverged() -> None:
    rows = [row | {"optimiser": "adam" if row["seed"] % 2 else "sgd"} for row in runs(30, 0, slope=1.0)]
    rows[3]["loss"] = float("nan")
    finding = told(rows)
    assert finding.evidence["runs"] == 29
    assert set(finding.evidence["τ one setting at a time"]) == {"width", "optimiser"}
