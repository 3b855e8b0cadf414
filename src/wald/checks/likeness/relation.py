"""How one loss follows from another: the relation, where they differ most, and how each reduces a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from torch import Tensor

from ...findings import Finding, Report, State
from ..rules.rule import literal
from ..subjects.subject import Subject
from .battery import BATCH
from .beside import Beside, coupled
from .extremes import parts
from .traces import Trace, compared

Relation = Literal["equal", "equal up to scale and shift", "same direction", "different"]
QUESTION: Final = "are they the same"
_STATES: Final[dict[Relation, State]] = {
    "equal": "pass",
    "equal up to scale and shift": "warn",
    "same direction": "warn",
    "different": "fail",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found of two losses, as plain values."""

    card: dict[str, Any] = field(default_factory=dict[str, Any])
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    told: str = ""
    error: str = ""

    def report(self, subject: str, seed: int) -> Report:
        """The report of it."""
        findings = self.findings
        if self.error:
            fix = "Say what they are for, with task= and domain=, or give each to `wald check`, which says more."
            findings = (Finding(code="W711", state="error", question=QUESTION, says=self.error, fix=fix),)
        return Report(
            kind="diff",
            subject=subject,
            card=self.card,
            findings=findings,
            notes=self.notes,
            answers={QUESTION: self.told} if self.told else {},
            seed=seed,
        )


class Difference:
    """Two losses on common ground."""

    def __init__(self, one: Subject, other: Subject, pair: Beside, reductions: tuple[str, ...]) -> None:
        self.one, self.other, self.pair, self.reductions = one, other, pair, reductions
        self.like = compared(pair.other.alone, pair.one.alone)

    def answer(self) -> Answer:
        """Everything that is told of them."""
        relation, scale, shift, why = self._relation()
        told = why
        reduction = self._reduction(relation)
        where = self._where(relation)
        if reduction and relation == "equal" and "none" not in self.reductions:
            relation = "equal up to scale and shift"
            told = f"{told} on each example, and not on a batch"
        state = _STATES[relation]
        findings = [
            Finding(
                code="W711",
                state=state,
                question=QUESTION,
                says=f"{told}{where}",
                fix="" if state == "pass" else self._fix(relation),
                evidence=self._evidence(relation),
                method="value and gradient on the same inputs",
            )
        ]
        if reduction:
            findings.append(
                Finding(
                    code="W712",
                    state="warn",
                    question=QUESTION,
                    says=reduction,
                    fix="Give both the same reduction before you compare their numbers.",
                    method="the value of a batch beside those of its examples",
                )
            )
        notes = list(self._notes())
        if relation in ("equal", "equal up to scale and shift"):
            same = parts(self.pair.one, self.pair.other, self._domains(), scale, shift)
            notes += [f"equal on typical inputs, but {part}" for part in same]
        card = {
            "relation": relation,
            "scale": scale if relation != "different" else None,
            "shift": shift if relation in ("equal", "equal up to scale and shift") else None,
            "reductions": list(self.reductions),
            "largest_difference": self.like.gap if self.like.gap < 1e12 else None,
        }
        return Answer(card=card, findings=tuple(findings), notes=tuple(notes), told=told if state == "pass" else "")

    def _relation(self) -> tuple[Relation, float, float, str]:
        like, b, a = self.like, self.other.name, self.one.name
        match like.relation:
            case "equal":
                if self._batches_agree(1.0, 0.0):
                    within = "" if like.gap < 1e-9 else f", to within {like.gap:.1g}"
                    return "equal", 1.0, 0.0, f"{b} equals {a}{within}"
            case "affine":
                if self._batches_agree(like.scale, like.shift):
                    factor = "" if like.scale == 1 else f"{like.scale:.6g} times "
                    plus = f", plus {like.shift:.6g}" if like.shift else ""
                    return "equal up to scale and shift", like.scale, like.shift, f"{b} is {factor}{a}{plus}"
            case "slopes" if like.scale > 0:
                if self._batches_agree(like.scale, None):
                    factor = "" if like.scale == 1 else f"{like.scale:.6g} times "
                    return (
                        "same direction",
                        like.scale,
                        0.0,
                        f"the gradient of {b} is {factor}that of {a}, and the value differs by what does not depend "
                        "on the prediction",
                    )
            case "flipped":
                return "different", like.scale, like.shift, f"{b} is {like.scale:.6g} times {a}: the sign is reversed"
            case "gradient":
                return "different", 1.0, 0.0, f"{b} has the value of {a}, and another gradient"
            case _:
                pass
        if self._same_direction():
            return (
                "same direction",
                1.0,
                0.0,
                f"the gradients of {a} and {b} point the same way in every batch, and their lengths differ from batch "
                "to batch: one is a transform of the other's mean",
            )
        alone = like.relation in ("equal", "affine", "slopes")
        meets = "; they agree on every example alone, and part in batches" if alone else ""
        return "different", 1.0, 0.0, f"{a} and {b} differ{meets}"

    def _batches_agree(self, scale: float, shift: float | None) -> bool:
        """Whether batches follow as examples do, up to how many examples there are."""
        if self.pair.one.coupled:
            return True
        try:
            a, b = self.pair.one.together, self.pair.other.together
        except Exception:
            return True
        found = compared(b, a)
        if found.relation == "equal":
            return True
        if found.relation not in ("affine", "slopes"):
            return False
        counts = (scale, scale * BATCH, scale / BATCH)
        return any(abs(found.scale - one) <= 1e-3 * one for one in counts) and (
            shift is None or found.relation == "affine"
        )

    def _same_direction(self) -> bool:
        """Whether the gradients of whole batches are parallel."""
        try:
            a, b = (coupled(reading).together.slopes for reading in (self.pair.one, self.pair.other))
        except Exception:
            return False
        size = a.norm(dim=1) * b.norm(dim=1)
        return bool(((a * b).sum(1) > (1 - 1e-6) * size).all()) and bool((size > 0).all())

    def _reduction(self, relation: Relation) -> str:
        mine, its = self.reductions
        if (
            relation == "different"
            or mine == its
            or self.pair.one.coupled
            or "unresolved" in self.reductions
            or "transform" in mine + its
        ):
            return ""
        return (
            f"an example costs the same, but {self.one.name} gives {_words(mine)} and {self.other.name} {_words(its)}"
        )

    def _domains(self) -> tuple[tuple[str, Any], ...]:
        return tuple(
            (name, domain if domain.says != "-1 or 1" else _label(self.other, place))
            for place, (name, domain) in enumerate(self.one.domains)
        )

    def _notes(self) -> list[str]:
        told: list[str] = []
        for subject, reading in ((self.one, self.pair.one), (self.other, self.pair.other)):
            if not reading.convention.plain:
                told.append(
                    f"{subject.name} takes {reading.convention.says()}; it was called as "
                    f"{reading.convention.written(self.pair.names)}"
                )
        return told

    def _fix(self, relation: Relation) -> str:
        if relation == "equal up to scale and shift":
            return "Multiply one of them, or its learning rate and its weight in a sum, by the factor."
        if relation == "same direction":
            return "They train alike up to the learning rate; do not compare their values."
        return "Decide which of them is meant; `wald check TARGET --claims NAME` tells what each is."

    # Where they differ.

    def _rows(self) -> slice:
        if self.pair.one.coupled:
            start = BATCH * self._worst()
            return slice(start, start + BATCH)
        return slice(self._worst(), self._worst() + 1)

    def _worst(self) -> int:
        return _farthest(self.pair.one.alone, self.pair.other.alone)

    def _where(self, relation: Relation) -> str:
        if relation == "equal":
            return ""
        rows = self._rows()
        few = tuple(x[rows] for x in self.pair.one.inputs)
        row = self._worst()
        a, b = self.pair.one.alone, self.pair.other.alone
        values = f"{float(a.values[row]):.6g} and {float(b.values[row]):.6g}"
        slopes = f"{_numbers(a.slopes[row])} and {_numbers(b.slopes[row])}"
        if any(x.numel() > 8 for x in few):
            return f". In batch {row} they give {values}"
        at = ", ".join(f"{name} {_numbers(x.flatten())}" for name, x in zip(self.pair.names, few, strict=True))
        return f". At {at} the values are {values}, the gradients {slopes}"

    def _evidence(self, relation: Relation) -> dict[str, Any]:
        few = tuple(x[self._rows()] for x in self.pair.one.inputs)
        row = self._worst()
        recipes = [_recipe(self.one, "first"), _recipe(self.other, "second")]
        calls = [
            reading.convention.written(self.pair.names).replace("loss(", f"{name}(", 1)
            for reading, name in ((self.pair.one, "first"), (self.pair.other, "second"))
        ]
        given = ", ".join(self.pair.names)
        comma = "," * (len(few) == 1)
        tensors = ", ".join(literal(x) for x in few)
        found: dict[str, Any] = {
            "relation": relation,
            "reproduce": f"import torch; {'; '.join(recipes)}\n"
            f"{given}{comma} = {tensors}{comma}; print({', '.join(calls)})",
            "inputs": {name: x.tolist() for name, x in zip(self.pair.names, few, strict=True)},
        }
        for name, reading in (("first", self.pair.one), ("second", self.pair.other)):
            trace = reading.alone
            found[name] = {"value": float(trace.values[row]), "gradient": trace.slopes[row].tolist()}
        return found


def _farthest(one: Trace, other: Trace) -> int:
    """The unit where they differ most for what they are there; one that is finite in one alone comes first."""
    odd = one.finite != other.finite
    if bool(odd.any()):
        return int(odd.nonzero()[0])
    size = one.values.abs() + 0.1 * one.values.abs().nanmedian() + 1e-12
    apart = ((one.values - other.values).abs() / size).nan_to_num()
    if float(apart.max()) == 0:
        apart = (one.slopes - other.slopes).norm(dim=1).nan_to_num()
    return int(apart.argmax())


def _numbers(x: Tensor) -> str:
    told = [f"{value:.4g}" for value in x.double().tolist()]
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def _words(reduction: str) -> str:
    return {"none": "one value for each", "mean": "the mean", "sum": "the sum"}.get(reduction, f"the {reduction}")


def _label(other: Subject, place: int) -> Any:
    return other.domains[place][1]


def _recipe(subject: Subject, name: str) -> str:
    made = subject.recipe or f"loss = loss_{name}"
    return f"{made}; {name} = loss"
