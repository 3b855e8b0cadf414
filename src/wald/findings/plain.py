"""Plain data: what strict JSON can hold, made of whatever a check has at hand."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, cast


def to_plain(value: object) -> Any:
    """Make plain data of a value: None, bool, int, finite float, str, list and dict.

    NaN and infinities become None, since JSON has no word for them. Arrays and tensors become lists, by their
    own `tolist`; what is unknown becomes its text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in cast("list[object]", value)]
    if isinstance(value, set | frozenset):
        # A set has no order of its own, and a report must not differ from run to run.
        return [to_plain(item) for item in sorted(cast("set[object]", value), key=repr)]
    for name in ("tolist", "to_dict"):
        convert = None if isinstance(value, type) else getattr(value, name, None)
        if callable(convert):
            return to_plain(convert())
    return str(value)
