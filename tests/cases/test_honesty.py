"""The published rates of error are those that were measured, and a part of them is measured again."""

from __future__ import annotations

import json

import pytest

from wald.audits.plan import PROBES

from . import page as twins
from .alarms import attempt, jobs
from .honesty import ENOUGH, FIGURES, PAGE, UNTRIED, page


def test_the_page_is_what_was_measured() -> None:
    figures = json.loads(FIGURES.read_text("utf-8"))
    assert PAGE.read_text("utf-8") == page(figures)
    told = {one["probe"]: one for one in figures["alarms"]}
    assert set(told) | set(UNTRIED) == {probe.name for probe in PROBES}
    for one in told.values():
        assert one["draws"] >= ENOUGH
        # 5 % and two points.
        assert one["alarms"] <= 0.07 * one["draws"], one
        assert one["broken"] == 0


def test_the_table_of_twins_names_them_all_and_none_is_wrong() -> None:
    lines = twins.PAGE.read_text("utf-8").splitlines()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}
    for twin in twins.TWINS:
        assert rows[twin.name].endswith("| yes |"), rows[twin.name]


@pytest.mark.slow
@pytest.mark.parametrize("probe", [one.name for one in PROBES if one.name not in UNTRIED])
def test_innocent_cases_are_left_alone(probe: str) -> None:
    # Other draws than those of the page.
    tried = [attempt((name, cell, seed + 77)) for name, cell, seed in jobs([probe], 1)[::3]]
    assert sum(bool(one.alarms) for one in tried) <= 2, [(one.cell, one.alarms) for one in tried if one.alarms]
    assert not [one.broken for one in tried if one.broken]
