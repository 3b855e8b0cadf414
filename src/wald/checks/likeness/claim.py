"""What is said of a loss, and what it turned out to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...core import Loss, get
from ..mistakes import Mistake
from ..subjects.target import TargetError, resolve
from .reading import ReadAs
from .traces import Likeness

State = Literal["pass", "warn", "fail", "error"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What was said.

    Attributes:
        kind: which loss.
        loss: with which fields; None where only its name was given.
    """

    kind: type[Loss]
    loss: Loss | None

    def __str__(self) -> str:
        return self.kind.__name__ if self.loss is None else str(self.loss)


def claim_of(said: object) -> Claim:
    """The claim that a name, an expression, a class or a loss of the catalogue makes.

    Raises:
        TargetError: it is none of these; the message names the nearest.
    """
    if isinstance(said, Loss):
        return Claim(kind=type(said), loss=said)
    if isinstance(said, type) and issubclass(said, Loss):
        return Claim(kind=said, loss=None)
    if not isinstance(said, str):
        raise TargetError(f"claims={said!r}: say a loss of the catalogue, as in claims='Focal(gamma=2)'.")
    if "(" not in said:
        try:
            return Claim(kind=get(said.strip()), loss=None)
        except KeyError as error:
            raise TargetError(str(error.args[0])) from None
    found = resolve(said).loss
    if not isinstance(found, Loss):
        raise TargetError(f"claims={said!r} is no loss of the catalogue; `wald list` has all of them.")
    return Claim(kind=type(found), loss=found)


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a loss turned out to be.

    Attributes:
        state: pass, warn, fail, or error where it could not be called.
        says: what was found, in a sentence.
        loss: the canonical loss: the one that it is, or the one that it was to be.
        mistakes: the known mistakes that it is, by name.
        likeness: how it follows from `loss`.
        reading: how it was called.
        worst: the unit where it differs most from `loss`.
        fix: what to do.
    """

    state: State
    says: str
    loss: Loss | None = None
    mistakes: tuple[str, ...] = ()
    likeness: Likeness = field(default_factory=lambda: Likeness(relation="different"))
    reading: ReadAs | None = None
    worst: int | None = None
    fix: str = ""


@dataclass(frozen=True)
class Found:
    """A loss of the catalogue, or a mistake of it, held beside a reading."""

    reading: ReadAs
    loss: Loss
    likeness: Likeness
    mistakes: tuple[Mistake, ...] = ()
