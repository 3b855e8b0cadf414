"""What a user gives as X, as the engines take it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import BoostingError


def table_of(given: Any, rows: int | None = None) -> Any:
    """Features as an array or a table of pandas, (rows, features); a table keeps its names and categories.

    Raises:
        BoostingError: it is not two-dimensional, or has another number of rows than the targets.
    """
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    if hasattr(given, "to_pandas") and not hasattr(given, "iloc"):
        given = given.to_pandas()
    if not hasattr(given, "iloc"):
        given = given if hasattr(given, "tocsr") else np.asarray(given)
        if getattr(getattr(given, "dtype", None), "kind", "") == "O":
            raise BoostingError(
                "X is an array with words or objects in it, and a booster takes numbers. Give a table of pandas with "
                'such columns of the type "category".'
            )
    if given.ndim != 2:
        raise BoostingError(f"X has the shape {tuple(given.shape)}; it holds a row of features for each target.")
    if rows is not None and given.shape[0] != rows:
        raise BoostingError(f"X has {given.shape[0]} rows and y {rows}; were both taken from the same table?")
    return given


def rows_of(table: Any, chosen: Any) -> Any:
    """Some of the rows."""
    return table.iloc[chosen] if hasattr(table, "iloc") else table[chosen]


def categories_of(table: Any) -> list[str]:
    """The names of the columns of a pandas table that hold categories."""
    kinds = getattr(table, "dtypes", None)
    return (
        []
        if kinds is None or not hasattr(table, "iloc")
        else [name for name, kind in kinds.items() if str(kind) == "category"]
    )
