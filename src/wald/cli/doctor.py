"""Say what Wald finds on this machine: versions, processor, which fast implementations run here and why, extras.

Every loss runs everywhere, by its definition in torch. What makes some of them faster may be missing: a native library
that is compiled when Wald is installed and a C++ compiler is there, and Triton on a GPU. For what is missing it says
what to do. LOSS is as in `wald check`: for a loss of the catalogue it says which implementation runs, for a small and
for a large input, and which were passed over.

Examples:
  wald doctor
  wald doctor "Focal(gamma=2)"
  wald doctor CrossEntropy --json | jq -r '.loss.inputs[].runs'

Exit codes: 0 nothing is broken, 1 something that is installed cannot run, 2 wrong usage, 3 something errored
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
import os
from typing import Any

from .extras import Extra, extras
from .families import Family, families
from .terminal import as_json, bold, rows, wrapped


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald doctor` takes."""
    parser.add_argument("loss", nargs="?", metavar="LOSS", help='which implementation runs for it: "Focal(gamma=2)"')
    parser.add_argument("--json", action="store_true", help="write JSON")


def run(arguments: Namespace) -> int:
    """Look around, and write what was found."""
    from ..timing.machine import machine
    from .running import running

    found, around, more = families(), machine() | {"threads": _threads()}, extras()
    loss = None if arguments.loss is None else running(arguments.loss, found)
    faulty = any(family.faulty for family in found)
    if arguments.json:
        facts = {"schema": 1, "kind": "doctor", "verdict": "fail" if faulty else "pass", "machine": around}
        told = {"implementations": [asdict(f) for f in found], "extras": [asdict(e) for e in more]}
        print(as_json(facts | told | {"loss": None if loss is None else asdict(loss)}))
    else:
        lines = _of_the_machine(around, found, more) if loss is None else loss.lines()
        print("\n".join(lines))
    return 1 if faulty else 0


def _threads() -> dict[str, int]:
    import torch

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"torch": torch.get_num_threads(), "allowed": allowed}


def _of_the_machine(machine: dict[str, Any], found: list[Family], more: list[Extra]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    cores = f"{machine['cores']} cores, {machine['instructions']}, {machine['memory_gb']} GB"
    threads = machine["threads"]
    yield bold("This machine")
    yield from rows(
        [
            ("versions", f"Python {machine['python']}, {versions}"),
            ("processor", f"{machine['processor']}; {cores}"),
            ("threads", f"torch uses {threads['torch']}; this process may run on {threads['allowed']} cores"),
            ("GPU", machine["gpu"] or "none that torch sees"),
            ("system", machine["platform"]),
        ]
    )
    yield ""
    yield bold("Implementations")
    yield from rows([(family.name, _family(family)) for family in found])
    yield ""
    yield bold("Extras")
    yield from rows([(extra.name, _extra(extra)) for extra in more])
    if not more:
        yield from wrapped("not known, as this Wald runs from a folder and was not installed", 2)
    yield ""
    yield 'Which one runs for a loss: wald doctor "Focal(gamma=2)"'


def _family(family: Family) -> str:
    count = len(family.losses)
    told = f"{'yes' if family.runs else 'no'}: {family.says}; {count} loss{'' if count == 1 else 'es'}"
    return f"{told}. To mend that, {family.fix}" if family.fix else told


def _extra(extra: Extra) -> str:
    if not extra.missing:
        return f"yes: {extra.adds}"
    return f"no: {extra.adds}. pip install 'wald[{extra.name}]' adds {', '.join(extra.missing)}"
