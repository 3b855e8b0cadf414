"""Implementations that make the gradient beside the value, and what is left to say of each: its engine."""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

from torch import Tensor

from ..core import Loss, implements
from .engine import Engine, Pass
from .fresh import fresh
from .one_pass import Gradients, one_pass
from .overwriting import may_overwrite, overwritten


def fused(of: type[Any], engine: Engine, *, name: str, accepts: Callable[..., bool]) -> None:
    """Register an engine as a faster implementation of the loss `of`, where `accepts(loss, prediction, target)`."""

    def run(loss: Loss, prediction: Tensor, target: Tensor) -> Tensor:
        def compute(needed: tuple[bool, ...], x: Tensor, truth: Tensor) -> tuple[Tensor, Gradients]:
            values = fresh(x, _batch(loss, x))
            gradient = fresh(x) if needed[0] else None
            engine(Pass(loss, x, truth, values=values, gradient=gradient))
            return values, (gradient, None)

        return one_pass(compute, loss.per_example, prediction, target)

    def mean(
        loss: Loss,
        *inputs: Tensor,
        weight: Tensor | None = None,
        denominator: Tensor | float | None = None,
    ) -> Tensor | None:
        prediction, target = inputs
        scale = _scale(loss, inputs, weight, denominator)
        if scale is None:
            return None
        inplace = may_overwrite(prediction)

        def compute(needed: tuple[bool, ...], x: Tensor, truth: Tensor, *counts: Tensor) -> tuple[Tensor, Gradients]:
            gradient = (x if inplace else fresh(x)) if needed[0] else None
            asked = Pass(loss, x, truth, weight=counts[0] if counts else None, scale=scale, gradient=gradient)
            total = engine(asked)
            return x.new_tensor(total * scale), (gradient, *(None for _ in needed[1:]))

        def definition(x: Tensor, truth: Tensor, *counts: Tensor) -> Tensor:
            return _weighted(loss, x, truth, *counts) * scale

        counts = () if weight is None else (weight,)
        if inplace:
            return overwritten(compute, prediction, target, *counts)
        return one_pass(compute, definition, prediction, target, *counts)

    implements(of, name=name, accepts=accepts, mean=mean, skips=True)(run)


def _batch(loss: Loss, prediction: Tensor) -> tuple[int, ...]:
    return prediction.shape[: prediction.ndim - len(loss.named_domains[0][1].axes)]


def _scale(
    loss: Loss, inputs: tuple[Tensor, ...], weight: Tensor | None, denominator: Tensor | float | None
) -> float | None:
    """One over the denominator, which is the mass of the examples where None is given; None for no mass."""
    if denominator is None:
        share = loss.share(*inputs)
        mass = share if weight is None else weight if share is None else share * weight
        denominator = float(math.prod(_batch(loss, inputs[0]))) if mass is None else mass.sum()
    number = denominator.item() if isinstance(denominator, Tensor) else denominator
    return 1 / number if number else None


def _weighted(loss: Loss, prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Σ weight · value by the definition; what has weight 0 is replaced before the formula sees it."""
    if weight is None:
        return loss.per_example(prediction, target).sum()
    hidden = (weight == 0).reshape(weight.shape + (1,) * (prediction.ndim - weight.ndim))
    return (loss.per_example(prediction.masked_fill(hidden, loss.named_domains[0][1].safe), target) * weight).sum()
