"""Which probabilities a model states: as its scores come, or as its loss means them."""

from __future__ import annotations

from ..costing.space import Binary, Multiclass
from ..evidence import Evidence

#: What a metric elicits where it reads predictions as probabilities.
_READS = ("probability", "distribution")

#: Probabilities that move less than this on average, when read through the loss, were right as they came.
_SAME = 5e-3


def changed(evidence: Evidence) -> bool:
    """Whether sigmoid or softmax of the scores is something else than the loss means by them."""
    if evidence.meant is None:
        return False
    if isinstance(evidence.space, Binary):
        return evidence.link is not None and evidence.link.changes
    gap = evidence.meant.softmax(-1) - evidence.score.double().softmax(-1)
    return float(gap.abs().amax(-1).mean()) > _SAME


def through(evidence: Evidence) -> bool:
    """Whether forecasts are judged as read through the loss.

    They are where nobody takes a sigmoid of them for a probability: the metric does not, and what the loss does is
    more than to add a constant to the logits, a mistake that people read past.
    """
    if evidence.case.metric.elicits in _READS or not changed(evidence):
        return False
    return evidence.link is None or evidence.link.shift is None


def wordless(evidence: Evidence) -> bool:
    """Whether the loss leaves no probabilities in its scores, however they are read."""
    told = isinstance(evidence.space, Binary | Multiclass) and evidence.meant is None
    return told and evidence.measured_card.get("invertible") == "no"


def silent(evidence: Evidence) -> bool:
    """Whether it leaves none and the metric asks for none."""
    return evidence.case.metric.elicits not in _READS and wordless(evidence)
