"""What `wald.linear` gives where more than a number is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearOutput:
    """A loss of a linear head, and what was asked for beside it: one number an example, fp32; None for the rest.

    Examples that do not count have 0, and -1 as argmax.

    Attributes:
        loss: what `wald.linear` gives without outputs.
        log_sum_exp: the logarithm of the sum of exponentials of the scores; differentiable.
        log_prob: the log-probability of the target, expected over a soft one; differentiable.
        entropy: of the predicted distribution, in nats; differentiable.
        argmax: the class with the highest score.
        correct: whether that is the target, or the likeliest class of a soft one.
        dropped: with filtering, the share of the absolute mass of the gradient by the logits that was left out.
    """

    loss: Any
    log_sum_exp: Tensor | None = None
    log_prob: Tensor | None = None
    entropy: Tensor | None = None
    argmax: Tensor | None = None
    correct: Tensor | None = None
    dropped: Tensor | None = None
