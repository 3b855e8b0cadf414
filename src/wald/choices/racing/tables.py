"""Tables with words, dates and gaps as numbers, learned from the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ...audits.tables import codec_of, is_table, wants_codec
from ..errors import ChoiceError

#: How a learner wants its inputs: numbers on one scale and a column for each frequent word; numbers and codes with
#: gaps as NaN; or as the user gave them.
Encoding = Literal["scaled", "coded", "given"]

#: A word that fewer training rows than this hold, or that comes after so many, shares one column with the others.
_FEWEST, _MOST = 10, 30

#: So many standard deviations from the middle, a number is as far away as it can be for a linear model.
_FAR = 10.0


@dataclass(frozen=True, eq=False)
class Table:
    """Rows and columns as numbers, with nothing learned from them yet.

    Attributes:
        numbers: (rows, columns) float64, NaN for a gap.
        codes: (rows, columns) int64, the number of each word; -1 for a gap.
        given: what the user gave, for a learner of the user's own.
    """

    numbers: Any
    codes: Any
    given: Any

    def __len__(self) -> int:
        return len(self.numbers)

    def given_rows(self, rows: Any) -> Any:
        """Some rows of what the user gave, in its own type."""
        return self.given.iloc[rows] if hasattr(self.given, "iloc") else self.given[rows]


@dataclass(frozen=True, eq=False)
class Scaled:
    """Numbers on one scale and a column for each frequent word, as they were in the training rows.

    Attributes:
        fill: what stands in for a gap in each column of numbers: the median.
        centre: the mean of each.
        spread: the standard deviation of each, 1 for a constant.
        gaps: the columns of numbers with gaps, which get a column of 0 and 1 each.
        words: the frequent words of each column of codes.
    """

    fill: Any
    centre: Any
    spread: Any
    gaps: Any
    words: tuple[Any, ...]

    @classmethod
    def of(cls, table: Table, rows: Any) -> Scaled:
        """Learned from these rows."""
        numbers = table.numbers[rows]
        missing = np.isnan(numbers)
        gaps = np.flatnonzero(missing.any(0))
        fill = np.zeros(numbers.shape[1])
        for column in range(numbers.shape[1]):
            known = numbers[~missing[:, column], column] if column in gaps else numbers[:, column]
            fill[column] = np.median(known) if len(known) else 0.0
        whole = np.where(missing, fill, numbers) if len(gaps) else numbers
        centre, spread = whole.mean(0), whole.std(0)
        spread = np.where(spread > 1e-12 * (1 + np.abs(centre)), spread, 1.0)
        words: list[Any] = []
        for column in range(table.codes.shape[1]):
            found, many = np.unique(table.codes[rows, column], return_counts=True)
            # The most frequent ones; of equals the first, so that the order of rows has no say.
            order = np.lexsort((found, -many))
            words.append(np.sort(found[order][many[order] >= min(_FEWEST, len(rows) // 20 + 1)][:_MOST]))
        return cls(fill, centre, spread, gaps, tuple(words))

    def apply(self, table: Table, rows: Any) -> Any:
        """These rows, (rows, features) float64."""
        numbers = table.numbers[rows]
        missing = np.isnan(numbers)
        parts = [np.clip((np.where(missing, self.fill, numbers) - self.centre) / self.spread, -_FAR, _FAR)]
        parts += [missing[:, self.gaps].astype("float64")]
        for column, words in enumerate(self.words):
            codes = table.codes[rows, column]
            parts.append((codes[:, None] == words[None]).astype("float64"))
        return np.concatenate(parts, 1)


def table_of(inputs: Any, rows: int) -> Table:
    """What a person gave as inputs, as a table.

    Args:
        inputs: a data frame, an array, a tensor or nested lists, (rows, columns).
        rows: how many there must be.

    Raises:
        ChoiceError: it has another number of rows, or holds what is no number and no word.
    """
    if hasattr(inputs, "toarray"):
        raise ChoiceError(
            f"X is a sparse matrix {tuple(inputs.shape)}, and the learners here take dense ones. Give X.toarray(), or "
            "a learner of your own: learner=lambda loss, seed: an object with fit(X, y, sample_weight)."
        )
    if isinstance(inputs, list | tuple):
        inputs = np.asarray(inputs)
    if len(inputs) != rows:
        raise ChoiceError(f"X has {len(inputs)} rows and y has {rows}; give one row of X for each target.")
    if not is_table(inputs) and getattr(inputs, "ndim", 2) > 2:
        flat = np.zeros((rows, 0))
        return Table(flat, flat.astype("int64"), inputs)
    if not is_table(inputs) and getattr(inputs, "ndim", 2) == 1:
        inputs = inputs[:, None]
    if not wants_codec(inputs, gaps=False):
        numbers = np.asarray(inputs.detach().cpu() if isinstance(inputs, Tensor) else inputs).astype("float64")
        _finite(numbers)
        return Table(numbers, np.zeros((rows, 0), dtype="int64"), inputs)
    frame = inputs if hasattr(inputs, "iloc") or not hasattr(inputs, "to_pandas") else inputs.to_pandas()
    codec = codec_of([frame])
    written = codec.encode(frame).numpy()
    numbers, codes, place = [], [], 0
    for column in codec.columns:
        held = written[:, place].copy()
        gap = written[:, place + 1] > 0 if column.gaps else np.zeros(rows, dtype=bool)
        place += len(column.names)
        if column.kind == "category":
            codes.append(np.where(gap, -1, held).astype("int64"))
        else:
            held[gap] = np.nan
            numbers.append(held)
    empty = np.zeros((rows, 0))
    return Table(
        np.stack(numbers, 1) if numbers else empty,
        np.stack(codes, 1) if codes else empty.astype("int64"),
        frame,
    )


def encoded(table: Table, encoding: Encoding, learn: Any, *parts: Any) -> tuple[Any, ...]:
    """Rows of a table as a learner wants them.

    Args:
        table: all rows.
        encoding: how.
        learn: the rows from which scales and words are learned.
        parts: the rows that are wanted, one array of numbers of rows each.
    """
    if encoding == "given":
        return tuple(table.given_rows(rows) for rows in parts)
    if encoding == "coded":
        return tuple(
            np.concatenate([table.numbers[rows], np.where(table.codes[rows] < 0, np.nan, table.codes[rows])], 1)
            for rows in parts
        )
    scaled = Scaled.of(table, learn)
    return tuple(scaled.apply(table, rows) for rows in parts)


def _finite(numbers: Any) -> None:
    if (infinite := int(np.isinf(numbers).sum())) > 0:
        raise ChoiceError(
            f"X holds {infinite} infinite values of {numbers.size}; no scale can be learned from them. Replace them, "
            "by NaN where the value is unknown."
        )


def tensor(values: Any) -> Tensor:
    """Numbers of rows, or values of rows, as a tensor."""
    return torch.from_numpy(np.ascontiguousarray(values))
