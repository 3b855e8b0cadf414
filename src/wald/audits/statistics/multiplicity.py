"""Many tests at once: what their p-values are worth together."""

from __future__ import annotations

from collections.abc import Sequence

from .scipy_stats import scipy_stats


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


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values for a list: of those below α, a share of at most α is expected to be false.

    This holds for independent tests and for positively dependent ones, such as groups that overlap.
    Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x. Computed by SciPy.

    Args:
        p: p-values in [0, 1].

    Returns:
        Adjusted p-values, in the order given.

    Raises:
        ModuleNotFoundError: SciPy is not installed.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    if not p:
        return []
    adjusted = scipy_stats().false_discovery_control(list(p))
    return [float(one) for one in adjusted]
