"""Losses of quantiles, expectiles, rates and ratios that are not what their author believes."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("numbers")
wrong = SHELF.wrong

LEVEL = r"level|quantile|revers|1 - "


@wrong("W701", "log1p|one|1 \\+|\\+ 1|plus", claims="SquaredLog")
def squared_log_without_plus_one(x: Tensor, y: Tensor) -> Tensor:
    return (torch.log(x) - torch.log(y)).pow(2).mean()


@wrong("W701", "log", claims="SquaredLog")
def squared_error_of_plus_one(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x + 1, y + 1)


@wrong("W701", "predict", claims="Percentage")
def percentage_of_the_prediction(x: Tensor, y: Tensor) -> Tensor:  # row 34
    return ((y - x) / x).abs().mean()


@wrong("W701|W502", "abs|sign|unbounded", claims="Percentage")
def percentage_of_a_signed_target(x: Tensor, y: Tensor) -> Tensor:  # row 34
    return ((x - y).abs() / y).mean()


@wrong("W701|W502", "abs|unbounded", claims="Percentage")
def percentage_without_absolute_value(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) / y).mean()


@wrong("W701", LEVEL, claims="Pinball(level=0.9)")
def pinball_with_the_level_reversed(x: Tensor, y: Tensor) -> Tensor:  # row 41
    error = x - y
    return torch.max(0.9 * error, (0.9 - 1) * error).mean()


@wrong("W701", LEVEL, claims="Pinball(level=0.8)")
def pinball_with_the_arguments_exchanged(a: Tensor, b: Tensor) -> Tensor:  # rows 41, 6
    under = F.relu(a - b)
    over = F.relu(b - a)
    return (0.8 * under + 0.2 * over).mean()


@wrong("W50[12]|W701", "unbounded|away|min|sign", claims="Pinball(level=0.9)")
def pinball_with_the_smaller_side(x: Tensor, y: Tensor) -> Tensor:  # sklearn 8087: lived for years
    error = y - x
    return torch.minimum(0.9 * error, -0.1 * error).mean()


@wrong("W701", "level|both sides|absolute|median|symmetric", claims="Pinball(level=0.9)")
def pinball_with_one_weight_for_both_sides(x: Tensor, y: Tensor) -> Tensor:
    return (0.9 * (y - x).abs()).mean()


@wrong("W502|W701", "unbounded|side", claims="Pinball(level=0.9)")
def pinball_with_one_side_only(x: Tensor, y: Tensor) -> Tensor:
    return (0.9 * (y - x)).mean()


@wrong("W701", "level|column|quantile|order", claims="Pinball(level=(0.1, 0.5, 0.9))")
def quantiles_in_the_wrong_order(x: Tensor, y: Tensor) -> Tensor:
    levels = torch.tensor([0.9, 0.5, 0.1], dtype=x.dtype)
    error = y[..., None] - x
    return torch.maximum(levels * error, (levels - 1) * error).mean()


@wrong("W701", "sum|times|scale|factor", claims="Pinball(level=(0.1, 0.5, 0.9))")
def quantiles_that_are_summed(x: Tensor, y: Tensor) -> Tensor:  # row 41
    total = torch.zeros((), dtype=x.dtype)
    for column, level in enumerate((0.1, 0.5, 0.9)):
        error = y - x[:, column]
        total = total + torch.max(level * error, (level - 1) * error).mean()
    return total


@wrong("W701", LEVEL + "|expectile", claims="Expectile(level=0.8)")
def expectile_with_the_level_reversed(x: Tensor, y: Tensor) -> Tensor:
    weight = torch.where(y > x, 0.2, 0.8)
    return (weight * F.mse_loss(x, y, reduction="none")).mean()


@wrong("W701", "squar|abs|quantile", claims="Expectile(level=0.8)")
def expectile_of_absolute_errors(x: Tensor, y: Tensor) -> Tensor:
    weight = torch.where(y > x, 0.8, 0.2)
    return (weight * (x - y).abs()).mean()


@wrong("W701|W502", "exp|rate|log|unbounded", claims="Poisson")
def poisson_without_the_exponential(x: Tensor, y: Tensor) -> Tensor:
    return (x - y * x).mean()


@wrong("W701|W50[12]", "sign|away", claims="Poisson")
def poisson_with_a_plus(x: Tensor, y: Tensor) -> Tensor:
    return (torch.exp(x) + y * x).mean()


@wrong("W701", "exp|rate|log|predict", claims="Poisson(log_input=False)")
def poisson_of_a_log_rate_claimed_as_a_rate(x: Tensor, y: Tensor) -> Tensor:
    return F.poisson_nll_loss(x, y, log_input=True)


@wrong("W701|W50[12]", "swap|exchang|sign|away|unbounded", claims="Poisson(log_input=False)")
def poisson_with_its_arguments_exchanged(y: Tensor, x: Tensor) -> Tensor:
    return (x - y * torch.log(x + 1e-8)).mean()


@wrong("W701|W50[12]", "log|variance|scale", claims="GaussianNLL(scale='log_variance')")
def gaussian_without_the_log_variance(x: Tensor, y: Tensor) -> Tensor:  # row 50
    mean, log_variance = x.unbind(-1)
    return (0.5 * (mean - y) ** 2 * torch.exp(-log_variance)).mean()


@wrong("W701", "deviation|variance|scale|twice|factor", claims="GaussianNLL(scale='log_variance')")
def gaussian_of_a_log_deviation(x: Tensor, y: Tensor) -> Tensor:  # row 50
    mean, log_scale = x[..., 0], x[..., 1]
    return (log_scale + 0.5 * ((y - mean) / log_scale.exp()) ** 2).mean()


@wrong("W701", "half|1/2|0\\.5|factor|log", claims="GaussianNLL(scale='log_variance')")
def gaussian_with_one_half_forgotten(x: Tensor, y: Tensor) -> Tensor:
    mean, log_variance = x[..., 0], x[..., 1]
    return (log_variance + 0.5 * (y - mean).square() / log_variance.exp()).mean()


@wrong("W701|W50[12]", "sign|log|unbounded|variance", claims="GaussianNLL(scale='log_variance')")
def gaussian_with_a_minus_before_the_log(x: Tensor, y: Tensor) -> Tensor:
    mean, log_variance = x[..., 0], x[..., 1]
    return 0.5 * ((y - mean).square() / log_variance.exp() - log_variance).mean()
