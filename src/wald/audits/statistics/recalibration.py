"""Do forecasts mean what they say: a slope, a mean, and tests of both."""

from __future__ import annotations

from math import log, nan

import torch
from torch import Tensor

from .consistency import consistency
from .jackknife import Estimate, all_but_one, jackknife


def cox(score: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cox's recalibration: the intercept and slope of label ~ sigmoid(intercept + slope · score), by Newton.

    Args:
        score: (n,) logits.
        label: (..., n) in [0, 1].
        weight: (..., n) counts of the rows; None for 1.

    Returns:
        (..., 2), NaN where nothing can be fitted (one class only, a constant score, separable classes).
        Cox 1958, doi:10.1093/biomet/45.3-4.562.
    """
    score, label = score.double(), label.double()
    weight = torch.ones_like(label) if weight is None else weight.double()
    centre, spread = score.mean(), score.std(correction=0)
    flat = bool(spread <= 1e-12 * (1 + centre.abs()))
    spread = torch.ones_like(spread) if flat else spread
    z = (score - centre) / spread
    mass = weight.sum(-1)
    rate = ((weight * label).sum(-1) / mass).clamp(1e-6, 1 - 1e-6)
    a, b = torch.logit(rate), torch.zeros_like(rate)
    da = db = torch.ones_like(rate)
    for _ in range(30):
        p = torch.sigmoid(a[..., None] + b[..., None] * z)
        gap, bend = weight * (label - p), weight * p * (1 - p)
        g0, g1 = gap.sum(-1), (gap * z).sum(-1)
        h00, h01, h11 = bend.sum(-1), (bend * z).sum(-1), (bend * z * z).sum(-1)
        determinant = (h00 * h11 - h01 * h01).clamp_min(1e-12)
        # A step of more than 2 overshoots where a resample has few of one class.
        da = ((h11 * g0 - h01 * g1) / determinant).clamp(-2, 2)
        db = ((h00 * g1 - h01 * g0) / determinant).clamp(-2, 2)
        a, b = a + da, b + db
        if float(torch.maximum(da.abs(), db.abs()).max()) < 1e-8:
            break
    # Where a step is still being taken the classes separate, or one is missing: there is no maximum.
    lost = (torch.maximum(da.abs(), db.abs()) > 1e-3) | (a.abs() > 40) | flat
    slope = b / spread
    fitted = torch.stack([a - slope * centre, slope], -1)
    return torch.where(lost[..., None], torch.nan, fitted)


def slope_estimate(
    score: Tensor, label: Tensor, *, weight: Tensor | None = None, unit: Tensor | None = None
) -> Estimate:
    """The slope of Cox's recalibration: 1 is right, less is too sure.

    Its error comes from leaving out each unit, by one Newton step from the fit to all rows.

    Args:
        score: (n,) logits.
        label: (n,) in [0, 1].
        weight: what each row counts for, (n,); None for 1.
        unit: the number of each row's cluster, (n,); None where each row stands alone.
    """
    score, label = score.double(), label.double()
    intercept, slope = cox(score, label, weight)
    # About a centre, so that nothing cancels where scores are far from 0.
    z = score - score.mean()
    chance = torch.sigmoid(intercept + slope * score)
    gap, bend = label - chance, chance * (1 - chance)
    parts = torch.stack([gap, gap * z, bend, bend * z, bend * z * z])
    g0, g1, h00, h01, h11 = all_but_one(parts if weight is None else parts * weight, unit)
    step = (h00 * g1 - h01 * g0) / (h00 * h11 - h01 * h01)
    return jackknife(float(slope), slope + step, at_most=_rarer(label, weight, unit) - 1)


def mean_estimate(
    score: Tensor, label: Tensor, *, weight: Tensor | None = None, unit: Tensor | None = None
) -> Estimate:
    """The logarithm of the mean forecast over the share that happened: 0 is right. Arguments as of `slope_estimate`."""
    both = torch.stack([torch.sigmoid(score.double()), label.double()])
    both = both if weight is None else both * weight
    forecast, happened = both.sum(-1).tolist()
    value = log(forecast / happened) if forecast > 0 and happened > 0 else nan
    left = all_but_one(both, unit).clamp_min(0)
    return jackknife(value, (left[0] / left[1]).log(), at_most=_rarer(label.double(), weight, unit) - 1)


def _rarer(label: Tensor, weight: Tensor | None, unit: Tensor | None) -> int:
    """How many rows of equal weight, or clusters, hold the rarer of the two labels: what is known hangs on those."""
    sums = torch.stack([label, 1 - label])
    sums = sums if weight is None else sums * weight
    if unit is not None:
        sums = torch.zeros(2, int(unit.max()) + 1, dtype=torch.float64).index_add(1, unit, sums)
    held = sums.sum(-1).square() / sums.square().sum(-1).clamp_min(1e-300)
    return int(held.min())


def slope_p(
    score: Tensor,
    label: Tensor,
    draws: int,
    source: torch.Generator,
    *,
    weight: Tensor | None = None,
    unit: Tensor | None = None,
) -> float:
    """The p-value of "the slope of Cox's recalibration is 1", whatever its intercept.

    Labels are drawn from the forecasts, moved by one constant to the observed mean (consistency resampling:
    Bröcker & Smith 2007, doi:10.1175/WAF993.1), and compared by the efficient score of the slope, which needs no
    fit: Rao 1948, doi:10.1017/S0305004100023987. Labels of a cluster may depend on each other, which such draws do
    not know; with clusters, the p-value of the slope's own error is taken where it is larger.

    Args:
        score: (n,) logits.
        label: (n,) in {0, 1}.
        draws: how often labels are drawn.
        source: what they are drawn from.
        weight: what each row counts for, (n,); None for 1.
        unit: the number of each row's cluster, (n,); None where each row stands alone.
    """
    score, label = score.double(), label.double()
    chance = torch.sigmoid(score + centring(score, label, weight))
    factor = slope_factor(score, chance, weight)
    drawn = consistency(factor[None], chance, label, draws, source).p[0]
    return drawn if unit is None else max(drawn, slope_estimate(score, label, weight=weight, unit=unit).p(1.0))


def mean_p(
    score: Tensor,
    label: Tensor,
    draws: int,
    source: torch.Generator,
    *,
    weight: Tensor | None = None,
    unit: Tensor | None = None,
) -> float:
    """The p-value of "the mean forecast is the share that happened". Arguments and method as of `slope_p`."""
    factor = torch.ones(1, len(score), dtype=torch.float64) if weight is None else weight.double()[None]
    drawn = consistency(factor, torch.sigmoid(score.double()), label, draws, source).p[0]
    return drawn if unit is None else max(drawn, mean_estimate(score, label, weight=weight, unit=unit).p())


def slope_factor(score: Tensor, chance: Tensor, weight: Tensor | None = None) -> Tensor:
    """What each row's label tells of the slope: the score, less what a constant could take up, (..., rows)."""
    weight = torch.ones_like(chance) if weight is None else weight.double()
    bend = weight * chance * (1 - chance)
    middle = (bend * score).sum(-1, keepdim=True) / bend.sum(-1, keepdim=True).clamp_min(1e-300)
    return weight * (score - middle)


def centring(score: Tensor, label: Tensor, weight: Tensor | None = None) -> float:
    """The constant that brings the mean of sigmoid(score + constant) to the mean of the labels, by halving."""
    weight = torch.ones_like(score) if weight is None else weight.double()
    mass = weight.sum()
    rate = float((weight * label).sum() / mass)
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        if float((weight * torch.sigmoid(score + middle)).sum() / mass) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
