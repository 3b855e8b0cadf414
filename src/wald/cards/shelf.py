"""The catalogue read as text: names, fields and cards of every loss, without loading torch.

A loss is written once, as a class. Its card and fields are expressions in the vocabulary of this floor, so
they can be worked out from the source alone; `wald list` and `wald show` answer that way in a moment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
import dataclasses
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
import inspect
from pathlib import Path
import re
from types import SimpleNamespace
from typing import Any

from .. import cards
from .card import Card
from .ports import kin

_USUAL = {"nn.": "torch.nn.", "F.": "torch.nn.functional."}

#: Where the losses are written.
LOSSES = Path(__file__).parent.parent / "losses"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One loss of the catalogue, as its source tells it.

    Attributes:
        name: the class name, which is the name in `wald`.
        area: the room of the catalogue that it is in; "" for a wrapper, which is in none.
        family: the class it extends: what its inputs are called.
        card: its card, as written.
        fields: its fields, each a `dataclasses.Field` made by `param`.
        doc: its docstring.
    """

    name: str
    family: str
    card: Card
    fields: Mapping[str, dataclasses.Field[Any]]
    doc: str
    area: str = ""

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return self.doc.partition("\n")[0]

    @property
    def defaults(self) -> dict[str, Any]:
        """Every field at its default, or at its first typical value where it has none."""
        return {
            name: [*field.metadata["choices"], *field.metadata["typical"]][0]
            if field.default is cards.REQUIRED
            else field.default
            for name, field in self.fields.items()
        }

    def at_defaults(self) -> Card:
        """The card of the loss with every field at its default."""
        return self.card.of(SimpleNamespace(**self.defaults))


@dataclass(frozen=True)
class Place:
    """Where a loss is written.

    Attributes:
        name: the class name.
        area: the room of the catalogue that it is in.
        path: the file.
    """

    name: str
    area: str
    path: Path

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        _, _, rest = _text(self.path).partition(f"\nclass {self.name}(")
        return rest.partition('"""')[2].partition("\n")[0].removesuffix('"""')


def places() -> tuple[Place, ...]:
    """Where every loss is written, in the order in which the catalogue exports them."""
    return _places(LOSSES)


@cache
def catalogue() -> dict[str, Entry]:
    """Every loss by name, in the order in which the catalogue exports them."""
    return _entries(places())


def areas() -> dict[str, str]:
    """What each area of the catalogue is about, in one line, in the order in which the catalogue exports them."""
    named = dict.fromkeys(place.area for place in places())
    return {area: ast.get_docstring(ast.parse(_text(LOSSES / area / "__init__.py"))) or "" for area in named}


def find(name: str) -> Entry:
    """The loss known by `name`: its own, an alias, or a name of another library; case does not matter.

    Raises:
        KeyError: no loss is known by that name; the message gives the nearest ones.
    """
    # As it is written where torch.nn and torch.nn.functional have been imported under their usual names.
    wanted = _plain(re.sub(r"^(nn\.|F\.)", lambda found: _USUAL[found[0]], name))
    short = wanted.removesuffix("loss")
    # Most files do not hold the name at all, and need not be understood.
    speak = [place for place in places() if short in _letters(place.path)]
    known = _known(_entries(speak))
    if (entry := known.get(wanted) or known.get(short)) is not None:
        return entry
    if (entry := _of_kin().get(kin(name))) is not None:
        return entry
    known = _known(catalogue())
    near = get_close_matches(wanted, known, n=6, cutoff=0.5) or [k for k in known if wanted[:3] == k[:3]]
    names = list(dict.fromkeys(known[key].name for key in near))[:3]
    hint = f"The nearest are {', '.join(names)}." if names else "`wald list` shows them all."
    raise KeyError(f"no loss is known as {name!r}. {hint}")


def search(words: str) -> list[Entry]:
    """The losses that speak of all these words, best first: a name counts more than a tag, a tag more than prose."""
    wanted = [re.escape(word.lower()) for word in words.split()]

    def score(entry: Entry) -> int:
        names = " ".join([entry.name, *entry.card.aliases]).lower()
        tags = " ".join([str(entry.at_defaults().task), entry.family, *entry.card.tags]).lower()
        prose = f"{entry.doc} {entry.card.when}".lower()
        each = [8 * bool(re.search(w, names)) + 4 * bool(re.search(w, tags)) + bool(re.search(rf"\b{w}", prose))
                for w in wanted]  # fmt: skip
        return sum(each) if all(each) else 0

    scored = [(score(entry), entry) for entry in catalogue().values()]
    return [entry for points, entry in sorted(scored, key=lambda pair: -pair[0]) if points]


def _known(among: Mapping[str, Entry]) -> dict[str, Entry]:
    """Every spelling, and whom it means: a name of our own before an alias, an alias before a name elsewhere."""
    entries = list(among.values())
    by_port = {_plain(name): entry for entry in entries for port in entry.card.ports for name in _tails(port)}
    full = {_plain(port): entry for entry in entries for port in entry.card.ports}
    by_alias = {spelling: entry for entry in entries for spelling in _spellings(entry)}
    return by_port | full | by_alias | {_plain(entry.name): entry for entry in entries}


@cache
def _of_kin() -> dict[str, Entry | None]:
    """Each function of a library by what all its names there have in common; None where that is two losses."""
    found: dict[str, Entry | None] = {}
    for entry in catalogue().values():
        for port in entry.card.ports:
            found[kin(port)] = entry if found.get(kin(port), entry) is entry else None
    return found


def _tails(port: str) -> list[str]:
    """The last part of a full name, with and without the word loss."""
    last = port.rpartition(".")[2]
    return [last, re.sub("(?i)_?loss$", "", last)]


def _spellings(entry: Entry) -> set[str]:
    names = {_plain(name) for name in (entry.name, *entry.card.aliases)}
    return names | {name.removesuffix("loss") for name in names}


def _plain(name: str) -> str:
    return "".join(name.lower().replace("_", "").replace("-", "").split())


@cache
def _places(folder: Path) -> tuple[Place, ...]:
    found: list[Place] = []
    for line in ast.parse((folder / "__init__.py").read_text("utf-8")).body:
        if isinstance(line, ast.ImportFrom) and line.level == 1 and line.module:
            area, _, file = line.module.rpartition(".")
            found += [Place(each.name, area, folder / area / f"{file}.py") for each in line.names]
    return tuple(found)


def _entries(written: Iterable[Place]) -> dict[str, Entry]:
    entries = ((place.name, _entry(place)) for place in written)
    return {name: entry for name, entry in entries if entry is not None}


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _letters(path: Path) -> str:
    """All that a file says, as names are compared."""
    return _plain(_text(path))


@cache
def _classes(path: Path) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(_text(path)).body if isinstance(node, ast.ClassDef)}


@cache
def _entry(place: Place) -> Entry | None:
    """The loss as its source tells it; None where the file has no class of that name."""
    node = _classes(place.path).get(place.name)
    if node is None:
        return None
    fields: dict[str, dataclasses.Field[Any]] = {}
    card: Card | None = None
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None:
            fields[line.target.id] = _value(line.value, node.name)
        elif isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "card":
            card = _value(line.value, node.name)
    if card is None:
        raise TypeError(f"{node.name} has no card")
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    return Entry(name=node.name, area=place.area, family=ast.unparse(node.bases[0]), card=card, fields=fields, doc=doc)


def _value(expression: ast.expr, owner: str) -> Any:
    """What an expression of a card or a field says; it may use this floor's names and plain Python only."""
    try:
        return eval(compile(ast.Expression(expression), owner, "eval"), dict(vars(cards)))  # noqa: S307
    except NameError as error:
        raise NameError(
            f"{owner}: {error}. Cards and fields may use the names of wald.cards and plain Python only, "
            "so that the catalogue can be read without torch."
        ) from None
