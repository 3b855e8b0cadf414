"""A measured claim: yes, no or unresolved, and what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

Word = Literal["yes", "no", "unresolved"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One property of a loss, as measured.

    Attributes:
        word: what was found; None where the property has no meaning.
        why: what shows it, or why it could not be resolved, in one sentence.
        inputs: the inputs of the counter-example, one example each.
        facts: the numbers behind it.
        measured: whether it was looked for at all.
    """

    word: Word | None
    why: str = ""
    inputs: tuple[tuple[Tensor, ...], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    measured: bool = True


def yes(why: str = "", **facts: Any) -> Verdict:
    """It holds, as far as was looked."""
    return Verdict(word="yes", why=why, facts=facts)


def no(why: str, *inputs: tuple[Tensor, ...], **facts: Any) -> Verdict:
    """It does not hold, and here is where."""
    return Verdict(word="no", why=why, inputs=inputs, facts=facts)


def unresolved(why: str, **facts: Any) -> Verdict:
    """Looked for, and not settled either way."""
    return Verdict(word="unresolved", why=why, facts=facts)


def unmeasured(why: str) -> Verdict:
    """Not looked for, as there is no way to yet."""
    return Verdict(word="unresolved", why=why, measured=False)


#: The property has no meaning for such a loss.
MEANINGLESS = Verdict(word=None)
