"""Reductions that lean towards the dear examples: the mean if the sample were worse than it is, and tilted means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math

import torch
from torch import Tensor

from .tensors import wide

#: A tilt is searched among 22 at once, between the least that can be and 1e9 times that: 4 rounds leave 9e-5 of it.
_AT_ONCE, _ROUNDS = 22, 4


@dataclass(frozen=True)
class TiltedMean:
    """A soft maximum of the examples, or a soft minimum: log(mean of exp(tilt · loss)) / tilt.

    Each example counts by exp(tilt · loss). Above 0 the dear ones count more, up to the maximum as it grows: the mean
    under the worst change of the sample that pays its Kullback-Leibler divergence divided by `tilt`. Below 0 they count
    less, as outliers should. At 0 it is the mean. The tilt is in units of one over the loss, and is called a
    temperature elsewhere, or its inverse is.

    It is a log of a mean, so that of a batch is too small on average, and the mean over micro-batches is not that of
    the whole. Li, Beirami, Sanjabi & Smith 2021, arXiv:2007.01162.

    >>> import torch, wald
    >>> wald.Absolute()(torch.tensor([0.0, 1.0]), torch.zeros(2), reduction=wald.TiltedMean(2.0))  # log(4.19) / 2
    tensor(0.7169)
    """

    tilt: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.tilt):
            raise ValueError(
                f"TiltedMean: tilt must be a finite number, got {self.tilt}. For the maximum use wald.CVaR(1e-9)."
            )

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """The tilted mean, each example counted by its weight."""
        return _leaning(values, weight, lambda x, share: _tilted(x, share, self.tilt))


@dataclass(frozen=True)
class KLDRO:
    """The largest mean under any change of the sample of a Kullback-Leibler divergence up to `radius`.

    The maximum over weights q of Σ q · loss, where Σ q log(q / p) ≤ radius and p are the shares of the examples. It is
    a TiltedMean whose tilt follows from the batch, so that the radius has no unit: twice the losses, twice the value.
    At radius 0 it is the mean, from log(examples) on the maximum. No group with a
    share of exp(-radius) or more has a mean loss above the value, and none of them need be known. In finance it is the
    entropic value at risk at the level exp(-radius).

    Small batches know little of the tail, so their value is too small on average, and the mean over micro-batches is
    not that of the whole. Noisy labels are the dearest examples: it fits them first. Hu & Hong 2013, "Kullback-Leibler
    divergence constrained distributionally robust optimization".

    >>> import torch, wald
    >>> loss, x = wald.Absolute(), torch.tensor([1.0, 2.0, 3.0, 6.0])
    >>> loss(x, torch.zeros(4), reduction=wald.KLDRO(0.5))
    tensor(4.9553)
    """

    radius: float

    def __post_init__(self) -> None:
        _refuse_radius("KLDRO", self.radius)

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """The worst mean, each example counted by its weight."""
        return _leaning(values, weight, lambda x, share: worst_in_kl_ball(x, share, self.radius))


@dataclass(frozen=True)
class ChiSquareDRO:
    """The largest mean under any change of the sample of a chi-square divergence up to `radius`.

    The maximum over weights q of Σ q · loss, where Σ p (q / p - 1)² / 2 ≤ radius and p are the shares of the examples.
    It is the minimum over e of e + √(1 + 2 radius) · √(mean of max(0, loss - e)²), which is what others write. For a
    small radius it is the mean plus √(2 radius) standard deviations: it fears spread. No group with a share of
    1 / (1 + 2 radius) or more has a mean loss above the value, and none of them need be known. From radius
    (examples - 1) / 2 on it is the maximum.

    Some have the divergence without the half: their radius is twice as large. Small batches know little of the tail,
    so their value is too small on average, and the mean over micro-batches is not that of the whole. Noisy labels are
    the dearest examples: it fits them first. Namkoong & Duchi 2017, arXiv:1610.02581; Hashimoto et al. 2018,
    arXiv:1806.08010.

    >>> import torch, wald
    >>> loss, x = wald.Absolute(), torch.tensor([1.0, 2.0, 3.0, 6.0])
    >>> loss(x, torch.zeros(4), reduction=wald.ChiSquareDRO(0.125))  # 3 + √(0.25 · 3.5)
    tensor(3.9354)
    """

    radius: float

    def __post_init__(self) -> None:
        _refuse_radius("ChiSquareDRO", self.radius)

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """The worst mean, each example counted by its weight."""
        return _leaning(values, weight, lambda x, share: _worst_in_chi_square_ball(x, share, self.radius))


def worst_in_kl_ball(x: Tensor, share: Tensor, radius: float) -> Tensor:
    """The largest Σ q x along the last axis over all q with Σ q log(q / share) ≤ radius.

    It is the minimum over tilts of (radius + log Σ share · exp(tilt · x)) / tilt.
    """
    if radius == 0:
        return (share * x).sum(-1)
    counts = share > 0
    top = torch.where(counts, x, -torch.inf).amax(-1, keepdim=True).detach()
    low = torch.where(counts, x, torch.inf).amin(-1, keepdim=True).detach()
    width = torch.where(top > low, top - low, torch.ones_like(top))
    below = torch.where(counts, (x - top) / width, torch.zeros_like(x))  # from -1 to 0
    fixed = below.detach()
    # Of values in an interval of length 1 a tilt makes at most tilt² / 8 of divergence.
    tilt, step = math.sqrt(8 * radius) * torch.ones_like(top), 1e9 ** (1 / _AT_ONCE)
    for _ in range(_ROUNDS):
        tilts = tilt * step ** torch.arange(_AT_ONCE, device=x.device, dtype=x.dtype)
        spent = _divergence(fixed.unsqueeze(-2), share.unsqueeze(-2), tilts.unsqueeze(-1))
        tilt = torch.where(spent < radius, tilts, tilt).amax(-1, keepdim=True)
        step **= 1 / _AT_ONCE
    _, missing, curvature = _along_tilts(fixed, share, tilt, radius)
    tilt = 1 / (1 / tilt - _to_minimum(missing, curvature, tilt))
    cost, missing, curvature = _along_tilts(below, share, tilt, radius)
    # At its minimum the cost has no slope in the temperature, but a curvature, which carries second derivatives.
    value = cost - missing * _to_minimum(missing, curvature, tilt) / 2
    # Where all of the weight may go to the dearest, they share it.
    dearest = share * (fixed == 0)
    mass = dearest.sum(-1, keepdim=True)
    value = torch.where(radius + mass.log() >= 0, (dearest * below).sum(-1, keepdim=True) / mass, value)
    return (top + width * value).squeeze(-1)


def _divergence(below: Tensor, share: Tensor, tilt: Tensor) -> Tensor:
    """How far a tilt is from the sample, by Kullback and Leibler."""
    tilted = share * (below * tilt).exp()
    whole = tilted.sum(-1)
    return tilt.squeeze(-1) * (tilted * below).sum(-1) / whole - whole.log()


def _along_tilts(below: Tensor, share: Tensor, tilt: Tensor, radius: float) -> tuple[Tensor, Tensor, Tensor]:
    """The cost (radius + log Σ share · exp(tilt · below)) / tilt, and its slope and curvature in 1 / tilt.

    The slope is what is missing to the radius, and the curvature tilt³ times the variance of what is tilted.
    """
    log_mean = _log_mean_exp(below * tilt, share).unsqueeze(-1)
    tilted = share * torch.exp(below * tilt - log_mean)
    mean = (tilted * below).sum(-1, keepdim=True)
    variance = (tilted * (below - mean).square()).sum(-1, keepdim=True)
    return (radius + log_mean) / tilt, radius + log_mean - tilt * mean, tilt**3 * variance


def _to_minimum(slope: Tensor, curvature: Tensor, tilt: Tensor) -> Tensor:
    """The step of Newton in the temperature; none where one has all weight already, and rounding makes the slope."""
    near = slope.abs() * tilt <= 1e-3 * curvature
    return torch.where(near, slope / torch.where(near, curvature, torch.ones_like(curvature)), torch.zeros_like(slope))


def _worst_in_chi_square_ball(x: Tensor, share: Tensor, radius: float) -> Tensor:
    """The largest Σ q x over all q with Σ share · (q / share - 1)² / 2 ≤ radius.

    Weight goes to the values above some e, in proportion to share · (value - e). Which these are is seen from the means
    of max(0, value - e) and of its square at each value: at the best e the square of one is the other over
    1 + 2 radius. Of these values, of a mass m, it is the mean plus √(variance · ((1 + 2 radius) m - 1)).
    """
    ranked, order = torch.where(share > 0, x, torch.full_like(x, -torch.inf)).sort(descending=True)
    mass = share[order]
    ranked = torch.where(mass > 0, ranked, torch.zeros_like(ranked))
    fixed = ranked.detach()
    gap = torch.where(mass[1:] > 0, fixed[:-1] - fixed[1:], torch.zeros_like(fixed[1:]))
    upto = mass.cumsum(0)[:-1]
    zero = torch.zeros_like(mass[:1])
    mean = torch.cat([zero, (gap * upto).cumsum(0)])
    square = torch.cat([zero, (gap * (2 * mean[:-1] + gap * upto)).cumsum(0)])
    factor = 1 + 2 * radius
    counts = torch.where((mass > 0) & ((fixed == fixed[0]) | (factor * mean.square() < square)), mass, 0.0)
    whole = counts.sum()
    middle = (counts * ranked).sum() / whole
    spread = (counts * (ranked - middle).square()).sum() / whole * (factor * whole - 1).clamp(min=0)
    spreads = spread > 0
    return middle + torch.where(spreads, torch.where(spreads, spread, torch.ones_like(spread)).sqrt(), 0.0)


def _tilted(x: Tensor, share: Tensor, tilt: float) -> Tensor:
    if tilt == 0:
        return (share * x).sum(-1)
    counts = share > 0
    tilted = x * tilt
    top = torch.where(counts, tilted, -torch.inf).amax(-1, keepdim=True).detach()
    below = torch.where(counts, tilted - top, torch.zeros_like(x))
    return (top.squeeze(-1) + _log_mean_exp(below, share)) / tilt


def _log_mean_exp(below: Tensor, share: Tensor) -> Tensor:
    """The log of Σ share · exp(below), of values up to 0 that reach it and shares that add up to 1."""
    mean, less = (share * below.exp()).sum(-1), (share * below.expm1()).sum(-1)
    near = less > -0.5  # where few digits of the mean are of use
    return torch.where(near, torch.where(near, less, torch.zeros_like(less)).log1p(), mean.log())


def _leaning(values: Tensor, weight: Tensor, lean: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What `lean` makes of the values less their mean and of the share of each, in double precision; of none, 0.

    Values that are not finite make the mean so, and that is what is returned.
    """
    if not values.numel():
        return values.sum()
    mass = wide(weight.flatten())
    total = mass.sum()
    none = total == 0
    # Nobody counts: all share alike in what is 0.
    share = torch.where(none, torch.ones_like(mass) / mass.numel(), mass / torch.where(none, 1.0, total))
    kept = torch.where((mass > 0), wide(values.flatten()), torch.zeros_like(mass))
    mean = (share * kept).sum()
    finite = mean.isfinite()
    x = torch.where(finite, kept, torch.zeros_like(kept))
    centre = torch.where(finite, mean, torch.zeros_like(mean)).detach()
    return torch.where(finite, centre + lean(x - centre, share), mean).to(values.dtype)


def _refuse_radius(name: str, radius: float) -> None:
    if not 0 <= radius < math.inf:
        raise ValueError(
            f"{name}: radius must be from 0 up, how far the sample may change, got {radius}. For the maximum use "
            "wald.CVaR(1e-9)."
        )
