"""Tables with words, dates and gaps as tensors, and back again as the model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import CaseError
from ..reading.libraries import pandas

Kind = Literal["number", "integer", "flag", "category", "time"]
Layout = Literal["frame", "array", "list"]

#: What the column is called that says where another one has gaps.
_GAP = "{} is missing"


@dataclass(frozen=True, eq=False)
class Column:
    """How one column is written as numbers.

    Attributes:
        name: what it is called.
        kind: numbers, whole numbers, yes or no, categories, or times as nanoseconds since 1970.
        dtype: what it was, and becomes again.
        levels: the values of a category, in the order of their codes.
        gaps: whether values are missing somewhere; a second column of 0 and 1 then says where.
        filler: stands in where a value is missing.
    """

    name: Any
    kind: Kind
    dtype: Any
    levels: tuple[Any, ...] = ()
    gaps: bool = False
    filler: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns of numbers."""
        return (str(self.name), _GAP.format(self.name)) if self.gaps else (str(self.name),)


@dataclass(frozen=True, eq=False)
class Codec:
    """A table as float64 numbers, finite and without loss, so that whatever looks at tensors can look at it.

    Attributes:
        columns: the columns of the table.
        layout: a data frame, a plain array, or a list such as texts.
        dtype: of the array.
    """

    columns: tuple[Column, ...]
    layout: Layout
    dtype: Any = None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns of numbers."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Those that hold codes."""
        own = [c.names[0] for c in self.columns if c.kind in ("category", "flag")]
        return tuple(own + [c.names[1] for c in self.columns if c.gaps])

    @property
    def integer(self) -> tuple[str, ...]:
        """Those that hold whole numbers."""
        return tuple(c.names[0] for c in self.columns if c.kind in ("integer", "time"))

    def encode(self, table: Any) -> Tensor:
        """The table as numbers, (rows, features).

        Raises:
            CaseError: its columns are others, or it holds a category that was not known.
        """
        frame = _frame(table)
        if list(frame.columns) != [column.name for column in self.columns]:
            raise CaseError(
                f"the columns of a table are {_some(frame.columns)}, and the model's are "
                f"{_some([column.name for column in self.columns])}; give all splits the same columns."
            )
        parts = [part for column in self.columns for part in _encoded(column, frame[column.name])]
        return torch.from_numpy(np.stack(parts, -1) if parts else np.zeros((len(frame), 0)))

    def decode(self, numbers: Tensor) -> Any:
        """The table that these numbers stand for; codes between two categories become the nearer one."""
        given = numbers.detach().cpu().double().numpy()
        place, found = 0, {}
        for column in self.columns:
            gap = given[:, place + 1] >= 0.5 if column.gaps else None
            found[column.name] = _decoded(column, given[:, place], gap)
            place += len(column.names)
        frame = pandas().DataFrame(found, index=range(len(given)))
        if self.layout == "frame":
            return frame
        if self.layout == "list":
            return frame.iloc[:, 0].tolist()
        return frame.to_numpy(dtype=self.dtype)


def is_table(values: Any) -> bool:
    """Whether it is a data frame, of pandas or of a library that can make one."""
    return (hasattr(values, "columns") and hasattr(values, "dtypes")) or hasattr(values, "to_pandas")


def wants_codec(values: Any, *, gaps: bool) -> bool:
    """Whether a tensor cannot hold it as it is: words, dates, and, where the model knows them, `gaps`."""
    if isinstance(values, Tensor):
        return gaps and values.is_floating_point() and bool(values.isnan().any())
    if is_table(values):
        return True
    if isinstance(values, list):
        return bool(values) and isinstance(values[0], str)
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    return (kind in "OUSTM" and kind != "") or (gaps and kind == "f" and bool(np.isnan(np.asarray(values)).any()))


def codec_of(tables: Sequence[Any]) -> Codec:
    """A codec for tables of the same columns: what is written in any of them can be written.

    Raises:
        CaseError: their columns differ, or a column holds what is no value.
    """
    first = tables[0]
    frames = [_frame(table) for table in tables]
    for frame in frames[1:]:
        if list(frame.columns) != list(frames[0].columns):
            raise CaseError(
                f"the columns of two splits differ: {_some(frames[0].columns)} and {_some(frame.columns)}; prepare "
                "both in the same way."
            )
    layout: Layout = "frame" if is_table(first) else "list" if isinstance(first, list) else "array"
    columns = tuple(_column(name, [frame[name] for frame in frames]) for name in frames[0].columns)
    if len({*columns}) and len({column.name for column in columns}) != len(columns):
        raise CaseError("two columns of the table have one name; rename one of them.")
    values: Any = first.numpy() if isinstance(first, Tensor) else first
    dtype = values.dtype if layout == "array" else None
    return Codec(columns, layout, dtype)


def _frame(table: Any) -> Any:
    """Anything with rows and columns as a data frame whose rows are numbered."""
    if hasattr(table, "columns") and hasattr(table, "iloc"):
        return table
    if hasattr(table, "to_pandas"):
        return table.to_pandas()
    values = np.asarray(table, dtype=object) if isinstance(table, list) else np.asarray(table)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise CaseError(f"inputs with words or gaps are a table (rows, columns); got {values.shape}.")
    frame = pandas().DataFrame(values)
    return frame.infer_objects() if values.dtype == object else frame


def _column(name: Any, parts: Sequence[Any]) -> Column:
    whole = parts[0] if len(parts) == 1 else pandas().concat(list(parts), ignore_index=True)
    dtype, missing = parts[0].dtype, whole.isna().to_numpy()
    gaps = bool(missing.any())
    kind = _kind(dtype)
    if kind == "category":
        levels = list(dtype.categories) if hasattr(dtype, "categories") else _levels(whole[~missing])
        return Column(name, kind, dtype, tuple(levels), gaps)
    if kind == "flag":
        return Column(name, kind, dtype, (), gaps)
    known = _numbers(whole[~missing], kind)
    if not np.isfinite(known).all():
        raise CaseError(
            f"the column {name!r} holds {int((~np.isfinite(known)).sum())} infinite values (of {len(whole)}). Drop "
            "those rows or fill them in, as the model's own pipeline does."
        )
    return Column(name, kind, dtype, (), gaps, float(np.median(known)) if len(known) else 0.0)


def _levels(values: Any) -> list[Any]:
    found = values.unique().tolist()
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=lambda one: (type(one).__name__, str(one)))


def _kind(dtype: Any) -> Kind:
    api = pandas().api.types
    if api.is_bool_dtype(dtype):
        return "flag"
    if api.is_integer_dtype(dtype):
        return "integer"
    if api.is_float_dtype(dtype):
        return "number"
    return "time" if api.is_datetime64_dtype(dtype) else "category"


def _numbers(column: Any, kind: Kind) -> Any:
    if kind == "time":
        return column.to_numpy().astype("datetime64[ns]").astype("int64").astype("float64")
    return column.to_numpy(dtype="float64")


def _encoded(column: Column, values: Any) -> list[Any]:
    missing = values.isna().to_numpy()
    numbers = np.full(len(values), column.filler)
    known = values[~missing]
    if column.kind == "category":
        codes = pandas().Index(column.levels, dtype=object).get_indexer(known.astype(object))
        if (codes < 0).any():
            strange = sorted({str(one) for one in known[codes < 0]})
            raise CaseError(
                f"the column {column.name!r} holds {_some(strange)}, which none of the case's other tables does."
            )
        numbers[~missing] = codes
    else:
        numbers[~missing] = _numbers(known, column.kind)
    if missing.any() and not column.gaps:
        raise CaseError(f"the column {column.name!r} has {int(missing.sum())} gaps, and had none before.")
    return [numbers, missing.astype("float64")] if column.gaps else [numbers]


def _decoded(column: Column, numbers: Any, gap: Any) -> Any:
    frame = pandas()
    here = np.ones(len(numbers), dtype=bool) if gap is None else ~gap
    if column.kind == "category":
        codes = np.clip(np.rint(numbers), 0, max(0, len(column.levels) - 1)).astype(int)
        if hasattr(column.dtype, "categories"):
            return frame.Categorical.from_codes(np.where(here, codes, -1), dtype=column.dtype)
        words = np.empty(len(numbers), dtype=object)
        words[:] = None if column.dtype == object else frame.NA
        if len(column.levels):
            words[here] = np.fromiter(column.levels, dtype=object, count=len(column.levels))[codes[here]]
        return frame.Series(words, dtype=column.dtype)
    if column.kind == "number":
        return frame.Series(np.where(here, numbers, np.nan)).astype(column.dtype)
    if column.kind == "time":
        times = np.rint(numbers).astype("int64").astype("datetime64[ns]")
        times[~here] = np.datetime64("NaT")
        return frame.Series(times).astype(column.dtype)
    whole = frame.Series(numbers >= 0.5 if column.kind == "flag" else np.rint(numbers).astype("int64"))
    if gap is None or here.all():
        return whole.astype(column.dtype)
    return whole.astype("boolean" if column.kind == "flag" else "Int64").mask(~here).astype(column.dtype)


def _some(names: Any) -> str:
    listed = [str(name) for name in names]
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")
