"""Losses of numbers that elicit a quantile, an expectile, a rate, or a mean by way of a transform."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("numbers")
right, add = SHELF.right, SHELF.add

# Quantiles and expectiles.


@right("Pinball(level=0.9)")
def pinball_by_maximum(x: Tensor, y: Tensor) -> Tensor:
    error = y - x
    return torch.max(0.9 * error, -0.1 * error).mean()


@right("Pinball(level=0.25)")
def pinball_by_where(x: Tensor, y: Tensor) -> Tensor:
    return (torch.where(y >= x, 0.25, 0.75) * (y - x).abs()).mean()


@right("Pinball(level=0.75)")
def pinball_by_two_sides(x: Tensor, y: Tensor) -> Tensor:
    return (0.75 * F.relu(y - x) + 0.25 * F.relu(x - y)).mean()


@right("Pinball(level=0.1)")
def pinball_by_an_indicator(x: Tensor, y: Tensor) -> Tensor:
    return ((y - x) * (0.1 - (y < x).to(x.dtype))).mean()


@right("Pinball(level=0.95)")
class QuantileModule(nn.Module):
    def __init__(self, q: float = 0.95) -> None:
        super().__init__()
        self.q = q

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = target - prediction
        return (self.q * error + F.relu(-error)).mean()


@right()
def newsvendor(x: Tensor, y: Tensor) -> Tensor:
    return (5.0 * (y - x).clamp(min=0) + 2.0 * (x - y).clamp(min=0)).mean()


@right()
def pinball_doubled(x: Tensor, y: Tensor) -> Tensor:
    error = y - x
    return 2 * torch.max(0.3 * error, -0.7 * error).mean()


@right("Pinball(level=(0.1, 0.5, 0.9))")
class ThreeQuantiles(nn.Module):
    levels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        error = y.unsqueeze(-1) - x
        levels = self.levels.to(x.dtype)
        return torch.maximum(levels * error, (levels - 1) * error).mean()


@right("Expectile(level=0.8)")
def expectile(x: Tensor, y: Tensor) -> Tensor:
    return (torch.where(y > x, 0.8, 0.2) * (y - x) ** 2).mean()


@right("Expectile(level=0.3)")
def expectile_by_two_sides(x: Tensor, y: Tensor) -> Tensor:
    return (0.3 * F.relu(y - x) ** 2 + 0.7 * F.relu(x - y) ** 2).mean()


@right()
def quantile_huber(x: Tensor, y: Tensor) -> Tensor:
    return (torch.where(x > y, 0.2, 0.8) * F.smooth_l1_loss(x, y, reduction="none")).mean()


@right()
def linex(x: Tensor, y: Tensor) -> Tensor:
    return (torch.expm1(0.5 * (x - y)) - 0.5 * (x - y)).mean()


# Relative errors, and errors of logarithms.


@right("Percentage")
def percentage_error(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) / y).abs().mean()


@right()
def percentage_error_with_a_floor(x: Tensor, y: Tensor) -> Tensor:
    return 100 * ((x - y).abs() / y.abs().clamp(min=1.0)).mean()


@right()
def squared_percentage_error(x: Tensor, y: Tensor) -> Tensor:
    return (x / y - 1).square().mean()


@right("SquaredLog")
def squared_log_error(x: Tensor, y: Tensor) -> Tensor:
    return (torch.log1p(x) - torch.log1p(y)).pow(2).mean()


@right("SquaredLog")
def squared_log_error_by_mse(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(torch.log(1 + x), torch.log(1 + y))


@right()
def squared_log_ratio(x: Tensor, y: Tensor) -> Tensor:
    return (x / y).log().square().mean()


@right()
def absolute_log_ratio(x: Tensor, y: Tensor) -> Tensor:
    return (x.log() - y.log()).abs().mean()


@right()
def squared_error_of_roots(x: Tensor, y: Tensor) -> Tensor:
    return (x.sqrt() - y.sqrt()).square().mean()


# Likelihoods.

add("poisson of torch", partial(F.poisson_nll_loss, log_input=True, full=False), claims="Poisson")
add("poisson by hand", lambda x, y: (torch.exp(x) - y * x).mean(), claims="Poisson")


@right("Poisson(log_input=False)")
def poisson_of_a_rate(rate: Tensor, y: Tensor) -> Tensor:
    return (rate - torch.xlogy(y, rate)).mean()


@right()
def poisson_deviance(rate: Tensor, y: Tensor) -> Tensor:
    return 2 * (torch.xlogy(y, y) - torch.xlogy(y, rate) - y + rate).mean()


@right()
def gamma_likelihood(rate: Tensor, y: Tensor) -> Tensor:
    return (y / rate + torch.log(rate)).mean()


@right()
def gamma_likelihood_of_a_log_rate(x: Tensor, y: Tensor) -> Tensor:
    return (y * torch.exp(-x) + x).mean()


@right()
def tweedie(rate: Tensor, y: Tensor) -> Tensor:
    return (-y * rate.pow(-0.5) / -0.5 + rate.pow(0.5) / 0.5).mean()


@right()
def exponential_distribution_of_a_log_mean(x: Tensor, y: Tensor) -> Tensor:
    return (x + torch.exp(torch.log(y) - x)).mean()


@right()
def student_with_five_degrees(x: Tensor, y: Tensor) -> Tensor:
    return 3.0 * torch.log1p((x - y).square() / 5.0).mean()


@right("GaussianNLL")
def gaussian_of_a_log_variance(x: Tensor, y: Tensor) -> Tensor:
    mean, log_variance = x.unbind(-1)
    return 0.5 * (log_variance + (y - mean).square() * torch.exp(-log_variance)).mean()


@right()
def huber_of_a_log_target(x: Tensor, y: Tensor) -> Tensor:
    return F.huber_loss(x, torch.log(y))
