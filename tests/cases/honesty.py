"""Measure how often the probes of an audit err, and write docs/audit-honesty.md from it.

`python -m tests.cases.honesty` measures anew (most of an hour on two cores) and writes the figures and the page;
`python -m tests.cases.honesty --page` writes the page from the figures that stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import sys
from typing import Any

from wald.audits.plan import PROBES

from .alarms import Tried, jobs, measure, power
from .graded import GRADED, ROWS
from .innocent import CELLS, SIZES

FIGURES = Path(__file__).parents[2] / "benchmarks" / "audit_honesty.json"
PAGE = Path(__file__).parents[2] / "docs" / "audit-honesty.md"

#: What an innocent case cannot show: trainings, which are tried on a few by the tests of each probe.
UNTRIED = ("retraining", "restarts", "terms", "interruptions")

#: Draws of an innocent case for a probe, at least.
ENOUGH = 200

_HEAD = """# How often an audit errs

Every probe of `wald audit`, let loose on cases in which nothing is wrong: a model that is the truth, on rows that are
what they seem (`tests/cases/innocent.py`), of 200, 1,000 and 5,000 rows, with and without weights, with and without
clusters of rows that are alike, for two classes, three classes and numbers; strategies are held against a market that
was simply bought. An alarm is a finding that fails or warns. The level of the tests is 5 %; at most 7 % may be alarms.

`settled` says in how many of the draws the probe came to a verdict at all: what it leaves open it calls
inconclusive, with the smallest effect that it could have seen. `control wrong` counts the draws in which the probe's
own planted defect was missed or its clean twin accused, so that it said nothing.

Measured {date}, {machine}. `make audit-honesty` measures anew; a slow test repeats a part.

| probe | draws | alarms | 200 rows | 1,000 rows | 5,000 rows | weights | clusters | settled | control wrong | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
"""

_POWER = """
Not tried here: {untried}. They train models or ask for terms, and their own tests hold them.

## How small a defect is seen

The share of {draws} data sets of {rows:,} rows in which a defect of each size is accused. Size 0 is no defect.

| probe | finding | the defect | size: share accused |
|---|---|---|---|
"""


def counted(name: str, tried: Sequence[Tried]) -> dict[str, Any]:
    """The figures of one probe."""

    def cells(**wanted: object) -> list[int]:
        chosen = [one for one in tried if all(getattr(one.cell, key) == value for key, value in wanted.items())]
        return [sum(bool(one.alarms) for one in chosen), len(chosen)]

    return {
        "probe": name,
        "draws": len(tried),
        "alarms": sum(bool(one.alarms) for one in tried),
        "codes": sorted({code for one in tried for code in one.alarms}),
        "wrong": sum(bool(one.wrong) for one in tried),
        "broken": sum(bool(one.broken) for one in tried),
        "settled": sum(one.settled for one in tried),
        "seconds": sum(one.seconds for one in tried) / max(1, len(tried)),
        "rows": {str(rows): cells(rows=rows) for rows in SIZES},
        "weights": cells(weights=True),
        "clusters": cells(clusters=True),
    }


def page(figures: Mapping[str, Any]) -> str:
    """The page, from the figures."""
    lines = [_alarms(one) for one in figures["alarms"]]
    told = [
        f"| {one['probe']} | {one['code']} | {one['what']} | "
        + ", ".join(f"{size:g}: {share:.0%}" for size, share in zip(one["sizes"], one["shares"], strict=True))
        + " |"
        for one in figures["power"]
    ]
    head = _HEAD.format(date=figures["date"], machine=figures["machine"])
    middle = _POWER.format(untried=", ".join(UNTRIED), draws=figures["draws"], rows=ROWS)
    return head + "\n".join(lines) + "\n" + middle + "\n".join(told) + "\n"


def _alarms(one: Mapping[str, Any]) -> str:
    def share(cells: Sequence[int]) -> str:
        return f"{cells[0]} of {cells[1]}" if cells[1] else "-"

    codes = f" ({', '.join(one['codes'])})" if one["codes"] else ""
    parts = [share(one["rows"][str(rows)]) for rows in SIZES] + [share(one["weights"]), share(one["clusters"])]
    return (
        f"| {one['probe']} | {one['draws']} | {one['alarms']} = {one['alarms'] / one['draws']:.1%}{codes} | "
        f"{' | '.join(parts)} | {one['settled'] / one['draws']:.0%} | {one['wrong']} | {one['seconds']:.2f} |"
    )


def measured(draws: int = 20) -> dict[str, Any]:
    """All of it, measured now."""
    from datetime import date
    import platform

    import torch

    each = -(-ENOUGH // len(CELLS))
    alarms: list[dict[str, Any]] = []
    for probe in PROBES:
        if probe.name in UNTRIED:
            continue
        work = jobs([probe.name], each)
        # A market has neither weights nor clusters, so more draws of it make as many.
        work = work if len(work) >= ENOUGH else jobs([probe.name], -(-each * ENOUGH // len(work)))
        alarms.append(counted(probe.name, measure(work)))
        print(_alarms(alarms[-1]), flush=True)
    seen = []
    for one in GRADED:
        shares = power(one.make, one.sizes, one.probe, one.code, draws)
        seen.append({"probe": one.probe, "code": one.code, "what": one.what, "sizes": one.sizes, "shares": shares})
        print(seen[-1], flush=True)
    return {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, torch {torch.__version__}, one thread a process",
        "draws": draws,
        "alarms": alarms,
        "power": seen,
    }


if __name__ == "__main__":
    if "--page" not in sys.argv:
        FIGURES.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(FIGURES.read_text("utf-8"))), encoding="utf-8")
