"""Many tests at once: p-values, and what they are worth together."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def permutation_p(observed: float, null: Tensor) -> float:
    """The share of null draws at least as large as what was observed, the observed one counted: never 0."""
    return (1 + int((null >= observed).sum())) / (1 + null.numel())


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: rejecting those below α holds the chance of any false alarm to α.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics.
    """
    adjusted = [1.0] * len(p)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        least = max(least, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = least
    return adjusted
