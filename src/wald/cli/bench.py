"""Measure on this machine how fast losses are, beside their floor, torch, and other libraries where installed.

NAME is a loss, or the name of a case or a part of it; without one all cases run. For a loss that no case is about, and
for one with fields, such as Focal(gamma=3), a case is made from its card, with inputs of the sizes that are usual in
its field: Wald, the bare definition where Wald has a faster way, and the floor; nothing is promised for it. The sides
of a case are timed in turn in one process, so that a machine that speeds up or slows down does so for all of them.
Figures are the median of the time of the processor, forward and backward, and on Linux the extra memory at its peak,
measured in a process of its own. "floor" is the least work that any implementation must do, such as three matrix
products, or a copy into fresh memory. What is promised for a case is promised at full size, with one thread.

Ctrl-C ends it early and keeps the cases that are done. `--out` writes the figures and, where matplotlib is installed,
a picture.

Examples:
  wald bench --list                         the cases, and what is promised
  wald bench CrossEntropy                   all cases of one loss, at sizes that take seconds
  wald bench Dice "Tukey(threshold=3)"      any other loss, at typical sizes
  wald bench "small call" --rounds 50       every case with these words in its name
  wald bench --full --out bench             the table of docs/performance.md: most of an hour
  wald bench Focal --full --compiled        beside torch.compile too, which needs ten seconds to warm up
  wald bench --json | jq '.cases[].bars'

Exit codes: 0 nothing failed, 1 a bar was missed at full size, 2 wrong usage, 130 stopped by Ctrl-C
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Final

from ..cards import shelf
from .expression import understand
from .frame import INTERRUPTED
from .progress import progress
from .terminal import as_json, rows

if TYPE_CHECKING:
    from ..timing import Case, Run, Settings


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald bench` takes."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help='any loss, or words of a case: Dice, "Focal(gamma=3)", "small call"'
    )
    parser.add_argument("--list", action="store_true", help="list the cases; run nothing")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", dest="size", action="store_const", const="quick", help="seconds a case, the default")
    sizes.add_argument("--full", dest="size", action="store_const", const="full", help="the sizes of the promises")
    parser.set_defaults(size="quick")
    parser.add_argument("--rounds", type=_count, default=0, metavar="N", help="how often each side is timed")
    parser.add_argument("--threads", type=_count, default=1, metavar="N", help="threads of torch (default 1)")
    parser.add_argument("--compiled", action="store_true", help="torch.compile as a rival")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="measure time alone")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also write bench.json and, with matplotlib, bench.png")
    parser.add_argument("--json", action="store_true", help="write JSON")


def run(arguments: Namespace) -> int:
    """Measure, write what was found, and return the exit code."""
    from ..timing import Settings
    from ..timing.cases import cases

    wanted = chosen(arguments.names, cases())
    if arguments.list:
        _list(wanted, arguments.json)
        return 0
    settings = Settings(
        size=arguments.size,
        rounds=arguments.rounds,
        threads=arguments.threads,
        compiled=arguments.compiled,
        memory=arguments.memory,
    )
    found = measured_run(wanted, settings)
    if arguments.json:
        print(found.json())
    elif not found.results:
        print("Stopped before the first case was measured.", file=sys.stderr)
    else:
        from rich.console import Console

        from ..timing.table import table

        Console(highlight=False, soft_wrap=True).print(table(found))
    if arguments.out is not None and found.results:
        _write(found, arguments.out, sys.stderr if arguments.json else sys.stdout)
    return INTERRUPTED if not found.complete else 1 if found.missed else 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"a whole number from 1 is wanted, got {text!r}")
    return int(text)


def chosen(names: Iterable[str], known: tuple[Case, ...]) -> list[Case]:
    """The cases that are meant, in the order of the table, and then those that are made from a card.

    Raises:
        KeyError: nothing has that name, neither a case nor a loss; the message gives the nearest.
        ValueError: a field of the loss is not known, or out of range.
    """
    names = list(names)
    if not names:
        return list(known)
    wanted: set[str] = set()
    made: dict[str, Case] = {}
    for name in names:
        found = {case.name for case in known if _meant(name, case)}
        wanted |= found
        if not found:
            case = _made(name, known)
            made[case.name] = case
    return [*(case for case in known if case.name in wanted), *made.values()]


def _made(name: str, known: tuple[Case, ...]) -> Case:
    """A case of a loss that none of the known ones is about."""
    from ..core import get, parse
    from ..timing.typical import typical

    if "(" in name:
        return typical(parse(name))
    try:
        meant = understand(name)
    except KeyError:
        raise KeyError(_unknown(name, known)) from None
    return typical(get(meant.entry.name)(**meant.values))


def _meant(name: str, case: Case) -> bool:
    asked = name.lower()
    return asked in (loss.lower() for loss in case.losses) or asked in case.name.lower()


def _unknown(name: str, known: tuple[Case, ...]) -> str:
    # A name without capitals is as near as one with them.
    losses = (*(loss for case in known for loss in case.losses), *(place.name for place in shelf.places()))
    choices = {loss.lower(): loss for loss in losses} | {case.name.lower(): case.name for case in known}
    near = get_close_matches(name.lower(), choices, n=1, cutoff=0.5)
    nearest = f"Did you mean {choices[near[0]]!r}? " if near else ""
    return (
        f"no case is about {name!r}, and no loss has that name. {nearest}`wald bench --list` and `wald list` have all."
    )


def measured_run(cases: list[Case], settings: Settings) -> Run:
    """Measure these cases; Ctrl-C ends it and keeps those that are done."""
    from ..timing import Run, measured
    from ..timing.machine import machine

    results = []
    complete = True
    with progress() as step:
        try:
            for number, case in enumerate(cases, 1):
                told = f"{number}/{len(cases)} {case.name}"
                results.append(
                    measured(
                        case, settings, lambda side, done, total, told=told: step(f"{told}: {side}"[:70], done, total)
                    )
                )
        except KeyboardInterrupt:
            complete = False
    return Run(machine=machine(), size=settings.size, threads=settings.threads, results=results, complete=complete)


_PLAIN: Final = "no bar"


def _list(cases: list[Case], json: bool) -> None:
    if json:
        facts = [
            {"name": case.name, "row": case.row, "losses": case.losses, "bars": [str(bar) for bar in case.bars]}
            for case in cases
        ]
        print(as_json({"schema": 1, "kind": "bench list", "cases": facts}))
        return
    told = ((case.name, "; ".join(map(str, case.bars)) or _PLAIN) for case in cases)
    print("\n".join(rows(told)))


def _write(found: Run, folder: Path, beside: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(found.json() + "\n", encoding="utf-8")
    written = [str(folder / "bench.json")]
    try:
        from ..timing.picture import picture

        drawn = picture(found)
        if drawn is not None:
            drawn.savefig(folder / "bench.png", dpi=150)
            written.append(str(folder / "bench.png"))
    except ImportError:
        print("A picture needs matplotlib: pip install 'wald[report]'.", file=sys.stderr)
    print(f"Written: {', '.join(written)}.", file=beside)  # pyright: ignore[reportArgumentType]
