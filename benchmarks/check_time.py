"""How long `wald check` takes, on one thread: the card, the edge battery and the whole report, by task.

Run: python benchmarks/check_time.py [--json FILE]. The losses are those of which the truth is known (tests/checks/
known.py). Each is measured once after a first check that loads what is loaded late; the copy of the process that a
foreign loss is measured in is part of the whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
import os
from pathlib import Path
import platform
from statistics import median
import sys
import time

import torch

import wald
from wald.checks.card import card_of
from wald.checks.measured import Measured
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import undisturbed
from wald.checks.subjects.target import resolve

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.checks import known


def losses() -> Iterator[tuple[str, str, object]]:
    for task, table in (("regression", known.STATISTICS), ("binary", known.LABELS), ("multiclass", known.CLASSES)):
        for name, (loss, *_) in table.items():
            yield task, name, loss


def timed(loss: object) -> dict[str, float]:
    """Seconds for the card, the edge battery and the whole."""
    with undisturbed():
        start = time.perf_counter()
        measured = Measured(subject_of(resolve(loss)))  # type: ignore[arg-type]
        card_of(measured)
        card = time.perf_counter() - start
        start = time.perf_counter()
        _ = measured.edges.rows
        edges = time.perf_counter() - start
    start = time.perf_counter()
    wald.check(loss)
    return {"card": card, "edges": edges, "whole": time.perf_counter() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wald.check(torch.nn.functional.mse_loss)
    wald.check(torch.nn.functional.cross_entropy)
    rows = [{"task": task, "name": name, **timed(loss)} for task, name, loss in losses()]
    for task in ("regression", "binary", "multiclass"):
        here = [row for row in rows if row["task"] == task]
        print(f"{task}: {len(here)} losses; seconds, median and most")
        for part in ("card", "edges", "whole"):
            longest = max(here, key=lambda row: row[part])
            middle = median(row[part] for row in here)
            print(f"  {part:6} {middle:6.2f} {longest[part]:6.2f}  ({longest['name']})")
    if arguments.json:
        facts = {"torch": torch.__version__, "processor": platform.processor() or platform.machine()}
        facts |= {"cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}
        arguments.json.write_text(json.dumps({"environment": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
