"""One call of a loss: the value and the gradient that it gave, or the error in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
import warnings

import torch
from torch import Tensor

Inputs = tuple[Tensor, ...]
Call = Callable[..., Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """What came of a call.

    Attributes:
        value: what the loss gave, in its own shape; None where it raised.
        slope: the gradient in the first input; None where there is none.
        error: what it raised.
        warned: the first warning, if it gave one.
    """

    value: Tensor | None = None
    slope: Tensor | None = None
    error: Exception | None = None
    warned: str = ""

    @property
    def number(self) -> float:
        """The mean of its values; NaN where there are none."""
        if self.value is None or self.value.numel() == 0:
            return float("nan")
        return float(self.value.double().mean())

    @property
    def finite(self) -> bool:
        """Whether there is a value and all of it is finite."""
        return self.value is not None and bool(self.value.isfinite().all())

    @property
    def broken(self) -> bool:
        """Whether the value is finite and the gradient is not."""
        return self.finite and self.slope is not None and not bool(self.slope.isfinite().all())


def run(
    call: Call, inputs: Inputs, options: Mapping[str, Any] | None = None, *, slope: bool = True, copy: bool = True
) -> Ran:
    """Call a loss, and differentiate it in its first input.

    Args:
        call: the loss.
        inputs: its tensors; what it may do to them is done to copies.
        options: arguments by name.
        slope: whether to differentiate.
        copy: False to hand over the very tensors, where their layout in memory is the point.
    """
    given = tuple(x.detach().clone().requires_grad_(x.requires_grad) if copy else x for x in inputs)
    first = given[0]
    slope = slope and first.is_floating_point() and torch.is_grad_enabled()
    if slope and copy:
        first.requires_grad_()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found: Any = call(*given, **(options or {}))
            if not isinstance(found, Tensor):
                raise TypeError(f"it returned a {type(found).__name__}, not a tensor")
            steep = None
            if slope and found.requires_grad and first.requires_grad:
                (steep,) = torch.autograd.grad(found.sum(), first, materialize_grads=True)
        except Exception as error:
            return Ran(error=error, warned=_first(heard))
    return Ran(value=found.detach(), slope=None if steep is None else steep.detach(), warned=_first(heard))


def _first(heard: list[warnings.WarningMessage]) -> str:
    return str(heard[0].message).partition("\n")[0] if heard else ""


def same(one: Tensor, other: Tensor, close: float) -> bool:
    """Whether two values are the same up to rounding, NaN for NaN; of different shapes, whether their means are."""
    one, other = one.detach().double(), other.detach().double()
    if one.numel() != other.numel():
        one, other = one.mean(), other.mean()
    return torch.allclose(one.flatten(), other.flatten(), rtol=close, atol=close * 1e-3, equal_nan=True)
