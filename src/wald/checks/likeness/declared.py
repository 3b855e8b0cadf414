"""The fields that a foreign loss says it has: arguments of its own, attributes, what its closure holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
import inspect
from typing import Any

from torch import Tensor

from ...core import Loss
from ..mistakes import SYNONYMS
from .fitting import numeric

#: Attributes of every module, which are no fields.
_NEVER = ("training",)


def declared(target: Callable[..., Any], loss: Loss) -> dict[str, float]:
    """The numbers that `target` holds under the names that people give to the fields of `loss`."""
    names = SYNONYMS.get(type(loss).__name__, {})
    found: dict[str, float] = {}
    fields = {axis.name for axis in numeric(loss)} | set(names)
    for name, value in _held(target):
        for field in fields:
            if name.strip("_").lower() in (field, *(one.lower() for one in names.get(field, ()))):
                found.setdefault(field, value)
    return found


def _held(target: Any) -> Iterator[tuple[str, float]]:
    if isinstance(target, partial):
        yield from _numbers(target.keywords)
        yield from _held(target.func)
        return
    if inspect.isfunction(target) or inspect.ismethod(target):
        parameters = _parameters(target)
        yield from _numbers({name: one.default for name, one in parameters.items() if one.default is not one.empty})
        try:
            yield from _numbers(inspect.getclosurevars(target).nonlocals)
        except (TypeError, ValueError):
            return
        return
    buffers = getattr(target, "_buffers", {})
    yield from _numbers({**getattr(target, "__dict__", {}), **buffers})
    if inspect.ismethod(forward := getattr(target, "forward", None)):
        yield from _numbers(
            {name: one.default for name, one in _parameters(forward).items() if one.default is not one.empty}
        )


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def _numbers(held: Any) -> Iterator[tuple[str, float]]:
    for name, value in dict(held).items():
        if name in _NEVER or isinstance(value, bool):
            continue
        if isinstance(value, Tensor) and value.numel() == 1:
            value = value.item()
        if isinstance(value, int | float):
            yield name, float(value)
