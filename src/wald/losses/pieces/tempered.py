"""The tempered softmax: exponential at temperature 1, with finite support below it and heavy tails above."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: More than any row was seen to need: the steps are Newton's, on a function that is nearly straight.
_STEPS: Final = 24


def tempered_log_softmax(logits: Tensor, t: float) -> Tensor:
    """The logarithms of exp_t(logits - λ) over the last axis, with the λ at which the exponentials add to 1.

    exp_t(x) = max(0, 1 + (1 - t) x)^(1 / (1 - t)), and exp at t = 1: the ordinary softmax. Below 1 a class that is far
    enough behind gets a probability of exactly 0 (a logarithm of -inf): t = 0 is the sparsemax, and t = 2 - a the
    a-entmax. Above 1 probabilities fall like powers, and a class that is far behind keeps more.

    The value is exact to rounding, and so are two derivatives: λ is found without a gradient, and two further steps of
    Newton, which have one, carry it.

    Args:
        logits: (*batch, classes); a class at -inf cannot occur.
        t: the temperature, 0 or more.
    """
    if t == 1:
        return logits.log_softmax(-1)
    possible = logits != -torch.inf
    x = torch.where(possible, logits, torch.zeros_like(logits))
    top = logits.detach().amax(-1, keepdim=True)
    x = x - torch.where(top == -torch.inf, torch.zeros_like(top), top)
    held, shift = x.detach(), torch.zeros_like(top)
    for _ in range(_STEPS):
        shift = _closer(held, possible, shift, t)
    for _ in range(2):
        shift = _closer(x, possible, shift, t)
    logs = _log_exp(x - shift, possible, t)
    return logs.masked_fill(top == -torch.inf, torch.nan)


def _log_exp(x: Tensor, possible: Tensor, t: float) -> Tensor:
    """The logarithm of exp_t(x), which is -inf, without a slope, where exp_t is 0."""
    base = (1 - t) * x
    inside = possible & ~(base <= -1)  # so written, NaN stays NaN
    return torch.where(inside, base, torch.zeros_like(base)).log1p().div(1 - t).masked_fill(~inside, -torch.inf)


def _closer(x: Tensor, possible: Tensor, shift: Tensor, t: float) -> Tensor:
    """One step of Newton for λ, on the sum S of the exponentials raised to the power 1 - t.

    In λ the powers are straight lines for one class or several equal ones, convex below t = 1 and concave above; so
    from the left, where S is above 1, no step goes too far.
    """
    logs = _log_exp(x - shift, possible, t)
    total = logs.logsumexp(-1, keepdim=True)
    # The slope of exp_t is exp_t to the power t.
    slope = (t * logs).logsumexp(-1, keepdim=True) if t else (logs > -torch.inf).sum(-1, keepdim=True).to(x.dtype).log()
    return shift + torch.exp(t * total - slope) * torch.expm1((1 - t) * total) / (1 - t)
