"""Warning sign: a loss that was logged as no number, that leapt, or that never fell."""

from __future__ import annotations

import torch
from torch import Tensor

from ...findings import Controls, Finding
from ...findings.words import number_words
from ..evidence import Evidence
from ..training.series import drift

QUESTION = "training"

#: A leap is this many times the usual change, and this share of all that the loss ever fell.
LEAP, OF_FALL = 10.0, 0.2

#: A loss that fell by less than this share of where it began did not move.
MOVED = 0.01

FEWEST = 5


def health(loss: Tensor, evidence: Evidence) -> Finding:
    """The faults of a logged loss: what is not finite fails; leaps and a loss that never falls are warnings."""
    faults = faults_of(loss)
    plain = torch.linspace(1, 0.5, max(FEWEST, len(loss)), dtype=torch.float64)
    rough = plain + 0.002 * torch.randn(len(plain), generator=evidence.random("log"), dtype=torch.float64)
    hit = rough.clone()
    hit[len(hit) // 2] += 2.0
    controls = Controls(positive=bool(faults_of(hit)), negative=not faults_of(rough))
    bad = int((~loss.isfinite()).sum())
    state = (
        "inconclusive" if not controls.right or len(loss) < FEWEST else "fail" if bad else "warn" if faults else "pass"
    )
    if faults:
        says = f"the logged loss {'; it '.join(faults.values())}"
    else:
        says = f"the logged loss of {len(loss)} epochs is finite, leaps nowhere and falls"
    return Finding(
        code="T806",
        state=state,
        question=QUESTION,
        says=says,
        fix="look at the batch of that epoch with wald.why; clip the gradient or lower the step size",
        effect=float(len(faults)),
        unit="kinds of faults",
        interval=(float(len(faults)), float(len(faults))),
        controls=controls,
        evidence={"faults": list(faults), "loss": loss},
        method=f"values that are no numbers; a rise of more than {LEAP:g} median changes and of more than "
        f"{OF_FALL:.0%} of all that the loss fell; a fall that is surely less than {MOVED:.0%} of the first value. "
        "Controls: a straight fall with noise, with and without a leap. Counted, not tested",
    )


def faults_of(loss: Tensor) -> dict[str, str]:
    """What is wrong with a log, in words, by the kind of fault."""
    found: dict[str, str] = {}
    fine = loss.isfinite()
    if not bool(fine.all()):
        epoch = int((~fine).nonzero()[0, 0]) + 1
        found["not finite"] = (
            f"is NaN or infinite in {int((~fine).sum())} of {len(loss)} epochs, first in epoch {epoch}"
        )
    loss = loss[fine]
    if len(loss) < FEWEST:
        return found
    change = loss.diff()
    usual = float(change.abs().median())
    fall = float(loss.max() - loss.min())
    # From the second change on: what comes right after the start has no usual size yet.
    place = int(change[1:].argmax()) + 1
    leap = float(change[place])
    if leap > LEAP * usual and leap > OF_FALL * fall and _alone(loss, place):
        found["leap"] = (
            f"leaps by {number_words(leap)} after epoch {place + 1}, {number_words(leap / max(usual, 1e-300))} times "
            "its usual change"
        )
    went = drift(loss)
    still = -went.interval[0] < MOVED * float(loss[0].abs())
    if still:
        found["never falls"] = (
            f"never falls: it begins at {number_words(float(loss[0]))} and ends at {number_words(float(loss[-1]))}"
        )
    return found


def _alone(loss: Tensor, place: int) -> bool:
    """Whether it leaps above all that came shortly before, so that noise about a level is none."""
    before = loss[max(0, place - 10) : place + 1]
    return float(loss[place + 1]) > float(before.max())
