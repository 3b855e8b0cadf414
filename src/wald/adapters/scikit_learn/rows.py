"""The loss of every row, with its slope and curvature in the numbers that a model emits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...audits.costing.cost import Cost
from ...core import Loss
from ..emission import Emission

#: How far apart gradients are compared where a loss has no second derivative.
_NEAR = 1e-4


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that a model is fitted on, seen through a loss.

    Attributes:
        cost: the loss.
        emission: how free numbers become predictions.
        target: as the loss takes it, (rows, ...).
        weight: (rows,), positive.
    """

    cost: Cost
    emission: Emission
    target: Tensor
    weight: Tensor

    @property
    def exact(self) -> bool:
        """Slopes are those of the values."""
        return True

    def __len__(self) -> int:
        return len(self.target)

    def part(self, chosen: slice | Tensor) -> Rows:
        """Some of the rows."""
        return replace(self, target=self.target[chosen], weight=self.weight[chosen])

    def values(self, score: Tensor) -> Tensor:
        """One value a row: score (rows, outputs)."""
        prediction, loss = self.emission.emit(score), self.cost.loss
        if not isinstance(loss, Loss):
            return self.cost.each(prediction, self.target)
        # The definition itself: what the loss refuses was seen when it was first tried on these targets.
        found = loss.plain.per_example(prediction, self.target)
        return found if found.ndim == 1 else found.reshape(len(found), -1).mean(-1)

    def slopes(self, score: Tensor) -> tuple[Tensor, Tensor]:
        """Values (rows,) and their gradients (rows, outputs)."""
        leaf = score.detach().requires_grad_(True)
        with torch.enable_grad():
            value = self.values(leaf)
            slope = torch.autograd.grad(value.sum(), leaf)[0] if value.requires_grad else torch.zeros_like(leaf)
        return value.detach(), _finite(slope)

    def curvatures(self, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (rows,), gradients (rows, outputs) and Hessians (rows, outputs, outputs)."""
        leaf = score.detach().requires_grad_(True)
        outputs = score.shape[-1]
        with torch.enable_grad():
            value = self.values(leaf)
            if not value.requires_grad:
                return value, torch.zeros_like(score), score.new_zeros(*score.shape, outputs)
            slope = torch.autograd.grad(value.sum(), leaf, create_graph=True)[0]
            bends: list[Tensor] = []
            for output in range(outputs):
                bend = None
                if slope.requires_grad:
                    try:
                        bend = torch.autograd.grad(slope[:, output].sum(), leaf, retain_graph=True, allow_unused=True)[
                            0
                        ]
                    except RuntimeError:
                        # Some losses of torch have no second derivative.
                        return value.detach(), _finite(slope.detach()), self._differences(score)
                bends.append(torch.zeros_like(leaf) if bend is None else bend)
        return value.detach(), _finite(slope.detach()), _finite(torch.stack(bends, -1).detach())

    def _differences(self, score: Tensor) -> Tensor:
        """Hessians from gradients nearby, (rows, outputs, outputs)."""
        steps = _NEAR * torch.eye(score.shape[-1], dtype=score.dtype)
        rises = [(self.slopes(score + step)[1] - self.slopes(score - step)[1]) / (2 * _NEAR) for step in steps]
        found = torch.stack(rises, -1)
        return 0.5 * (found + found.transpose(-1, -2))


def _finite(slopes: Tensor) -> Tensor:
    """Slopes, where there are any: a row on a cusp pulls nowhere. Of a value that is no number, steps shorten."""
    return slopes.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
