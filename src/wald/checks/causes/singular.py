"""Single values at which a formula has no finite value or no derivative.

The logarithm of 0, a division by 0, the root or norm of an exact hit, the angle of a vector without length. Each is
rare by chance and common in data: a count of 0, a saturated probability, a model that hits its target. What is at
fault is proved: the examples with such a value break the loss, each alone, and without them it is finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from torch import Tensor

from ..batches import Run
from .cause import Cause, Incurable, Suspect, numbers, run_of, share_broken
from .special_rows import hits, special_rows
from .special_values import special_values

#: This share of the rows with such a value must break the loss, each alone.
_SURE = 0.3


def look(run: Run) -> Iterator[Suspect]:
    """The kind of value that explains most: its rows break the loss alone, and without it all is well."""
    found = [
        (share_broken(run, one.rows), one)
        for one in chain(special_rows(run), special_values(run), hits(run))
        if one.rows is not None and _cures(run, one)
    ]
    share, best = max(found, key=lambda one: one[0], default=(0.0, None))
    if best is not None and share >= _SURE:
        yield best


def _cures(run: Run, suspect: Suspect) -> bool:
    try:
        return suspect.cure is not None and not suspect.cure(run).outcome.broken
    except Incurable:
        return False


def _logs(x: Tensor, y: Tensor) -> Tensor:
    return -(y * x.log() + (1 - y) * (1 - x).log()).mean()


RULE = Cause(
    codes={
        "W921": "the logarithm of 0",
        "W922": "a division by a target of 0",
        "W923": "no derivative at an exact hit or a zero vector",
        "W924": "a variance that is not positive",
        "W925": "the logarithm or root of what is outside its domain",
        "W926": "a subnormal number",
    },
    explains=__doc__ or "",
    look=look,
    when="broken",
    planted=lambda: run_of(_logs, x=numbers(0.3, 0, 0.6), y=numbers(1, 1, 0)),
    clean=lambda: run_of(_logs, x=numbers(0.3, 0.2, 0.6), y=numbers(1, 1, 0)),
)
