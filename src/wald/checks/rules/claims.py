"""Whether the card of a loss says what is measured.

A card is a promise: people choose by it, and other parts of the library act on it. Every claim that can be
measured is, and a claim that does not hold is an error of the card or of the formula; the counter-example says
which. "Yes" and "no" are compared as they are measured; what could not be resolved is no evidence either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...findings import Finding, State
from ..measured import Measured
from ..probabilities.binary import Margins
from ..shape.growth import CLASSES as SLOPES
from ..shape.overall import Shape
from ..verdict import Verdict
from .rule import Rule, regression, reproduce, shown, squared_error

CODES = {
    "elicits": "W301",
    "proper": "W302",
    "calibrated": "W303",
    "invertible": "W304",
    "symmetric": "W305",
    "threshold": "W306",
    "convex": "W307",
    "bounded_below": "W308",
    "perfect_is_minimal": "W309",
    "coupling": "W310",
    "smooth": "W312",
    "slope": "W313",
}


def look(measured: Measured) -> Iterator[Finding]:
    """One finding for each claim that is made."""
    for name, code in CODES.items():
        claimed = measured.subject.claims.get(name)
        if claimed is not None and claimed != "unresolved":
            yield _compared(measured, name, code, claimed)


def _compared(measured: Measured, name: str, code: str, claimed: Any) -> Finding:
    found, why, verdict = _found(measured, name)
    words = name.replace("_", " ")
    evidence: dict[str, Any] = {"claimed": claimed, "measured": found}
    state: State
    if _same(claimed, found):
        state, says = "pass", f"{words}: {_text(claimed)}, as its card says"
    elif found is None or (verdict is not None and not verdict.measured):
        state, says = "not_run", f"{words}: {why or 'for such inputs it is not measured yet'}"
    elif found == "unresolved" or not _proof(measured, claimed, found):
        state, says = (
            "inconclusive",
            f"{words}: its card says {_text(claimed)}; {why or 'no counter-example was found'}",
        )
    else:
        state, says = "fail", f"{words}: its card says {_text(claimed)}, measured is {_text(found)}: {why}"
        points = verdict.inputs if verdict is not None else ()
        fallback = reproduce(measured.subject, f'import wald; print(wald.check(loss).card["{name}"])')
        evidence["reproduce"] = shown(measured.subject, *points) if points else fallback
    return Finding(
        code=code,
        state=state,
        question="claims",
        says=says,
        fix=f"Mend the card ({name}), or the formula if the card says what was meant." if state == "fail" else "",
        evidence=evidence,
        method="the claim on the card against what is measured",
    )


def _found(measured: Measured, name: str) -> tuple[Any, str, Verdict | None]:
    """What is measured, why, and the verdict behind it."""
    if name == "elicits":
        found = measured.statistic
        return found.name if found.measured else None, found.why, None
    if name == "threshold":
        margins = measured.probabilities
        if not isinstance(margins, Margins):
            return None, "", None
        return margins.threshold, "it is the chance at which the expected costs of both sides are the same", None
    if name == "coupling":
        return measured.reduction.coupling, measured.reduction.why, None
    if name in ("smooth", "slope"):
        if not measured.steady:
            return None, "", None
        shape = measured.shape
        found, why = (shape.kinks.smooth, shape.kinks.why) if name == "smooth" else (shape.growth.slope, _grows(shape))
        return "unresolved" if found is None else found, why, None
    verdict = measured.claim(name)
    return verdict.word, verdict.why, verdict


def _same(claimed: Any, found: Any) -> bool:
    if isinstance(claimed, float) and isinstance(found, float):
        return abs(claimed - found) <= 1e-3
    return claimed == found


def _proof(measured: Measured, claimed: Any, found: Any) -> bool:
    """Whether what was found refutes the claim. That no counter-example was met refutes nothing for vectors."""
    if measured.subject.scalar and not measured.subject.whole:
        return True
    if isinstance(claimed, int) and isinstance(found, int):
        return found < claimed
    if claimed in SLOPES and found in SLOPES:
        return SLOPES.index(found) > SLOPES.index(claimed)
    return not (claimed == "no" and found == "yes")


def _grows(shape: Shape) -> str:
    return shape.growth.why or f"as the error grows its gradient is {shape.growth.slope}"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f'"{value}"'


def _false_card() -> Any:
    return regression(squared_error, claims={"convex": "no", "elicits": "median"})


def _true_card() -> Any:
    return regression(squared_error, claims={"convex": "yes", "elicits": "mean"})


RULE = Rule(
    codes={code: f"the card is wrong about: {name.replace('_', ' ')}" for name, code in CODES.items()},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=_false_card,
    clean=_true_card,
)
