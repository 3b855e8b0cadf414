"""What the loss elicits: the statistic of the target that its best prediction is.

A model trained with a loss predicts the statistic that the loss elicits, whatever its author had in mind: the
mean, the median, a quantile, a probability. Judge it by a metric with another statistic and it loses to a model
that aims at that one. The statistic is found twice: from derivatives over pairs of predictions and targets, and
from the best predictions for finite laws, by values alone. Where the two disagree nothing is claimed.

The words: "mean through log" is a prediction in the scale of the link, log E[Y], and "median through log" likewise.
Where both prediction and target are transformed, a mean is taken in another scale and brought back: the geometric
mean for logs, the harmonic mean for reciprocals, and "mean through log1p" for log1p; the finding then says which
formula is meant. "weighted mean(y^-1)" is a mean in which each target counts by that weight, and w(y) stands for a
weight without a name. An M-functional is the best prediction of a loss of the difference alone that is none of
these; the evidence shows the slope ψ of the loss in the error, where it breaks, whether it is bounded, and the best
predictions for five laws beside their mean, median and mode. Several outputs are named entry by entry; "distribution"
is said of a proper score of a whole law.

Gneiting 2011, arXiv:0912.0902; Savage 1971, doi:10.1080/01621459.1971.10482346; Fissler & Ziegel 2016,
arXiv:1503.08123.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding, State
from ..measured import Measured
from ..probabilities.binary import Margins
from .rule import Rule, reproduce

#: What the words that are no statistic mean.
_NAMELESS = {
    "none": "it elicits no statistic that has a name",
    "m-functional": "it elicits an M-functional, which is neither mean, quantile nor expectile",
    "mode": "its best prediction tells the likelier label, and not how likely it is",
}


def look(measured: Measured) -> Iterator[Finding]:
    """State it."""
    subject, found, probabilities = measured.subject, measured.statistic, measured.probabilities
    evidence = {"reproduce": reproduce(subject, 'import wald; print(wald.check(loss).card["elicits"])'), **found.facts}
    if isinstance(probabilities, Margins):
        evidence["link"] = probabilities.link.rows
    state: State
    if found.name != "unresolved":
        state, says = "pass", f"{_NAMELESS.get(found.name, f'its best prediction is the {found.name}')}: {found.why}"
    elif probabilities is not None and probabilities.invertible.word == "yes":
        state, says = "pass", f"the probability can be read from its best prediction, but is not it: {found.why}"
    elif found.measured:
        state, says = "inconclusive", f"what it elicits is not resolved: {found.why}"
    elif subject.task in ("regression", "binary", "multiclass", "multilabel"):
        state, says = "not_run", f"what it elicits: {found.why}"
    else:
        state, says = (
            "not_applicable",
            "it is no loss of a prediction against a target, so it elicits no statistic of one",
        )
    yield Finding(
        code="W201",
        state=state,
        question="what it elicits",
        says=says,
        evidence=evidence,
        method="the form of its derivatives, confirmed by its best predictions for finite laws",
        source="Gneiting 2011, arXiv:0912.0902",
    )


RULE = Rule(codes={"W201": "what it elicits"}, explains=__doc__ or "", look=look)
