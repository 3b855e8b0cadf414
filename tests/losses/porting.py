"""docs/porting.md: what a loss of another library is called here, from the ports on the cards.

`python -m tests.losses.porting` writes the page anew; a test holds it to the cards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wald.cards import shelf
from wald.cards.ports import SHORT, library

PAGE = Path(__file__).parents[2] / "docs" / "porting.md"

BEGIN, END = "<!-- tables -->\n", "<!-- end of the tables -->\n"


def tables() -> str:
    """A table for each library, the largest first."""
    ports = [
        (port, entry.name, fields) for entry in shelf.catalogue().values() for port, fields in entry.card.ports.items()
    ]
    by_library: dict[str, list[tuple[str, str]]] = {}
    for port, name, fields in ports:
        told = f"{name}({', '.join(f'{field}={value!r}' for field, value in fields.items())})"
        by_library.setdefault(library(port), []).append((port, f"wald.{told}"))
    lines = list(_lines(by_library))
    return "\n".join(lines) + "\n"


def _lines(by_library: dict[str, list[tuple[str, str]]]) -> Iterator[str]:
    long = {short: name for name, short in SHORT.items()}
    yield f"{sum(map(len, by_library.values()))} losses of {len(by_library)} libraries."
    for name, rows in sorted(by_library.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        yield from ("", f"## {long.get(name, name)}", "", "| there | here |", "|---|---|")
        yield from (f"| `{there.partition('.')[2]}` | `{here}` |" for there, here in sorted(rows))


def written(page: str) -> str:
    """The page with its tables anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + tables() + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
