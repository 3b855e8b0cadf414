"""Question 1: how low must the loss be for how few errors?"""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

import torch
from torch import Tensor

from ...checks.measured import Measured
from ...checks.probabilities.binary import Margins
from ...checks.probabilities.curves import Curves
from ...checks.probabilities.guarantee import EXCESS, error_allowed, hull_at, transform
from ...checks.subjects.discover import Unknown, subject_of
from ...checks.subjects.target import resolve
from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ...losses import BinaryCrossEntropy
from ..aligning.retarget import price
from ..costing.space import Binary
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "alignment"
SOURCE = "Bartlett, Jordan & McAuliffe 2006, doi:10.1198/016214505000000907"

#: A decision that flips this far from one half is no rounding.
WARN = 0.01

#: What the transform of the log loss is at 5 %, in closed form.
_LOGISTIC = 0.5 * ((1 + EXCESS) * math.log1p(EXCESS) + (1 - EXCESS) * math.log1p(-EXCESS))


def measure(evidence: Evidence) -> Outcome:
    """Invert the transform of the loss: from its excess to the excess of wrong decisions."""
    space, card = evidence.space, evidence.measured_card
    if not isinstance(space, Binary):
        more = f"; {card['calibrated']} is what was measured of its being calibrated" if card.get("calibrated") else ""
        return Outcome((_idle(f"it is known for a score or a probability of two classes{more}"),))
    if not evidence.cost.separable:
        return Outcome((_idle("the loss of a row depends on other rows"),))
    found = _margins(evidence.case.loss)
    if found is None:
        return Outcome((_idle("the loss could not be measured from outside"),))
    margins, curve = found
    counts = evidence.case.metric.elicits in ("mode", None)
    if margins.calibrated.word == "no" and not counts:
        said = f"there is none: {_flips(margins)}; {evidence.case.metric.name} is not a count of wrong decisions"
        return Outcome((_idle(said),))
    controls = _controls()
    gap = abs((margins.threshold if margins.threshold is not None else 0.0) - 0.5)
    gap = 0.0 if margins.calibrated.word == "yes" else gap
    effect = None if margins.calibrated.word == "unresolved" else gap
    state = judge(
        effect=effect,
        interval=None if effect is None else (effect, effect),
        threshold=0.5,
        warn=WARN,
        controls=controls,
    )
    exhibit: dict[str, Any] = {
        "excess loss for 5 % of errors": margins.guarantee,
        "decision flips at": margins.threshold,
    }
    says = f"no guarantee: {_flips(margins)}"
    figures: tuple[Figure, ...] = ()
    answer = ""
    if margins.calibrated.word == "yes":
        says = "its decisions are right wherever its least value is reached, but no excess of it bounds the errors"
        if curve is not None and margins.guarantee is not None:
            told, more = _of_model(evidence, space, curve)
            exhibit |= more
            says = (
                f"to get at most 5 % of decisions wrong that need not be, the expected loss must come within "
                f"{margins.guarantee:.3g} of the least that any function of the inputs reaches; {told}"
            )
            figures = (_figure(evidence, curve),)
    elif state == "warn":
        answer = f"minimising the loss does not minimise wrong decisions: {_flips(margins)}"
    witness = margins.calibrated.facts
    finding = Finding(
        code="A104",
        state=state,
        question=QUESTION,
        says=says,
        fix="cut the predictions where the costs of both errors say, or train with a loss whose decision is at one "
        "half, such as BinaryCrossEntropy()",
        effect=effect,
        unit="of the probability at which the decision flips",
        interval=None if effect is None else (effect, effect),
        threshold=WARN,
        controls=controls,
        evidence=exhibit | ({"witness": dict(witness)} if witness else {}),
        method="the transform ψ of the loss, from its two curves, made convex: ψ(excess error) ≤ excess loss, over all "
        "functions of the inputs; a model of limited size may not reach the least value. Exact, no rows are needed; "
        "the excess of the model lies between what scale and shift save on held-out rows and its whole loss. Controls: "
        "a loss with a weight of 3 on one class, and the log loss, whose transform is known",
        source=SOURCE,
    )
    return Outcome((finding,), figures, answer)


GUARANTEE = Probe("guarantee", QUESTION, "A104", "how low the loss must be for how few errors", measure)


def _margins(loss: Callable[..., Tensor]) -> tuple[Margins, tuple[Tensor, Tensor] | None] | None:
    """What the loss makes of a probability, and its transform, (excess error, excess loss), where it has one."""
    subject = subject_of(resolve(loss), task="binary")
    if isinstance(subject, Unknown):
        return None
    measured = Measured(subject)
    found = measured.probabilities
    if not isinstance(found, Margins):
        return None
    raw = transform(Curves.of(measured.subject)) if found.calibrated.word == "yes" else None
    if raw is None:
        return found, None
    return found, (raw[0], torch.tensor([hull_at(*raw, float(at)) for at in raw[0]], dtype=torch.float64))


def _controls() -> Controls:
    """A loss whose decision is moved by a weight, and the log loss, of which everything is known."""
    weighted, log = _margins(BinaryCrossEntropy(pos_weight=3.0)), _margins(BinaryCrossEntropy())
    return Controls(
        positive=weighted is not None and weighted[0].calibrated.word == "no",
        negative=log is not None and abs((log[0].guarantee or 0.0) - _LOGISTIC) < 1e-7,
    )


def _flips(margins: Margins) -> str:
    if margins.threshold is None:
        return f"its best prediction never tells which label is likelier ({margins.calibrated.why})"
    return (
        f"the decision of its best prediction flips at a true chance of {margins.threshold:.3g} and not of one half "
        f"({margins.calibrated.why})"
    )


def _of_model(evidence: Evidence, space: Binary, curve: tuple[Tensor, Tensor]) -> tuple[str, dict[str, Any]]:
    """What the guarantee says of this model, from the least and the most that its excess can be."""
    stick, sample = evidence.by_loss, evidence.sample
    cost = stick.mean(evidence.score)
    sides = torch.linspace(-30, 30, 241, dtype=evidence.score.dtype)
    emitted = space.emit(sides)
    floors = {
        label: float(evidence.cost.each(emitted, torch.full_like(emitted, label)).detach().nan_to_num(torch.inf).min())
        for label in (0.0, 1.0)
    }
    positive = (evidence.target >= 0.5).double()
    most = cost - sample.mean(positive * floors[1.0] + (1 - positive) * floors[0.0])
    saved = price(space, stick, evidence.score, evidence.target, sample, draws=100, splits=1)
    least = max(0.0, saved.before - saved.after)
    bound = error_allowed(*curve, max(most, 0.0))
    told = f"this model's loss of {number_words(cost)} allows, whatever the data, up to {bound:.0%} of such errors"
    if bound > 0.2:
        told += ", which promises little"
    if least > 1e-4 * abs(cost):
        told += f"; scale and shift alone would lower it by {number_words(least)}"
    return told, {"loss": cost, "excess at least": least, "excess at most": most, "errors allowed": bound}


def _figure(evidence: Evidence, curve: tuple[Tensor, Tensor]) -> Figure:
    excess = torch.linspace(0, 0.5, 51, dtype=torch.float64)
    allowed = [error_allowed(*curve, float(EXCESS * one)) for one in excess]
    return Figure(
        kind="lines",
        title="What a low loss guarantees",
        caption="However the data are, a loss within x of its least value makes at most this share of decisions wrong "
        "that need not be.",
        x=f"{evidence.cost.name} beyond its least value",
        y="wrong decisions beyond the unavoidable",
        series=[{"name": "at most", "x": EXCESS * excess, "y": allowed}],
        note="over all functions of the inputs",
    )


def _idle(why: str) -> Finding:
    return Finding(
        code="A104",
        state="not_applicable",
        question=QUESTION,
        says=f"how low the loss must be for how few errors: {why}",
    )
