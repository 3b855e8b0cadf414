"""Whether a NaN that goes in shows in the loss.

A loss that turns NaN into a finite number hides a model, or data, that has broken: comparisons with NaN are false, so
a torch.where or a maximum written by hand takes the other branch. The run goes on, the number looks healthy.

A target of NaN that is left out, row and count, is one reading of a missing value, and only warned of; so is one
that stands for a label, which is one more label that the loss does not know.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """NaN in each input, in a whole row and in one entry, and infinities in the targets."""
    yield from told(
        measured.edges.of("W105"),
        "W105",
        fix="Use torch.clamp, torch.relu or torch.maximum, which pass NaN on, in place of comparisons.",
        method="one NaN in a batch",
        quiet="a NaN in the prediction shows in its value, or is refused",
    )
    yield from told(
        measured.edges.of("W110"),
        "W110",
        fix="Let NaN through, or leave such rows out by a mask that the caller gives and can count.",
        method="one NaN, then one infinity, in each input beside the prediction",
    )


def _by_hand(prediction: Tensor, target: Tensor) -> Tensor:
    error = prediction - target
    return torch.where(error.abs() > 0, error.abs(), 0.0).mean()


RULE = Rule(
    codes={"W105": "a NaN in the prediction is hidden", "W110": "a NaN or an infinity in another input is hidden"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: regression(_by_hand),
    clean=lambda: regression(squared_error),
)
