"""What a metric looks at in a prediction, as far as that decides which losses can differ under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...audits import Metric
from ..costs import Costs
from ..errors import ChoiceError
from ..profiling import Profile

#: "ranking": which row is above which; "probabilities"; "decisions": which class is said; "costs": the decisions that
#: probabilities lead to at the threshold of the costs; "numbers"; "unknown": of a function that says nothing of itself.
Kind = Literal["ranking", "probabilities", "decisions", "costs", "numbers", "unknown"]


@dataclass(frozen=True)
class Reads:
    """What a metric reads.

    Attributes:
        kind: what it looks at.
        statistic: what a prediction must be to come off best, in the words of a card; None where that is not known.
        balanced: whether every class counts the same, however rare.
    """

    kind: Kind
    statistic: str | None = None
    balanced: bool = False


def reads(metric: Metric, *, costs: Costs | None = None) -> Reads:
    """What a metric reads, by what it says of itself."""
    name = metric.name.lower()
    balanced = "balanced" in name or "macro" in name
    if metric.elicits == "ranking":
        return Reads("ranking")
    if metric.elicits in ("probability", "distribution"):
        return Reads("costs" if metric.decision or costs is not None else "probabilities", metric.elicits)
    if metric.decision or metric.elicits == "mode" or metric.takes == "decisions":
        return Reads("decisions", metric.elicits, balanced)
    if metric.takes in ("numbers", "log-numbers"):
        return Reads("numbers", metric.elicits)
    return Reads("unknown", metric.elicits, balanced)


def refuse_misfit(profile: Profile, metric: Metric, read: Reads) -> None:
    """Say it where a metric cannot judge this target at all.

    Raises:
        ChoiceError: the target is numbers and the metric judges classes, or the other way round.
    """
    if profile.task == "regression" and (
        read.kind in ("probabilities", "decisions", "costs") or (read.kind == "ranking" and metric.name != "nDCG")
    ):
        raise ChoiceError(
            f"{metric.name} judges classes, and the target was read as numbers, since {profile.because}. Use a metric "
            "of numbers such as 'mean_absolute_error' or 'root_mean_squared_error', or make the target yes or no: "
            "y > a limit."
        )
    if profile.task in ("binary", "multiclass") and read.kind == "numbers":
        known = "average_precision" if profile.task == "binary" else "log_loss"
        raise ChoiceError(
            f"{metric.name} judges numbers, and the target was read as classes, since {profile.because}. Use a metric "
            f'of classes such as {known!r}, or say task="regression".'
        )
    if read.kind in ("ranking", "costs") and profile.task in ("multiclass", "ordinal") and metric.name != "nDCG":
        known = len(profile.classes.names) if profile.classes else 0
        raise ChoiceError(
            f"{metric.name} judges yes or no, and the target has {known} classes. Use 'log_loss', 'balanced_accuracy' "
            "or 'roc_auc_ovr', or make the target yes or no: y == the class that you look for."
        )
