"""What the losses over classes share: where the classes lie, which of them compete, and the softmax core."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..core import ShapeError, constant
from ..core.admission import visible

if TYPE_CHECKING:
    from ..core import Loss


def classes_last(loss: Loss, axis: int, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The same scores and targets with the class axis moved to the end; a soft target has that axis too.

    Raises:
        ShapeError: prediction has no such axis, or target is neither ids nor probabilities for it.
    """
    tensors = isinstance(prediction, Tensor) and isinstance(target, Tensor)  # pyright: ignore[reportUnnecessaryIsInstance]
    if axis == -1 or not tensors:
        return prediction, target
    shape, rank = tuple(prediction.shape), prediction.ndim
    if not -rank <= axis < rank:
        raise ShapeError(f"{loss}: prediction {shape} has no axis {axis}.")
    scores = prediction.movedim(axis, -1)
    if target.shape == scores.shape[:-1]:
        return scores, target
    if target.shape == prediction.shape and target.is_floating_point():
        return scores, target.movedim(axis, -1)
    kind = str(target.dtype).removeprefix("torch.")
    fix = f" It looks one-hot: use target.argmax({axis}) or target.float()." if target.shape == prediction.shape else ""
    raise ShapeError(
        f"{loss}: the classes of prediction {shape} are on axis {axis}, so target is class ids "
        f"{tuple(scores.shape[:-1])} or probabilities {shape}; got {kind} {tuple(target.shape)}.{fix}"
    )


def not_ignored(target: Tensor, ignore_index: int) -> Tensor | None:
    """Which class ids count; None for all of them, as in every soft target."""
    if target.is_floating_point():
        return None
    # Where looking is free, a batch without ignored targets is spared the copy that a mask costs.
    if visible(target) and ignore_index < 0 and target.numel() and target.min().item() >= 0:
        return None
    return target != ignore_index


def spared(cost: Tensor, share: Tensor) -> Tensor:
    """`cost`, but 0 where it is infinite and its share is none: 0 × ∞ = 0, in value and in gradient."""
    return cost.masked_fill((share == 0) & (cost == torch.inf), 0.0)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    class_weight: tuple[float, ...] | None = None,
    class_mask: tuple[bool, ...] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
) -> Tensor:
    """Weighted softmax cross-entropy of ids or probabilities over the last axis, one value per example.

    A class with a logit of -inf, or left out by `class_mask`, has no probability and gets no smoothing.
    """
    if class_mask is not None:
        logits = logits.masked_fill(constant(class_mask, logits) == 0, -torch.inf)
    surprise = -logits.log_softmax(-1)
    weight = None if class_weight is None else constant(class_weight, logits)
    if target.is_floating_point():
        share = target if weight is None else target * weight
        value = (share * spared(surprise, share)).sum(-1)
    else:
        value = surprise.gather(-1, target.unsqueeze(-1)).squeeze(-1)
        if weight is not None:
            share = weight[target]
            value = share * spared(value, share)
    if label_smoothing:
        possible = logits != -torch.inf
        each = surprise.masked_fill(~possible, 0.0)
        evenly = (each if weight is None else each * weight).sum(-1) / possible.sum(-1)
        value = (1 - label_smoothing) * value + label_smoothing * evenly
    return value + z_loss * logits.logsumexp(-1).square() if z_loss else value


def log_odds(logits: Tensor) -> Tensor:
    """The log-odds of each class against all others together: log p - log(1 - p), exact however sure it is."""
    total = logits.logsumexp(-1, keepdim=True)
    # 1 - p of the likeliest class may round to 0, so its others are added up; no other class exceeds one half.
    top = logits.argmax(-1, keepdim=True)
    below_half = (logits - total).scatter(-1, top, -torch.inf)
    others = total + torch.log1p(-below_half.exp())
    others = others.scatter(-1, top, logits.scatter(-1, top, -torch.inf).logsumexp(-1, keepdim=True))
    return logits - others


def log_odds_of(logits: Tensor, target: Tensor) -> Tensor:
    """The log-odds of the class with this id against all others together."""
    own = target.unsqueeze(-1)
    others = logits.scatter(-1, own, -torch.inf).logsumexp(-1)
    return logits.gather(-1, own).squeeze(-1) - others
