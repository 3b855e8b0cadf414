"""The table of docs/performance.md, measured anew on this machine: `make bench`, most of an hour.

Run: python benchmarks/fast.py [NAME ...] [--rounds N]. It measures the cases of `wald bench` at full size, or those
with one of these names or words, and writes them into benchmarks/fast-DATE.json, where cases that were measured earlier
on the same day stay as they are. On a machine with a GPU it measures the cases for a GPU, into gpu-DATE.json.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
import json
from pathlib import Path
import sys

import torch

from wald.cli.bench import chosen, measured_run
from wald.timing import Case, Settings
from wald.timing.cases import cases

HERE = Path(__file__).parent

_SAID = {True: "met", False: "NOT met", None: "not measured"}


def kept(case: Case, place: Path, settings: Settings) -> None:
    """Measure one case and write it beside those that are there, in the order of the table."""
    run = measured_run([case], settings)
    if not run.complete:
        raise KeyboardInterrupt
    found = run.as_dict()
    earlier = json.loads(place.read_text("utf-8"))["cases"] if place.exists() else []
    known = {each["name"]: each for each in [*earlier, *found["cases"]]}
    # A case that is no more is forgotten.
    found["cases"] = [known[each.name] for each in cases() if each.name in known]
    place.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for bar in run.results[0].bars:
        print(f"  {bar.promise}: {bar.found} {_SAID[bar.met]}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=0)
    arguments = parser.parse_args()
    settings = Settings(size="full", rounds=arguments.rounds)
    gpu = torch.cuda.is_available()
    place = HERE / f"{'gpu' if gpu else 'fast'}-{datetime.now(UTC):%Y-%m-%d}.json"
    for case in chosen(arguments.names, cases()):
        if gpu and case.device != "cuda":
            continue
        print(case.name, file=sys.stderr)
        kept(case, place, settings)


if __name__ == "__main__":
    main()
