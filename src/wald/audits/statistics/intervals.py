"""Intervals, and the smallest effect that could have been seen."""

from __future__ import annotations

from math import inf, isfinite, sqrt
from statistics import NormalDist

import torch
from torch import Tensor

from .scipy_stats import scipy_stats


def percentiles(draws: Tensor, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; unknown (infinite) where too few draws came out finite."""
    finite = draws[draws.isfinite()].double()
    if len(finite) < 0.9 * len(draws) or len(finite) < 20:
        return (-torch.inf, torch.inf)
    low, high = torch.quantile(finite, torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    return (float(low), float(high))


def simultaneous(points: Tensor, errors: Tensor, draws: Tensor, level: float = 0.95) -> tuple[Tensor, float]:
    """Intervals that hold for all of several numbers at once.

    Args:
        points: the numbers, (k,).
        errors: their standard errors, (k,), above 0.
        draws: the numbers by bootstrap, or what they would be by chance plus the points, (k, draws).
        level: the chance that every interval holds its number.

    Returns:
        Intervals (k, 2), and their half width in standard errors: the `level` quantile of the largest
        |draw - point| / error. Montiel Olea & Plagborg-Møller 2019, doi:10.1002/jae.2656.

    >>> points = torch.zeros(3)
    >>> drawn = torch.randn(3, 4_000, generator=torch.Generator().manual_seed(0))
    >>> 2.3 < simultaneous(points, torch.ones(3), drawn)[1] < 2.5
    True
    """
    points, errors, draws = points.double(), errors.double(), draws.double()
    far = ((draws - points[:, None]) / errors[:, None]).abs().amax(0)
    width = float(torch.quantile(far, level))
    return torch.stack([points - width * errors, points + width * errors], -1), width


def t_interval(values: Tensor, level: float = 0.95) -> tuple[float, tuple[float, float]]:
    """The mean of a few independent values, such as paired differences between seeds, and Student's interval.

    Args:
        values: (k,); with fewer than two the interval is unknown (infinite).
        level: the chance that the interval holds the mean.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
    """
    values = values.double()
    mean = float(values.mean())
    if len(values) < 2:
        return mean, (-inf, inf)
    half = float(scipy_stats().t.ppf((1 + level) / 2, len(values) - 1)) * float(values.std()) / sqrt(len(values))
    return mean, (mean - half, mean + half)


def wilson(successes: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share, which stays inside [0, 1]. Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Args:
        successes: how many; with weights, the weighted share times `trials`.
        trials: of how many; with weights or clusters, as many independent rows as would know as much
            (`Sample.effective_for`).
        level: the chance that the interval holds the share.
    """
    if not trials > 0:
        return (0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, extra = min(max(successes / trials, 0.0), 1.0), z * z / trials
    centre = (share + extra / 2) / (1 + extra)
    half = z / (1 + extra) * sqrt(share * (1 - share) / trials + extra / (4 * trials))
    # At 0 and at all the bound is 0 and 1 exactly; rounding must not say otherwise.
    return (
        0.0 if share <= 0 else max(0.0, centre - half),
        1.0 if share >= 1 else min(1.0, centre + half),
    )


def clopper_pearson(successes: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """The interval for a share that never covers less than it says, however rare the event.

    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404. Arguments as of `wilson`.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
    """
    if not trials > 0:
        return (0.0, 1.0)
    beta, tail = scipy_stats().beta, (1 - level) / 2
    low = 0.0 if successes <= 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes >= trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high


def detectable(standard_error: float, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest effect that would have been seen with this power; infinite where the error is unknown."""
    if not isfinite(standard_error):
        return inf
    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * standard_error
