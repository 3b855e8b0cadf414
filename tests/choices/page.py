"""How choices held on real data, as a table of docs/choosing.md: `make choosing` measures it anew."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from wald.findings.words import number_words

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "choosing.md"
MEASURED = ROOT / "benchmarks" / "choosing.json"

BEGIN, END = "<!-- table: real data -->\n", "<!-- end of the table -->\n"


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The table, a row for each data set."""
    lines = [
        "| data | predicted | rows | metric | it said | recommended | on the last third | best there | less good by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found.values():
        best = "the same" if one["best"] == one["recommended"] else f"{one['best']}, {number_words(one['best_value'])}"
        gap, low, high = (number_words(value) for value in one["behind"])
        behind = (
            "0"
            if one["best"] == one["recommended"]
            else f"{gap} [{low}, {high}]{' **surely**' if one['worse'] else ''}"
        )
        lines.append(
            f"| {one['source']} | {one['about']} | {one['rows'][0]:,} + {one['rows'][1]:,} | {one['metric']} | "
            f"{one['said']} | {one['recommended']} | {number_words(one['value'])} | {best} | {behind} |"
        )
    worse = sum(one["worse"] for one in found.values())
    lines += [
        "",
        f"Chosen on two thirds of the rows with the linear learner, judged on the last third ({len(found)} data sets; "
        "in order of time it is the latest third). The recommendation was surely less good than the best candidate "
        f"there in {worse} of {len(found)}. Each candidate was trained five times, on four fifths of the two thirds, "
        "and the spread of the five counts; intervals hold for all candidates of a row at once, at 95 %.",
    ]
    return "\n".join(lines) + "\n"


def written(page: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with this table."""
    start = page.index(BEGIN) + len(BEGIN)
    end = page.index(END) if END in page else start
    return f"{page[:start]}\n{table(found)}\n{END}{page[end:].removeprefix(END)}"


def main() -> None:
    """Write what was measured into the page."""
    found = json.loads(MEASURED.read_text("utf-8"))
    PAGE.write_text(written(PAGE.read_text("utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
