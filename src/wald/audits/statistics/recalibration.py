"""Do forecasts mean what they say: a slope, a mean, and tests of both."""

from __future__ import annotations

import torch
from torch import Tensor

from .bootstrap import Bootstrap
from .multiplicity import permutation_p


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
    centre, spread = score.mean(), score.std().clamp_min(1e-12)
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
    lost = (torch.maximum(da.abs(), db.abs()) > 1e-3) | (a.abs() > 40)
    slope = b / spread
    fitted = torch.stack([a - slope * centre, slope], -1)
    return torch.where(lost[..., None], torch.nan, fitted)


def cox_draws(score: Tensor, label: Tensor, bootstrap: Bootstrap) -> Tensor:
    """The intercept and slope of each resample, (draws, 2): one Newton step from those of all rows.

    A full fit of each resample costs a hundred times as much and hardly differs.
    """
    score, label = score.double(), label.double()
    fitted = cox(score, label)
    chance = torch.sigmoid(fitted[0] + fitted[1] * score)
    gap, bend = label - chance, chance * (1 - chance)
    parts = bootstrap.means(torch.stack([gap, gap * score, bend, bend * score, bend * score * score]))
    g0, g1, h00, h01, h11 = parts
    determinant = h00 * h11 - h01 * h01
    step = torch.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], -1) / determinant[:, None]
    return fitted + torch.where(determinant[:, None] > 1e-12, step, torch.nan)


def slope_p(score: Tensor, label: Tensor, draws: int, source: torch.Generator) -> float:
    """The p-value of "the slope of Cox's recalibration is 1", whatever its intercept.

    Labels are drawn from the forecasts, moved by one constant to the observed mean (consistency resampling:
    Bröcker & Smith 2007, doi:10.1175/WAF993.1), and compared by the efficient score of the slope, which needs no
    fit: Rao 1948, doi:10.1017/S0305004100023987.
    """
    score, label = score.double(), label.double()
    centred = score + _intercept(score, label)
    chance = torch.sigmoid(centred)
    bend = chance * (1 - chance)
    # What is left of the score once a constant is taken out, so that the constant's own error does not count.
    apart = score - (bend * score).sum() / bend.sum().clamp_min(1e-300)
    drawn = (torch.rand(draws, len(score), generator=source, dtype=torch.float64) < chance).double()
    return permutation_p(abs(float((label - chance) @ apart)) * (1 - 1e-12), ((drawn - chance) @ apart).abs())


def mean_p(score: Tensor, label: Tensor, draws: int, source: torch.Generator) -> float:
    """The p-value of "the mean forecast is the mean of what happened", by drawing labels from the forecasts."""
    chance, label = torch.sigmoid(score.double()), label.double()
    drawn = (torch.rand(draws, len(chance), generator=source, dtype=torch.float64) < chance).double()
    gap = abs(float((label - chance).mean()))
    return permutation_p(gap * (1 - 1e-12), (drawn - chance).mean(-1).abs())


def _intercept(score: Tensor, label: Tensor) -> Tensor:
    """The constant that brings the mean forecast to the mean of what happened, by bisection."""
    rate = label.mean().clamp(1e-9, 1 - 1e-9)
    low, high = torch.tensor(-60.0, dtype=torch.float64), torch.tensor(60.0, dtype=torch.float64)
    for _ in range(60):
        middle = (low + high) / 2
        above = torch.sigmoid(score + middle).mean() > rate
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2
