"""A case from a table in a file: which column is what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ...checks import resolve
from ..case import Case
from ..errors import CaseError
from ..metrics.forms import Form
from ..models import source_of
from ..models.files import model_in
from ..models.scikit_learn import expected_columns
from ..reading.labels import are_names, classes_in
from ..reading.libraries import pandas
from . import Batch
from .source import TableFile


def table_case(
    path: str | Path,
    *,
    target: str,
    loss: Any,
    metric: Any,
    prediction: Sequence[str] = (),
    model: Any = None,
    features: Sequence[str] = (),
    groups: Sequence[str] = (),
    weight: str | None = None,
    cluster: str | None = None,
    time: str | None = None,
    train: str | Path | None = None,
    shifted: Sequence[str | Path] = (),
    prediction_is: Form | None = None,
    lower_is_better: bool | None = None,
) -> Case:
    """The case in a table that is read a part at a time, and may be larger than memory.

    All rows are read once: the loss, the metric and the means of groups are of all of them, and the probes look at a
    sample of at most 30,000, drawn with a fixed seed; at the latest ones, with `time`.

    Args:
        path: a CSV, TSV or Parquet file; of each row, what was observed and what was predicted, or what to predict
            from.
        target: the column of what was observed.
        loss: as in `Case`, by name or itself.
        metric: as in `Case`.
        prediction: the column of what was predicted, or one for each class.
        model: the model itself or the file that it is in, in place of `prediction`; see `wald audit --help`.
        features: the columns that the model takes, in its order; by default those that it was trained on, if it knows
            their names, and else all that have no other part.
        groups: columns by which rows are grouped.
        weight: the column of what each row counts for.
        cluster: the column that says which rows belong together.
        time: the column of when each row was; the rows need not be in its order.
        train: a table of the rows that the model was trained on, with the same columns.
        shifted: tables of rows from elsewhere or later, with the same columns.
        prediction_is: "probabilities" or "logits"; None to take columns between 0 and 1 for probabilities.
        lower_is_better: as in `Case`.

    Raises:
        CaseError: a column is missing or holds what it cannot hold, or a table is empty.
    """
    if (model is None) == (not prediction):
        raise CaseError("give either the columns of predictions or the model, and not both.")
    if not prediction and prediction_is is not None:
        raise CaseError("prediction_is says how columns of predictions are written, and there are none.")
    given = model_in(str(model)) if isinstance(model, str | Path) else model
    roles = _Roles(target, tuple(prediction), tuple(groups), weight, cluster, time)
    table = TableFile(Path(path))
    for name in (*roles.own, *features):
        table.refuse_missing(name)
    inputs = tuple(features) or _features(table, roles, given)
    known = source_of(given)
    loss = resolve(loss, pairs=True).loss if isinstance(loss, str) and ":" in loss else loss
    classes = () if known is not None else _classes(table, roles, loss)
    said, notes = _written(table, roles, prediction_is, classes)
    stream = _Rows(table, roles, inputs)
    more: dict[str, Any] = {}
    if train is not None:
        more["train"] = _Pairs(TableFile(Path(train)), roles.target, inputs)
    more["shifted"] = {Path(one).stem: _Pairs(TableFile(Path(one)), roles.target, inputs) for one in shifted}
    return Case(
        name=table.path.name.partition(".")[0],
        model=given,
        loss=loss,
        metric=metric,
        test=cast(Any, stream),
        classes=classes,
        prediction_is=said,
        lower_is_better=lower_is_better,
        ordered=time is not None,
        notes=notes,
        **more,
    )


@dataclass(frozen=True)
class _Roles:
    """Which column is what."""

    target: str
    prediction: tuple[str, ...]
    groups: tuple[str, ...]
    weight: str | None
    cluster: str | None
    time: str | None

    @property
    def own(self) -> tuple[str, ...]:
        """All columns that have a part."""
        single = [name for name in (self.weight, self.cluster, self.time) if name is not None]
        return (self.target, *self.prediction, *self.groups, *single)


@dataclass(frozen=True)
class _Rows:
    """The test rows of a table, in batches, as often as they are asked for."""

    table: TableFile
    roles: _Roles
    inputs: tuple[str, ...]

    def __iter__(self) -> Iterator[Batch]:
        roles = self.roles
        for frame in self.table.batches((*self.inputs, *roles.own)):
            prediction = None
            if roles.prediction:
                parts = [_numbers(frame[name], name, "predictions") for name in roles.prediction]
                prediction = parts[0] if len(parts) == 1 else torch.stack(parts, -1)
            yield Batch(
                inputs=frame[list(self.inputs)] if self.inputs else torch.zeros(len(frame), 0),
                targets=_target(frame[roles.target]),
                prediction=prediction,
                weight=None if roles.weight is None else _weights(frame[roles.weight], roles.weight),
                clusters=None if roles.cluster is None else frame[roles.cluster].tolist(),
                order=None if roles.time is None else _times(frame[roles.time], roles.time),
                groups={name: frame[name].tolist() for name in roles.groups},
            )


@dataclass(frozen=True)
class _Pairs:
    """Other rows of the same columns."""

    table: TableFile
    target: str
    inputs: tuple[str, ...]

    def __iter__(self) -> Iterator[Batch]:
        for frame in self.table.batches((*self.inputs, self.target)):
            yield Batch(inputs=frame[list(self.inputs)], targets=_target(frame[self.target]))


def _features(table: TableFile, roles: _Roles, model: Any) -> tuple[str, ...]:
    source = source_of(model)
    if source is not None and source.names and not all(_is_number_name(name) for name in source.names):
        for name in source.names:
            table.refuse_missing(name)
        return source.names
    taken = {roles.target, *roles.prediction, roles.weight, roles.cluster, roles.time}
    free = tuple(name for name in table.columns if name not in taken)
    wanted = expected_columns(source.original) if source is not None else None
    without = tuple(name for name in free if name not in roles.groups)
    for found in (free, without):
        if wanted is None or len(found) == wanted:
            return found
    raise CaseError(
        f"the model takes {wanted} columns, and {table.path} has {len(free)} that may be inputs: "
        f"{', '.join(free[:12])}. Say which, in the model's order: --features a,b,c."
    )


def _is_number_name(name: str) -> bool:
    """Whether a name was made up for a column without one: Column_3 of LightGBM, f3 of XGBoost, 3 of CatBoost."""
    return name.removeprefix("Column_").removeprefix("f").isdigit()


def _classes(table: TableFile, roles: _Roles, loss: Any) -> tuple[Any, ...]:
    """The names of the classes, where targets are names, or numbers that a loss of classes does not take."""
    found = resolve(loss, pairs=True).loss if isinstance(loss, str) else loss
    of_classes = getattr(getattr(found, "card", None), "task", None) in ("binary", "multiclass")
    first = next(iter(table.batches([roles.target])))[roles.target]
    names = are_names(_target(first))
    if not names:
        values = first.dropna().unique()
        known = set(range(max(2, len(roles.prediction))))
        if not of_classes or set(values.tolist()) <= known or len(values) > 1_000:
            return ()
    seen: set[Any] = set()
    for frame in table.batches([roles.target]):
        column = frame[roles.target]
        if column.isna().any():
            raise CaseError(
                f"the column {roles.target!r} has {int(column.isna().sum())} gaps (of {len(column)} rows); leave those "
                "rows out."
            )
        seen |= set(classes_in(_target(column)))
    classes = tuple(sorted(seen, key=lambda one: (isinstance(one, str), one)))
    if not names and set(classes) <= set(range(max(len(classes), 2))):
        return ()
    return _in_order(classes, roles.prediction)


def _in_order(classes: tuple[Any, ...], prediction: tuple[str, ...]) -> tuple[Any, ...]:
    """The classes in the order of the columns that are named after them, such as p_cat and p_dog."""
    if len(prediction) != len(classes):
        return classes
    ends = {next((c for c in classes if column == str(c) or column.endswith(f"_{c}")), None): i
            for i, column in enumerate(prediction)}  # fmt: skip
    return tuple(sorted(classes, key=ends.__getitem__)) if set(ends) == set(classes) else classes


def _written(
    table: TableFile, roles: _Roles, said: Form | None, classes: tuple[Any, ...]
) -> tuple[Form | None, tuple[str, ...]]:
    """How predictions are written, by what they look like where nobody says."""
    if not roles.prediction:
        return None, ()
    named = " and ".join(roles.prediction)
    order = (f"the columns {named} are read as the classes {', '.join(map(str, classes))}, in this order",)
    notes = order if len(roles.prediction) > 1 and classes else ()
    if said is not None:
        return said, notes
    first = next(iter(table.batches(roles.prediction)))
    values = np.stack([_numbers(first[name], name, "predictions").numpy() for name in roles.prediction], -1)
    values = values[np.isfinite(values).all(-1)]
    inside = len(values) > 0 and values.min() >= 0 and values.max() <= 1 and np.ptp(values) > 0
    adds = values.shape[1] == 1 or bool(np.allclose(values.sum(-1), 1, atol=1e-3))
    if inside and adds and not set(np.unique(values[:1000]).tolist()) <= {0.0, 1.0}:
        return "probabilities", (*notes, f"the predictions {named} lie between 0 and 1 and are read as probabilities")
    return None, notes


def _target(column: Any) -> Any:
    """Numbers as an array, names as a list."""
    return column.to_numpy() if column.dtype.kind in "biuf" else column.astype(object).to_numpy()


def _numbers(column: Any, name: str, what: str) -> Tensor:
    if getattr(column.dtype, "kind", "O") not in "biuf":
        raise CaseError(
            f"the column {name!r} holds {what}, which are numbers, and it holds {column.dtype}: {column.iloc[0]!r}. "
            "Name a column of numbers."
        )
    return torch.from_numpy(column.to_numpy(dtype="float64", na_value=np.nan).copy())


def _weights(column: Any, name: str) -> Tensor:
    found = _numbers(column, name, "weights")
    if not bool(found.isfinite().all()) or bool((found < 0).any()):
        bad = int((~found.isfinite()).sum() + (found < 0).sum())
        raise CaseError(f"the column {name!r} holds weights, and {bad} of {len(found)} are negative or missing.")
    return found


def _times(column: Any, name: str) -> Tensor:
    if getattr(column.dtype, "kind", "O") in "iuf":
        return _numbers(column, name, "times")
    try:
        times = pandas().to_datetime(column, utc=True)
    except (ValueError, TypeError) as error:
        raise CaseError(f"the column {name!r} holds times, and {column.iloc[0]!r} is none: {error}") from None
    if times.isna().any():
        raise CaseError(f"the column {name!r} holds times, and {int(times.isna().sum())} of {len(times)} are missing.")
    return torch.from_numpy(times.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype("float64"))
