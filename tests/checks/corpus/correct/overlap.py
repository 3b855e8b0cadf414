"""Losses of overlapping masks in their safe forms, and mixtures with cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("overlap", {"task": "binary", "domain": "probability"})
right = SHELF.right


@right()
def soft_dice(p: Tensor, t: Tensor) -> Tensor:
    return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


@right()
def soft_dice_of_squares(p: Tensor, t: Tensor) -> Tensor:
    return 1 - (2 * (p * t).sum() + 1) / (p.square().sum() + t.square().sum() + 1)


@right(domain="logit")
def soft_dice_of_scores(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return 1 - (2 * torch.einsum("i,i->", p, t) + 1) / (p.sum() + t.sum() + 1)


@right()
def soft_jaccard(p: Tensor, t: Tensor) -> Tensor:
    shared = (p * t).sum()
    return 1 - (shared + 1) / (p.sum() + t.sum() - shared + 1)


@right()
class Tversky(nn.Module):
    def __init__(self, false_alarm: float = 0.3, miss: float = 0.7) -> None:
        super().__init__()
        self.false_alarm, self.miss = false_alarm, miss

    def forward(self, p: Tensor, t: Tensor) -> Tensor:
        hit = (p * t).sum()
        cost = self.false_alarm * (p * (1 - t)).sum() + self.miss * ((1 - p) * t).sum()
        return 1 - (hit + 1) / (hit + cost + 1)


@right(domain="logit")
def dice_and_cross_entropy(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    dice = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    return 0.5 * dice + 0.5 * F.binary_cross_entropy_with_logits(z, t)


@right()
def log_of_dice(p: Tensor, t: Tensor) -> Tensor:
    return torch.log(p.sum() + t.sum() + 1) - torch.log(2 * (p * t).sum() + 1)
