"""Losses of numbers of which it is known what they elicit, as a user would write them.

Where the truth comes from: Savage 1971, doi:10.1080/01621459.1971.10482346 (the mean, Bregman losses); Patton 2011,
doi:10.1016/j.jeconom.2010.03.034 (QLIKE); Gneiting 2011, arXiv:0912.0902 (the median, weighted losses, windows);
Koenker & Bassett 1978, doi:10.2307/1913643 (quantiles); Newey & Powell 1987, doi:10.2307/1911031 (expectiles);
Huber 1964, doi:10.1214/aoms/1177703732 (M-functionals); Fissler & Ziegel 2016, arXiv:1503.08123 (value at risk and
expected shortfall); Gneiting & Raftery 2007, doi:10.1198/016214506000001437 (proper scores); the rest by hand.
"""

from __future__ import annotations

from collections.abc import Callable
import math

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

Loss = Callable[[Tensor, Tensor], Tensor]


def pinball(level: float) -> Loss:
    return lambda x, y: torch.maximum(level * (y - x), (level - 1) * (y - x)).mean()


def tweedie(power: float) -> Loss:
    """The deviance of a Tweedie law, in the rate: Jørgensen 1997."""

    def loss(x: Tensor, y: Tensor) -> Tensor:
        near = y ** (2 - power) / ((1 - power) * (2 - power))
        return 2 * (near - y * x ** (1 - power) / (1 - power) + x ** (2 - power) / (2 - power)).mean()

    return loss


def linex(slope: float) -> Loss:
    return lambda x, y: (torch.exp(slope * (x - y)) - slope * (x - y) - 1).mean()


def power_error(power: float) -> Loss:
    return lambda x, y: (x - y).abs().pow(power).mean()


def box_cox(power: float) -> Loss:
    return lambda x, y: ((x**power - y**power) / power).square().mean()


def huber(delta: float) -> Loss:
    return lambda x, y: F.huber_loss(x, y, delta=delta)


def tukey(x: Tensor, y: Tensor) -> Tensor:
    r = ((x - y) / 4.685).clamp(-1, 1)
    return (4.685**2 / 6 * (1 - (1 - r**2) ** 3)).mean()


def negative_binomial(x: Tensor, y: Tensor) -> Tensor:
    """Minus the log-likelihood of counts with mean x and a dispersion of 2."""
    chance = y * torch.log(x / (2 + x)) + 2 * torch.log(2 / (2 + x))
    return -(torch.lgamma(y + 2) - torch.lgamma(y + 1) + chance).mean()


def of_array(x: Tensor, y: Tensor) -> Tensor:
    """A squared error by NumPy, which knows no gradient."""
    return torch.tensor(float(((x.detach().numpy() - y.detach().numpy()) ** 2).mean()), dtype=x.dtype)


STATISTICS: dict[str, tuple[Loss, str]] = {
    # The mean.
    "squared error": (F.mse_loss, "mean"),
    "half squared error, summed": (lambda x, y: 0.5 * (x - y).square().sum(), "mean"),
    "half mean squared error": (lambda x, y: (x - y).square().mean() / 2, "mean"),
    "root mean squared error": (lambda x, y: (x - y).square().mean().sqrt(), "mean"),
    "root mean squared error, with an epsilon": (lambda x, y: ((x - y).square().mean() + 1e-6).sqrt(), "mean"),
    "relative L2 norm": (lambda x, y: (x - y).norm() / y.norm(), "mean"),
    "1 - R2": (lambda x, y: (x - y).square().sum() / (y - y.mean()).square().sum(), "mean"),
    "normal, fixed variance": (lambda x, y: (((x - y) / 3).square() / 2 + math.log(3)).mean(), "mean"),
    "gaussian_nll_loss, fixed variance": (lambda x, y: F.gaussian_nll_loss(x, y, torch.full_like(x, 2.0)), "mean"),
    "Poisson, rate": (lambda x, y: (x - y * x.log()).mean(), "mean"),
    "generalised Kullback-Leibler": (lambda x, y: (y * (y / x).log() - y + x).mean(), "mean"),
    "gamma": (lambda x, y: (x.log() + y / x).mean(), "mean"),
    "QLIKE": (lambda x, y: (y / x - (y / x).log() - 1).mean(), "mean"),
    "Itakura-Saito": (lambda x, y: (y / x - y.log() + x.log() - 1).mean(), "mean"),
    "Tweedie -0.5": (tweedie(-0.5), "mean"),
    "Tweedie 1.2": (tweedie(1.2), "mean"),
    "Tweedie 1.5": (lambda x, y: (2 * y * x**-0.5 + 2 * x**0.5).mean(), "mean"),
    "Tweedie 1.9": (tweedie(1.9), "mean"),
    "Tweedie 2.5": (tweedie(2.5), "mean"),
    "Tweedie 3": (tweedie(3.0), "mean"),
    "inverse Gaussian": (lambda x, y: ((y - x) ** 2 / (x**2 * y)).mean(), "mean"),
    "negative binomial, fixed dispersion": (negative_binomial, "mean"),
    "exponential Bregman": (lambda x, y: (x.exp() * (x - y - 1) + y.exp()).mean(), "mean"),
    "logistic Bregman": (
        lambda x, y: (F.softplus(y) - F.softplus(x) - torch.sigmoid(x) * (y - x)).mean(),
        "mean",
    ),
    "squared error, negative values cut": (lambda x, y: (x.clamp(min=0) - y).square().mean(), "mean"),
    "squared error by NumPy": (of_array, "mean"),
    # The mean, in the scale of a link.
    "Poisson, log rate": (F.poisson_nll_loss, "mean through log"),
    "Poisson, with Stirling's term": (lambda x, y: F.poisson_nll_loss(x, y, full=True), "mean through log"),
    "gamma, log rate": (lambda x, y: (x + y * torch.exp(-x)).mean(), "mean through log"),
    "Tweedie 1.5, log rate": (
        lambda x, y: (2 * y * torch.exp(-x / 2) + 2 * torch.exp(x / 2)).mean(),
        "mean through log",
    ),
    "negative binomial, log mean": (
        lambda x, y: ((y + 2) * F.softplus(x - math.log(2)) - y * x).mean(),
        "mean through log",
    ),
    "squared error of an exponential": (lambda x, y: (x.exp() - y).square().mean(), "mean through log"),
    "squared error of a softplus": (
        lambda x, y: (F.softplus(x) - y).square().mean(),
        "mean through inverse softplus",
    ),
    "squared error of a square": (lambda x, y: (x**2 - y).square().mean(), "mean through sqrt"),
    # Means taken in another scale.
    "squared error of logs": (lambda x, y: (x.log() - y.log()).square().mean(), "geometric mean"),
    "squared log ratio": (lambda x, y: (x / y).log().square().mean(), "geometric mean"),
    "reverse Kullback-Leibler": (lambda x, y: (x * (x / y).log() - x + y).mean(), "geometric mean"),
    "reverse Itakura-Saito": (lambda x, y: (x / y - (x / y).log() - 1).mean(), "harmonic mean"),
    "squared over target": (lambda x, y: ((x - y) ** 2 / y).mean(), "harmonic mean"),
    "MSLE": (lambda x, y: (x.log1p() - y.log1p()).square().mean(), "mean through log1p"),
    "RMSLE": (lambda x, y: (x.log1p() - y.log1p()).square().mean().sqrt(), "mean through log1p"),
    "squared error of roots": (lambda x, y: (x.sqrt() - y.sqrt()).square().mean(), "mean through sqrt"),
    "squared error of asinh": (lambda x, y: (x.asinh() - y.asinh()).square().mean(), "mean through asinh"),
    "squared error of logistic functions": (
        lambda x, y: (torch.tanh(x / 3) - torch.tanh(y / 3)).square().mean(),
        "mean through T(y)",
    ),
    "Box-Cox 0.5": (box_cox(0.5), "mean through sqrt"),
    "Box-Cox 0.25": (box_cox(0.25), "mean through y^0.25"),
    "Box-Cox -1": (box_cox(-1.0), "harmonic mean"),
    "Box-Cox 2": (box_cox(2.0), "mean through square"),
    "Weibull, shape 2": (lambda x, y: ((y / x) ** 2 + 2 * x.log()).mean(), "mean through square"),
    "squared error against the log": (lambda x, y: (x - y.log()).square().mean(), "geometric mean through log"),
    "squared error against log1p": (lambda x, y: (x - y.log1p()).square().mean(), "mean of log1p(y)"),
    # The median and other quantiles.
    "absolute error": (F.l1_loss, "median"),
    "absolute error, cut from its graph": (lambda x, y: (x - y).abs().mean().detach(), "median"),
    "MASE, fixed scale": (lambda x, y: (x - y).abs().mean() / 1.7, "median"),
    "wMAPE": (lambda x, y: (x - y).abs().sum() / y.abs().sum(), "median"),
    "Laplace, fixed scale": (lambda x, y: ((x - y).abs() / 2 + math.log(4)).mean(), "median"),
    "absolute error of logs": (lambda x, y: (x.log() - y.log()).abs().mean(), "median"),
    "absolute error of sigmoids": (lambda x, y: (torch.sigmoid(x) - torch.sigmoid(y)).abs().mean(), "median"),
    "absolute error against the log": (lambda x, y: (x - y.log()).abs().mean(), "median through log"),
    "pinball 0.9": (pinball(0.9), "quantile(0.9)"),
    "pinball 0.125": (pinball(0.125), "quantile(0.125)"),
    "pinball of logs": (lambda x, y: pinball(0.7)(x.log(), y.log()), "quantile(0.7)"),
    "pinball as a number": (lambda x, y: torch.tensor(pinball(0.8)(x, y).item(), dtype=x.dtype), "quantile(0.8)"),
    "newsvendor 3:1": (lambda x, y: (3 * (y - x).clamp(min=0) + (x - y).clamp(min=0)).mean(), "quantile(0.75)"),
    "too high twice as dear": (
        lambda x, y: (torch.where(x > y, 2.0, 1.0) * (x - y).abs()).mean(),
        "quantile(0.3333)",
    ),
    # Expectiles.
    "expectile 0.8": (lambda x, y: (torch.where(x > y, 0.2, 0.8) * (x - y) ** 2).mean(), "expectile(0.8)"),
    "squares, too low ten times as dear": (
        lambda x, y: ((x - y) ** 2 * (1 + 9 * (x < y))).mean(),
        "expectile(0.9091)",
    ),
    "squares, too low half as dear": (
        lambda x, y: ((x - y) ** 2 * (1 - 0.5 * (x < y))).mean(),
        "expectile(0.3333)",
    ),
    # The same under weights.
    "MAPE": (lambda x, y: ((x - y) / y).abs().mean(), "weighted median(y^-1)"),
    "MAPE, with an epsilon": (lambda x, y: ((x - y).abs() / (y.abs() + 1e-8)).mean(), "weighted median(y^-1)"),
    "MAPE, with an epsilon that counts": (
        lambda x, y: ((x - y).abs() / (y.abs() + 0.1)).mean(),
        "weighted median(w(y))",
    ),
    "relative to the forecast": (lambda x, y: ((x - y) / x).abs().mean(), "weighted median(y^1)"),
    "MSPE": (lambda x, y: ((x - y) / y).square().mean(), "weighted mean(y^-2)"),
    "RMSPE": (lambda x, y: ((x - y) / y).square().mean().sqrt(), "weighted mean(y^-2)"),
    "squared relative to the forecast": (lambda x, y: (y / x - 1).square().mean(), "weighted mean(y^1)"),
    "squares, weighted by the target": (lambda x, y: (y * (x - y) ** 2).mean(), "weighted mean(y^1)"),
    "squares, floor of 1": (
        lambda x, y: ((x - y) / y.abs().clamp(min=1)).square().mean(),
        "weighted mean(max(y, 1)^-2)",
    ),
    "squares, large targets five times": (
        lambda x, y: (torch.where(y > 1, 5.0, 1.0) * (x - y) ** 2).mean(),
        "weighted mean(w(y))",
    ),
    "squares, weights that decay": (
        lambda x, y: (torch.exp(-y.abs() / 5) * (x - y) ** 2).mean(),
        "weighted mean(w(y))",
    ),
    "absolute, large targets five times": (
        lambda x, y: (torch.where(y > 1, 5.0, 1.0) * (x - y).abs()).mean(),
        "weighted median(w(y))",
    ),
    "pinball over target": (
        lambda x, y: (torch.maximum(0.9 * (y - x), 0.1 * (x - y)) / y.abs()).mean(),
        "weighted quantile(0.9, y^-1)",
    ),
    "relative, too low ten times as dear": (
        lambda x, y: (torch.where(x < y, 10.0, 1.0) * (x - y).abs() / y).mean(),
        "weighted quantile(0.9091, y^-1)",
    ),
    # Losses of the difference that are none of these.
    "Huber": (F.huber_loss, "m-functional"),
    "Huber, wide": (huber(10.0), "m-functional"),
    "Huber, wider": (huber(30.0), "m-functional"),
    "Huber, widest": (huber(1000.0), "m-functional"),
    "Huber, narrow": (huber(0.01), "m-functional"),
    "smooth L1": (F.smooth_l1_loss, "m-functional"),
    "smooth L1, beta 0.1": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.1), "m-functional"),
    "quantile Huber": (
        lambda x, y: (torch.where(x > y, 0.1, 0.9) * F.huber_loss(x, y, reduction="none")).mean(),
        "m-functional",
    ),
    "smoothed pinball": (lambda x, y: (0.9 * (y - x) + F.softplus(x - y)).mean(), "m-functional"),
    "pinball over a window": (
        lambda x, y: ((0.8 * (y - x)).relu() + (0.2 * (x - y)).relu() + (1 - (x - y).abs()).relu() ** 2 / 4).mean(),
        "m-functional",
    ),
    "Charbonnier": (lambda x, y: ((x - y) ** 2 + 1e-6).sqrt().mean(), "m-functional"),
    "log-cosh": (lambda x, y: ((x - y) + F.softplus(-2 * (x - y))).mean(), "m-functional"),
    "log-cosh, as it is written": (lambda x, y: torch.log(torch.cosh(x - y)).mean(), "m-functional"),
    "epsilon-insensitive": (lambda x, y: ((x - y).abs() - 0.5).clamp(min=0).mean(), "m-functional"),
    "epsilon-insensitive, squared": (lambda x, y: ((x - y).abs() - 0.3).clamp(min=0).square().mean(), "m-functional"),
    "squared and absolute": (lambda x, y: F.mse_loss(x, y) + F.l1_loss(x, y), "m-functional"),
    "L1.2": (power_error(1.2), "m-functional"),
    "L1.5": (power_error(1.5), "m-functional"),
    "cubed": (power_error(3.0), "m-functional"),
    "L4": (power_error(4.0), "m-functional"),
    "Welsch": (lambda x, y: (1 - torch.exp(-((x - y) ** 2) / 2)).mean(), "m-functional"),
    "Cauchy": (lambda x, y: torch.log1p((x - y) ** 2).mean(), "m-functional"),
    "Student, fixed scale": (lambda x, y: (2.5 * torch.log1p((x - y) ** 2 / 4)).mean(), "m-functional"),
    "Geman-McClure": (lambda x, y: ((x - y) ** 2 / (1 + (x - y) ** 2)).mean(), "m-functional"),
    "Tukey": (tukey, "m-functional"),
    "squares, cut off": (lambda x, y: (x - y).square().clamp(max=4).mean(), "m-functional"),
    "log of the absolute error": (lambda x, y: torch.log1p((x - y).abs()).mean(), "m-functional"),
    "focal regression": (lambda x, y: ((x - y).abs() * torch.sigmoid((x - y).abs())).mean(), "m-functional"),
    "LINEX 1": (linex(1.0), "m-functional"),
    "LINEX -1": (linex(-1.0), "m-functional"),
    "LINEX 0.5": (linex(0.5), "m-functional"),
    "Gumbel, fixed scale": (lambda x, y: ((y - x) + torch.exp(x - y)).mean(), "m-functional"),
    "periodic": (lambda x, y: (1 - torch.cos(x - y)).mean(), "m-functional"),
    "window": (lambda x, y: ((x - y).abs() > 0.5).to(x.dtype).mean(), "m-functional"),
    "rounded": (lambda x, y: (x - y).round().abs().mean(), "m-functional"),
    # No statistic that has a name.
    "sMAPE": (lambda x, y: (2 * (x - y).abs() / (x.abs() + y.abs())).mean(), "none"),
    "sMAPE, with an epsilon": (lambda x, y: ((x - y).abs() / ((x.abs() + y.abs()) / 2 + 1e-8)).mean(), "none"),
    "symmetric squared": (lambda x, y: ((x - y) ** 2 / (x * y)).mean(), "none"),
    "larger over smaller": (lambda x, y: (torch.maximum(x / y, y / x) - 1).mean(), "none"),
    "arctangent of the relative error": (lambda x, y: torch.atan(((x - y) / y).abs()).mean(), "none"),
    "log-determinant of Stein": (lambda x, y: (torch.log((x + y) / 2) - torch.log(x * y) / 2).mean(), "none"),
    "sign error": (lambda x, y: -(x - y).square().mean(), "none"),
    "no absolute value": (lambda x, y: (x - y).mean(), "none"),
}


# Several outputs against one number.


def normal(x: Tensor, y: Tensor) -> Tensor:
    """The mean and the log of the variance."""
    mean, log_variance = x.unbind(-1)
    return (log_variance + (y - mean) ** 2 * torch.exp(-log_variance)).mean() / 2


def normal_of_scale(scale: Callable[[Tensor], Tensor]) -> Loss:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        mean, spread = x.unbind(-1)
        deviation = scale(spread)
        return (deviation.log() + ((y - mean) / deviation) ** 2 / 2).mean()

    return loss


def laplace(x: Tensor, y: Tensor) -> Tensor:
    middle, log_scale = x.unbind(-1)
    return (log_scale + (y - middle).abs() * torch.exp(-log_scale)).mean()


def student(x: Tensor, y: Tensor) -> Tensor:
    """Three degrees of freedom."""
    middle, log_scale = x.unbind(-1)
    return (log_scale + 2 * torch.log1p(((y - middle) * torch.exp(-log_scale)) ** 2 / 3)).mean()


def crps(x: Tensor, y: Tensor) -> Tensor:
    """The continuous ranked probability score of a normal law, in closed form."""
    mean, scale = x[..., 0], x[..., 1].exp()
    z = (y - mean) / scale
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return (scale * (z * torch.erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))).mean()


def ensemble(x: Tensor, y: Tensor) -> Tensor:
    """The same score of a sample."""
    apart = (x.unsqueeze(-1) - x.unsqueeze(-2)).abs().mean((-1, -2))
    return ((x - y.unsqueeze(-1)).abs().mean(-1) - apart / 2).mean()


def quantiles(*levels: float) -> Loss:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        level = torch.tensor(levels, dtype=x.dtype)
        error = y.unsqueeze(-1) - x
        return torch.maximum(level * error, (level - 1) * error).sum(-1).mean()

    return loss


def expectiles(x: Tensor, y: Tensor) -> Tensor:
    error = y.unsqueeze(-1) - x
    level = torch.tensor([0.1, 0.9], dtype=x.dtype)
    return (torch.where(error > 0, level, 1 - level) * error**2).sum(-1).mean()


def interval(x: Tensor, y: Tensor) -> Tensor:
    """The score of an interval that should hold four targets of five."""
    low, high = x.unbind(-1)
    return ((high - low) + 10 * (low - y).clamp(min=0) + 10 * (y - high).clamp(min=0)).mean()


def shortfall(x: Tensor, y: Tensor) -> Tensor:
    """Value at risk and expected shortfall at 0.1; the second must be negative: Patton, Ziegel & Chen 2019."""
    value, mean = x.unbind(-1)
    return (-(value - y).clamp(min=0) / (0.1 * mean) + value / mean + torch.log(-mean) - 1).mean()


def shortfall_of_size(x: Tensor, y: Tensor) -> Tensor:
    """The first with the log of the size of the shortfall."""
    return shortfall(torch.stack([x[..., 0], -x[..., 1].exp()], -1), y)


def shortfall_above(x: Tensor, y: Tensor) -> Tensor:
    """The same of the upper tail, turned over."""
    return shortfall_of_size(x * torch.tensor([-1.0, 1.0], dtype=x.dtype), -y)


def shortfall_of_any_sign(x: Tensor, y: Tensor) -> Tensor:
    """The same with a logistic function in place of the reciprocal."""
    value, mean = x.unbind(-1)
    below, pull = (y <= value).to(x.dtype), torch.sigmoid(mean)
    tail = mean - value + below * (value - y) / 0.1
    return ((below - 0.1) * value - below * y + pull * tail - F.softplus(mean)).mean()


def count(x: Tensor, y: Tensor) -> Tensor:
    """A negative binomial law: the log of its mean and of its dispersion."""
    mean, size = x.exp().unbind(-1)
    chance = size * torch.log(size / (size + mean)) + y * torch.log(mean / (size + mean))
    return -(torch.lgamma(y + size) - torch.lgamma(y + 1) - torch.lgamma(size) + chance).mean()


def mixture(x: Tensor, y: Tensor) -> Tensor:
    """Two normal laws: their weights, means and log scales."""
    weight, mean, log_scale = x[..., :2].log_softmax(-1), x[..., 2:4], x[..., 4:]
    z = (y.unsqueeze(-1) - mean) * torch.exp(-log_scale)
    return -torch.logsumexp(weight - log_scale - z**2 / 2, -1).mean()


def two_moments(x: Tensor, y: Tensor) -> Tensor:
    first, second = x.unbind(-1)
    return ((y - first) ** 2 + (y**2 - second) ** 2).mean()


def detached(x: Tensor, y: Tensor) -> Tensor:
    """A normal law whose slopes are weighted by its variance: Seitzer et al. 2022."""
    mean, log_variance = x.unbind(-1)
    each = (log_variance + (y - mean) ** 2 * torch.exp(-log_variance)) / 2
    return (each * torch.exp(log_variance / 2).detach()).mean()


#: The loss, how many outputs it takes, whether they must be positive, and what they are.
OUTPUTS: dict[str, tuple[Loss, int, bool, str]] = {
    "normal, log variance": (normal, 2, False, "mean, variance through log"),
    "normal, log scale": (normal_of_scale(torch.exp), 2, False, "mean, standard deviation through log"),
    "normal, softplus": (
        normal_of_scale(lambda s: F.softplus(s) + 1e-6),
        2,
        False,
        "mean, standard deviation through inverse softplus",
    ),
    "normal, scale": (normal_of_scale(lambda s: s), 2, True, "mean, standard deviation"),
    "normal, variance": (normal_of_scale(torch.sqrt), 2, True, "mean, variance"),
    "Laplace": (laplace, 2, False, "median, mean absolute deviation through log"),
    "three quantiles": (quantiles(0.1, 0.5, 0.9), 3, False, "quantile(0.1), quantile(0.5), quantile(0.9)"),
    "two quantiles": (quantiles(0.05, 0.95), 2, False, "quantile(0.05), quantile(0.95)"),
    "two expectiles": (expectiles, 2, False, "expectile(0.1), expectile(0.9)"),
    "interval": (interval, 2, False, "quantile(0.1), quantile(0.9)"),
    "value at risk and shortfall": (shortfall, 2, False, "quantile(0.1), expected shortfall(0.1)"),
    "the same, of any sign": (shortfall_of_any_sign, 2, False, "quantile(0.1), expected shortfall(0.1)"),
    "the same, log of its size": (
        shortfall_of_size,
        2,
        False,
        "quantile(0.1), expected shortfall(0.1) through log of its size",
    ),
    "the same, above": (
        shortfall_above,
        2,
        False,
        "quantile(0.9), expected shortfall(0.9, above) through log of its size",
    ),
    "two moments": (two_moments, 2, False, "mean, mean of square(y)"),
    "Student": (student, 2, False, "distribution"),
    "negative binomial": (count, 2, False, "distribution"),
    "mixture": (mixture, 6, False, "distribution"),
    "score of a normal law": (crps, 2, False, "distribution"),
    "score of a sample": (ensemble, 5, False, "distribution"),
    "slopes weighted by the variance": (detached, 2, False, "unresolved"),
    "an output that is not used": (lambda x, y: (x[..., 0] - y).square().mean(), 2, False, "unresolved"),
    "a sum of outputs": (lambda x, y: (x.sum(-1) - y).square().mean(), 2, False, "unresolved"),
}
