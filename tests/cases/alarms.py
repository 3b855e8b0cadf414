"""How often each probe cries wolf, and how often it sees a wolf: measured for docs/audit-honesty.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import multiprocessing
import time

import torch

import wald
from wald.audits import Case
from wald.audits.plan import PROBES
from wald.audits.probe import LEVELS, Probe

from .innocent import CELLS, Cell, index, innocent

#: Probes that ask for a market.
_MARKET = {"scenarios", "extremes", "performance", "foresight"}


@dataclass(frozen=True)
class Tried:
    """One audit of an innocent case by one probe."""

    probe: str
    cell: Cell
    alarms: tuple[str, ...]
    wrong: tuple[str, ...]
    broken: tuple[str, ...]
    settled: bool
    seconds: float


def attempt(job: tuple[str, Cell, int]) -> Tried:
    """Let one probe loose on one innocent case."""
    torch.set_num_threads(1)
    name, cell, seed = job
    probe = next(one for one in PROBES if one.name == name)
    case = (index if name in _MARKET else innocent)(cell, seed)
    start = time.perf_counter()
    report = wald.audit(case, level=_level(probe), seed=seed, only=[name])
    found = [one for one in report.findings if not one.says.endswith("left out by only=")]
    return Tried(
        name,
        cell,
        tuple(one.code for one in found if one.state in ("fail", "warn")),
        tuple(one.code for one in found if one.controls.wrong),
        tuple(f"{one.code}: {one.says}" for one in found if one.state == "error"),
        any(one.state in ("pass", "fail", "warn") for one in found),
        time.perf_counter() - start,
    )


def _level(probe: Probe) -> str:
    return max(("quick", probe.least), key=LEVELS.index)  # type: ignore[arg-type]


def jobs(names: Iterable[str], each: int) -> list[tuple[str, Cell, int]]:
    """`each` draws of every cell for every probe; every draw has a seed of its own."""
    return [
        (name, cell, 1_000 * draw + place)
        for name in names
        for place, cell in enumerate(CELLS)
        for draw in range(each)
        if name not in _MARKET or not (cell.weights or cell.clusters)
    ]


def measure(work: list[tuple[str, Cell, int]], processes: int = 2) -> list[Tried]:
    """Do all of it."""
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(attempt, work, chunksize=4))


def power(make: Callable[[float, int], Case], sizes: Iterable[float], probe: str, code: str, draws: int) -> list[float]:
    """How often a defect of each size is found."""
    chosen = next(one for one in PROBES if one.name == probe)

    def seen(size: float, seed: int) -> bool:
        report = wald.audit(make(size, seed), level=_level(chosen), seed=seed, only=[probe])  # type: ignore[arg-type]
        return any(one.code == code and one.state in ("fail", "warn") for one in report.findings)

    return [sum(seen(size, seed) for seed in range(draws)) / draws for size in sizes]


def told(name: str, tried: list[Tried]) -> str:
    """What one probe did, in a line for whoever mends it."""
    alarms = [one for one in tried if one.alarms]
    where = sorted(
        {
            f"{one.cell.task[:3]}{one.cell.rows}{'w' * one.cell.weights}{'c' * one.cell.clusters}:"
            f"{','.join(one.alarms)}"
            for one in alarms
        }
    )
    return (
        f"{name}: {len(alarms)} of {len(tried)}; controls wrong {sum(bool(one.wrong) for one in tried)}; broke "
        f"{sum(bool(one.broken) for one in tried)}; settled {sum(one.settled for one in tried)}; "
        f"{sum(one.seconds for one in tried) / len(tried):.2f} s each; {where[:12]} "
        f"{sorted({text for one in tried for text in one.broken})[:2]}"
    )


if __name__ == "__main__":
    import sys

    for chosen in sys.argv[2:] or [probe.name for probe in PROBES]:
        print(told(chosen, measure(jobs([chosen], int(sys.argv[1])))), flush=True)
