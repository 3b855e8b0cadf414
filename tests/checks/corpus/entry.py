"""One loss of the corpus, and the shelf on which a family of them stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Made = TypeVar("Made", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A loss, what its author believes it to be, and, where it is wrong, what must be said of it.

    Attributes:
        name: what it is, in words; the name of its function.
        family: the shelf on which it stands.
        loss: what is checked: a function, a module, or a class that makes one.
        claims: the catalogue expression that its author would claim; None where there is none.
        task: the hint that its user would give; None where the checker must find out.
        domain: the same of where its prediction lives.
        code: the codes that name the defect, as a pattern; empty for a loss that is right.
        says: what must be read in a failing finding with such a code, as a pattern; any text if empty.
    """

    name: str
    family: str
    loss: Callable[..., Any]
    claims: str | None = None
    task: str | None = None
    domain: str | None = None
    code: str = ""
    says: str = ""

    @property
    def id(self) -> str:
        """Its name among all, as people write the same loss rightly and wrongly."""
        return f"{'wrong' if self.code else 'right'}, {self.family}: {self.name}"


@dataclass(frozen=True)
class Shelf:
    """The losses of one family; `hints` (task, domain) go for all of them."""

    family: str
    hints: dict[str, str] = field(default_factory=dict[str, str])
    entries: list[Entry] = field(default_factory=list[Entry])

    def wrong(self, code: str, says: str = "", **facts: str) -> Callable[[Made], Made]:
        """A decorator for a loss that has a defect: the codes that name it, the words, and what its author says."""

        def put(made: Made) -> Made:
            self.add(_words(made), made, code=code, says=says, **facts)
            return made

        return put

    def right(self, claims: str | None = None, **facts: str) -> Callable[[Made], Made]:
        """A decorator for a loss with nothing wrong."""

        def put(made: Made) -> Made:
            self.add(_words(made), made, claims=claims, **facts)
            return made

        return put

    def add(self, name: str, loss: Callable[..., Any], **facts: Any) -> None:
        """One that has no name of its own: a lambda, a partial, a module with arguments."""
        assert name not in {entry.name for entry in self.entries}, f"{name} is there already"
        self.entries.append(Entry(name=name, family=self.family, loss=loss, **{**self.hints, **facts}))


def _words(made: Callable[..., Any]) -> str:
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in made.__name__)
    return spaced.replace("_", " ").strip()
