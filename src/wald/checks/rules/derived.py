"""What torch makes of the loss: second derivatives, `torch.func.vmap`, one graph for `torch.compile`.

Gradient penalties, boosting and curvature need the second derivative; per-example gradients need vmap. A loss that
reads a number back into Python waits for the GPU at every step, and cannot be captured as one graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Two derivatives, two batches at once, one graph."""
    yield from told(
        measured.edges.of("W126"),
        "W126",
        question="call",
        fix="Write it in differentiable torch operations on whole tensors, without reading shapes from their values.",
        method="the second derivative of an ordinary batch, and two batches under vmap",
    )
    yield from told(
        measured.edges.of("W127"),
        "W127",
        question="call",
        fix="Choose by torch.where in place of if, keep numbers as tensors, and check values only while "
        "torch.compiler.is_compiling() is false.",
        method="one call that is watched for reads of numbers, as a stand-in for torch.compile(fullgraph=True)",
    )


def _reads(prediction: Tensor, target: Tensor) -> Tensor:
    found = squared_error(prediction, target)
    return found if found.item() < 1e6 else found * 0


RULE = Rule(
    codes={"W126": "second derivatives or vmap go wrong", "W127": "it cannot be captured as one graph"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_reads),
    clean=lambda: regression(squared_error),
)
