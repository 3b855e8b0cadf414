"""One value a row, as an array, from whatever holds it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ChoiceError


def column_of(given: Any) -> tuple[Any, Sequence[Hashable] | None]:
    """One value a row as an array, and the order of the classes where the column states one."""
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = given.float().numpy() if given.dtype == torch.bfloat16 else given.numpy()
    if hasattr(given, "to_pandas"):
        given = given.to_pandas()
    if hasattr(given, "iloc") and getattr(given, "ndim", 1) == 2 and given.shape[1] == 1:
        given = given.iloc[:, 0]
    dtype: Any = getattr(given, "dtype", None)
    levels = list(dtype.categories) if getattr(dtype, "ordered", False) else None
    if hasattr(given, "iloc") and getattr(given, "ndim", 1) == 1 and getattr(dtype, "kind", "O") not in "biuf":
        values: Any = given.astype(object).to_numpy()
    else:
        try:
            values = np.asarray(given)
        except ValueError as error:
            raise ChoiceError(f"the target holds one value for each row; this one is ragged ({error}).") from None
    if values.ndim == 0:
        raise ChoiceError(f"the target holds one value for each row; got {type(given).__name__}. Give a column.")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        values = _one_hot(values)
    if values.ndim != 1:
        raise ChoiceError(f"the target holds one value for each row, (rows,); got the shape {values.shape}.")
    if values.dtype.kind == "c":
        raise ChoiceError("the target is complex; losses compare real numbers. Give its size or its parts.")
    if values.dtype.kind in "mM":
        raise ChoiceError("the target is a time. Give a number, such as the days since a date.")
    if values.dtype.kind == "O":
        values = _objects(values)
    return values, levels


def _one_hot(values: Any) -> Any:
    flags = bool(((values == 0) | (values == 1)).all()) and values.shape[1] > 1
    if flags and bool((values.sum(1) == 1).all()):
        return values.argmax(1)
    rows, columns = values.shape
    if flags:
        rates = values.mean(0)
        raise ChoiceError(
            f"the target has {columns} columns of 0 and 1, several of which may be 1 (rates from {rates.min():.3g} to "
            f"{rates.max():.3g}): these are several labels, and each may want another loss. Choose for one column at "
            "a time: y[:, 0], y[:, 1] and so on."
        )
    raise ChoiceError(
        f"the target has {columns} columns of numbers in {rows} rows, and a loss is chosen for one. Choose for one "
        "column at a time: y[:, 0], y[:, 1] and so on."
    )


def _objects(values: Any) -> Any:
    """Objects that are all numbers, or all yes and no, as such; gaps become NaN."""
    known = [one for one in values.tolist() if not _is_gap(one)]
    if known and all(isinstance(one, bool | np.bool_) for one in known) and len(known) == len(values):
        return values.astype(bool)
    if known and all(isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in known):
        return np.array([np.nan if _is_gap(one) else float(one) for one in values.tolist()])
    return values


def gaps_in(values: Any) -> Any:
    """Where values are missing."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.fromiter((_is_gap(one) for one in values.tolist()), dtype=bool, count=len(values))
    return np.zeros(len(values), dtype=bool)


def _is_gap(one: Any) -> bool:
    # What marks a missing value in tables (NaN, NaT, NA) is not equal to itself, or cannot say.
    if one is None:
        return True
    try:
        return bool(one != one)
    except (TypeError, ValueError):
        return True


def plain(one: Any) -> Hashable:
    """A value as Python writes it."""
    return one.item() if hasattr(one, "item") else one
