"""What the tests of regression losses share: values with slopes, and what exact arithmetic says of them."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import torch
from torch import Tensor

Oracle = Callable[[Tensor, Tensor], Tensor]
Number = Callable[[mp.mpf], mp.mpf]

#: From the smallest errors to the largest, on both sides.
EXTREMES = [s * 10.0**k for k in (-18, -12, -8, -5, -3, -1, -0.3, 0, 0.3, 1, 2, 5, 12, 18) for s in (1, -1)]


def value_and_slope(loss: Oracle, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The values, and how each changes with its prediction."""
    prediction = prediction.detach().clone().requires_grad_()
    value = loss(prediction, target)
    (slope,) = torch.autograd.grad(value.sum(), prediction)
    return value.detach(), slope


def same(a: Tensor, b: Tensor, relative: float = 1e-12) -> None:
    """Equal, but for the last digits."""
    torch.testing.assert_close(a, b, rtol=relative, atol=1e-14, equal_nan=True, check_dtype=False)


def exactly(function: Number, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Exact values and slopes of a function of the error, rounded once."""
    with mp.workdps(120):
        numbers = [mp.mpf(float(x)) for x in inputs.tolist()]
        values = [float(function(x)) for x in numbers]
        # Differences far smaller than the number, in arithmetic that has digits to spare.
        steps = [abs(x) * mp.mpf(10) ** -20 for x in numbers]
        slopes = [float((function(x + h) - function(x - h)) / (2 * h)) for x, h in zip(numbers, steps, strict=True)]
    return torch.tensor(values, dtype=torch.float64), torch.tensor(slopes, dtype=torch.float64)
