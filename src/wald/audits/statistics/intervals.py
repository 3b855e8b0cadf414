"""Intervals, and the smallest effect that could have been seen."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import torch
from torch import Tensor


def percentiles(draws: Tensor, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; unknown (infinite) where too few draws came out finite."""
    finite = draws[draws.isfinite()].double()
    if len(finite) < 0.9 * len(draws) or len(finite) < 20:
        return (-torch.inf, torch.inf)
    low, high = torch.quantile(finite, torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    return (float(low), float(high))


def wilson(successes: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share, which stays inside [0, 1]. Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    if trials == 0:
        return (0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, extra = successes / trials, z * z / trials
    centre = (share + extra / 2) / (1 + extra)
    half = z / (1 + extra) * sqrt(share * (1 - share) / trials + extra / (4 * trials))
    # At 0 and at all the bound is 0 and 1 exactly; rounding must not say otherwise.
    return (
        0.0 if successes <= 0 else max(0.0, centre - half),
        1.0 if successes >= trials else min(1.0, centre + half),
    )


def detectable(standard_error: float, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest effect that would have been seen with this power."""
    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * standard_error
