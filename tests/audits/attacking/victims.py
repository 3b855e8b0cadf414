"""Small models to attack, of which the truth is known."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from wald.audits.attacking import Effort, Region, Victim
from wald.audits.costing.space import Binary, Multiclass, Regression

from ..samples import source

EFFORT = Effort(steps=20, restarts=1, rivals=2, guesses=60)


def unlimited(inputs: Tensor, size: float) -> Region:
    far = torch.full(inputs.shape[1:], 1e9)
    return Region.around(inputs, torch.full(inputs.shape[1:], size), (-far, far))


def log_loss(score: Tensor, target: Tensor) -> Tensor:
    return functional.softplus(-(2 * target - 1) * score)


def wrong(victim_target: Tensor):
    """The error of a binary decision, as a metric by row."""
    return lambda score, rows: ((score > 0) != (victim_target.cpu()[rows] > 0.5)).double()


def linear(rows: int = 200, features: int = 4, *, size: float = 1.0, graph: bool = True) -> tuple[Victim, Tensor]:
    """A linear score, and its weights."""
    inputs = torch.randn(rows, features, generator=source(0))
    weight = torch.randn(features, generator=source(1))
    target = (inputs @ weight + 0.5 * torch.randn(rows, generator=source(2)) > 0).float()

    def score(x: Tensor) -> Tensor:
        return size * ((x if graph else x.detach()) @ weight)

    return Victim(score, inputs, target, log_loss, Binary(), wrong(target)), weight


def classes(rows: int = 200) -> Victim:
    inputs = torch.randn(rows, 3, generator=source(0))
    target = torch.multinomial(inputs.softmax(-1), 1, generator=source(1))[:, 0]

    def each(score: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(score, target, reduction="none")

    return Victim(lambda x: x, inputs, target, each, Multiclass(),
                  lambda score, rows: (score.argmax(-1) != target[rows]).double())  # fmt: skip


def regression(rows: int = 200) -> Victim:
    inputs = torch.randn(rows, 3, generator=source(0))
    target = inputs[:, 0] + torch.randn(rows, generator=source(1))
    return Victim(lambda x: x.sum(-1), inputs, target, lambda p, y: (p - y).square(), Regression(),
                  lambda score, rows: (score - target[rows]).abs().double())  # fmt: skip
