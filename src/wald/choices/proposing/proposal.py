"""From a profile and a metric to the losses that are worth a try, and those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ...audits import Metric
from ...core import Loss, parse
from ..candidate import Candidate, Refusal
from ..costs import Costs
from ..errors import ChoiceError
from ..profiling import Profile
from . import classes, numbers
from .drafts import GIVEN
from .folding import folded
from .meaning import estimates
from .reads import Reads, reads, refuse_misfit
from .refusing import refusal


def propose(
    profile: Profile,
    metric: Metric,
    *,
    costs: Costs | None = None,
    losses: Iterable[Any] | None = None,
    quantiles: float | Sequence[float] | None = None,
) -> tuple[tuple[Candidate, ...], tuple[Refusal, ...]]:
    """The losses that are worth a try on this target under this metric, and those that cannot work, with the reason.

    Every candidate says what its predictions would mean here, in numbers of this target. Candidates that cannot
    differ under the metric are one, and say so.

    Args:
        profile: of the target.
        metric: what counts.
        costs: what mistakes cost.
        losses: further losses to try: losses, their names, or candidates. They are refused for the same reasons.
        quantiles: the levels that are wanted, where they are not the metric's own.

    Returns:
        The candidates, the plainest first, and the refusals.

    Raises:
        ChoiceError: the metric cannot judge this target at all, or a loss is none.

    >>> from wald.audits.metrics import metric_of
    >>> from wald.choices.profiling import profile
    >>> candidates, _ = propose(profile([0] * 900 + [1] * 100), metric_of("log_loss"))
    >>> candidates[0].name, candidates[0].estimates
    ('cross-entropy', 'the probability of yes, 0.1 on average')
    """
    read = reads(metric, costs=costs)
    refuse_misfit(profile, metric, read)
    drafts: list[Candidate | Refusal] = [*_usual(profile, read, costs, _levels(quantiles))]
    drafts += [_given(one) for one in losses or ()]
    refusals = [one for one in drafts if isinstance(one, Refusal)]
    kept: list[Candidate] = []
    for one in drafts:
        if isinstance(one, Refusal):
            continue
        found = refusal(one.name, one.loss, profile, metric, read)
        if found is None:
            kept.append(one)
        else:
            refusals.append(found)
    told = [
        replace(one, estimates=one.estimates or estimates(one.loss, profile, one.after))
        for one in folded(kept, profile, metric, read)
    ]
    # Sorted without moving equals: what stands first in its list is the better known.
    return tuple(sorted(told, key=lambda one: one.plainness)), _together(refusals)


def _usual(
    profile: Profile, read: Reads, costs: Costs | None, levels: tuple[float, ...]
) -> Iterable[Candidate | Refusal]:
    if profile.task == "binary":
        return classes.binary(profile, read, costs)
    if profile.task == "multiclass":
        return classes.multiclass(profile, read)
    if profile.task == "ordinal":
        return classes.ordinal(profile, read)
    return numbers.regression(profile, read, levels)


def _levels(quantiles: float | Sequence[float] | None) -> tuple[float, ...]:
    levels = () if quantiles is None else (quantiles,) if isinstance(quantiles, int | float) else tuple(quantiles)
    if bad := [one for one in levels if not 0 < one < 1]:
        raise ChoiceError(f"a quantile lies between 0 and 1, such as 0.9; got {', '.join(f'{one:g}' for one in bad)}.")
    if len({*levels}) < len(levels):
        raise ChoiceError(f"quantiles are {', '.join(f'{one:g}' for one in levels)}; give each level once.")
    return levels


def _given(one: Any) -> Candidate:
    """A loss that the user brought."""
    if isinstance(one, Candidate):
        return replace(one, given=True)
    if isinstance(one, str):
        try:
            one = parse(one)
        except (KeyError, TypeError, ValueError) as error:
            why = str(error.args[0] if error.args else error)
            raise ChoiceError(f"losses holds {one!r}, from which no loss can be made: {why}") from None
    if isinstance(one, type) and issubclass(one, Loss):
        try:
            one = one()
        except (TypeError, ValueError) as error:
            raise ChoiceError(
                f"losses holds the class {one.__name__}, which cannot be made without its fields ({error}). Give "
                f"{one.__name__}(...) with them."
            ) from None
    if not isinstance(one, Loss):
        raise ChoiceError(
            f"losses holds a {type(one).__name__}, and a race needs wald losses, which say what they take. Make "
            "a class of it: class Mine(wald.Supervised), with a card and per_example(self, prediction, target)."
        )
    return Candidate(name=repr(one), loss=one, plainness=GIVEN, why="you asked for it", given=True)


def _together(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """Refusals for one reason as one."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in refusals:
        found.setdefault((one.why, one.instead), []).append(one.name)
    return tuple(
        Refusal(name=", ".join(dict.fromkeys(names)), why=why, instead=instead)
        for (why, instead), names in found.items()
    )
