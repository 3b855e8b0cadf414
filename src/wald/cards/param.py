"""A field of a loss: one line gives its default, its range, its meaning and values worth testing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
import dataclasses
from difflib import get_close_matches
import operator
from typing import Any, Final

_BOUNDS: Final[dict[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "above": (">", operator.gt),
    "below": ("<", operator.lt),
    "at_least": (">=", operator.ge),
    "at_most": ("<=", operator.le),
}

#: What people mean by the text "balanced".
_BALANCED: Final = "for balanced classes count the labels: n = torch.bincount(labels), and n.sum() / (len(n) * n)"

#: Stands for "no default: the caller must say".
REQUIRED: Final = dataclasses.MISSING


def param(
    *,
    default: Any = REQUIRED,
    help: str = "",  # noqa: A002  (the word that argparse and people use)
    typical: tuple[Any, ...] = (),
    choices: tuple[Any, ...] = (),
    convert: Callable[[Any], Any] | None = None,
    quiet: bool = False,
    above: float | None = None,
    below: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Any:
    """A field with an allowed range.

    Args:
        default: the value when none is given; without one the caller must choose.
        help: what the field means, in one line, with its unit.
        typical: values worth testing beside the default.
        choices: the only values allowed, where they are few.
        convert: makes the stored value from what was given (a tuple from a tensor, say).
        quiet: leave the field out when a loss at its default is printed.
        above: the value must be greater than this.
        below: the value must be less than this.
        at_least: the value must be this or greater.
        at_most: the value must be this or less.
    """
    bounds = {
        name: limit
        for name, limit in (("above", above), ("below", below), ("at_least", at_least), ("at_most", at_most))
        if limit is not None
    }
    if convert is None and isinstance(default, float):
        convert = _as_float
    elif convert is None and isinstance(default, int) and not isinstance(default, bool):
        convert = _as_int
    metadata = {
        "help": help,
        "typical": typical,
        "choices": choices,
        "convert": convert,
        "quiet": quiet,
        "bounds": bounds,
    }
    return dataclasses.field(default=default, metadata=metadata)


def numbers(values: Any) -> tuple[float, ...] | None:
    """A tuple of numbers from a list, a tensor, an array or a dict of class id to number."""
    if values is None:
        return None
    _refuse_learned(values)
    if isinstance(values, str):
        raise TypeError(f"one number for each class is wanted, got the text {values!r}; {_BALANCED}")
    if isinstance(values, Mapping):
        found: Mapping[Any, Any] = values
        if sorted(found) != list(range(len(found))):
            raise ValueError(f"a mapping must name every class from 0 to {len(found) - 1}, got keys {sorted(found)}")
        return tuple(float(found[k]) for k in range(len(found)))
    listed = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(listed, Iterable):
        raise TypeError(f"one number for each class is wanted, got the single number {listed!r}")
    return tuple(float(v) for v in listed)


#: The values that each annotation such as `Literal[-1, 1]` allows: a plain dict, as a compiler can read one.
_ALLOWED: Final[dict[str, tuple[Any, ...]]] = {}


def _literal(annotation: Any) -> tuple[Any, ...]:
    """The values that an annotation such as `Literal[-1, 1]`, as text, allows; nothing for any other."""
    if not isinstance(annotation, str) or not (annotation.startswith("Literal[") and annotation.endswith("]")):
        return ()
    if annotation not in _ALLOWED:
        _ALLOWED[annotation] = (*ast.literal_eval(f"({annotation.removeprefix('Literal[')[:-1]},)"),)
    return _ALLOWED[annotation]


def settle(owner: Any) -> None:
    """Convert each field of `owner` to its stored form, and raise unless it is in range."""
    for field in dataclasses.fields(owner):
        value = getattr(owner, field.name)
        name = f"{type(owner).__name__}: {field.name}"
        if (convert := field.metadata.get("convert")) is not None:
            try:
                value = convert(value)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{name}: {error}") from None
            object.__setattr__(owner, field.name, value)
        if (choices := field.metadata.get("choices") or _literal(field.type)) and value not in choices:
            allowed = ", ".join(map(repr, choices))
            near = get_close_matches(str(value), [each for each in choices if isinstance(each, str)], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}{hint}")
        for bound, limit in field.metadata.get("bounds", {}).items():
            sign, holds = _BOUNDS[bound]
            for each in value if isinstance(value, tuple) else (value,):
                if each is not None and not holds(each, limit):
                    raise ValueError(f"{name} must be {sign} {limit:g}, got {each!r}")


def _as_float(value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise TypeError(f"a number is wanted, got {value!r}")
    _refuse_learned(value)
    return float(value)


def _as_int(value: Any) -> int:
    if isinstance(value, (bool, str)) or not hasattr(value, "__int__"):
        raise TypeError(f"a whole number is wanted, got {value!r}")
    _refuse_learned(value)
    if not float(value).is_integer():
        raise ValueError(f"a whole number is wanted, got {value!r}")
    return int(value)


def _refuse_learned(value: Any) -> None:
    """Raise for a tensor with a gradient: a field is a number, and nothing would be learned."""
    if getattr(value, "requires_grad", False):
        raise TypeError(
            "it is a tensor with a gradient, and a field is a plain number, so it would not be learned. A temperature "
            "that is learned is a head, wald.LearnedScale; or pass the value alone, .item() or .tolist()"
        )
