"""What the commands write with: the width there is, bold and dim where a person looks on, wrapped text."""

from __future__ import annotations

from collections.abc import Iterable
import json
import os
import shutil
import sys
import textwrap
from typing import Any, Final

#: Longer lines are hard to read, however wide the terminal is; a file gets this width too.
WIDEST: Final = 100


def columns() -> int:
    """How wide a line may be."""
    if "COLUMNS" not in os.environ and not sys.stdout.isatty():
        return WIDEST
    return min(max(shutil.get_terminal_size().columns, 40), WIDEST)


def bold(text: str) -> str:
    """`text`, bold on a terminal."""
    return _styled(text, "1")


def dim(text: str) -> str:
    """`text`, dim on a terminal."""
    return _styled(text, "2")


def wrapped(text: str, indent: int, *, first: str | None = None) -> list[str]:
    """`text` as lines, indented by `indent`; `first` stands in the indent of the first line."""
    margin = " " * indent
    lines = textwrap.wrap(
        " ".join(text.split()), columns() - indent, break_on_hyphens=False, break_long_words=False
    ) or [""]
    return [f"{margin if number or first is None else first}{line}".rstrip() for number, line in enumerate(lines)]


def rows(pairs: Iterable[tuple[str, str]], *, indent: int = 2, gap: int = 2, least: int = 0) -> list[str]:
    """Names in one column and what is said of them, wrapped, in another that begins `least` or more from the left."""
    pairs = list(pairs)
    widest = max([len(name) for name, _ in pairs] + [least - indent - gap], default=0)
    lines: list[str] = []
    for name, told in pairs:
        lines += wrapped(
            told, indent + widest + gap, first=f"{' ' * indent}{bold(name)}{' ' * (widest - len(name) + gap)}"
        )
    return lines


def shortened(text: str, width: int) -> str:
    """`text`, cut at a word so that it fits."""
    return text if len(text) <= width else textwrap.shorten(text, width, placeholder=" …")


def as_json(value: Any) -> str:
    """Strict JSON, legible for a person too; what JSON has no word for (a loss in a loss) is told as text."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str)


def _styled(text: str, code: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain or not text else f"\033[{code}m{text}\033[0m"
