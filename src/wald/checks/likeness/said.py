"""What was said of a loss: by a claim, and by the names under which it holds numbers itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import dataclasses
from dataclasses import dataclass
from typing import Any

from ...core import Loss
from ..subjects.standin import StandIn
from .agreement import enough, held_beside, same_reading
from .claim import Claim
from .conventions import conventions
from .declared import declared
from .fitting import same_inputs, starts
from .reading import ReadAs, read_as
from .words import with_fields


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidate:
    """A loss that is said to be one of the catalogue.

    Attributes:
        calls: the ways to call it that are known, each a function of the inputs of the catalogue's loss.
        claim: what was said.
        recipes: for each way, a line of Python that makes it under the name `loss`.
        names: what its own parameters are called.
        strict: whether its prediction was said to be a score.
        holder: what holds its fields, where that is not the first of the calls.
    """

    calls: tuple[Callable[..., Any], ...]
    claim: Claim
    recipes: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()
    strict: bool = False
    holder: Callable[..., Any] | None = None


class Said:
    """A candidate, and what was said of it.

    Attributes:
        candidate: the loss.
        claim: what it is said to be.
        refused: what it said to the first call that it refused.
    """

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.claim = candidate.claim
        self.refused = ""

    def readings(self) -> list[ReadAs]:
        """What it gives, in every way of calling it in which it gives numbers; those that are one come once."""
        found: list[ReadAs] = []
        for loss in self.groups():
            for call in self.candidate.calls:
                for convention in conventions(loss):
                    one = read_as(call, convention, loss)
                    if isinstance(one, str):
                        self.refused = self.refused or one
                    elif enough(one) and not any(same_reading(one, other) for other in found):
                        found.append(one)
                        if self.settled(one):
                            return found
        return found

    def settled(self, reading: ReadAs) -> bool:
        """Whether it is the loss as it was said, or at its defaults, so that no other way of calling need be tried."""
        losses = self.usual(reading)[:1]
        return any(held_beside(reading, loss).relation == "equal" for loss in losses)

    def groups(self) -> Iterator[Loss]:
        """One loss for each kind of inputs that the claim allows."""
        own = self.holder()
        losses = [own] if type(own) is self.claim.kind else []
        losses = losses if self.claim.loss is None else [self.claim.loss]
        losses += self.starts()
        seen: set[Any] = set()
        for loss in losses:
            key = same_inputs(loss)
            if key not in seen:
                seen.add(key)
                yield loss

    def usual(self, reading: ReadAs) -> list[Loss]:
        """The losses of the claim with the inputs of a reading; first what was said."""
        said = [self.claim.loss] if self.claim.loss is not None else self.declared(reading)
        key = same_inputs(reading.loss)
        found = [loss for loss in self.starts() if same_inputs(loss) == key]
        if self.claim.loss is None and said:
            # What was said is likelier, whatever the other fields are.
            said += [loss for one in found if (loss := with_fields(one, self.held(reading))) is not None]
        return list(dict.fromkeys(loss for loss in (*said, *found) if same_inputs(loss) == key))

    def starts(self) -> tuple[Loss, ...]:
        """The loss of the claim at its usual fields."""
        try:
            return starts(self.claim.kind)
        except TypeError:  # a loss of a loss has no usual fields
            return ()

    def declared(self, reading: ReadAs) -> list[Loss]:
        """The loss at the fields that the candidate itself holds; none where it holds none."""
        own = self.holder()
        if type(own) is self.claim.kind:
            return [own]
        held = self.held(reading)
        loss = with_fields(reading.loss, held) if held else None
        return [] if loss is None else [loss]

    def holder(self) -> Any:
        """The candidate itself, whatever stands in for it."""
        holder = self.candidate.holder or self.candidate.calls[0]
        return holder.loss if isinstance(holder, StandIn) else holder

    def held(self, reading: ReadAs) -> dict[str, float]:
        """The fields that the candidate holds by name."""
        return declared(self.holder(), reading.loss)

    def named(self, reading: ReadAs) -> set[str]:
        """The fields that were said, one by one or all together."""
        if self.claim.loss is not None:
            return {each.name for each in dataclasses.fields(self.claim.loss)}  # pyright: ignore[reportArgumentType]
        own = self.holder()
        if type(own) is self.claim.kind:
            return {each.name for each in dataclasses.fields(own)}  # pyright: ignore[reportArgumentType]
        return set(self.held(reading))

    def said(self, reading: ReadAs) -> Loss | None:
        """The loss that it should be, as far as its fields were said."""
        if self.claim.loss is not None:
            return self.claim.loss
        found = self.declared(reading)
        return found[0] if found else None
