"""The arguments with which a loss is made or called, and the same loss with some of them changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
import inspect
import re
from typing import Any, Final, Literal, get_args, get_origin

import torch
from torch import Tensor

from ..subjects.subject import CLASSES

#: Arguments that are not meant to change the value of a small batch: where it runs, how it talks, how it is laid out,
#: and what counts calls, which one call cannot show.
_ELSEWHERE: Final = re.compile(
    r"device|dtype|name|verbose|debug|log(ger|ging)?$|validate|check|compile|inplace|generator|num_workers|world_size"
    r"|rank|group|dim|axis|n(um)?_?(class|label|channel|feature)|size_average|^reduce$|epoch|step|warm|iter|momentum"
    r"|schedule|decay|seed|kwargs|args|shape|chunk|fused|impl|backend|kernel_size|window"
)
_REDUCTIONS: Final = ("mean", "sum", "none")
#: Tried in this order in place of a number, the more telling ones first.
_NUMBERS: Final = (0.5, 2.0, 0.1, 0.25, 1.0, 0.0, 5.0)
_COUNTS: Final = (1, 0, 2, 3)
_IDS: Final = re.compile(r"ignore|pad|index|_id$|blank")


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of a loss.

    Attributes:
        name: what it is called.
        value: what it is now.
        others: what it may be instead, the more telling first.
        switch: whether it chooses between ways and has few other values.
    """

    name: str
    value: Any
    others: tuple[Any, ...]
    switch: bool = False


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments that are meant to change the value of a loss, and the way to make it with others.

    Attributes:
        each: the arguments.
        made: the loss with other values for some; raises whatever the loss raises at such values.
    """

    each: tuple[Argument, ...]
    made: Callable[[dict[str, Any]], Callable[..., Any]]


def arguments_of(loss: Callable[..., Any], inputs: int) -> Arguments:
    """The arguments of `loss`.

    Args:
        loss: an object that is called, whose class took arguments; a function with further parameters; a `partial`.
        inputs: how many of the first parameters of a function are its inputs.
    """
    if isinstance(loss, partial):
        given: dict[str, Any] = dict(loss.keywords)
        kinds = _parameters(loss.func)
        return Arguments(
            each=tuple(_each(given, kinds)), made=lambda other: partial(loss.func, *loss.args, **given | other)
        )
    if inspect.isroutine(loss):
        kinds = _parameters(loss)
        further = list(kinds.items())[inputs:]
        given = {
            name: one.default
            for name, one in further
            if one.default is not one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        }
        return Arguments(each=tuple(_each(given, kinds)), made=lambda other: partial(loss, **other))
    return _of_instance(loss)


def _of_instance(loss: Callable[..., Any]) -> Arguments:
    kind: Any = type(loss)
    kinds = _parameters(kind)
    known: dict[str, Any] = {}
    for name, one in kinds.items():
        held = getattr(loss, name, one.default)
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            continue
        if held is one.empty or one.kind is one.POSITIONAL_ONLY:
            # It cannot be made again, as it does not say with what it was made.
            return Arguments(each=(), made=lambda _: loss)
        known[name] = held
    return Arguments(each=tuple(_each(known, kinds)), made=lambda other: kind(**known | other))


def _parameters(thing: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    for readable in (True, False):
        try:
            return dict(inspect.signature(thing, eval_str=readable).parameters)
        except Exception:  # noqa: S112  (an annotation is a text of its author's, and may not make sense)
            continue
    return {}


def _each(given: dict[str, Any], kinds: dict[str, inspect.Parameter]) -> Iterator[Argument]:
    for name, value in given.items():
        if _ELSEWHERE.search(name.lower()):
            continue
        annotation = kinds[name].annotation if name in kinds else None
        choices = get_args(annotation) if get_origin(annotation) is Literal else ()
        choices = choices or (_REDUCTIONS if isinstance(value, str) and value in _REDUCTIONS else ())
        others = tuple(one for one in choices if one != value) or tuple(_others(name.lower(), value))
        if others:
            yield Argument(name=name, value=value, others=others, switch=bool(choices) or isinstance(value, bool))


def _others(name: str, value: Any) -> Iterator[Any]:
    match value:
        case bool():
            yield not value
        case int() | float() if _IDS.search(name):
            yield from (one for one in (0, 1) if one != value)
        case int():
            yield from dict.fromkeys(one for one in (value + 1, 2 * value, *_COUNTS) if one != value)
        case float():
            yield from dict.fromkeys(one for one in (2 * value, *_NUMBERS) if one != value)
        case Tensor() if value.is_floating_point() and value.numel():
            rising = torch.linspace(1.5, 3, value.numel(), dtype=value.dtype).reshape(value.shape)
            yield value * rising + 0.25
        case [float() | int(), *_]:
            moved = [one * (1.5 + place) for place, one in enumerate(value)]
            yield tuple(moved) if isinstance(value, tuple) else moved
        case None if _IDS.search(name):
            yield from (0, 1)
        case None:
            yield from (torch.arange(1.0, CLASSES + 1, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64))
            yield from (0.25, 2.0)
        case _:
            return
