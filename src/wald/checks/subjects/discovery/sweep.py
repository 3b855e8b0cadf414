"""The value of each example of a batch in one sweep, in whichever of four ways the loss allows.

Most losses reduce their batch themselves. To have the value of each example alone they would be called once an
example, which takes seconds where thousands are needed. So the ways are tried from fast to slow, and each is held
against separate calls: one value an example already; `reduction="none"`; the loss with every mean and sum over the
batch left out; `torch.func.vmap`.
"""

from __future__ import annotations

from collections.abc import Callable
import copy
from dataclasses import replace
from functools import partial
import inspect
from typing import Any
import warnings

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..subject import Inputs, Subject, one_by_one
from .forms import Form

#: Losses of torch with a reduction of their own, by name, are reduced by their last step only.
_REDUCTIONS = ("mean", "sum", "batchmean")


def swept(subject: Subject, form: Form, loss: Callable[..., Any], inputs: Inputs) -> Subject:
    """The subject with the fastest way to the values of its examples.

    Args:
        subject: how it is called.
        form: how its inputs become arguments.
        loss: the loss itself, as it was given.
        inputs: examples on which every way must give what separate calls give.
    """
    inputs = tuple(x.detach() for x in inputs)
    try:
        alone = one_by_one(subject.batch, inputs, together=False).detach()
    except Exception:
        # An example alone is refused, so there is nothing to sweep.
        return replace(subject, together=False)
    ways = [*_values_already(subject), *_unreduced_by_keyword(form, loss), _left_out(subject), None]
    if len(alone) > 1 and bool((alone == alone[0]).all()):
        # What costs the same whatever it is has no value alone, as its examples need each other.
        ways.pop()
    for way in ways:  # None stands for `vmap`, which a subject takes by itself
        candidate = replace(subject, each=way, together=True)
        if _agrees(candidate, inputs, alone):
            return candidate
    return replace(subject, together=False)


def _agrees(subject: Subject, inputs: Inputs, alone: Tensor) -> bool:
    try:
        with warnings.catch_warnings():
            # Without a rule of its own for vmap an operator is looped over, which is slower than our own loop.
            warnings.filterwarnings("error", message=".*performance drop.*")
            found = subject.values(*inputs)
    except Exception:
        return False
    close = 1e-9 if subject.dtype is torch.float64 else 1e-5
    return found.shape == alone.shape and torch.allclose(
        found.detach().to(alone.dtype), alone, rtol=close, atol=close * 1e-3, equal_nan=True
    )


def _values_already(subject: Subject) -> list[Callable[..., Tensor]]:
    return [lambda *inputs: _row_sums(subject.call(*inputs), inputs)]


def _unreduced_by_keyword(form: Form, loss: Callable[..., Any]) -> list[Callable[..., Tensor]]:
    """The loss with `reduction="none"`, as an argument or as an attribute of a copy."""
    bare: Callable[..., Any] | None = None
    if isinstance(loss, torch.nn.Module) and getattr(loss, "reduction", None) in _REDUCTIONS:
        bare = copy.copy(loss)
        bare.reduction = "none"  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
    elif _takes_reduction(loss):
        bare = partial(loss, reduction="none")
    if bare is None:
        return []
    call = form.bind(bare)
    return [
        lambda *inputs: _row_sums(call(*inputs), inputs),
        lambda *inputs: _row_means(call(*inputs), inputs),
    ]


def _takes_reduction(loss: Callable[..., Any]) -> bool:
    try:
        found = inspect.signature(loss).parameters.get("reduction")
    except (TypeError, ValueError):
        return False
    return found is not None and found.default in _REDUCTIONS


def _left_out(subject: Subject) -> Callable[..., Tensor]:
    def each(*inputs: Tensor) -> Tensor:
        with _Unreduced(len(inputs[0])):
            value = subject.call(*inputs)
        return _row_sums(value, inputs)

    return each


def _row_sums(value: Tensor, inputs: Inputs) -> Tensor:
    return _rows(value, inputs).sum(1)


def _row_means(value: Tensor, inputs: Inputs) -> Tensor:
    return _rows(value, inputs).mean(1)


def _rows(value: Tensor, inputs: Inputs) -> Tensor:
    n = len(inputs[0])
    if not value.ndim or value.shape[0] != n:
        raise ValueError("there is not one value for each example")
    return value.reshape(n, -1)


class _Unreduced(TorchFunctionMode):
    """While it holds, a mean or sum over a batch of `n` examples leaves one value for each."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if kwargs.get("reduction") in _REDUCTIONS or _by_default(func, kwargs):
            value = func(*args, **{**kwargs, "reduction": "none"})
            return self._each(value, mean=kwargs.get("reduction", "mean") == "mean")
        mean = func in (torch.mean, Tensor.mean)
        if mean or func in (torch.sum, Tensor.sum):
            x, over = args[0], args[1:] or kwargs.get("dim")
            whole = over is None or over in ((), (0,), ((0,),), 0)
            if isinstance(x, Tensor) and whole and not kwargs.get("keepdim") and x.ndim and x.shape[0] == self.n:
                return self._each(x, mean=mean) if over in (None, ()) else x
        return func(*args, **kwargs)

    def _each(self, x: Tensor, *, mean: bool) -> Tensor:
        if not x.ndim or x.shape[0] != self.n:
            raise ValueError("there is not one value for each example")
        x = x.reshape(self.n, -1)
        return x.mean(1) if mean else x.sum(1)


def _by_default(func: Any, kwargs: Any) -> bool:
    """Whether a loss of torch is called that takes its mean where nothing is said."""
    name = getattr(func, "__name__", "")
    return "reduction" not in kwargs and func is getattr(torch.nn.functional, name, None) and _takes_reduction(func)
