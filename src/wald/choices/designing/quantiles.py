"""Quantiles, one or several, and expectiles."""

from __future__ import annotations

from ...losses import Absolute, Expectile, Interval, Pinball, SmoothedPinball
from .designed import Design, Option
from .facts import Facts
from .words import no_value, numbers_in, one_number, share, told


def median(value: str, facts: Facts) -> Design:
    """The median: the absolute error."""
    no_value("median", value)
    return Design(
        asked="the median",
        loss=Absolute(),
        estimates="median",
        reads="the median: as many targets above as below",
        why=(
            "The absolute error pulls up and down with the same force however far a target is, so it comes to rest "
            "where as many lie above as below. One enormous target pulls no harder than a near one"
            + (", which is what heavy tails ask for." if facts.heavy_tails else ".")
        ),
        alternatives=(
            Option(loss=Pinball(level=0.5), why="The same, halved: the name it has among quantiles."),
            Option(
                loss=SmoothedPinball(level=0.5, width=0.1),
                why="With a second derivative, for boosters and L-BFGS; nearly the median where its width is well "
                "below the spread of the target.",
            ),
        ),
        warnings=_skewed(facts),
    )


def _skewed(facts: Facts) -> tuple[str, ...]:
    if not (facts.positive or facts.zeros or facts.counts):
        return ()
    return (
        "Of a skewed target the median lies below the mean, and sums of medians are too low; where most targets are 0 "
        "the median is 0.",
    )


def quantile(value: str, facts: Facts) -> Design:
    """A quantile: the pinball loss."""
    level = share(one_number(value, "quantile", "quantile=0.9"), "quantile", "quantile=0.9")
    odds = level / (1 - level)
    ratio = f"{told(odds)} times what too high" if odds >= 1 else f"a {told(1 / odds)}th of what too high"
    return Design(
        asked=f"the {told(level)} quantile",
        loss=Pinball(level=level),
        estimates="median" if level == 0.5 else f"quantile({level:g})",
        reads=f"a value with {told(100 * level)} % of the targets below it",
        why=(
            f"In the pinball loss too low costs {ratio} does. It comes to rest where the chances are in just that "
            f"proportion, with {told(100 * level)} % of the targets below. Read the other way: if that is what being "
            "too low and too high cost you, this quantile is your cheapest forecast."
        ),
        alternatives=(
            Option(
                loss=SmoothedPinball(level=level, width=0.1),
                why="With a second derivative, for boosters and L-BFGS; nearly this quantile where its width is well "
                "below the spread of the target.",
            ),
            Option(
                loss=Expectile(level=level),
                why="Another statistic: it hears how far the tail reaches, and not only how often. Its level is no "
                "share of targets.",
            ),
        ),
        warnings=_rare(level),
    )


def _rare(level: float) -> tuple[str, ...]:
    beyond = min(level, 1 - level)
    if beyond >= 0.02:
        return ()
    return (
        f"One target in {told(1 / beyond)} lies beyond it; with fewer than {told(100 / beyond)} rows it is a guess.",
    )


def quantiles(value: str, facts: Facts) -> Design:
    """Several quantiles: a column for each."""
    example = "quantiles=0.05,0.95"
    levels = tuple(sorted({share(one, "quantiles", example) for one in numbers_in(value, "quantiles", example)}))
    if len(levels) == 1:
        return quantile(repr(levels[0]), facts)
    low, high = levels[0], levels[-1]
    options: list[Option] = []
    if len(levels) == 2 and abs(low + high - 1) < 1e-9:
        options.append(
            Option(
                loss=Interval(level=round(high - low, 12)),
                why=f"The same two quantiles as a range that holds {told(100 * (high - low))} % of the targets; its "
                "value reads as a width, with a fine for each target outside.",
            )
        )
    return Design(
        asked=f"the quantiles {', '.join(map(told, levels))}",
        loss=Pinball(level=levels),
        estimates=", ".join(f"quantile({level:g})" for level in levels),
        reads=f"{len(levels)} columns, the {' and the '.join(map(told, levels))} quantile"
        if len(levels) == 2 else f"{len(levels)} columns, in the order of the levels",
        decide=f"Between the first and the last column lie {told(100 * (high - low))} % of the targets.",
        why=(
            "Each column has the pinball loss of its own level, and their mean is the loss: no column knows of the "
            "others, so each comes to rest on its own quantile."
        ),
        alternatives=tuple(options),
        warnings=(
            "Nothing keeps columns from crossing; sort them along the last axis when you predict, which never makes "
            "them worse.",
            *_rare(min(low, 1 - high)),
        ),
    )  # fmt: skip


def interval(value: str, facts: Facts) -> Design:
    """The range that holds a share of the targets, as many below it as above."""
    level = share(one_number(value, "interval", "interval=0.9"), "interval", "interval=0.9")
    return quantiles(f"{round((1 - level) / 2, 12)},{round((1 + level) / 2, 12)}", facts)


def expectile(value: str, facts: Facts) -> Design:
    """An expectile: the squared error with two weights."""
    level = share(one_number(value, "expectile", "expectile=0.8"), "expectile", "expectile=0.8")
    return Design(
        asked=f"the {told(level)} expectile",
        loss=Expectile(level=level),
        estimates="mean" if level == 0.5 else f"expectile({level:g})",
        reads=f"the point that balances the targets above and below it {told(level)} : {told(1 - level)} the other way",
        why=(
            "Squared error with two weights. It comes to rest where the distances to the targets above, times "
            f"{told(level)}, add up to those below, times {told(1 - level)}. Unlike a quantile it hears how far the "
            "tail reaches; it is a coherent measure of risk for levels above one half."
        ),
        alternatives=(Option(loss=Pinball(level=level), why="Another statistic: the quantile, a share of targets."),),
        warnings=("One wild target can move it as far as it likes.",) if facts.heavy_tails else (),
    )
