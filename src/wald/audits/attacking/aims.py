"""What an attack climbs: the loss itself, and the score alone, which still has a slope where the loss is flat."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..costing.space import Space

#: (scores, rows) → one value for each of these rows, with a graph; more is worse for the model.
Aim = Callable[[Tensor, Tensor], Tensor]


def margin(space: Space | None, score: Tensor, target: Tensor) -> Aim | None:
    """How far the decision is on the wrong side; None where there is no decision.

    Args:
        space: the kind of the task; None for one of its own, where a table of scores for a table of relevances is
            taken for lists to be put in order.
        score: (rows, ...) what the model gives for the rows as they are.
        target: (rows, ...) their targets.
    """
    if space is not None and space.task == "binary":
        side = 2 * (target > 0.5).to(score.dtype) - 1
        return lambda score, rows: -side[rows] * score
    if space is not None and space.task == "multiclass":
        own = torch.nn.functional.one_hot(target.long(), score.shape[-1]).bool()
        # Carlini & Wagner 2017, arXiv:1608.04644.
        return lambda score, rows: score.masked_fill(own[rows], -torch.inf).amax(-1) - score[own[rows]]
    if space is None and score.ndim == 2 and score.shape == target.shape and target.is_floating_point():
        wanted = target - target.mean(-1, keepdim=True)
        return lambda score, rows: _against(score, wanted[rows])
    return None


def directions(space: Space | None, score: Tensor, target: Tensor, most: int) -> list[Aim]:
    """Ways to go beside the loss: towards each of the strongest other classes, or up and down.

    A row that is pushed towards one class at a time gets past places where two classes hold each other up. The sign
    of the slope makes the division by a difference of logits, as in Croce & Hein 2020 (arXiv:2003.01690), superfluous.
    """
    if space is not None and space.task == "multiclass" and score.shape[-1] > 2:
        own = torch.nn.functional.one_hot(target.long(), score.shape[-1]).bool()
        ranked = score.masked_fill(own, -torch.inf).argsort(-1, descending=True)
        return [_lead(ranked[:, rank], target.long()) for rank in range(min(most, score.shape[-1] - 1))]
    if space is not None and space.task == "regression":
        return [lambda score, rows: score, lambda score, rows: -score]
    return []


def _lead(rival: Tensor, own: Tensor) -> Aim:
    def lead(score: Tensor, rows: Tensor) -> Tensor:
        return (score.gather(-1, rival[rows, None]) - score.gather(-1, own[rows, None]))[:, 0]

    return lead


def _against(score: Tensor, wanted: Tensor) -> Tensor:
    """How far the scores of a list go against its relevances, whatever the size of the scores."""
    centred = score - score.mean(-1, keepdim=True)
    return -(centred * wanted).sum(-1) / centred.square().sum(-1).clamp_min(1e-12).sqrt()
