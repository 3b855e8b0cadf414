"""What predictions of plus and minus infinity give.

At infinity the value must be the one that ever larger predictions approach, or NaN where there is none: a finite
number in its place hides that the model has overflowed. A score of minus infinity is also how a class is taken out
of the race, as with invalid actions; a term that multiplies it by zero, or smoothing that gives it mass, is infinite
or NaN there.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Infinities on both sides of each kind of target, in whole rows and in single scores."""
    yield from told(
        measured.edges.of("W111"),
        "W111",
        fix="Use no nan_to_num and no comparison on what may be infinite; clamp the input, not the result.",
        method="infinity in one row, against predictions of a million",
    )
    yield from told(
        measured.edges.of("W112"),
        "W112",
        fix="Mask with torch.where before the product or sum, and give smoothing mass to the allowed classes only.",
        method="minus infinity as the score of one class",
    )


def _swallows(prediction: Tensor, target: Tensor) -> Tensor:
    return squared_error(prediction.nan_to_num(posinf=0.0, neginf=0.0), target)


RULE = Rule(
    codes={"W111": "an infinite prediction is hidden", "W112": "a masked class breaks the loss"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_swallows),
    clean=lambda: regression(squared_error),
)
