"""A loss of the catalogue for what a metric rewards."""

from __future__ import annotations

from collections.abc import Callable
import re
from typing import Any

from torch import Tensor
from torch.nn import functional

from ...losses import Absolute, BinaryCrossEntropy, CrossEntropy, Expectile, Percentage, Pinball, Squared, SquaredLog
from ..costing.space import Binary, Space

_REGRESSION: dict[str, Callable[[], Any]] = {
    "mean": Squared,
    "median": Absolute,
    "weighted median(y^-1)": Percentage,
    "mean through log1p": SquaredLog,
}

#: What a true probability serves, each in its own way: it ranks right, and its larger half is the mode.
_BY_PROBABILITY = ("probability", "mode", "ranking", "mean", "distribution")


def consistent_loss(elicits: str | None, space: Space | None) -> Any:
    """A loss whose minimiser is what comes off best by a metric; None where the catalogue has none.

    Args:
        elicits: what the metric rewards, in the words of a card.
        space: the kind of the task.

    Gneiting 2011, doi:10.1198/jasa.2011.r10138.
    """
    if elicits is None or space is None:
        return None
    if space.task == "regression":
        if found := re.fullmatch(r"(quantile|expectile)\(([0-9.]+)\)", elicits):
            level = float(found[2])
            return Pinball(level=level) if found[1] == "quantile" else Expectile(level=level)
        return _REGRESSION[elicits]() if elicits in _REGRESSION else None
    if elicits not in _BY_PROBABILITY:
        return None
    if isinstance(space, Binary):
        return cross_entropy_of_probabilities if space.probability else BinaryCrossEntropy()
    return CrossEntropy() if space.task == "multiclass" else None


def cross_entropy_of_probabilities(prediction: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy for a model that emits probabilities."""
    return functional.binary_cross_entropy(prediction, target.to(prediction.dtype))
