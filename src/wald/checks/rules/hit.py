"""The gradient where the prediction hits the target, at zero, and where it is right beyond doubt.

Where an error is exactly zero a root, a norm or a division has no derivative, and autograd gives NaN: the better
the model, the likelier a batch that ruins it. The value is finite, so the log shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Value and gradient on exact hits, on zeros, and on predictions that are sure."""
    rows = measured.edges.of("W104")
    method = "one backward pass each"
    if not rows:
        says = "there is no prediction that equals its target"
        yield Finding(code="W104", state="not_applicable", question="edge cases", says=says, method=method)
    yield from told(
        rows,
        "W104",
        fix="Make the input of the root, norm or division safe before it, as with torch.where on its input.",
        method=method,
        quiet="its gradient is finite on exact hits and on zeros",
    )


def _root(prediction: Tensor, target: Tensor) -> Tensor:
    return squared_error(prediction, target).sqrt()


RULE = Rule(
    codes={"W104": "value or gradient is not finite on an exact hit"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_root, whole=True),
    clean=lambda: regression(squared_error),
)
