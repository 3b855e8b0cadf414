"""The focal loss, as it is known to go wrong: the loss that is copied wrong most often."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...losses import Focal
from .mistake import also_called, mistake, usual

also_called(Focal, gamma=("gamma", "focusing", "focal_gamma"), alpha=("alpha", "balance", "focal_alpha"))
usual(
    Focal,
    *({"gamma": gamma, "alpha": alpha} for gamma, alpha in ((2.0, 0.75), (3.0, None), (1.0, None), (1.0, 0.25))),
    *({"gamma": gamma, "alpha": alpha} for gamma, alpha in ((1.5, None), (1.5, 0.25), (3.0, 0.25), (2.0, 0.5))),
    *({"gamma": gamma, "kind": "multiclass"} for gamma in (2.0, 1.0, 3.0, 5.0)),
)


def _parts(loss: Any, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of what is true, and the cross-entropy."""
    if loss.kind == "multiclass":
        log = z.log_softmax(-1).gather(-1, y.unsqueeze(-1)).squeeze(-1)
    else:
        log = -torch.nn.functional.softplus(torch.where(y > 0.5, -z, z))
    return log.exp(), -log


def _alpha(loss: Any, y: Tensor) -> Tensor | float:
    return 1.0 if loss.alpha is None else loss.alpha * y + (1 - loss.alpha) * (1 - y)


def _one(loss: Any) -> bool:
    return loss.kind != "multilabel" and not isinstance(loss.alpha, tuple)


def _binary(loss: Any) -> bool:
    return loss.kind == "binary" and _one(loss)


def _balanced(loss: Any) -> bool:
    return _binary(loss) and loss.alpha is not None and loss.alpha != 0.5


def _focused(loss: Any) -> bool:
    return _one(loss) and loss.gamma > 0


def _both(loss: Any) -> bool:
    return _focused(loss) and _binary(loss)


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0, telling=True, rescales=True)
def alpha_on_both_classes(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Alpha multiplies positives and negatives alike, where negatives are due 1 - alpha: it only rescales the loss."""
    return loss.alpha * loss.replace(alpha=None).per_example(z, y)


@mistake(Focal, when=_balanced)
def alpha_swapped(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Alpha weights the negatives and 1 - alpha the positives; it belongs to the positives."""
    return loss.replace(alpha=1 - loss.alpha).per_example(z, y)


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0)
def alpha_on_the_positives_alone(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Alpha multiplies the positives, and the negatives count in full, where 1 - alpha is due."""
    p, cost = _parts(loss, z, y)
    return (loss.alpha * y + 1 - y) * (1 - p) ** loss.gamma * cost


@mistake(Focal, when=lambda loss: _focused(loss) and loss.gamma != 1, telling=True, rescales=True)
def gamma_multiplied(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Gamma multiplies (1 - p), where it is its exponent."""
    p, cost = _parts(loss, z, y)
    return _alpha(loss, y) * loss.gamma * (1 - p) * cost


@mistake(Focal, when=_focused, telling=True)
def p_for_one_minus_p(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The factor is p^gamma in place of (1 - p)^gamma, so easy examples count most."""
    p, cost = _parts(loss, z, y)
    return _alpha(loss, y) * p**loss.gamma * cost


@mistake(Focal, when=_focused, telling=True)
def power_inside_the_difference(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The factor is 1 - p^gamma in place of (1 - p)^gamma, which fades hardly at all."""
    p, cost = _parts(loss, z, y)
    return _alpha(loss, y) * (1 - p**loss.gamma) * cost


@mistake(Focal, when=_both, telling=True)
def p_of_the_positive_class_always(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The factor is (1 - sigmoid(z))^gamma for both labels: for a negative the easy examples count most."""
    return _alpha(loss, y) * (-z).sigmoid() ** loss.gamma * _parts(loss, z, y)[1]


@mistake(Focal, when=lambda loss: _focused(loss) and loss.gamma != 1)
def power_of_the_cross_entropy(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Gamma is the exponent of the cross-entropy, where it is that of 1 - p."""
    p, cost = _parts(loss, z, y)
    return _alpha(loss, y) * (1 - p) * cost**loss.gamma


@mistake(Focal, when=lambda loss: loss.kind == "multiclass" and loss.alpha is None, whole=True, telling=True)
def softmax_over_the_batch(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The softmax runs over the examples of the batch and not over the classes."""
    log = z.log_softmax(0).gather(-1, y.unsqueeze(-1)).squeeze(-1)
    return -((1 - log.exp()) ** loss.gamma * log).mean()


@mistake(Focal, when=_focused, telling=True)
def modulating_factor_detached(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The value is right and the gradient is not: (1 - p)^gamma is detached, so its slope is missing."""
    p, cost = _parts(loss, z, y)
    return _alpha(loss, y) * ((1 - p) ** loss.gamma).detach() * cost


@mistake(Focal, when=_both, telling=True)
def logits_for_probabilities_in_the_factor(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The factor is (1 - z)^gamma of the raw score: the sigmoid is missing there, and stands in the logs."""
    p = torch.where(y > 0.5, z, 1 - z)
    return _alpha(loss, y) * (1 - p) ** loss.gamma * _parts(loss, z, y)[1]


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0)
def alpha_and_gamma_swapped(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Alpha stands where gamma is due, and gamma where alpha is: swapped where they are passed by position."""
    p, cost = _parts(loss, z, y)
    return (loss.gamma * y + (1 - loss.gamma) * (1 - y)) * (1 - p) ** loss.alpha * cost


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0)
def alpha_and_gamma_swapped_on_both_classes(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Alpha is the exponent, and gamma a factor on both classes: swapped where they are passed by position."""
    p, cost = _parts(loss, z, y)
    return loss.gamma * (1 - p) ** loss.alpha * cost


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0, telling=True)
def alpha_inside_p(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """P is computed as exp(-cost) of a cost that alpha has weighted already, so it is not the probability."""
    cost = _alpha(loss, y) * _parts(loss, z, y)[1]
    return (1 - (-cost).exp()) ** loss.gamma * cost


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0, telling=True)
def alpha_inside_p_on_both_classes(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """P is computed as exp(-cost) of a cost that alpha multiplies on both classes: it is not the probability."""
    cost = loss.alpha * _parts(loss, z, y)[1]
    return (1 - (-cost).exp()) ** loss.gamma * cost


@mistake(Focal, when=_focused, telling=True)
def sigmoid_or_softmax_applied_twice(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Scores go through a sigmoid or softmax that is applied to probabilities already, which flattens them."""
    return loss.per_example(z.softmax(-1) if loss.kind == "multiclass" else z.sigmoid(), y)


@mistake(Focal, when=_focused)
def logarithm_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The logarithm is missing: (1 - p)^gamma times -p."""
    p, _ = _parts(loss, z, y)
    return -_alpha(loss, y) * (1 - p) ** loss.gamma * p


@mistake(Focal, when=_both)
def term_of_the_negatives_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Negatives cost nothing, so yes is always right."""
    return y * loss.per_example(z, y)


@mistake(Focal, when=_focused)
def modulating_factor_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The factor (1 - p)^gamma has no effect: this is plain cross-entropy."""
    return loss.replace(gamma=0.0).per_example(z, y)


@mistake(Focal, when=lambda loss: _focused(loss) and loss.alpha is None, whole=True, telling=True)
def factor_of_the_mean(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy is averaged first, and one factor (1 - p)^gamma made of the mean: no example fades."""
    cost = _parts(loss, z, y)[1].mean()
    return (1 - (-cost).exp()) ** loss.gamma * cost


@mistake(Focal, when=lambda loss: _balanced(loss) and loss.gamma > 0, whole=True, telling=True)
def factor_of_the_mean_with_alpha(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy is averaged first, and alpha and one factor (1 - p)^gamma made of the mean."""
    cost = _parts(loss, z, y)[1].mean()
    return loss.alpha * (1 - (-cost).exp()) ** loss.gamma * cost


@mistake(Focal, when=lambda loss: _focused(loss) and loss.alpha is None, whole=True)
def factor_and_cost_averaged_apart(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The mean of the factors times the mean of the costs, so no example fades by itself."""
    p, cost = _parts(loss, z, y)
    return ((1 - p) ** loss.gamma).mean() * cost.mean()


@mistake(Focal, when=_both, whole=True)
def divided_by_the_positives(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The sum is divided by the number of positives, as detectors do, and not by the number of examples."""
    return loss.per_example(z, y).sum() / y.sum()
