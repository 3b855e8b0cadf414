"""What the losses over classes share: where the classes lie, which of them compete, and the softmax core."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...core import DtypeError, ShapeError, constant
from ...core.admission import least, visible
from ...core.instead import as_written
from ...core.mending import mend

if TYPE_CHECKING:
    from ...core import Loss


def classes_last(
    loss: Loss, axis: int, prediction: Tensor, target: Tensor, *, labels: bool = False
) -> tuple[Tensor, Tensor]:
    """The same scores and targets with the class axis moved to the end.

    Probabilities as a target have that axis too, and so have `labels`, of which several may be true.

    Raises:
        DtypeError: one of them is not a tensor.
        ShapeError: prediction has no such axis, or target does not go with it.
    """
    if axis == -1:
        return prediction, target
    for name, x in (("prediction", prediction), ("target", target)):
        if not isinstance(x, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DtypeError(f"{loss}: {name} is a {type(x).__name__}, not a tensor. Use torch.as_tensor({name}).")
    shape, rank = tuple(prediction.shape), prediction.ndim
    if not -rank <= axis < rank:
        raise ShapeError(f"{loss}: prediction {shape} has no axis {axis}.")
    scores = prediction.movedim(axis, -1)
    if target.shape == scores.shape[:-1] and not labels:
        return scores, target
    if target.shape == shape and (labels or target.is_floating_point()):
        return scores, target.movedim(axis, -1)
    wanted = f"labels {shape}" if labels else f"class ids {tuple(scores.shape[:-1])} or probabilities {shape}"
    kind = str(target.dtype).removeprefix("torch.")
    told = f"{as_written(loss)}: the classes of prediction {shape} are on axis {axis}, so target is {wanted}; "
    raise ShapeError(f"{told}got {kind} {tuple(target.shape)}. {mend(loss, (prediction, target))}".rstrip())


def not_ignored(target: Tensor, ignore_index: int) -> Tensor | None:
    """Which class ids count; None for all of them, as in every soft target."""
    if target.is_floating_point():
        return None
    # Where looking is free, a batch without ignored targets is spared the copy that a mask costs.
    if ignore_index < 0 and visible(target) and target.numel() and least(target) >= 0:
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
    return logits - others.scatter(-1, top, _total_without(logits, top))


def log_odds_of(logits: Tensor, target: Tensor) -> Tensor:
    """The log-odds of the class with this id against all others together."""
    own = target.unsqueeze(-1)
    return (logits.gather(-1, own) - _total_without(logits, own)).squeeze(-1)


def below_infinity(logits: Tensor) -> Tensor:
    """Scores of +inf as NaN, which they are to a softmax: a bounded loss would hide them, and its slope would not."""
    return logits.masked_fill(logits == torch.inf, torch.nan)


def of_the_true_class(cost: Callable[[Tensor], Tensor], logits: Tensor, target: Tensor) -> Tensor:
    """What the true class costs, where that is known from its log-odds alone.

    A soft target is the mean over labels drawn from it.

    Args:
        cost: the loss of a class that is true, from its log-odds against all others together.
        logits: (*batch, classes).
        target: class ids (*batch), or probabilities (*batch, classes).
    """
    if target.is_floating_point():
        return (target * spared(cost(log_odds(logits)), target)).sum(-1)
    return cost(log_odds_of(logits, target))


def over_labels(each: Tensor, target: Tensor) -> Tensor:
    """What a target costs, of what each class costs as the true one: that of an id, the mean of a soft target."""
    if target.is_floating_point():
        return (target * spared(each, target)).sum(-1)
    return each.gather(-1, target.unsqueeze(-1)).squeeze(-1)


def _total_without(logits: Tensor, one: Tensor) -> Tensor:
    """The log of what all classes but one add up to; where no other can occur, -inf without a slope."""
    others = logits.scatter(-1, one, -torch.inf)
    alone = others.amax(-1, keepdim=True) == -torch.inf
    return others.masked_fill(alone, 0.0).logsumexp(-1, keepdim=True).masked_fill(alone, -torch.inf)
