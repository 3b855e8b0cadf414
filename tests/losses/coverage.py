"""What the catalogue covers of the losses that libraries ship and papers describe, and docs/not-included.md from it.

`coverage.tsv` has a row for each of 374 losses, found in 111 packages and in papers: how many packages ship it,
what it is called here, or why it is not here. `python -m tests.losses.coverage` writes the page anew.
"""

from __future__ import annotations

from collections.abc import Iterator
import csv
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "not-included.md"
TABLE = Path(__file__).parent / "coverage.tsv"

BEGIN, END = "<!-- tables -->\n", "<!-- end of the tables -->\n"

#: Their turn comes with an issue of their own.
LATER = ("preference optimisation", "reinforcement learning")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One loss of the survey.

    Attributes:
        family: its field.
        loss: its usual name.
        shipped_by: how many of the packages that were read ship it.
        here: the losses of the catalogue that are it.
        why: why it is not here, or is something else than a loss.
    """

    family: str
    loss: str
    shipped_by: int
    here: tuple[str, ...]
    why: str

    @property
    def covered(self) -> bool:
        """Whether it can be computed with a loss or a reduction of Wald."""
        return bool(self.here) or self.why.startswith("a reduction")


def rows() -> list[Row]:
    """The survey, in its order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                family=row["family"],
                loss=row["loss"],
                shipped_by=int(row["shipped_by"]),
                here=tuple(filter(None, row["here"].split(", "))),
                why=row["why"],
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]


def tables() -> str:
    """What is left out, family by family."""
    return "\n".join(_lines(rows())) + "\n"


def _lines(every: list[Row]) -> Iterator[str]:
    left = [row for row in every if not row.covered]
    yield f"Of {len(every)} losses of the survey {len(every) - len(left)} are here; {len(left)} are not."
    for family in dict.fromkeys(row.family for row in left):
        yield from ("", f"## {family.capitalize()}", "", "| loss | shipped by | why it is not here |", "|---|--:|---|")
        yield from (f"| {row.loss} | {row.shipped_by} | {row.why} |" for row in left if row.family == family)


def written(page: str) -> str:
    """The page with its tables anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + tables() + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
