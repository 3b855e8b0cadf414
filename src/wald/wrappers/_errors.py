"""What a loss of numbers costs where the prediction hits the target: wrappers that bend a loss there must know."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core import Supervised
from ._wrapper import supervised


def of_errors(value: Any) -> Supervised:
    """`value`, once it is known to be a loss of one number that costs nothing where it hits the target.

    Raises:
        TypeError: it is no loss of prediction and target, takes something else than one number, or its least is not
            0 where the prediction equals the target.
    """
    loss = supervised(value)
    if (hit := cost_of_a_hit(loss)) is None or loss.named_domains[0][1].axes:
        raise TypeError(
            f"{loss!r} is not known to cost least where the prediction equals the target, each one number, so there is "
            "no error to speak of. Squared(), Absolute(), Huber() and their like can be changed so; a loss of your own "
            "says perfect_is_minimal=True on its card"
        )
    if bool((hit != 0).any()):
        raise TypeError(
            f"{loss!r} costs {hit[hit != 0][0].item():.3g} for a prediction that equals the target, and what is "
            "changed here must cost nothing then, or the change would tear it. Squared(), Absolute(), Huber() and "
            "their like do"
        )
    return loss


def cost_of_a_hit(loss: Supervised) -> Tensor | None:
    """What typical targets cost that are hit exactly, where that is known to be the least; None where it is not.

    With several entries in the prediction, all of them hit.
    """
    (_, prediction), (_, target) = loss.named_domains
    if loss.card.task != "regression" or target.axes:
        return None
    if not prediction.axes and loss.card.perfect_is_minimal is not True:
        return None
    if prediction.axes and prediction.size is None:
        return None
    low, high = max(prediction.typical[0], target.typical[0]), min(prediction.typical[1], target.typical[1])
    same = torch.linspace(low, high, 7, dtype=torch.float64)[1:-1]
    return loss.per_example(same if prediction.size is None else same.unsqueeze(-1).expand(-1, prediction.size), same)
