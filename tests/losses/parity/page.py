"""docs/parity.md: which loss was held to which package, of which version, and how far they were apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from .case import Agreement, Case, version
from .register import CASES, NOT_COMPARED

PAGE = Path(__file__).parents[3] / "docs" / "parity.md"

BEGIN, END = "<!-- tables -->\n", "<!-- end of the tables -->\n"

SLOPES = {"torch": "autograd", "itself": "its own", "differences": "differences"}


def rows(found: Mapping[Case, Agreement], day: str) -> dict[tuple[str, str], str]:
    """What was measured on a day, a line for each loss and name."""
    several: dict[tuple[str, str], list[Agreement]] = {}
    for case, agreed in found.items():
        several.setdefault((case.loss, case.name), []).append(agreed)
    return {key: _row(*key, agreed, day) for key, agreed in several.items()}


def _row(loss: str, name: str, several: list[Agreement], day: str) -> str:
    values = [agreed.value for agreed in several if agreed.value is not None]
    value = f"{max(values):.0e}" if values else "none"
    slope = f"{max(agreed.slope for agreed in several):.0e}"
    told = f"| `{loss}` | `{name}` | {version(name.partition('.')[0])} | {value} | {slope} |"
    return f"{told} {SLOPES[several[0].by]} | {day} |"


def rows_there(page: str) -> dict[tuple[str, str], str]:
    """The lines that the page has, by loss and name."""
    table, _, _ = page.partition("## Not compared")
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return {(cells[1].strip("` "), cells[2].strip("` ")): line for line in lines for cells in [line.split("|")]}


def rows_due() -> set[tuple[str, str]]:
    """The losses and names that it should have."""
    return {(case.loss, case.name) for case in CASES}


def tables(lines: Mapping[tuple[str, str], str]) -> str:
    """Those lines in order, what they add up to before them, and what is not compared after them."""
    return "\n".join(_lines(lines)) + "\n"


def _lines(lines: Mapping[tuple[str, str], str]) -> Iterator[str]:
    losses, names = {loss for loss, _ in lines}, {name.partition(".")[0] for _, name in lines}
    yield f"{len(losses)} losses are held to {len(names)} packages, under {len(lines)} names."
    yield ""
    yield from ("| loss | there | version | value | slope | slope there | on |", "|---|---|---|--:|--:|---|---|")
    yield from (line for _, line in sorted(lines.items()))
    yield from (
        "",
        "## Not compared",
        "",
        "Names on cards that no case stands for:",
        "",
        "| there | why |",
        "|---|---|",
    )
    yield from (f"| `{name}` | {why} |" for name, why in sorted(NOT_COMPARED.items()))


def written(page: str, found: Mapping[Case, Agreement]) -> str:
    """The page with its tables anew; what could not be asked today keeps the line of the day when it could."""
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    kept = {key: line for key, line in rows_there(old).items() if key in rows_due()}
    lines = kept | rows(found, datetime.now(UTC).date().isoformat())
    return before + BEGIN + tables(lines) + END + after
