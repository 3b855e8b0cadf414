"""What averages to zero, in every part of the data, if predictions are what the loss elicits."""

from __future__ import annotations

from dataclasses import dataclass
import re

import torch
from torch import Tensor

from ...findings.words import number_words
from ..evidence import Evidence
from ..statistics import Sample

_QUANTILE = re.compile(r"quantile\(([0-9.]+)\)")


@dataclass(frozen=True, eq=False)
class Identification:
    """An identification function: one value a row, of mean 0 where the prediction is right.

    Attributes:
        kind: "mean", "quantile" or "pull".
        values: (rows,), above 0 where the prediction is too high, in units of their own root mean square.
        scale: that root mean square.
        level: of a quantile.
    """

    kind: str
    values: Tensor
    scale: float
    level: float = 0.5

    def told(self, mean: float) -> str:
        """What a mean of the values says of the predictions, in words."""
        side = "high" if mean > 0 else "low"
        if self.kind == "mean":
            return f"predictions are {number_words(abs(mean) * self.scale)} too {side} on average"
        if self.kind == "quantile":
            share = min(max(self.level + mean * self.scale, 0.0), 1.0)
            return f"{share:.1%} of targets lie below the prediction, and {self.level:.1%} should"
        return f"predictions are too {side}: {abs(mean):.2f} of the typical pull of the loss is left over"


def identify(evidence: Evidence) -> Identification | None:
    """The identification function of what the loss elicits; None where it has none that can be computed.

    The error for a mean; whether the target lies below, less the level, for a quantile; else the slope of the loss by
    the prediction, whose mean is 0 at the best prediction of any smooth loss. Fissler, Lorentzen & Mayer 2022,
    arXiv:2202.12780.
    """
    prediction, target = evidence.prediction.detach().double(), evidence.target.double()
    elicits = str(evidence.measured_card.get("elicits"))
    if elicits == "mean":
        return _scaled("mean", prediction - target, evidence.sample)
    if (level := level_of(elicits)) is not None:
        values = below(prediction, target, level, evidence.sample) - level
        return _scaled("quantile", values, evidence.sample, level)
    if not evidence.cost.separable:
        return None
    leaf = evidence.prediction.detach().clone().requires_grad_(True)
    try:
        with torch.enable_grad():
            total = evidence.cost.each(leaf, evidence.target).sum()
        pull = torch.autograd.grad(total, leaf)[0].double()
    except RuntimeError:
        # A loss that torch cannot differentiate.
        return None
    return _scaled("pull", pull, evidence.sample) if bool(pull.isfinite().all()) else None


def level_of(elicits: str) -> float | None:
    """The level of the one quantile that this names: a median is at one half."""
    if elicits == "median":
        return 0.5
    found = _QUANTILE.fullmatch(elicits)
    return None if found is None else float(found[1])


def below(prediction: Tensor, target: Tensor, level: float, sample: Sample) -> Tensor:
    """1 where the target lies below the prediction, (rows,); where it is on it, as much as brings the mean to `level`.

    Of targets with heaps, such as zeros, a quantile can only say that no more than `level` lie below it, and no less
    lie below or on it.
    """
    under, on = (target < prediction).double(), (target == prediction).double()
    share, heap = sample.mean(under), sample.mean(on)
    part = min(max((level - share) / heap, 0.0), 1.0) if heap > 0 else 0.0
    return under + part * on


def _scaled(kind: str, values: Tensor, sample: Sample, level: float = 0.5) -> Identification | None:
    scale = sample.mean(values.square()) ** 0.5
    return Identification(kind, values / scale, scale, level) if scale > 0 else None
