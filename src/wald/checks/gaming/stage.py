"""A made-up problem as a loss sees it: targets in its form, predictions in its domain, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math
from typing import Literal

import torch
from torch import Tensor

from ..subjects.grids import inside
from ..subjects.subject import Subject
from .scenes import Scene


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What is predicted.

    Attributes:
        name: in words.
        prediction: in the domain of the loss; (samples, rows), and (samples, rows, classes) for classes.
        constant: whether it is the same for every example.
        scaled: whether it is the honest forecast times a factor.
    """

    name: str
    prediction: Tensor
    constant: bool = False
    scaled: bool = False


class Stage:
    """A scene, and a loss that is tried on it."""

    def __init__(self, subject: Subject, scene: Scene) -> None:
        self.subject, self.scene = subject, scene
        self.kind: Literal["classes", "labels", "numbers"] = (
            "classes" if scene.honest.ndim == 3 else "labels" if subject.labelled else "numbers"
        )

    @property
    def by_batch(self) -> bool:
        """Whether every batch takes a call of its own."""
        return self.subject.whole or not self.subject.together

    @cached_property
    def target(self) -> Tensor:
        """The targets in the form that the loss takes."""
        target = self.scene.target
        if self.kind == "classes":
            return self.subject.observed(target, self.scene.honest.shape[-1])
        if self.kind == "labels":
            no, yes = self.subject.labels
            target = no + (yes - no) * target
        return target.to(self.subject.dtype)

    def placed(self, scores: Tensor) -> Tensor:
        """Scores, or numbers, brought into the domain of the prediction."""
        domain = self.subject.prediction
        if self.kind == "labels" and domain.high == 1:
            return scores.clamp(-30, 30).sigmoid()
        if self.kind == "classes" and domain.normalised:
            return inside(domain, scores.clamp(-200, 200))
        if domain.low > -torch.inf and domain.high == torch.inf and domain.open_low:
            return scores.clamp(min=domain.low + 1e-6)
        return inside(domain, scores)

    def costs(self, predictions: Tensor) -> Tensor:
        """The mean cost of each forecast (first axis) on each sample, of which there may be fewer than all."""
        subject = self.subject
        x = predictions.to(subject.dtype)
        y = self.target[: x.shape[1]]
        y = y.expand(len(x), *y.shape)
        with torch.no_grad():
            if self.by_batch:
                each = [self.batch(a, b) for a, b in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True)]
                return torch.tensor(each, dtype=torch.float64).reshape(x.shape[:2])
            values = subject.values(x.flatten(0, 2), y.flatten(0, 2)).double()
        return values.reshape(*x.shape[:3]).mean(-1)

    def batch(self, x: Tensor, y: Tensor) -> float:
        """What one batch costs as a whole; NaN where it is refused."""
        try:
            return float(self.subject.batch(x, y).detach().double().mean())
        except (RuntimeError, ValueError, IndexError):
            return math.nan
