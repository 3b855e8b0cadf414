"""The metric on rows from elsewhere or later, against the rows of the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..statistics import detectable, percentiles


@dataclass(frozen=True)
class Elsewhere:
    """How other rows fare.

    Attributes:
        name: what they are called.
        here: what the test rows cost.
        there: what the others cost.
        effect: by how much more, as a share of what the test rows cost.
        interval: its interval; those of several splits hold together.
        detectable: the smallest effect that could have been seen.
    """

    name: str
    here: float
    there: float
    effect: float
    interval: tuple[float, float]
    detectable: float


def compare_samples(
    here: tuple[float, Tensor], others: Sequence[tuple[str, float, Tensor]], *, together: int | None = None
) -> list[Elsewhere]:
    """Compare a cost with other costs, each with its own bootstrap draws: the samples are independent.

    Args:
        here: the cost of the test rows, and its draws, (draws,).
        others: names, costs and draws, the same number of them.
        together: how many intervals shall hold at once; None for all of these.
    """
    cost, draws = here
    level = 1 - 0.05 / (together or max(1, len(others)))
    base = max(abs(cost), 1e-12)
    found: list[Elsewhere] = []
    for name, there, its_draws in others:
        # The base is drawn as well: a share of an uncertain number is more uncertain than the difference.
        shares = (its_draws - draws) / draws.abs().clamp_min(1e-12)
        finite = shares[torch.isfinite(shares)]
        error = float(finite.std()) if len(finite) > 1 else float("nan")
        found.append(
            Elsewhere(name, cost, there, (there - cost) / base, percentiles(shares, level), detectable(error, level))
        )
    return found
