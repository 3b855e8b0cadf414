"""The same numbers, called in another way: another layout in memory, another mode, after another batch.

None of this may change the value. A view that assumes a contiguous tensor reads other numbers; a branch on whether a
gradient is needed makes evaluation disagree with training; an average that is kept between calls makes the loss of a
batch depend on what came before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Strided and expanded inputs, no_grad, learnt targets, autocast, and another batch in between."""
    yield from told(
        measured.edges.of("W123"),
        "W123",
        fix="Use reshape, not view, as_strided or data_ptr.",
        method="strided, expanded and transposed inputs against contiguous ones",
    )
    yield from told(
        measured.edges.of("W124"),
        "W124",
        question="call",
        fix="Make no value depend on requires_grad, is_grad_enabled or the mode; compute in float32 inside.",
        method="the same call without a graph, with targets that have one, and under autocast",
    )
    yield from told(
        measured.edges.of("W125"),
        "W125",
        question="call",
        fix="Keep averages and counts outside the loss, and hand them over, so that a batch always costs the same.",
        method="the same batch before and after another one",
    )


def _unpacked(prediction: Tensor, target: Tensor) -> Tensor:
    return squared_error(prediction.as_strided(prediction.shape, tuple(1 for _ in prediction.shape)), target)


RULE = Rule(
    codes={
        "W123": "another layout in memory gives another number",
        "W124": "another mode gives another number",
        "W125": "a batch costs more or less after another one",
    },
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_unpacked),
    clean=lambda: regression(squared_error),
)
