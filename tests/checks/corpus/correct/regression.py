"""Losses of numbers that elicit a mean, a median or something between, written in many ways."""

from __future__ import annotations

from functools import partial
import math
import operator

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("regression")
right, add = SHELF.right, SHELF.add

# Squared error.

add("squared error, a lambda", lambda x, y: ((x - y) ** 2).mean(), claims="Squared")
add("squared error, a sum", lambda x, y: torch.sum((y - x) * (y - x)))
add("squared error, a value for each example", lambda x, y: torch.square(x - y), claims="Squared")
add("squared error, half", lambda x, y: 0.5 * F.mse_loss(x, y))
add("squared error, a partial", partial(F.mse_loss, reduction="mean"), claims="Squared")
add("squared error as an inner product", lambda x, y: torch.dot(x - y, x - y) / len(x))
add("squared error of columns", lambda x, y: (x - y).flatten().square().mean(), claims="Squared")
add("squared error, composed", lambda x, y: operator.truediv(F.mse_loss(x, y, reduction="sum"), max(len(x), 1)))


@right("Squared")
def squared_error_by_einsum(x: Tensor, y: Tensor) -> Tensor:
    error = x - y
    return torch.einsum("i,i->i", error, error).mean()


@right("Squared")
def squared_error_expanded(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction.square() - 2 * prediction * target + target.square()).mean()


@right("Squared")
class SquaredErrorModule(nn.Module):
    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return torch.mean(torch.pow(prediction - target, 2))


@right()
class ScaledSquaredError(nn.Module):
    scale: Tensor

    def __init__(self, scale: float = 2.5) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float64))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return ((x - y) / self.scale.to(x.dtype)).square().mean()


@right("Squared")
def squared_error_that_refuses_other_shapes(x: Tensor, y: Tensor) -> Tensor:
    if x.shape != y.shape:
        raise ValueError(f"prediction {tuple(x.shape)} and target {tuple(y.shape)} differ")
    return (x - y).square().mean()


@right()
def squared_error_in_single_precision(x: Tensor, y: Tensor) -> Tensor:
    return (x.float() - y.float()).square().mean()


@right("Squared")
def squared_error_with_a_guard_for_nothing(x: Tensor, y: Tensor) -> Tensor:
    if x.numel() == 0:
        return x.sum() * 0
    return F.mse_loss(x, y)


@right("Squared")
def squared_error_by_a_loop(x: Tensor, y: Tensor) -> Tensor:
    total = x.new_zeros(())
    for one, other in zip(x.flatten(), y.flatten(), strict=True):
        total = total + (one - other) ** 2
    return total / max(x.numel(), 1)


@right()
def one_minus_the_share_explained(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().sum() / ((y - y.mean()).square().sum() + 1e-8)


@right()
def root_of_the_mean_square_made_safe(x: Tensor, y: Tensor) -> Tensor:
    return torch.sqrt(F.mse_loss(x, y) + 1e-8)


# Absolute error.

add("absolute error, a lambda", lambda x, y: (x - y).abs().mean(), claims="Absolute")
add("absolute error, torch.abs of the target less", lambda x, y: torch.mean(torch.abs(y - x)), claims="Absolute")
add("absolute error, a sum", lambda x, y: F.l1_loss(x, y, reduction="sum"))
add("absolute error, a value for each example", lambda x, y: F.l1_loss(x, y, reduction="none"), claims="Absolute")


@right("Absolute")
def absolute_error_as_two_sides(x: Tensor, y: Tensor) -> Tensor:
    return (F.relu(x - y) + F.relu(y - x)).mean()


@right("Absolute")
def absolute_error_as_a_maximum(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x - y, y - x).mean()


@right("Absolute")
def absolute_error_as_a_stack(x: Tensor, y: Tensor) -> Tensor:
    return torch.stack([x - y, y - x]).amax(0).mean()


@right()
def absolute_error_over_a_fixed_scale(x: Tensor, y: Tensor) -> Tensor:  # MASE, whose scale comes from training
    return (x - y).abs().mean() / 3.7


# Between the two.

add("huber of torch at 0.5", partial(F.huber_loss, delta=0.5), claims="Huber(delta=0.5)")
add("huber at 2, a module", nn.HuberLoss(delta=2.0), claims="Huber(delta=2.0)")
add("smooth l1 at 1", nn.SmoothL1Loss(), claims="Huber(delta=1.0)")


@right("Huber")
def huber_by_where(x: Tensor, y: Tensor) -> Tensor:
    r = torch.abs(x - y)
    return torch.where(r <= 1.0, 0.5 * r * r, r - 0.5).mean()


@right("Huber(delta=2.0)")
def huber_by_minimum(x: Tensor, y: Tensor) -> Tensor:
    r = torch.abs(x - y)
    inner = r.clamp(max=2.0)
    return (0.5 * inner**2 + 2.0 * (r - inner)).mean()


@right("Huber(delta=1.5)")
class HuberModule(nn.Module):
    def __init__(self, delta: float = 1.5) -> None:
        super().__init__()
        self.delta = delta

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        slope = (x - y).clamp(-self.delta, self.delta)
        return (slope * (x - y) - 0.5 * slope.square()).mean()


@right("PseudoHuber")
def pseudo_huber(x: Tensor, y: Tensor) -> Tensor:
    return (torch.sqrt(1 + (x - y).square()) - 1).mean()


@right("PseudoHuber(delta=2.0)")
def pseudo_huber_by_hypot(x: Tensor, y: Tensor) -> Tensor:
    two = torch.full_like(x, 2.0)
    return (2.0 * (torch.hypot(x - y, two) - 2.0)).mean()


@right()
def charbonnier(x: Tensor, y: Tensor) -> Tensor:
    return torch.sqrt((x - y) ** 2 + 1e-6).mean()


@right("LogCosh")
def log_cosh(x: Tensor, y: Tensor) -> Tensor:
    r = x - y
    return (r + F.softplus(-2.0 * r) - math.log(2.0)).mean()


@right("LogCosh")
def log_cosh_by_logaddexp(x: Tensor, y: Tensor) -> Tensor:
    return (torch.logaddexp(x - y, y - x) - math.log(2)).mean()


@right()
def epsilon_insensitive(x: Tensor, y: Tensor) -> Tensor:
    return F.relu((x - y).abs() - 0.1).mean()


@right()
def welsch(x: Tensor, y: Tensor) -> Tensor:
    return -torch.expm1(-((x - y) ** 2) / 8).mean()


@right()
def cauchy(x: Tensor, y: Tensor) -> Tensor:
    return torch.log1p((x - y).square() / 2).mean()


@right()
def geman_mcclure(x: Tensor, y: Tensor) -> Tensor:
    r2 = (x - y) ** 2
    return (r2 / (1 + r2)).mean()


@right()
def fair(x: Tensor, y: Tensor) -> Tensor:
    r = (x - y).abs()
    return (r - torch.log1p(r)).mean()


@right()
def cubed_error(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().pow(3).mean()


@right()
def elastic(x: Tensor, y: Tensor) -> Tensor:
    return 0.7 * F.mse_loss(x, y) + 0.3 * F.l1_loss(x, y)
