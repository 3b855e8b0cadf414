"""What the cards of the catalogue claim, and how many of the claims were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

import wald
from wald.checks.measured import Measured
from wald.checks.rules import claims, formula
from wald.checks.subjects.discover import Unknown, subject_of
from wald.checks.subjects.draw import variants
from wald.checks.subjects.subject import undisturbed
from wald.checks.subjects.target import resolve
from wald.findings import Finding

#: What each code is about. The formula is a claim like any other: that it is the loss.
CLAIMS = {code: name.replace("_", " ") for name, code in claims.CODES.items()} | {"W311": "formula"}


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What became of the claims of one card, by name.

    Attributes:
        loss: whose card it is, at its defaults.
        held: measured, and as the card says.
        failed: measured, and otherwise.
        unresolved: looked at, and neither shown nor refuted.
        unmeasured: of a kind that is not measured for such inputs: a formula in words, say.
    """

    loss: str
    held: tuple[str, ...]
    failed: tuple[str, ...]
    unresolved: tuple[str, ...]
    unmeasured: tuple[str, ...]

    @property
    def made(self) -> int:
        """How many claims the card makes."""
        return len(self.held) + len(self.failed) + len(self.unresolved) + len(self.unmeasured)


def claims_of(name: str) -> Claims:
    """Hold one card to what is measured, by the name of its loss."""
    torch.set_num_threads(1)
    with undisturbed():
        found = list(_findings(next(iter(variants(wald.get(name))))))

    def of(*states: str) -> tuple[str, ...]:
        return tuple(CLAIMS[one.code] for one in found if one.state in states)

    return Claims(
        loss=name,
        held=of("pass"),
        failed=of("fail", "error"),
        unresolved=of("inconclusive"),
        unmeasured=of("not_run", "not_applicable"),
    )


def _findings(loss: wald.Loss) -> Iterator[Finding]:
    subject = subject_of(resolve(loss))
    assert not isinstance(subject, Unknown)
    measured = Measured(subject)
    yield from claims.RULE.look(measured)
    yield from formula.RULE.look(measured)


def line(found: Sequence[Claims]) -> str:
    """All of it in one line."""
    held, failed, unresolved, unmeasured = (
        sum(len(getattr(one, state)) for one in found) for state in ("held", "failed", "unresolved", "unmeasured")
    )
    return (
        f"{len(found)} losses: {sum(one.made for one in found):,} claims: {held:,} held, {failed:,} failed, "
        f"{unresolved:,} unresolved, {unmeasured:,} not measurable"
    )


def whose(found: Sequence[Claims], state: str) -> dict[str, list[str]]:
    """Of each claim the losses for which it is in this state."""
    losses: dict[str, list[str]] = {}
    for one in found:
        for claim in getattr(one, state):
            losses.setdefault(claim, []).append(one.loss)
    return dict(sorted(losses.items()))
