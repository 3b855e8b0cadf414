"""Question 2: do some rows only look safe, because the loss is flat where they are?"""

from __future__ import annotations

import torch

from ...findings import Controls, Finding, judge
from ..attacking import MASKED, Threat, Victim, linear, masked
from ..case import Case
from ..evidence import Budget, Evidence, in_use
from ..probe import Outcome, Probe, Work

QUESTION = "robustness"

#: Rows that are looked at.
_ROWS = 256


def measure(evidence: Evidence) -> Outcome:
    """Count the rows without a slope whose prediction can be moved all the same."""
    if why := _no_reason(evidence):
        return Outcome((_idle(why),))
    order = torch.randperm(evidence.rows, generator=evidence.random("masking rows"))
    chosen = order[:_ROWS].sort().values
    with in_use(evidence.model):
        victim = Victim.of(evidence, chosen)
        if not victim.has_slope:
            return Outcome((_idle("the model gives no gradients, so none can be masked"),))
        threat = Threat.of(evidence).relaxed()
        if not threat.movable:
            return Outcome((_idle("every feature is a flag, or is held fixed"),))
        return Outcome((_judged(evidence, victim, threat, chosen),))


def _work(case: Case, budget: Budget) -> Work:
    return Work(passes=30 * _ROWS / max(_ROWS, min(budget.rows, len(case.test[1]))))


MASKING = Probe(
    "masking",
    QUESTION,
    "R203",
    "rows that look safe because the loss is flat",
    measure,
    needs=("model",),
    least="standard",
    work=_work,
)


def _no_reason(evidence: Evidence) -> str:
    if not evidence.inputs.is_floating_point():
        return f"the inputs are {evidence.inputs.dtype}, which have no slope"
    return "" if evidence.cost.separable else "rows have no loss of their own"


def _idle(why: str) -> Finding:
    return Finding(code="R203", state="not_applicable", question=QUESTION, says=f"masked gradients: {why}")


def _judged(evidence: Evidence, victim: Victim, threat: Threat, chosen: torch.Tensor) -> Finding:
    region = threat.region(victim.inputs, 2.0)
    sample = evidence.sample.part(chosen)

    def share(one: Victim) -> tuple[float, tuple[float, float]]:
        flags = masked(one, region, evidence.random("masked")).cpu().double()
        low, high = (float(end) for end in torch.quantile(
            sample.bootstrap(evidence.budget.draws).means(flags), torch.tensor([0.025, 0.975], dtype=torch.float64)
        ))  # fmt: skip
        return sample.mean(flags), (low, high)

    effect, interval = share(victim)
    # Scores of this spread leave a sound loss without a slope; scores of one logit do not.
    weight = torch.where(threat.scale > 0, 1 / threat.scale.clamp_min(1e-12), 0.0).reshape(-1)
    source = evidence.random("masking controls")
    loud, calm = (linear(victim, weight, source, size=size) for size in (1e4, 1.0))
    controls = Controls(positive=share(loud)[0] > MASKED, negative=share(calm)[0] <= MASKED)
    state = judge(effect=effect, interval=interval, threshold=torch.inf, warn=MASKED, controls=controls)
    return Finding(
        code="R203",
        state=state,
        question=QUESTION,
        says=f"{effect:.0%} of the rows get no gradient from the loss though moving them changes the prediction, so "
        "whoever follows the gradient thinks them safe"
        if effect > 0
        else "every row whose prediction can be moved has a gradient to follow",
        fix="measure robustness by the score (margin) or without gradients, as the attack does; scale the logits down",
        effect=effect,
        unit="of the rows",
        interval=interval,
        controls=controls,
        method=f"{len(chosen)} rows; those whose gradient of the loss in every input is exactly 0 while random moves "
        "change the score, but for losses that are flat at scores of ordinary size too, by design. Controls: a linear "
        "model with scores ten thousand units wide, and one unit wide. Warns beyond a tenth of the rows",
        source="Athalye et al. 2018, arXiv:1802.00420",
    )
