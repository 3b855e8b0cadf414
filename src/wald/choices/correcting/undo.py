"""From what a model emits to log-odds: the inverse of what a loss does to probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ...audits.metrics.forms import Form


class Undo(ABC):
    """A frozen value that turns raw predictions into log-odds, or into one log-probability for each class."""

    @property
    @abstractmethod
    def several(self) -> bool:
        """Whether classes compete along the last axis; else every entry is a yes or no of its own."""

    @property
    def columns(self) -> int | None:
        """How many entries the last axis must have; None where any number will do."""
        return None

    @abstractmethod
    def logits(self, raw: Tensor) -> Tensor:
        """Log-odds of yes, or for several classes logits whose softmax are the probabilities. In float64."""


@dataclass(frozen=True)
class Read(Undo):
    """Raw predictions that are probabilities already, in one form or another.

    Attributes:
        form: "logits", "probabilities" or "log-probabilities".
        by_class: whether there is one for each class.
    """

    form: Form = "logits"
    by_class: bool = False

    @property
    def several(self) -> bool:
        """As it was given."""
        return self.by_class

    def logits(self, raw: Tensor) -> Tensor:
        """The same in another form; certainty becomes the surest that double precision can say."""
        if self.form == "logits":
            return raw
        if self.form == "probabilities":
            inside = raw.clamp(torch.finfo(raw.dtype).tiny, 1 - torch.finfo(raw.dtype).eps / 2)
            return inside.log() if self.by_class else torch.logit(inside)
        return raw if self.by_class else raw - torch.log(-torch.expm1(raw.clamp_max(-torch.finfo(raw.dtype).tiny)))
