"""What losses between two distributions over classes do alike: each side says in which space it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ...core import Loss
from .spaces import Distribution, distribution


class TwoDistributions(Loss):
    """A loss with the fields `prediction_space` and `target_space`, which each declares for itself.

    It stands behind the family among the bases: `class Hellinger(Supervised, TwoDistributions)`.
    """

    if TYPE_CHECKING:
        prediction_space: str
        target_space: str

    def distributions(self, prediction: Tensor, target: Tensor) -> tuple[Distribution, Distribution]:
        """Both sides, as probabilities and as their logarithms."""
        return distribution(prediction, self.prediction_space), distribution(target, self.target_space)
