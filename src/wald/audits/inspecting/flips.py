"""How many labels were flipped, as against labels that are only hard to foresee.

Where classes overlap, labels contradict the forecast near the border and agree with it far from it. Where labels were
flipped, they contradict it as often far from the border as near it: the chance of a contradiction does not fall to 0,
however sure the forecast. That floor is what is estimated here, beside the sharpness of the forecasts, by maximum
likelihood: P(label) = (1 - share) q(label) + share (1 - q(label)) / (classes - 1). Psychologists call it a lapse rate:
Wichmann & Hill 2001, "The psychometric function: I".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..statistics import Sample, percentiles

#: Shares of flipped labels that are tried, and by how much forecasts are sharpened.
_SHARES = torch.cat([torch.arange(0, 0.1, 0.005), torch.arange(0.1, 0.5, 0.02)]).double()
_SHARPNESS = torch.logspace(-0.5, 2.0, 26).double()


@dataclass(frozen=True, eq=False)
class Flips:
    """What share of labels seems to be flipped.

    Attributes:
        share: the likeliest.
        interval: of 95 %.
        sharpness: by how much the forecasts were sharpened.
    """

    share: float
    interval: tuple[float, float]
    sharpness: float


def flips(expected: Tensor, label: Tensor, sample: Sample, draws: int) -> Flips:
    """The likeliest share of flipped labels, given forecasts (rows, classes) that have not seen them."""
    classes = expected.shape[1]
    shares = _SHARES[0.9 * (classes - 1) / classes > _SHARES]
    chance = torch.stack([forecasts(expected, label, float(b)).gather(1, label[:, None])[:, 0] for b in _SHARPNESS])
    other = (1 - chance) / (classes - 1)
    fits = torch.stack([((1 - share) * chance + share * other).clamp_min(1e-12).log() for share in shares])
    fits = fits.flatten(0, 1)
    weight = torch.ones(sample.rows, dtype=torch.float64) if sample.weight is None else sample.weight.double()
    best = int((fits @ weight).argmax())
    # Only what comes near the best can win in a resample; the others are not worth resampling.
    near = ((fits @ weight) > (fits @ weight).max() - 0.02 * weight.sum()).nonzero()[:, 0]
    winners = near[sample.bootstrap(draws).means(fits[near]).argmax(0)]
    drawn = shares[winners // len(_SHARPNESS)]
    low, high = percentiles(drawn)
    share = float(shares[best // len(_SHARPNESS)])
    return Flips(share, (min(low, share), max(high, share)), float(_SHARPNESS[best % len(_SHARPNESS)]))


def forecasts(expected: Tensor, label: Tensor, sharpness: float) -> Tensor:
    """Probabilities of the classes: their shares, moved as far as the learner's expectations say."""
    shares = (torch.bincount(label, minlength=expected.shape[1]).double() / len(label)).clamp_min(1e-6)
    return (sharpness * (expected - shares) + shares.log()).softmax(-1)


def flipped(label: Tensor, classes: int, share: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """The labels with a share of them replaced by another class at random, and which."""
    rows = torch.rand(len(label), generator=source) < share
    other = (label + torch.randint(1, classes, label.shape, generator=source)) % classes
    return torch.where(rows, other, label), rows
