"""How the predictions of a task are made better, worse or empty: one class for each kind of task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ...core import Loss
from ..case import Task
from .cost import Cost

#: The nearest that a prediction comes to the end of an open interval.
_MARGIN = 1e-6


@dataclass(frozen=True)
class Space(ABC):
    """The predictions of one task, as real numbers that can be shifted and scaled freely.

    Attributes:
        low: the smallest prediction that the loss takes.
        high: the largest.
    """

    task: ClassVar[Task]
    low: float = -math.inf
    high: float = math.inf

    def emit(self, score: Tensor) -> Tensor:
        """The prediction, as the loss and the metric take it."""
        if math.isinf(self.low) and math.isinf(self.high):
            return score
        return score.clamp(self.low + _MARGIN, self.high - _MARGIN)

    def read(self, prediction: Tensor) -> Tensor:
        """The score behind a prediction: the inverse of `emit`."""
        return prediction

    def centre(self, score: Tensor) -> Tensor:
        """The middle about which scores are scaled."""
        # Of one row that is repeated without a copy torch takes the median of memory that nobody wrote.
        held = score.contiguous()
        return held.median(0).values if held.ndim > 1 else held.median()

    def directions(self, score: Tensor) -> Tensor:
        """The ways in which all scores can be shifted at once, (ways, ...)."""
        return torch.ones(1, *score.shape[1:], dtype=score.dtype)

    @abstractmethod
    def unit(self, target: Tensor) -> float:
        """A shift that matters: one logit, or one standard deviation of the target."""

    @abstractmethod
    def perfect(self, score: Tensor, target: Tensor, size: float) -> Tensor:
        """Scores that know the target, `size` units sure of it."""

    @abstractmethod
    def constants(self, score: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Predictions that know nothing of their row, each as the score of one row."""

    @abstractmethod
    def twin(self, score: Tensor, target: Tensor, source: torch.Generator) -> Tensor:
        """Targets of the kind that these scores deserve."""

    @abstractmethod
    def reference(self, score: Tensor, target: Tensor) -> Tensor:
        """A loss for this task that is known to be sound, one value a row."""


@dataclass(frozen=True)
class Regression(Space):
    """One real number a row.

    Attributes:
        logarithm: whether predictions are the logarithm of what the target is measured in.
    """

    task: ClassVar[Task] = "regression"
    logarithm: bool = False

    def unit(self, target: Tensor) -> float:
        """The standard deviation of the target, in the scale of the predictions."""
        return float(self._scored(target.double(), target).std(correction=0).clamp_min(1e-12))

    def perfect(self, score: Tensor, target: Tensor, size: float) -> Tensor:
        """The target."""
        return self._scored(target.to(score.dtype), target)

    def constants(self, score: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Zero, the ends, the middles, and numbers far out."""
        y, spread = target.double(), self.unit(target)
        found = {"always the mean": y.mean(), "always the median": y.median(), "always the least": y.min(),
                 "always the largest": y.max()}  # fmt: skip
        found = {"always 0": torch.zeros(())} | {name: self._scored(value, target) for name, value in found.items()}
        middle = self._scored(y.mean(), target)
        far = {f"always {sign}{size:g} sd": middle + float(f"{sign}{size}") * spread
               for size in (30.0, 1e4) for sign in "+-"}  # fmt: skip
        return {name: value.to(score.dtype) for name, value in (found | far).items()}

    def twin(self, score: Tensor, target: Tensor, source: torch.Generator) -> Tensor:
        """The score with the residuals of other rows."""
        middle = score.exp() if self.logarithm else score
        residual = target - middle
        found = middle + residual[torch.randperm(len(score), generator=source)] - residual.mean()
        return found.clamp_min(0) if self.logarithm else found

    def reference(self, score: Tensor, target: Tensor) -> Tensor:
        """Half the squared error; of logarithms, the loss of counts."""
        return score.exp() - target * score if self.logarithm else 0.5 * (score - target).square()

    def _scored(self, value: Tensor, target: Tensor) -> Tensor:
        """Values in the scale of the predictions; what has no logarithm stands half below the least that has one."""
        if not self.logarithm:
            return value
        positive = target[target > 0]
        return value.clamp_min(0.5 * float(positive.min()) if len(positive) else 1.0).log()


@dataclass(frozen=True)
class Binary(Space):
    """One logit a row, which a loss may want as a probability."""

    task: ClassVar[Task] = "binary"
    probability: bool = False

    def emit(self, score: Tensor) -> Tensor:
        """The logit, or the probability where the loss wants that."""
        return torch.sigmoid(score) if self.probability else score

    def read(self, prediction: Tensor) -> Tensor:
        """The logit of a prediction."""
        return torch.logit(prediction, eps=_MARGIN) if self.probability else prediction

    def unit(self, target: Tensor) -> float:
        """One logit."""
        return 1.0

    def perfect(self, score: Tensor, target: Tensor, size: float) -> Tensor:
        """`size` logits on the right side."""
        return (2 * target.to(score.dtype) - 1) * size

    def constants(self, score: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The base rate, an even chance, and both answers in two degrees of certainty."""
        rate = float(target.double().mean().clamp(1e-6, 1 - 1e-6))
        sizes = {
            "always the base rate": math.log(rate / (1 - rate)),
            "always one half": 0.0,
            "always no, nearly sure": -5.0,
            "always no, wholly sure": -30.0,
            "always yes, nearly sure": 5.0,
            "always yes, wholly sure": 30.0,
        }
        return {name: torch.tensor(value, dtype=score.dtype) for name, value in sizes.items()}

    def twin(self, score: Tensor, target: Tensor, source: torch.Generator) -> Tensor:
        """Labels drawn from the probabilities that the logits mean."""
        drawn = torch.rand(len(score), generator=source, dtype=torch.float64)
        return (drawn < torch.sigmoid(score.double())).to(target.dtype)

    def reference(self, score: Tensor, target: Tensor) -> Tensor:
        """The log loss."""
        return functional.softplus(score) - target * score


@dataclass(frozen=True)
class Multiclass(Space):
    """K logits a row."""

    task: ClassVar[Task] = "multiclass"

    def directions(self, score: Tensor) -> Tensor:
        """Each class on its own."""
        return torch.eye(score.shape[-1], dtype=score.dtype)

    def unit(self, target: Tensor) -> float:
        """One logit."""
        return 1.0

    def perfect(self, score: Tensor, target: Tensor, size: float) -> Tensor:
        """The right class `size` logits above the others."""
        return functional.one_hot(target.long(), score.shape[-1]).to(score.dtype) * size

    def constants(self, score: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The shares of the classes, an even chance, and each of the first ten classes always."""
        classes = score.shape[-1]
        shares = torch.bincount(target.long(), minlength=classes).double() / len(target)
        found = {"always the base rates": shares.clamp_min(1e-6).log(), "always an even chance": torch.zeros(classes)}
        certain = {f"always class {k}": 30.0 * functional.one_hot(torch.tensor(k), classes).double()
                   for k in range(min(classes, 10))}  # fmt: skip
        return {name: value.to(score.dtype) for name, value in (found | certain).items()}

    def twin(self, score: Tensor, target: Tensor, source: torch.Generator) -> Tensor:
        """Labels drawn from the probabilities that the logits mean."""
        return torch.multinomial(score.double().softmax(-1), 1, generator=source)[:, 0].to(target.dtype)

    def reference(self, score: Tensor, target: Tensor) -> Tensor:
        """The log loss."""
        return functional.cross_entropy(score, target.long(), reduction="none")


def space_of(task: Task | None, loss: object, prediction: Tensor, target: Tensor) -> Space | None:
    """The space of a case: by what it declares, else by its loss's card, else by its targets; None if by none."""
    said = task or (loss.card.task if isinstance(loss, Loss) else None) or _guessed(prediction, target)
    low, high = Cost.interval(loss)
    if said == "binary" and prediction.ndim == 1:
        return Binary(probability=(low, high) == (0.0, 1.0))
    if said == "multiclass" and prediction.ndim == 2 and target.ndim == 1:
        return Multiclass()
    if said == "regression" and prediction.shape == target.shape and prediction.ndim == 1:
        return Regression(low=low, high=high)
    return None


def _guessed(prediction: Tensor, target: Tensor) -> Task | None:
    if prediction.ndim == 2 and target.ndim == 1 and not target.is_floating_point():
        return "multiclass"
    if prediction.ndim == 1 and bool(((target == 0) | (target == 1)).all()):
        return "binary"
    return "regression" if prediction.shape == target.shape else None


def logarithmic(cost: Cost, target: Tensor) -> bool:
    """Whether a loss of one number wants the logarithm of the target: it costs least there, and not at the target."""
    y = target.double()[target > 0]
    if not cost.separable or len(y) < 5 or bool((target < 0).any()):
        return False
    y = torch.quantile(y[:10_000], torch.tensor([0.05, 0.3, 0.6, 0.95], dtype=torch.float64)).to(target.dtype)
    best = y.log()
    with torch.no_grad():
        at, below, above, itself = (cost.each(one, y) for one in (best, best - 0.3, best + 0.3, y))
    return bool(((at < below) & (at < above) & (at < itself)).all())
