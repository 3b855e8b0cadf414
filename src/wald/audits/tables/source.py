"""A table in a file, read a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import CaseError
from ..reading.libraries import library, pandas

#: Rows that are read at once.
_BATCH = 65_536

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_ARROW = (".parquet", ".pq")

#: How the names of files that are read as tables end.
ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", *_ARROW)


@dataclass(frozen=True)
class TableFile:
    """A CSV, TSV or Parquet file. Only the columns that are asked for are read, and only a part at a time.

    Attributes:
        path: where it is.
    """

    path: Path

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise CaseError(f"there is no file {str(self.path)!r} here.")
        if not is_table_file(self.path):
            raise CaseError(f"{self.path}: tables are read from {', '.join(ENDINGS)}; write it as one of these.")
        if not self.path.is_dir() and self.path.stat().st_size == 0:
            raise CaseError(f"{self.path} is empty: it has no columns and no rows.")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        if self._arrow:
            return tuple(_parquet(self.path).schema.names)
        return tuple(str(name) for name in self._csv(nrows=0).columns)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """The rows as data frames of these columns.

        Raises:
            CaseError: there is no such column, or there are no rows.
        """
        for name in columns:
            self.refuse_missing(name)
        wanted, rows = list(dict.fromkeys(columns)), 0
        for frame in self._read(wanted):
            if len(frame):
                rows += len(frame)
                # A CSV file gives its columns in the order of the file.
                yield frame[wanted]
        if rows == 0:
            raise CaseError(f"{self.path} has columns and no rows, so there is nothing to measure.")

    def refuse_missing(self, name: str) -> None:
        """Say what is nearest to a column that is not there.

        Raises:
            CaseError: it is not there.
        """
        if name not in self.columns:
            near = get_close_matches(name, self.columns, n=3, cutoff=0.5)
            told = f"The nearest are {', '.join(near)}." if near else f"There are {_some(self.columns)}."
            raise CaseError(f"{self.path} has no column {name!r}. {told}")

    @property
    def _arrow(self) -> bool:
        return self.path.suffix.lower() in _ARROW

    def _read(self, columns: list[str]) -> Iterator[Any]:
        if not self._arrow:
            yield from self._csv(usecols=columns, chunksize=_BATCH)
            return
        file = _parquet(self.path)
        for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
            yield batch.to_pandas()

    def _csv(self, **options: Any) -> Any:
        inner = Path(self.path.stem) if self.path.suffix == ".gz" else self.path
        separator = _SEPARATORS[inner.suffix.lower()]
        try:
            return pandas().read_csv(self.path, sep=separator, low_memory=False, **options)
        except (ValueError, UnicodeDecodeError) as error:
            raise CaseError(f"{self.path} cannot be read as a table: {error}") from None


def is_table_file(path: Path) -> bool:
    """Whether a file is read as a table, by how its name ends."""
    return path.name.lower().endswith(ENDINGS)


def _parquet(path: Path) -> Any:
    arrow = library("pyarrow", extra="tables", what="Parquet files are read")
    parquet = library("pyarrow.parquet", extra="tables", what="Parquet files are read")
    try:
        return parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise CaseError(f"{path} cannot be read as Parquet: {error}") from None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
