"""A statistic of the target → the losses of which it is the best prediction, and which of them to take."""

from __future__ import annotations

from collections.abc import Callable
import re

from ...losses import BinaryCrossEntropy, CrossEntropy
from ..errors import ChoiceError
from .designed import Design
from .facts import Facts
from .means import geometric, mean
from .not_elicitable import extreme, mode, risk_pair, shortfall_alone, variance
from .quantiles import expectile, interval, median, quantile, quantiles
from .words import nearest, no_value, split, written


def from_statistic(wish: object, facts: Facts) -> Design:
    """The design for a statistic, written like "mean", "quantile=0.9" or "var and es=0.025"."""
    text = written(wish, "statistic", "quantile=0.9")
    name, value = split(text)
    if len(several := re.findall(r"quantile\(([^)]*)\)", text.lower())) > 1:
        # As cards write it: quantile(0.05), quantile(0.95).
        name, value = "quantiles", ",".join(several)
    elif percent := re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", name):
        name, value = "quantile", repr(float(percent[1]) / 100)
    if (design := STATISTICS.get(name)) is None:
        raise ChoiceError(f"no statistic is known as {text!r}. {nearest(name, STATISTICS)}")
    return design(value, facts)


def _probability(value: str, facts: Facts) -> Design:
    no_value("probability", value)
    return Design(
        asked="the probability of yes",
        loss=BinaryCrossEntropy(),
        estimates="probability",
        reads="the log-odds of yes; torch.sigmoid(prediction) is the probability",
        decide="What to do with it follows from costs: wald.design(costs=...).",
        why=(
            "The logistic loss is strictly proper: its best prediction is the true probability, however rare a yes "
            "is. Class weights, focal terms and smoothing would give that up."
        ),
        score=None,
    )


def _distribution(value: str, facts: Facts) -> Design:
    no_value("distribution", value)
    return Design(
        asked="the probabilities of several classes",
        loss=CrossEntropy(),
        estimates="distribution",
        reads="one score for each class; torch.softmax(prediction, -1) are the probabilities",
        why="Cross-entropy is strictly proper: its best prediction is the true distribution of the classes.",
    )


#: What can be asked for.
STATISTICS: dict[str, Callable[[str, Facts], Design]] = {
    "mean": mean,
    "expectation": mean,
    "average": mean,
    "median": median,
    "quantile": quantile,
    "quantiles": quantiles,
    "interval": interval,
    "expectile": expectile,
    "var": quantile,
    "value at risk": quantile,
    "var and es": risk_pair,
    "var, es": risk_pair,
    "value at risk and expected shortfall": risk_pair,
    "es": shortfall_alone,
    "expected shortfall": shortfall_alone,
    "cvar": shortfall_alone,
    "mode": mode,
    "variance": variance,
    "standard deviation": variance,
    "std": variance,
    "geometric mean": geometric,
    "probability": _probability,
    "distribution": _distribution,
    "maximum": extreme,
    "minimum": extreme,
}
