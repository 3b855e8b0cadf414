"""Where a loss of one number is looked at: irregular numbers, near each other and decades apart."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...cards import Domain


def spread(domain: Domain, n: int, generator: Generator, *, wide: bool) -> Tensor:
    """`n` numbers of a domain in ascending order, evenly spaced in its own scale, then shaken.

    Args:
        domain: an interval; a probability is spaced evenly in its logit, what is above a bound in its log.
        n: how many.
        generator: shakes them, so that no kink is hit.
        wide: span the decades from a thousandth to a thousand, else what is typical.
    """
    shake = torch.rand(n, generator=generator, dtype=torch.float64) - 0.5
    steps = (torch.arange(n, dtype=torch.float64) + 0.5 + 0.8 * shake) / n
    u = 2 * steps - 1
    if domain.high < torch.inf:
        low = max(domain.low, -1e6)
        return low + (domain.high - low) * torch.sigmoid((12 if wide else 3) * u)
    if domain.low > -torch.inf:
        return domain.low + torch.exp((7 if wide else 1.9) * u)
    return torch.sinh(8 * u) / 5 if wide else 4 * u


def extremes(domain: Domain, magnitudes: Tensor) -> Tensor:
    """Numbers at these distances from the middle of a domain, on both sides where it has two."""
    if domain.high < torch.inf:
        low = max(domain.low, -1e6)
        edge = (domain.high - low) / (1 + magnitudes)
        return torch.cat([domain.high - edge, low + edge])
    if domain.low > -torch.inf:
        return domain.low + torch.cat([magnitudes, 1 / magnitudes])
    return torch.cat([magnitudes, -magnitudes])


def pairs(xs: Tensor, ys: Tensor) -> tuple[Tensor, Tensor]:
    """Every x with every y, as two columns; `.reshape(len(xs), len(ys))` makes a table of what comes of them."""
    return xs.repeat_interleave(len(ys)), ys.repeat(len(xs))


def inside(domain: Domain, x: Tensor) -> Tensor:
    """`x` brought into a domain: scores made probabilities where they must add to 1, ends held."""
    if domain.normalised:
        return x.softmax(-1) if domain.normalised == "linear" else x.log_softmax(-1)
    return x.clamp(min=domain.low, max=domain.high)
