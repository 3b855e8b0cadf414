"""What is likely to go wrong with a target, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings.words import number_words as n
from .portrait import Profile
from .sentences import FEW, percent, rows_words


def cautions(profile: Profile, *, doubtful: bool, positive: bool) -> Iterator[str]:
    """What is likely to go wrong.

    Args:
        profile: of the target.
        doubtful: whether it might as well be of another task.
        positive: whether it was said which of two classes is yes.
    """
    if doubtful:
        yield (
            f"The target was read as {'classes' if profile.classes else 'numbers'}, since {profile.because}. If that "
            'is wrong, say what it is: task="counts", "regression", "ordinal" or "multiclass".'
        )
    if profile.missing > 0.2 * (profile.missing + profile.rows):
        yield (
            f"{percent(profile.missing / (profile.missing + profile.rows))} of the rows have no target. If those "
            "differ from the others, no loss mends it: find out why they are missing."
        )
    classes = profile.classes
    if (
        classes is not None
        and profile.task == "binary"
        and not positive
        and classes.shares[1] > 0.5
        and isinstance(classes.names[1], str)
    ):
        yield (
            f"Yes was taken to be {classes.names[1]!r}, the common one, because it comes second in the alphabet. If "
            f"you look for {classes.names[0]!r}, give positive={classes.names[0]!r}."
        )
    if classes is not None and min(classes.counts) < FEW:
        yield (
            f"Only {rows_words(min(classes.counts))} {'is' if min(classes.counts) == 1 else 'are'} "
            f"{classes.names[classes.rarest]!r}: differences between losses will mostly drown in chance, and 'not "
            "enough data' is a likely answer."
        )
    if profile.leak is not None and profile.leak.suspicious:
        yield (
            f"{profile.leak.column} alone removes {percent(profile.leak.explained)} of the error: make sure that it is "
            "known before the target is, or every comparison will be about nothing."
        )
    if profile.noise is not None and profile.noise.interval is not None and profile.noise.interval[0] >= 0.02:
        yield (
            f"At least {percent(profile.noise.interval[0])} of the labels seem wrong: a loss that punishes confident "
            "mistakes without bound chases them."
        )
    yield from _numbers_warnings(profile)
    yield from _order_warnings(profile)
    small = [one for one in profile.groups if one.least < 10]
    if small:
        yield (
            f"{len(small)} of {len(profile.groups)} groups {'has' if len(small) == 1 else 'have'} fewer than 10 rows"
            f"{'' if profile.task == 'regression' else ' of some class'}: nothing can be said about these alone "
            f"({', '.join(repr(one.name) for one in small[:4])}{' …' if len(small) > 4 else ''})."
        )


def _numbers_warnings(profile: Profile) -> Iterator[str]:
    numbers = profile.numbers
    if numbers is None or profile.task != "regression":
        return
    if numbers.outliers is not None and numbers.outliers.apart:
        many = numbers.outliers.apart
        yield (
            f"{rows_words(many)} lie beyond a gap that the tail of the others does not explain: look at them before "
            "anything is trained; a typing error is not a tail."
        )
    for value, many in numbers.capped:
        end = "largest" if value == numbers.high else "least"
        yield (
            f"{rows_words(many)} have exactly the {end} value, {n(value)}: it looks like the end of what was measured. "
            "Beyond it no loss sees a difference."
        )
    if numbers.zeros > 0.5 * profile.rows:
        yield (
            f"More than half of the targets are 0 ({percent(numbers.zeros / profile.rows)}): the median is 0, and a "
            "loss that estimates it learns to say 0 everywhere."
        )


def _order_warnings(profile: Profile) -> Iterator[str]:
    order = profile.order
    if order is None:
        return
    if not order.given and order.follows:
        if order.alike > 0.9:
            yield (
                f"The file looks sorted by its target (neighbours are alike: {order.alike:.2f} on a scale from 0 to "
                "1). That does no harm, since folds are drawn at random; but if it is time, give order=True."
            )
        else:
            yield (
                f"Neighbouring rows of the file are alike ({order.alike:.2f} on a scale from 0 to 1). If they come in "
                "order of time give order=True, or losses are judged on rows that they have nearly seen."
            )
    if order.given and order.drifts:
        yield (
            f"The target drifts: {n(order.early)} on average in the first third of the time and {n(order.late)} in the "
            "last. What is tuned on early rows is judged on others."
        )
