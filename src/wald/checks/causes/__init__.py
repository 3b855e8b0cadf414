"""What may be wrong with a batch, one cause or one tight family a file: a new one is a file and a name in this list.

The order is that of suspicion: where two causes are proved, the one that stands first says more.
"""

from __future__ import annotations

from typing import Final

from . import (
    class_ids,
    collapse,
    half,
    identical,
    impossible_class,
    integers,
    no_gradient,
    no_spread,
    nonfinite,
    nothing_counts,
    outlier,
    overflow,
    saturation,
    scale,
    sequence,
    shapes,
    singular,
    space,
    target_range,
    weights,
)
from .cause import Cause as Cause, Incurable as Incurable, Suspect as Suspect

CAUSES: Final[tuple[Cause, ...]] = tuple(
    file.RULE
    for file in (
        nothing_counts,
        class_ids,
        integers,
        space,
        impossible_class,
        nonfinite,
        target_range,
        shapes,
        sequence,
        half,
        singular,
        no_spread,
        overflow,
        weights,
        collapse,
        identical,
        saturation,
        no_gradient,
        scale,
        outlier,
    )
)

#: The batch breaks, and no cause above says why.
UNEXPLAINED: Final = "W999"

#: Every code of `wald why`, with what it stands for and what is looked for.
CODES: Final[dict[str, tuple[str, str]]] = (
    {
        "W900": ("nothing is wrong", "No cause was found: value and gradient are finite, and no input stands out."),
        "W971": ("not what was recorded", "The loss that was saved with the batch is not what the loss gives now."),
    }
    | {code: (title, cause.explains) for cause in CAUSES for code, title in sorted(cause.codes.items())}
    | {UNEXPLAINED: ("not explained", "Value or gradient is not finite, and no known cause was found.")}
)
