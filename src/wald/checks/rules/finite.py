"""Whether value and gradient stay finite wherever the loss itself is.

Predictions over all magnitudes are tried in every dtype and held against double precision. A value may overflow
only where the true one does: exp(1000) has no place in single precision, softplus(1000) has. A gradient that is
NaN beside a finite loss ruins every weight in one step while the log looks healthy; one that is zero where the
true one is not stops learning just where the error is largest. The usual causes are log(1 + exp(x)) written out,
a sigmoid before a log, a square before a root, and torch.where around an operation that is not defined.

In half precision the same faults are only warned of, since most losses are computed in single precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from ...findings import Finding
from ..edges import told
from ..measured import Measured
from .rule import Rule, binary, logistic

_FIXES: Final = {
    "W101": "Write it in a form that does not overflow: softplus, logsumexp, log1p, expm1, hypot.",
    "W102": "Make the input of the critical operation safe, not its result: softplus, logsumexp, hypot, or a mask.",
    "W103": "Fuse the steps: logits with softplus or log_softmax in place of a sigmoid or softmax and a log.",
}


def look(measured: Measured) -> Iterator[Finding]:
    """One finding for each fault, with the dtypes that have it, or one that says that there is none."""
    rows = measured.edges.of("W101")
    for code, fix in _FIXES.items():
        here = [row for row in rows if row.code == code]
        # One sentence for all dtypes: first of those in which something overflows though the loss itself does.
        # Single precision is what most losses meet, so that it is told first; the others say from where on.
        here.sort(key=lambda row: "float32" not in row.cell)
        quiet = "" if code != "W101" else next((row.says for row in here if "itself" in row.says), _IN_ORDER)
        yield from told(here, code, fix=fix, method=_METHOD, quiet=quiet)


_METHOD: Final = "a logarithmic grid of magnitudes in four dtypes, then bisection, against double precision"
_IN_ORDER: Final = "in every dtype that it takes value and gradient are finite wherever the loss is"


def _written_out(prediction: Tensor, target: Tensor) -> Tensor:
    return (torch.log(1 + torch.exp(prediction)) - target * prediction).mean()


RULE = Rule(
    codes={
        "W101": "the value overflows where the loss itself does not",
        "W102": "the gradient is not finite although the value is",
        "W103": "the gradient is zero where it should not be",
    },
    explains=__doc__ or "",
    look=look,
    planted=lambda: binary(_written_out),
    clean=lambda: binary(logistic),
)
