"""Where the metric is the problem: what it does not see on this target, with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from ...audits import Metric
from ...audits.statistics import Sample
from ...findings.words import number_words as n
from ...losses import Percentage
from ..costs import Costs
from ..profiling import Profile
from ..profiling.sentences import FEW, percent, rows_words
from .meaning import estimate
from .reads import Reads, reads


def doubts(profile: Profile, metric: Metric, *, costs: Costs | None = None) -> tuple[str, ...]:
    """What the metric does not see on this target, each with numbers and with what to use instead.

    Args:
        profile: of the target.
        metric: what counts.
        costs: what mistakes cost, where that is known.
    """
    read = reads(metric, costs=costs)
    return (
        *_of_classes(profile, metric, read, costs),
        *_of_numbers(profile, metric, read),
        *_of_few(profile, metric, read),
    )


def _of_classes(profile: Profile, metric: Metric, read: Reads, costs: Costs | None) -> Iterator[str]:
    classes = profile.classes
    if classes is None:
        return
    name = metric.name.lower()
    most = max(classes.shares)
    common = classes.names[classes.commonest]
    if read.statistic == "mode" and most >= 0.8:
        yield (
            f"{metric.name}: always saying {common!r} is right in {percent(most)} of the rows, so that a model that "
            "finds nothing scores nearly as well as one that finds all. Use 'average_precision' or 'log_loss', or say "
            'what mistakes cost: costs="fn=...,fp=...".'
        )
    if costs is not None and read.kind in ("ranking", "decisions"):
        yield (
            f"{metric.name} does not know what mistakes cost, and the costs that were given fix the threshold"
            f"{'' if costs.each else f' at a probability of {n(float(costs.threshold))}'}: judge by the cost itself "
            "(leave metric out)."
        )
    if profile.task == "binary":
        yield from _of_yes(profile, metric, read, name)
    if profile.task == "ordinal" and read.statistic == "mode":
        yield (
            f"{metric.name} counts a miss by one level like a miss by {len(classes.names) - 1}: with ordered classes "
            "use 'mean_absolute_error' of the level, or a metric of your own."
        )


def _of_yes(profile: Profile, metric: Metric, read: Reads, name: str) -> Iterator[str]:
    rate = profile.rate
    if rate > 0.8 and name in ("f1", "average precision"):
        constant = 2 * rate / (1 + rate) if name == "f1" else rate
        yield (
            f"{metric.name} looks at yes, which {percent(rate)} of the rows are: always saying yes scores "
            f"{n(constant)}. If the other class is what you look for, swap them (positive=...)."
        )
    if name == "auc" and rate < 0.01:
        # Two bell curves of equal spread, 2.326 apart, have an AUC of 0.95; half of yes lie beyond 1 % of no.
        precise = 0.5 * rate / (0.5 * rate + 0.01 * (1 - rate))
        yield (
            f"AUC: at {percent(rate)} yes a model with an AUC of 0.95 that is made to find half of them is right in "
            f"about {percent(precise)} of its alarms. AUC weighs rows that nobody will look at; use "
            "'average_precision', or say what mistakes cost."
        )
    if name in ("f1", "precision", "recall") and rate < 0.2:
        yield (
            f"{metric.name} is read at a probability of 0.5, which honest probabilities seldom reach where "
            f"{percent(rate)} are yes: it judges the threshold more than the model. Look at the candidates with the "
            "threshold moved."
        )
    if name == "recall":
        yield "recall alone is 1 for a model that always says yes. Use 'f1', 'average_precision' or costs."
    if name == "precision":
        yield (
            "precision alone is 1 for a model that says yes once and is right. Use 'f1', 'average_precision' or costs."
        )
    if "balanced" in name and rate < 0.02:
        yield (
            f"{metric.name} counts one yes like {n((1 - rate) / rate)} no: at 1 % of false alarms there are "
            f"{n(0.01 * (1 - rate) / rate)} of them for each yes that there is. If that is not what they cost, say "
            "what they cost."
        )


def _of_numbers(profile: Profile, metric: Metric, read: Reads) -> Iterator[str]:
    numbers = profile.numbers
    if profile.task != "regression" or numbers is None:
        return
    tail = numbers.tail
    if read.statistic == "mean" and tail is not None and tail.top >= 0.3:
        yield (
            f"{metric.name} squares errors, and the 1 % of rows furthest from the mean carry {percent(tail.top)} of "
            f"the variance: {rows_words(max(1, round(0.01 * profile.rows)))} decide which loss wins. Use "
            "'mean_absolute_error' or a pinball loss if those rows are not what this is about; if they are, many more "
            "rows are needed."
        )
    if read.statistic == "weighted median(y^-1)":
        yield from _of_shares(profile, metric)
    if read.statistic == "mean through log" and numbers.low <= -1:
        bad = int((profile.target <= -1).sum())
        yield (
            f"{metric.name} takes the logarithm of 1 + y, and {rows_words(bad)} are at or below -1, where there is "
            "none. Use 'mean_absolute_error'."
        )
    if read.statistic == "median" and numbers.zeros > 0.5 * profile.rows:
        size = Sample(profile.rows, weight=profile.weight).mean(profile.target.abs())
        told = f"it scores {n(size)} and says nothing" if "absolute error" in metric.name else "it says nothing"
        yield (
            f"{metric.name}: {percent(numbers.zeros / profile.rows)} of the targets are 0, so always saying 0 is the "
            f"best constant; {told}. If totals matter use 'root_mean_squared_error' or the Poisson deviance."
        )
    if "largest error" in metric.name or metric.name == "max_error":
        yield f"{metric.name} is decided by a single row of {profile.rows:,}: no two losses can be told apart by it."


def _of_shares(profile: Profile, metric: Metric) -> Iterator[str]:
    numbers = profile.numbers
    assert numbers is not None  # noqa: S101
    if numbers.zeros:
        yield (
            f"{metric.name}: {percent(numbers.zeros / profile.rows)} of the targets ({numbers.zeros:,} of "
            f"{profile.rows:,}) are 0, and nothing is a percentage of 0. Use "
            "'weighted_absolute_percentage_error', or 'mean_absolute_error'."
        )
        return
    if numbers.negatives:
        yield (
            f"{metric.name}: {numbers.negatives:,} targets are below 0, where a percentage has no direction. Use "
            "'mean_absolute_error'."
        )
        return
    low = estimate(Percentage(), profile)
    if low < 0.9 * numbers.median:
        yield (
            f"{metric.name} rewards forecasts that are too low: the best constant is {n(low)}, where the mean is "
            f"{n(numbers.mean)} and the median {n(numbers.median)}. Use 'weighted_absolute_percentage_error'."
        )


def _of_few(profile: Profile, metric: Metric, read: Reads) -> Iterator[str]:
    classes = profile.classes
    if classes is None or min(classes.counts) >= FEW or read.kind == "numbers":
        return
    least = min(classes.counts)
    yield (
        f"{metric.name} will be read from {rows_words(least)} of {classes.names[classes.rarest]!r}: half of them found "
        f"is 50 % ± {100 * 1.96 * sqrt(0.25 / least):.0f}, so only large differences can be seen."
    )
