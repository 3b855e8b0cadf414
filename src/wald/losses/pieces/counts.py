"""What a count costs under the laws of counts, as -log of its probability."""

import torch
from torch import Tensor

from .gamma_function import rising
from .law import logarithmic


def poisson_surprise(count: Tensor, log_mean: Tensor) -> Tensor:
    """-log of the probability of a count under a Poisson law."""
    return log_mean.exp() - count * log_mean + torch.lgamma(count + 1)


def negative_binomial_surprise(count: Tensor, log_mean: Tensor, log_dispersion: Tensor) -> Tensor:
    """-log of the probability of a count whose variance is mean + dispersion · mean²."""
    once, by_dispersion = logarithmic(torch.ones_like(log_mean), -log_mean, log_dispersion, 1)
    ways = torch.lgamma(count + 1) - rising(-log_dispersion, count)
    return ways + count * (once - log_mean) + by_dispersion
