"""What is said of a candidate once it is known what it is: how sure, in which words, with which fix."""

from __future__ import annotations

from dataclasses import replace
import math

from ...core import Loss
from ..mistakes import SCALES
from .agreement import in_batches, worst
from .claim import Found, Match, State
from .conventions import conventions
from .fitting import same_inputs
from .reading import ReadAs, read_as
from .said import Said
from .summing import Summing, summed
from .words import FLAWED, call_of, changes_of, choice, names_of, same_fields, scale_name, scale_words


class Telling(Said):
    """Everything that may be said of a candidate."""

    def equal_to(self, found: Found) -> Match:
        """It is the loss for each example; its fields and its batches are left to look at."""
        said = self.said(found.reading)
        if said is not None and not same_fields(found.loss, said, self.named(found.reading)):
            return self.otherwise(found, said)
        named = self.named(found.reading)
        if self.claim.loss is None and "direction" not in named and (flaw := FLAWED.get(choice(found.loss))):
            return Match(
                state="fail",
                says=f"{flaw}; it is {found.loss}",
                loss=self.usual(found.reading)[0],
                mistakes=(flaw.partition(":")[0],),
                likeness=found.likeness,
                reading=found.reading,
                worst=worst(found.reading, self.usual(found.reading)[0]),
                fix=f"Use {call_of(self.usual(found.reading)[0])}; if this was meant, claim {found.loss}.",
            )
        summing = summed(found.reading, found.loss, found.likeness)
        return self.reduced(found, summing)

    def reduced(self, found: Found, summing: Summing) -> Match:
        """It is the loss for each example: what it makes of a batch is left to tell."""
        reading, loss = found.reading, found.loss
        if summing.fields:
            loss = loss.replace(**summing.fields)
            found = replace(found, loss=loss)
            said = self.said(reading)
            if said is not None and not same_fields(loss, said, self.named(reading)):
                return self.otherwise(found, said)
        if summing.state == "pass":
            return self.passed(found, summing.says)
        exactly = (in_batches(reading, one, ("equal",)) for one in self.usual(reading))
        if summing.state == "fail" and (
            whole := next((one for one in exactly if one is not None), None) or in_batches(reading, loss)
        ):
            return self.mistake([whole])
        return Match(
            state=summing.state,
            says=f"each example costs what {loss} costs, but {summing.says}",
            loss=loss,
            mistakes=(summing.name,) if summing.name else (),
            likeness=found.likeness,
            reading=reading,
            fix=summing.fix or f"Use {call_of(loss)}.",
        )

    def passed(self, found: Found, reduction: str) -> Match:
        """It is the loss, in some convention."""
        state, told = self.called(found.reading)
        gap = found.likeness.gap
        near = "" if gap < 1e-9 else f", equal to within {gap:.1g}"
        return Match(
            state=state,
            says=f"it is {scale_words(found.likeness)}{found.loss}{near}; {reduction}{told}",
            loss=found.loss,
            likeness=found.likeness,
            reading=found.reading,
            fix=""
            if state == "pass"
            else f"Call it as {found.reading.convention.written(names_of(found.loss))}, or use {call_of(found.loss)}.",
        )

    def called(self, reading: ReadAs) -> tuple[State, str]:
        """Whether a convention other than the claim's is a trap, and how to call it."""
        convention = reading.convention
        kinds = convention.kinds()
        if not kinds & {"space", "labels"}:
            return "pass", "" if convention.plain else f"; it takes {convention.says()}"
        how = f"; it takes {convention.says()}: call it as {convention.written(names_of(reading.loss))}"
        first = self.candidate.names[0].lower() if self.candidate.names else ""
        if "space" in kinds and (self.candidate.strict or "logit" in first):
            return "fail", f"{how}, which is not what its name or the hint says"
        plain = next(conventions(reading.loss))
        other = read_as(reading.call, plain, reading.loss)
        if isinstance(other, str) or "prob" in first or first in ("p", "probs"):
            return "pass", how
        return "warn", f"{how}; given what {reading.loss} takes it says nothing and is wrong"

    def otherwise(self, found: Found, said: Loss) -> Match:
        """It is the loss, and at other fields than it says."""
        changes = changes_of(said, found.loss, self.named(found.reading))
        told = "; ".join(changes)
        other = self.claim.loss is not None or any(" acts as " not in one for one in changes)
        spaces = all(one.split()[0].endswith("_space") for one in changes)
        return Match(
            state="fail" if other and not spaces else "warn",
            says=f"{told}: it is {scale_words(found.likeness)}{found.loss}",
            loss=said,
            mistakes=tuple(changes),
            likeness=found.likeness,
            reading=found.reading,
            worst=worst(found.reading, said) if same_inputs(said) == same_inputs(found.reading.loss) else None,
            fix=f"Use {call_of(said)}; if this was meant, claim {found.loss}.",
        )

    def mistake(self, found: list[Found]) -> Match:
        """It is a mistake that has a name."""
        first = found[0]
        mistakes = [mistake for one in found if one.reading is first.reading for mistake in one.mistakes]
        names = tuple(dict.fromkeys(one.name for one in mistakes))
        scale = scale_words(first.likeness)
        told = " Or: ".join(dict.fromkeys(one.says for one in mistakes[:3]))
        harmless = all(one.harmless for one in mistakes)
        _, how = self.called(first.reading) if not first.reading.convention.plain else ("pass", "")
        return Match(
            state="pass" if harmless else "fail",
            says=f"{' or '.join(names[:3])}{f', {scale.strip()}' if scale else ''}: {told}{how}",
            loss=first.loss,
            mistakes=names,
            likeness=first.likeness,
            reading=first.reading,
            worst=worst(first.reading, first.loss),
            fix=mistakes[0].fix or f"Use {call_of(first.loss)}.",
        )

    def affine(self, found: Found) -> Match:
        """It is the loss up to a factor and a constant."""
        reading, loss, like = found.reading, found.loss, found.likeness
        if like.relation == "flipped":
            return Match(
                state="fail",
                says=f"sign flipped: it is {like.scale:.4g} times {loss}, so minimising it makes everything worse",
                loss=loss,
                mistakes=("sign flipped",),
                likeness=like,
                reading=reading,
                worst=worst(reading, loss),
                fix=f"Use {call_of(loss)}.",
            )
        reasons = [
            reason
            for reason, factor in SCALES.get(type(loss).__name__, ())
            if math.isclose(factor(loss), like.scale, rel_tol=1e-3)
        ]
        name = scale_name(like.scale, loss)
        state: State = "pass" if reasons and not like.shift else "fail" if name else "warn"
        if state == "pass" and self.claim.loss is not None:
            # Who named the fields meant this very loss, at this scale.
            state, name = "fail", name or reasons[0]
        if like.scale == 1 and not name:
            name = "constant added"
        told = f": {reasons[0]}" if reasons else f": {name}" if name else ""
        summing = summed(reading, loss, like)
        if summing.state == "fail" or (state == "pass" and summing.state == "warn"):
            return self.reduced(found, summing)
        if state == "pass":
            told += f"; {summing.says}"
        return Match(
            state=state,
            says=f"it is {scale_words(like)}{loss}{told}. Its minimiser is the same; a learning rate, and a sum with "
            "other terms, feel the difference",
            loss=loss,
            mistakes=(name,) if name and state != "pass" else (),
            likeness=like,
            reading=reading,
            worst=worst(reading, loss),
            fix=f"Use {call_of(loss)}, or say the factor in its documentation.",
        )

    def bent(self, found: Found) -> Match:
        """Its value is right, and its gradient is not."""
        loss = found.loss
        return Match(
            state="fail",
            says=f"its value is that of {loss}, and its gradient is another: a part of it is detached, rounded or "
            "computed outside the graph",
            loss=loss,
            mistakes=("gradient of another loss",),
            likeness=found.likeness,
            reading=found.reading,
            worst=found.likeness.worst,
            fix="Leave out detach(), .item() and torch.no_grad() where the prediction goes through, or use "
            f"{call_of(loss)}.",
        )

    def sloped(self, found: Found) -> Match:
        """Its gradient is right, and its value is not."""
        scale = "" if found.likeness.scale == 1 else f"{found.likeness.scale:.4g} times "
        return Match(
            state="warn",
            says=f"its gradient is {scale}that of {found.loss}, and its value differs by what depends on the target "
            "alone: it trains alike, and its numbers cannot be compared",
            loss=found.loss,
            likeness=found.likeness,
            reading=found.reading,
            worst=worst(found.reading, found.loss),
            fix=f"Use {call_of(found.loss)} where the value matters.",
        )
