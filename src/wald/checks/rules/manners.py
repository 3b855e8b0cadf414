"""Whether a loss leaves its inputs and the random state alone, and answers the same twice.

An in-place operation on a prediction or target changes what the next term of the objective sees. A loss that
draws from, or seeds, the global random state makes runs differ by how often it is called. One that is random
itself cannot be compared between two models, and one that reads memory that was never written gives anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, regression, squared_error

_FIXES: Final = {
    "random": "Draw from a generator that the caller gives, or leave out what is random; see eval mode.",
    "state": "Keep averages, counts and generators outside the loss, and hand them over.",
    "memory": "Fill what torch.empty allocates, or use torch.zeros.",
}


def look(measured: Measured) -> Iterator[Finding]:
    """Two calls, with a look at everything before and after."""
    changes, twice = measured.edges.of("W404")
    found = measured.manners
    yield from told(
        [changes],
        "W404",
        question="call",
        fix="Write no in-place operation on what was given, and draw from a generator of your own.",
        method="inputs and random states before and after a call",
        quiet=found.pure.why,
    )
    if measured.subject.claimed is not None and found.cause:
        # What it is said to be gives one answer.
        twice = replace(twice, grade="fail")
    yield from told(
        [twice],
        "W405",
        question="call",
        fix=_FIXES.get(found.cause, ""),
        method="value and gradient of two equal calls, with other numbers left in memory",
        quiet=found.deterministic.why,
    )


def _in_place(prediction: Tensor, target: Tensor) -> Tensor:
    target += 0.1 * torch.rand(()).to(target)
    return squared_error(prediction, target)


RULE = Rule(
    codes={"W404": "inputs or random state are changed", "W405": "two equal calls give different answers"},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=lambda: regression(_in_place),
    clean=lambda: regression(squared_error),
)
