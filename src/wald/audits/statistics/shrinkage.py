"""Means of many groups, each pulled towards the mean of all by as much as its own noise calls for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Shrunken:
    """Estimates of the means of groups that know of each other.

    Attributes:
        means: the estimates, (groups,).
        errors: their standard errors, (groups,).
        kept: how much of its own distance from the centre each group keeps, (groups,) from 0 to 1.
        centre: the mean that they are pulled to.
        spread: the standard deviation of the true means between groups; 0 where noise explains all of it.
    """

    means: Tensor
    errors: Tensor
    kept: Tensor
    centre: float
    spread: float


def shrink(means: Tensor, errors: Tensor, *, centre: float | None = None) -> Shrunken:
    """Shrink the means of groups by empirical Bayes, as James and Stein did for equal errors.

    Groups are taken to differ by a normal law of unknown variance, which is estimated by Paule & Mandel's
    equation: the squared distances from the centre, in units of their variance, sum to the degrees of freedom, here
    two fewer, which for equal errors is James & Stein's estimate. The largest of many noisy means is no longer
    exaggerated; use it to show and to order, not to test.

    Args:
        means: (groups,).
        errors: the standard errors of the means, (groups,), above 0.
        centre: what to pull to; None for the mean of the groups, weighted by how well each is known.

    Raises:
        ValueError: shapes that differ, or errors that are not above 0.

    Efron & Morris 1975, doi:10.1080/01621459.1975.10479864; Morris 1983, doi:10.1080/01621459.1983.10477920; Paule &
    Mandel 1982, doi:10.6028/jres.087.022.

    >>> found = shrink(torch.tensor([0.0, 1.0, 5.0]), torch.tensor([0.1, 0.1, 3.0]))
    >>> bool(found.means[2] < 4)
    True
    """
    means, errors = means.double(), errors.double()
    if means.ndim != 1 or means.shape != errors.shape:
        raise ValueError(
            f"shrink takes one mean and one error a group; got {tuple(means.shape)}, {tuple(errors.shape)}."
        )
    if not bool((errors > 0).all()):
        raise ValueError(f"the error of each mean is above 0; the least is {float(errors.min()):g}.")
    noise = errors.square()
    # With fewer than four means there is no James and Stein; then as many as there are.
    freedom = max(1, len(means) - (3 if centre is None else 2))

    def middle(between: Tensor) -> Tensor:
        if centre is not None:
            return torch.tensor(centre, dtype=torch.float64)
        weight = 1 / (noise + between)
        return (weight * means).sum() / weight.sum()

    def excess(between: Tensor) -> float:
        return float(((means - middle(between)).square() / (noise + between)).sum()) - freedom

    low = torch.zeros((), dtype=torch.float64)
    high = (means - means.mean()).square().sum() + (means - middle(low)).square().sum() + noise.max()
    if len(means) == (1 if centre is None else 0) or excess(low) <= 0:
        between = low
    else:
        # The excess falls as the variance grows, so halving finds where it is 0.
        for _ in range(200):
            half = (low + high) / 2
            low, high = (half, high) if excess(half) > 0 else (low, half)
        between = (low + high) / 2
    kept = between / (between + noise)
    to = middle(between)
    total = 1 / (noise + between)
    # What is not known of the centre is not known of what is pulled to it.
    unsure = (1 - kept).square() / total.sum() if centre is None else 0.0
    # Nor what is not known of the spread: the farther a mean is pulled, the more hangs on it (Morris 1983).
    unsure = unsure + 2 / freedom * ((1 - kept) * (means - to)).square()
    return Shrunken(
        means=to + kept * (means - to),
        errors=(kept * noise + unsure).sqrt(),
        kept=kept,
        centre=float(to),
        spread=float(between.sqrt()),
    )
