"""What a metric rewards: what it says, what it was measured to elicit, or what is known of its name."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import check
from ..evidence import Evidence

#: What metrics of whole samples reward, by their usual names without spaces, dashes and case.
_KNOWN = {
    "accuracy": "mode",
    "errorrate": "mode",
    "zerooneloss": "mode",
    "mae": "median",
    "mse": "mean",
    "rmse": "mean",
    "r2": "mean",
    "r²": "mean",
    "explainedvariance": "mean",
    "mape": "weighted median(y^-1)",
    "auc": "ranking",
    "rocauc": "ranking",
    "averageprecision": "ranking",
    "gini": "ranking",
    "concordance": "ranking",
    "spearman": "ranking",
    "ndcg": "ranking",
    "map": "ranking",
    "mrr": "ranking",
    "brier": "probability",
    "brierscore": "probability",
    "logloss": "probability",
    "f1": "a probability cut at half the best F1",
    "f1score": "a probability cut at half the best F1",
    "balancedaccuracy": "a probability cut at the base rate",
    "matthews": "a probability cut where the correlation is best",
}

#: Measured words for the same thing.
_SAME = {"distribution": "probability"}


@dataclass(frozen=True)
class Rewarded:
    """What comes off best by a metric.

    Attributes:
        statistic: in the words of a card; None where it is not known.
        how: how that is known.
    """

    statistic: str | None
    how: str


def rewarded(evidence: Evidence) -> Rewarded:
    """What the metric of a case rewards."""
    metric = evidence.case.metric
    if metric.elicits is not None:
        return Rewarded(metric.elicits, "by what it says that it elicits")
    if metric.per_example is not None and not metric.columns and evidence.space is not None:
        try:
            card = check(metric.per_example, task=evidence.space.task, seed=evidence.seed).card
        except Exception:
            # What it rewards is then not known, and the price tells all the same.
            card = {}
        word = card.get("elicits")
        if word not in (None, "unresolved", "none"):
            return Rewarded(_SAME.get(str(word), str(word)), "from outside, as the loss")
    known = _KNOWN.get("".join(letter for letter in metric.name.lower() if letter.isalnum() or letter == "²"))
    return Rewarded(known, "by its name" if known else "it says nothing, and could not be measured")
