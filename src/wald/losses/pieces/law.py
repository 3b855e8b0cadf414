"""What losses share whose prediction holds the parameters of a law: which are positive, and how those are written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from ...core import DomainError, Loss
from .gamma_function import rising
from .softplus import softplus

#: How a positive parameter is written in the prediction: as its logarithm, or as it is.
Link = Literal["log", "identity"]


class Law(Loss):
    """A loss with the field `link`, which each declares for itself, and the parameters of a law on the last axis.

    It stands behind the family among the bases: `class LaplaceNLL(Supervised, Law)`.
    """

    #: For each entry of the prediction what it is called where it must be positive, and "" where it may be any number.
    positive: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        link: Link

    def refuse(self, *inputs: Tensor) -> None:
        if self.link == "log":
            return
        for name, entry in zip(self.positive, inputs[0].unbind(-1), strict=True):
            wrong = entry[entry <= 0] if name else entry[:0]
            if wrong.numel():
                who = type(self).__name__
                fix = f'use {who}(link="log") for its log, or pass' if "link" in self.__dataclass_fields__ else "pass"
                raise DomainError(
                    f"{who}: {wrong.numel()} of {entry.numel()} values of the {name} are not positive (one is "
                    f"{wrong.flatten()[0]:g}), and they are read as they are. Let the model emit any number, and {fix} "
                    "it through softplus."
                )

    def parameters(self, prediction: Tensor) -> tuple[Tensor, ...]:
        """The entries of the prediction; of those that are positive, the logarithms."""
        entries = prediction.unbind(-1)
        if self.link == "log":
            return entries
        return tuple(x.log() if name else x for name, x in zip(self.positive, entries, strict=True))


def scaled(error: Tensor, log_scale: Tensor) -> Tensor:
    """The error in units of the scale, where a loss has a limit as the scale goes to 0: huge then, not NaN."""
    # In two steps, each by the root, so that a slope which is large on the way does not overflow.
    root = (-0.5 * log_scale).clamp(max=30.0).exp()
    return error * root * root


def logarithmic(error: Tensor, log_scale: Tensor, log_unit: Tensor, power: int) -> tuple[Tensor, Tensor]:
    """log(1 + u r) and the same divided by u, for r = |error / scale|**power: as u goes to 0 the latter is r itself.

    Args:
        error: of any sign for an even power, not negative for an odd one.
        log_scale: the log of its scale.
        log_unit: the log of u.
        power: 1 or 2.
    """
    hit = error == 0
    log_ratio = power * (torch.where(hit, torch.ones_like(error), error).abs().log() - log_scale)
    near = log_ratio + log_unit < 0
    # Each branch is given numbers at which it is safe where another one holds.
    small = torch.where(near, log_ratio, torch.zeros_like(log_ratio))
    x = torch.where(near, small + log_unit, torch.zeros_like(small)).exp().clamp(min=1e-18)
    far = softplus(log_ratio + log_unit)
    once = torch.where(near, torch.log1p(x), far)
    divided = far * torch.where(near, torch.zeros_like(x), -log_unit).exp()
    divided = torch.where(near, small.exp() * (torch.log1p(x) / x), divided)
    # On a hit there is no logarithm, and the slope is that of r.
    r = scaled(torch.where(hit, error, torch.zeros_like(error)), log_scale) ** power
    return torch.where(hit, r * log_unit.clamp(max=60.0).exp(), once), torch.where(hit, r, divided)


def student_t_surprise(error: Tensor, log_scale: Tensor, log_degrees: Tensor) -> Tensor:
    """-log of the density of a Student-t law at this distance from its location."""
    width = (
        log_scale + 0.5 * math.log(2 * math.pi) - rising(log_degrees - math.log(2), torch.full_like(log_degrees, 0.5))
    )
    once, by_degrees = logarithmic(error, log_scale, -log_degrees, 2)
    return width + 0.5 * (once + by_degrees)
