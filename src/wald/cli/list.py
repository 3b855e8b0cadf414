"""List the losses of the catalogue, each in one line.

Words narrow the list to the losses that speak of all of them, in their names, in the names that other
libraries give them, in their tags or in their description; the best match comes first. It reads the catalogue
as text and loads nothing, so it answers at once.

Examples:
  wald list                       all of them, by what they are for
  wald list imbalanced            losses for a rare class
  wald list robust regression     losses that speak of both
  wald list --area segmentation   losses of one area
  wald list --json | jq -r '.losses[].name'
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from ..cards import shelf
from ..cards.shelf import Entry, Place
from .terminal import as_json, bold, columns, shortened
from .wrappers import outlines


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald list` takes."""
    parser.add_argument("words", nargs="*", metavar="WORDS", help="only losses that speak of all these words")
    parser.add_argument("--area", help="only losses of this area of the catalogue, such as segmentation")
    parser.add_argument("--json", action="store_true", help="write JSON, with aliases, tags and claims")


def run(arguments: Namespace) -> int:
    """Write the list."""
    words = " ".join(arguments.words)
    found = shelf.search(words) if words else shelf.places()
    area = arguments.area and _area(arguments.area)
    found = [each for each in found if not area or each.area == area]
    wrappers = {
        name: doc.partition("\n")[0] for name, doc in outlines().items() if _speaks(f"{name} {doc}", words) and not area
    }
    if arguments.json:
        losses = [_facts(shelf.catalogue()[each.name]) for each in found]
        around = [{"name": name, "summary": summary} for name, summary in wrappers.items()]
        facts = {"schema": 1, "kind": "list", "words": words, "count": len(found), "losses": losses, "wrappers": around}
        print(as_json(facts))
    else:
        print("\n".join(_lines(found, wrappers, words)))
    return 0


def _area(name: str) -> str:
    """The area that is called so, written in any way."""
    areas = {area.replace("_", ""): area for area in shelf.areas()}
    found = areas.get(name.lower().replace("_", "").replace("-", "").replace(" ", ""))
    if found is None:
        raise ValueError(f"there is no area {name!r}. The areas are {', '.join(areas.values())}.")
    return found


def _speaks(text: str, words: str) -> bool:
    return all(word in text.lower() for word in words.lower().split())


def _lines(found: Sequence[Entry | Place], wrappers: dict[str, str], words: str) -> Iterator[str]:
    if not found and not wrappers:
        yield f"No loss speaks of {words!r}. Try fewer words, the beginning of one, or `wald list` for all of them."
        return
    # Found by words, losses stay in the order in which they fit; all of them are sorted by what they are for.
    fitting = "Losses that fit, best first"
    areas = shelf.areas()
    groups: dict[str, dict[str, str]] = {heading: {} for heading in ([fitting] if words else areas.values())}
    for each in found:
        groups[fitting if words else areas[each.area]][each.name] = each.summary
    groups["Wrappers: a loss of a loss"] = wrappers
    for heading, group in groups.items():
        margin = max(map(len, group), default=0) + 4
        yield from [bold(shortened(heading, columns()))] if group else []
        for name, summary in group.items():
            yield f"  {bold(name)}{' ' * (margin - 2 - len(name))}{shortened(summary, columns() - margin)}"
        yield from [""] if group else []
    about = f" that speak of {words!r}" if words else ""
    example = found[0].name if found else next(iter(wrappers))
    yield f"{_count(len(found), len(wrappers))}{about}. `wald show {example}` is the page of one."


def _count(losses: int, wrappers: int) -> str:
    counts = [(losses, "loss", "losses"), (wrappers, "wrapper", "wrappers")]
    return " and ".join(f"{n} {one if n == 1 else many}" for n, one, many in counts if n)


def _facts(entry: Entry) -> dict[str, Any]:
    card = entry.at_defaults().to_dict()
    told = ("task", "formula", "elicits", "proper", "convex", "coupling", "aliases", "tags")
    return {"name": entry.name, "area": entry.area, "family": entry.family, "summary": entry.summary} | {
        k: card[k] for k in told
    }
