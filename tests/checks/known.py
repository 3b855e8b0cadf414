"""Losses of which the truth is known, from theorems or by hand: foreign callables, as a user would write them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

Loss = Callable[[Tensor, Tensor], Tensor]


def pinball(level: float) -> Loss:
    return lambda x, y: torch.maximum(level * (y - x), (level - 1) * (y - x)).mean()


def margin(phi: Callable[[Tensor], Tensor]) -> Loss:
    """A loss of score times label, the label -1 or 1."""
    return lambda z, t: phi(z * t).mean()


def right(z: Tensor, t: Tensor) -> Tensor:
    """The probability that a logit gives to the label."""
    return torch.sigmoid(z) * t + torch.sigmoid(-z) * (1 - t)


def bce(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t, reduction="none")


def focal(gamma: float, alpha: float | None = None) -> Loss:
    def loss(z: Tensor, t: Tensor) -> Tensor:
        value = bce(z, t) * (1 - right(z, t)) ** gamma
        return (value if alpha is None else value * (alpha * t + (1 - alpha) * (1 - t))).mean()

    return loss


def asymmetric(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    shifted = (p - 0.05).clamp(min=0)
    off = shifted**4 * (1 - shifted).clamp(min=1e-8).log()
    return -(t * p.clamp(min=1e-8).log() + (1 - t) * off).mean()


def weighted(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t, pos_weight=torch.tensor(3.0, dtype=z.dtype))


def class_weighted_mean(z: Tensor, t: Tensor) -> Tensor:
    weight = 1 + 2 * t
    return (bce(z, t) * weight).sum() / weight.sum()


#: What each elicits: Savage 1971, Gneiting 2011, Newey & Powell 1987, Koenker & Bassett 1978, Huber 1964.
STATISTICS: dict[str, tuple[Loss, str]] = {
    "squared error": (F.mse_loss, "mean"),
    "half squared error, summed": (lambda x, y: 0.5 * (x - y).square().sum(), "mean"),
    "root mean squared error": (lambda x, y: (x - y).square().mean().sqrt(), "mean"),
    "1 - R2": (lambda x, y: (x - y).square().sum() / (y - y.mean()).square().sum(), "mean"),
    "Poisson, log rate": (F.poisson_nll_loss, "mean through log"),
    "Poisson, rate": (lambda x, y: (x - y * x.log()).mean(), "mean"),
    "gamma": (lambda x, y: (x.log() + y / x).mean(), "mean"),
    "QLIKE": (lambda x, y: (y / x - (y / x).log() - 1).mean(), "mean"),
    "Tweedie 1.5": (lambda x, y: (2 * y * x**-0.5 + 2 * x**0.5).mean(), "mean"),
    "inverse Gaussian": (lambda x, y: ((y - x) ** 2 / (x**2 * y)).mean(), "mean"),
    "exponential Bregman": (lambda x, y: (x.exp() * (x - y - 1) + y.exp()).mean(), "mean"),
    "absolute error": (F.l1_loss, "median"),
    "absolute error of logs": (lambda x, y: (x.log() - y.log()).abs().mean(), "median"),
    "absolute error against the log": (lambda x, y: (x - y.log()).abs().mean(), "median through log"),
    "pinball 0.9": (pinball(0.9), "quantile(0.9)"),
    "pinball 0.125": (pinball(0.125), "quantile(0.125)"),
    "newsvendor 3:1": (lambda x, y: (3 * (y - x).clamp(min=0) + (x - y).clamp(min=0)).mean(), "quantile(0.75)"),
    "expectile 0.8": (lambda x, y: (torch.where(x > y, 0.2, 0.8) * (x - y) ** 2).mean(), "expectile(0.8)"),
    "MAPE": (lambda x, y: ((x - y) / y).abs().mean(), "weighted median(y^-1)"),
    "relative to the forecast": (lambda x, y: ((x - y) / x).abs().mean(), "weighted median(y^1)"),
    "MSPE": (lambda x, y: ((x - y) / y).square().mean(), "weighted mean(y^-2)"),
    "squared over target": (lambda x, y: ((x - y) ** 2 / y).mean(), "harmonic mean"),
    "pinball over target": (
        lambda x, y: (torch.maximum(0.9 * (y - x), 0.1 * (x - y)) / y.abs()).mean(),
        "weighted quantile(0.9, y^-1)",
    ),
    "squared error of logs": (lambda x, y: (x.log() - y.log()).square().mean(), "geometric mean"),
    "MSLE": (lambda x, y: (x.log1p() - y.log1p()).square().mean(), "mean through log1p"),
    "squared error of roots": (lambda x, y: (x.sqrt() - y.sqrt()).square().mean(), "mean through sqrt"),
    "sMAPE": (lambda x, y: (2 * (x - y).abs() / (x.abs() + y.abs())).mean(), "none"),
    "Huber": (F.huber_loss, "m-functional"),
    "Huber, wide": (lambda x, y: F.huber_loss(x, y, delta=10.0), "m-functional"),
    "quantile Huber": (
        lambda x, y: (torch.where(x > y, 0.1, 0.9) * F.huber_loss(x, y, reduction="none")).mean(),
        "m-functional",
    ),
    "log-cosh": (lambda x, y: ((x - y) + F.softplus(-2 * (x - y))).mean(), "m-functional"),
    "epsilon-insensitive": (lambda x, y: ((x - y).abs() - 0.5).clamp(min=0).mean(), "m-functional"),
    "cubed": (lambda x, y: (x - y).abs().pow(3).mean(), "m-functional"),
    "Welsch": (lambda x, y: (1 - torch.exp(-((x - y) ** 2) / 2)).mean(), "m-functional"),
    "Cauchy": (lambda x, y: torch.log1p((x - y) ** 2).mean(), "m-functional"),
    "LINEX": (lambda x, y: (torch.exp(x - y) - (x - y) - 1).mean(), "m-functional"),
    "sign error": (lambda x, y: -(x - y).square().mean(), "none"),
    "no absolute value": (lambda x, y: (x - y).mean(), "none"),
}

#: calibrated, proper, invertible, symmetric, threshold: Bartlett, Jordan & McAuliffe 2006, Reid & Williamson 2010,
#: Buja et al. 2005, Ghosh, Manwani & Sastry 2015, Charoenphakdee et al. 2021, Elkan 2001, or derived by hand.
LABELS: dict[str, tuple[Loss, str, float | None]] = {
    "logistic": (F.binary_cross_entropy_with_logits, "yes yes yes no", 0.5),
    "cross-entropy of a probability": (F.binary_cross_entropy, "yes yes yes no", 0.5),
    "Brier": (lambda z, t: (torch.sigmoid(z) - t).square().mean(), "yes yes yes no", 0.5),
    "spherical": (
        lambda z, t: (1 - right(z, t) / (torch.sigmoid(z) ** 2 + torch.sigmoid(-z) ** 2).sqrt()).mean(),
        "yes yes yes no",
        0.5,
    ),
    "soft margin": (margin(lambda v: F.softplus(-v)), "yes yes yes no", 0.5),
    "exponential": (margin(lambda v: torch.exp(-v)), "yes no yes no", 0.5),
    "squared margin": (margin(lambda v: (1 - v) ** 2), "yes no yes no", 0.5),
    "squared hinge": (margin(lambda v: F.relu(1 - v) ** 2), "yes no yes no", 0.5),
    "modified Huber": (margin(lambda v: torch.where(v >= -1, F.relu(1 - v) ** 2, -4 * v)), "yes no yes no", 0.5),
    "hinge": (margin(lambda v: F.relu(1 - v)), "yes no no no", 0.5),
    "smoothed hinge": (
        margin(lambda v: torch.where(v >= 1, 0 * v, torch.where(v <= 0, 0.5 - v, (1 - v) ** 2 / 2))),
        "yes no yes no",
        0.5,
    ),
    "distance-weighted": (
        margin(lambda v: torch.where(v > 0.5, 1 / v.clamp(min=0.1), 4 - 4 * v) / 4),
        "yes no yes no",
        0.5,
    ),
    "tangent": (margin(lambda v: (2 * torch.atan(v) - 1) ** 2), "yes no yes no", 0.5),
    "perceptron": (margin(lambda v: F.relu(-v)), "no no no no", None),
    "zero-one": (margin(lambda v: (v <= 0).double()), "yes no no yes", 0.5),
    "sigmoid": (margin(lambda v: torch.sigmoid(-v)), "yes no no yes", 0.5),
    "ramp": (margin(lambda v: ((1 - v) / 2).clamp(0, 1)), "yes no no yes", 0.5),
    "absolute error of a sigmoid": (lambda z, t: (torch.sigmoid(z) - t).abs().mean(), "yes no no yes", 0.5),
    "unhinged": (margin(lambda v: 1 - v), "yes no no yes", 0.5),
    "focal": (focal(2.0), "yes no yes no", 0.5),
    "focal, alpha 0.25": (focal(2.0, 0.25), "no no yes no", 0.75),
    "pos_weight 3": (weighted, "no no yes no", 0.25),
    "weighted mean, 1:3": (class_weighted_mean, "no no yes no", 0.25),
    "logit-adjusted, prior 0.1": (lambda z, t: bce(z - 2.1972245773362196, t).mean(), "no no yes no", 0.1),
    "label smoothing": (lambda z, t: bce(z, 0.9 * t + 0.05).mean(), "yes no yes no", 0.5),
    "generalised cross-entropy": (lambda z, t: ((1 - right(z, t) ** 0.7) / 0.7).mean(), "yes no yes no", 0.5),
    "poly-1": (lambda z, t: (bce(z, t) + 1 - right(z, t)).mean(), "yes no yes no", 0.5),
    "symmetric cross-entropy": (lambda z, t: (bce(z, t) + 4 * (1 - right(z, t))).mean(), "yes no yes no", 0.5),
    "asymmetric, 0 and 4": (asymmetric, "no no yes no", 0.1276),
    "sigmoid twice": (lambda z, t: bce(torch.sigmoid(z), t).mean(), "no no no no", 0.6225),
    "soft Dice of one example": (
        lambda z, t: (1 - (2 * torch.sigmoid(z) * t + 1) / (torch.sigmoid(z) + t + 1)).mean(),
        "yes no no no",
        0.5,
    ),
    "sign error": (lambda z, t: -F.binary_cross_entropy_with_logits(z, t), "no no no no", None),
}


def brier(z: Tensor, ids: Tensor) -> Tensor:
    return (z.softmax(-1) - F.one_hot(ids, z.shape[-1])).square().sum(-1).mean()


def class_weights(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z, ids, weight=torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=z.dtype))


#: calibrated, proper, invertible, symmetric.
CLASSES: dict[str, tuple[Loss, str]] = {
    "cross-entropy": (F.cross_entropy, "yes yes yes no"),
    "log-likelihood": (F.nll_loss, "yes yes yes no"),
    "Brier": (brier, "yes yes yes no"),
    "label smoothing": (lambda z, ids: F.cross_entropy(z, ids, label_smoothing=0.1), "yes no yes no"),
    "class weights": (class_weights, "no no yes no"),
    "softmax twice": (lambda z, ids: F.cross_entropy(z.softmax(-1), ids), "yes no yes no"),
    "squared scores": (lambda z, ids: (z - F.one_hot(ids, z.shape[-1])).square().sum(-1).mean(), "yes no yes no"),
}

#: Losses of torch with nothing wrong: no failure may be reported.
HEALTHY: dict[str, object] = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "huber_loss": F.huber_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "poisson_nll_loss": F.poisson_nll_loss,
    "PoissonNLLLoss, rate": torch.nn.PoissonNLLLoss(log_input=False),
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "binary_cross_entropy": F.binary_cross_entropy,
    "BCEWithLogitsLoss, weighted": torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
    "hinge_embedding_loss": F.hinge_embedding_loss,
    "cross_entropy": F.cross_entropy,
    "CrossEntropyLoss": torch.nn.CrossEntropyLoss,
    "CrossEntropyLoss, weighted": torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0])),
    "CrossEntropyLoss, smoothed": torch.nn.CrossEntropyLoss(label_smoothing=0.1),
    "nll_loss": F.nll_loss,
    "kl_div": F.kl_div,
    "multilabel_soft_margin_loss": F.multilabel_soft_margin_loss,
    "MSELoss, sum": torch.nn.MSELoss(reduction="sum"),
    "MSELoss, none": torch.nn.MSELoss(reduction="none"),
}
