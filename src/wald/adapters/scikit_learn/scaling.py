"""Features in their own standard deviations, so that a penalty holds each of them alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scaling:
    """Centre and spread of the features.

    Attributes:
        centre: the weighted mean of each, (features,).
        spread: the weighted standard deviation of each; 1 where a feature does not vary.
    """

    centre: Tensor
    spread: Tensor

    @classmethod
    def of(cls, features: Tensor, weight: Tensor) -> Scaling:
        """Measured on rows that count by their weights: features (rows, features), weight (rows,)."""
        share = weight / weight.sum()
        centre = share @ features
        away = features - centre
        # The mean of what remains takes back the rounding of the first.
        centre = centre + share @ away
        spread = (share @ away.square()).sqrt()
        # A feature that does not vary has, by rounding, a spread that is no more than that.
        still = spread <= 1e-12 * features.abs().amax(0).clamp_min(1e-300)
        return cls(centre, torch.where(still, 1.0, spread))

    def scaled(self, features: Tensor) -> Tensor:
        """The features in these units."""
        return (features - self.centre) / self.spread
