"""A profile in words that a beginner understands."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from ...findings.words import number_words as n
from .facts import Classes, Numbers
from .portrait import Profile

#: Rows of the rarest class below which nothing can be compared on folds.
FEW = 50

_SUPPORT = {
    "real": "numbers that may be negative",
    "non-negative": "numbers from 0 on",
    "positive": "numbers above 0",
    "counts": "whole numbers from 0 on",
    "share": "shares between 0 and 1",
}


def percent(share: float) -> str:
    """A share as people write it: 12 %, 0.13 %."""
    return f"{100 * share:.3g} %"


def rows_words(many: int) -> str:
    """A number of rows: 1 row, 12,000 rows."""
    return f"{many:,} row" + ("" if many == 1 else "s")


def says(profile: Profile) -> Iterator[str]:
    """What is known."""
    known = {
        "binary": "yes or no",
        "multiclass": "one of several classes",
        "ordinal": "one of several classes in an order",
        "regression": "a number",
    }[profile.task]
    left = f"; {profile.missing:,} more have no target and are left out" if profile.missing else ""
    yield f"{rows_words(profile.rows)}, and the target of each is {known}, since {profile.because}{left}."
    if profile.effective < 0.9 * profile.rows:
        yield (
            f"By their weights and by what belongs together they know as much about the mean as "
            f"{profile.effective:,.0f} rows that stand alone."
        )
    if profile.classes is not None:
        yield from _classes(profile, profile.classes)
    if profile.numbers is not None and profile.task == "regression":
        yield from _numbers(profile.numbers)
    yield from _inputs(profile)
    yield from _relations(profile)
    for name, values in profile.columns.items():
        low, high, mean = (float(one) for one in (values.min(), values.max(), values.mean()))
        yield f"The column {name} runs from {n(low)} to {n(high)}; its mean is {n(mean)}."


def _classes(profile: Profile, classes: Classes) -> Iterator[str]:
    if profile.task == "binary":
        yield (
            f"Yes is {classes.names[1]!r}: {classes.counts[1]:,} rows, {percent(classes.shares[1])}; no is "
            f"{classes.names[0]!r}."
        )
    else:
        shown = ", ".join(
            f"{name!r} {percent(share)}" for name, share in zip(classes.names[:6], classes.shares[:6], strict=True)
        )
        more = f" and {len(classes.names) - 6} more" if len(classes.names) > 6 else ""
        yield f"{len(classes.names)} classes: {shown}{more}."
    if classes.imbalance >= 1.5:
        rarest = classes.rarest
        yield (
            f"{classes.names[classes.commonest]!r} is {n(classes.imbalance)} times as common as "
            f"{classes.names[rarest]!r}, of which each of five folds will have about {classes.per_fold():.0f}."
        )


def _numbers(numbers: Numbers) -> Iterator[str]:
    yield (
        f"They are {_SUPPORT[numbers.support]}, from {n(numbers.low)} to {n(numbers.high)}: mean {n(numbers.mean)}, "
        f"median {n(numbers.median)}, and 80 % of them between {n(numbers.quantiles[0.1])} and "
        f"{n(numbers.quantiles[0.9])}."
    )
    if numbers.zeros:
        yield f"{numbers.zeros:,} are 0."
    tail = numbers.tail
    if tail is not None:
        least = (
            f"the 1 % of rows furthest from the mean carry {percent(tail.top)} of the variance (8.5 % in a bell curve)"
        )
        if tail.top >= 0.3 and not tail.heavy:
            yield f"Few rows decide much, though the tail itself is not shown to be heavy: {least}."
        elif tail.heavy:
            moments = f"moments from about order {tail.index:.2g} on may not exist" if tail.moment > 0 else ""
            sure = "" if tail.stable else ", though the estimates for different depths disagree"
            yield f"The {tail.side} tail is heavy: {least}; {moments}{sure}."
        else:
            yield f"The tails are not heavy: {least}."
    beyond = numbers.outliers
    if beyond is not None and abs(numbers.mean - beyond.mean_within) > 0.05 * numbers.scale:
        yield (
            f"{rows_words(beyond.far)} lie far out, beyond three times the distance of the quartiles. They move the "
            f"mean from {n(beyond.mean_within)} to {n(numbers.mean)} and leave the median alone."
        )
    if numbers.unit is not None and not numbers.whole and numbers.scale < 100 * numbers.unit:
        yield f"All values are multiples of {n(numbers.unit)}."
    elif numbers.unit is not None and numbers.unit > 1 and numbers.whole:
        yield f"All values are multiples of {n(numbers.unit)}: they look rounded."
    if numbers.heaped is not None:
        step, times = numbers.heaped
        often = (
            f"{n(times)} times as common as the values beside them" if isfinite(times) else "common, those beside not"
        )
        yield f"Multiples of {n(step)} are {often}: people round."
    if numbers.modes > 1:
        yield "The values have two humps: one number in the middle may be near none of them."


def _inputs(profile: Profile) -> Iterator[str]:
    noise, rest = profile.noise, profile.residuals
    if noise is not None and noise.interval is not None and noise.share is not None:
        low, high = noise.interval
        yield f"About {percent(noise.share)} of the labels seem wrong ({percent(low)} to {percent(high)})."
    elif noise is not None:
        yield f"How many labels are wrong is not known: {noise.why}."
    if rest is not None and rest.fitted:
        yield (
            f"A small learner explains {percent(max(0.0, rest.explained))} of the variance in rows that it has not "
            f"seen; its typical error is {n(rest.scale)}."
        )
    if profile.repeats is not None and profile.repeats.rows:
        what = (
            "of the variance lies between such twins"
            if profile.task == "regression"
            else "of them contradict their twins"
        )
        yield (
            f"{rows_words(profile.repeats.rows)} have a twin with the same inputs; {percent(profile.repeats.apart)} "
            f"{what}, which no model of these inputs can know."
        )


def _relations(profile: Profile) -> Iterator[str]:
    for kind in dict.fromkeys(one.kind for one in profile.groups):
        groups = [one for one in profile.groups if one.kind == kind]
        large, small = groups[0], groups[-1]
        yield (
            f"{len(groups)} groups{kind and f' of {kind}'}: {large.name!r} is the largest with "
            f"{rows_words(large.rows)}, {small.name!r} the smallest with {rows_words(small.rows)}."
        )
        known = [one for one in groups if one.mean == one.mean and one.rows >= FEW]
        if len(known) > 1:
            low, high = min(known, key=lambda one: one.mean), max(known, key=lambda one: one.mean)
            yield f"The mean of the target runs from {n(low.mean)} ({low.name!r}) to {n(high.mean)} ({high.name!r})."
    if profile.clusters is not None:
        yield (
            f"The rows belong to {profile.clusters.many:,} clusters, the largest of "
            f"{rows_words(profile.clusters.largest)}; that makes the variance of the mean "
            f"{n(profile.clusters.alike)} times as large."
        )
    order = profile.order
    if order is not None and order.given and order.follows:
        yield f"Neighbours in time are alike: {order.alike:.2f} on a scale from 0 to 1."
