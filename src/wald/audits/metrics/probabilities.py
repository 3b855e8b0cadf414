"""How good probabilities are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .metric import Metric


def brier() -> Metric:
    """The squared distance of the probability from what happened, for logits. Brier 1950."""

    def squared(prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.ndim == 2:
            truth = functional.one_hot(target.long(), prediction.shape[-1])
            return (prediction.softmax(-1) - truth).square().sum(-1)
        return (torch.sigmoid(prediction) - target).square()

    return Metric(name="Brier score", per_example=squared, elicits="probability", takes="logits")


def log_loss() -> Metric:
    """The negative log-likelihood of what happened, in nats, for logits."""

    def nats(prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.ndim == 2:
            return functional.cross_entropy(prediction, target.long(), reduction="none")
        return functional.softplus(prediction) - target * prediction

    return Metric(name="log loss", per_example=nats, unit="nats", elicits="probability", takes="logits")
