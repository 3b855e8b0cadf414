"""Mistakes that any loss can be written with: signs, arguments, squashing twice, what is averaged."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...core import Loss, Policy, Supervised
from .mistake import Mistake


def _values(loss: Any, *inputs: Tensor) -> Tensor:
    found = loss.per_example(*inputs)
    return found if found.ndim == 1 else found.reshape(len(found), -1).mean(1)


def sign_flipped(loss: Any, *inputs: Tensor) -> Tensor:
    """The sign is reversed: minimising it makes everything worse."""
    return -_values(loss, *inputs)


def arguments_swapped(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Prediction and target are swapped."""
    return _values(loss, y, x)


def squared(loss: Any, *inputs: Tensor) -> Tensor:
    """The value of each example is squared, so that hard examples rule."""
    return _values(loss, *inputs).square()


def root_of_each_value(loss: Any, *inputs: Tensor) -> Tensor:
    """The root of each value is taken before the mean, whose gradient is infinite at zero."""
    return _values(loss, *inputs).sqrt()


def sigmoid_before_the_loss(loss: Any, x: Tensor, *rest: Tensor) -> Tensor:
    """The prediction goes through a sigmoid first, which does not belong there or is applied twice."""
    return _values(loss, x.sigmoid(), *rest)


def softmax_before_the_loss(loss: Any, x: Tensor, *rest: Tensor) -> Tensor:
    """The prediction goes through a softmax first, which does not belong there or is applied twice."""
    return _values(loss, x.softmax(-1), *rest)


def exponential_of_the_loss(loss: Any, *inputs: Tensor) -> Tensor:
    """The exponential of each value is returned and not the value."""
    return _values(loss, *inputs).exp()


def gradient_cut(loss: Any, *inputs: Tensor) -> Tensor:
    """The value is right and there is no gradient: it was cut off by .item(), detach or argmax."""
    return _values(loss, *(x.detach() for x in inputs))


def every_prediction_against_every_target(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Predictions and targets of shapes (n, 1) and (n,) are broadcast: every one is held against every other."""
    return loss.per_example(x.repeat_interleave(len(y), 0), torch.cat([y] * len(x))).mean()


def mean_before_the_loss(loss: Any, *inputs: Tensor) -> Tensor:
    """The batch is averaged before the loss is taken, so that errors of both signs cancel."""
    return loss.per_example(*(x.mean(0, keepdim=True) for x in inputs)).mean()


def largest_of_the_batch(loss: Any, *inputs: Tensor) -> Tensor:
    """Only the worst example of the batch counts."""
    return _values(loss, *inputs).amax()


def product_of_the_batch(loss: Any, *inputs: Tensor) -> Tensor:
    """The values of the batch are multiplied and not added."""
    return _values(loss, *inputs).prod()


def square_of_the_mean(loss: Any, *inputs: Tensor) -> Tensor:
    """The mean over the batch is squared."""
    return _values(loss, *inputs).mean().square()


def root_of_the_mean(loss: Any, *inputs: Tensor) -> Tensor:
    """The root of the mean is taken: the same minimiser, and no gradient once the loss is zero."""
    return _values(loss, *inputs).mean().sqrt()


def logarithm_of_the_mean(loss: Any, *inputs: Tensor) -> Tensor:
    """The logarithm of the mean is taken."""
    return _values(loss, *inputs).mean().log()


def logarithm_of_one_plus_the_mean(loss: Any, *inputs: Tensor) -> Tensor:
    """The logarithm of one plus the mean is taken."""
    return _values(loss, *inputs).mean().log1p()


@cache
def generic(kind: type[Loss], loss: Loss) -> tuple[Mistake, ...]:
    """Those of them that make sense for this loss."""
    domains = loss.named_domains
    first = domains[0][1]
    found = [_entry(sign_flipped), _entry(squared), _entry(gradient_cut)]
    separable = loss.card.coupling == "separable"
    if separable and loss.card.bounded_below and loss.card.perfect_is_minimal is not False:
        found.append(_entry(root_of_each_value))
    if len(domains) == 2 and isinstance(loss, Supervised):
        second = domains[1][1]
        # What comes in another space cannot have been meant the other way round.
        alike = first.axes == second.axes and first.normalised == second.normalised
        numbers = alike and not (second.integer or second.soft)
        if numbers:
            found.append(_entry(arguments_swapped))
        if not first.normalised and not first.bounded and first.axes in ((), ("classes",)):
            found.append(_entry(softmax_before_the_loss if first.axes else sigmoid_before_the_loss))
        if separable:
            if not first.axes and not second.axes and not second.integer:
                found.append(_entry(every_prediction_against_every_target, whole=True))
            if not second.integer and not second.soft:
                found.append(_entry(mean_before_the_loss, whole=True))
    # Where examples are weighted by their class, an example alone does not show what it costs in the batch.
    if separable and getattr(loss, "class_weight", None) is None:
        wholes = (largest_of_the_batch, product_of_the_batch, square_of_the_mean)
        # A mean below 0 has neither root nor logarithm, and what a policy has earned is of either sign.
        if loss.card.bounded_below and not isinstance(loss, Policy):
            wholes += (root_of_the_mean, logarithm_of_the_mean, logarithm_of_one_plus_the_mean)
        found += [_entry(whole, whole=True) for whole in wholes]
    return tuple(found)


def _entry(formula: Any, whole: bool = False) -> Mistake:
    name = formula.__name__.replace("_", " ")
    return Mistake(name, " ".join(formula.__doc__.split()), formula, lambda loss: True, whole)
