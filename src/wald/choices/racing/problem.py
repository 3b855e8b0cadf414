"""What the candidates race on: rows, targets, and all that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...audits.reading.labels import classes_in, numbered
from ..errors import ChoiceError
from .folds import Structure
from .tables import Table, table_of


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows with their targets.

    Attributes:
        table: the inputs.
        target: (rows,) int64 class numbers, or (rows,) or (rows, columns) float64 numbers.
        classes: the names of the classes by their number; empty where targets are numbers.
        weight: what each row counts for, (rows,) float64; None for 1.
        groups: for each kind of group, the names of the groups and the number of each row's own.
        cluster: the number of the cluster of each row; None where each stands alone.
        ordered: whether rows come in order of time.
        columns: what metrics and costs need beside, (rows,) float64 each.
    """

    table: Table
    target: Tensor
    classes: tuple[Any, ...]
    weight: Tensor | None
    groups: Mapping[str, tuple[tuple[Any, ...], Any]]
    cluster: Any
    ordered: bool
    columns: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.target)

    @property
    def structure(self) -> Structure:
        """What a division of the rows must respect."""
        return Structure(len(self), self.target.numpy() if self.classes else None, self.cluster, self.ordered)

    def part(self, rows: Any) -> Problem:
        """Some of the rows."""
        index = torch.from_numpy(np.asarray(rows))
        table = Table(self.table.numbers[rows], self.table.codes[rows], self.table.given_rows(rows))
        return replace(
            self,
            table=table,
            target=self.target[index],
            weight=None if self.weight is None else self.weight[index],
            groups={name: (names, member[rows]) for name, (names, member) in self.groups.items()},
            cluster=None if self.cluster is None else self.cluster[rows],
            columns={name: values[index] for name, values in self.columns.items()},
        )

    @property
    def mark(self) -> str:
        """A fingerprint of all that training and judging look at."""
        told = sha256()
        arrays = [self.table.numbers, self.table.codes, self.target.numpy()]
        arrays += [] if self.weight is None else [self.weight.numpy()]
        arrays += [] if self.cluster is None else [self.cluster]
        arrays += [self.columns[name].numpy() for name in sorted(self.columns)]
        if not self.table.numbers.size and not self.table.codes.size:
            arrays.append(np.asarray(self.table.given))
        for one in arrays:
            told.update(f"{one.dtype}{one.shape}".encode())
            told.update(np.ascontiguousarray(one).tobytes() if one.dtype != object else repr(one.tolist()).encode())
        told.update(repr((sorted(self.columns), len(self.classes), self.ordered)).encode())
        return told.hexdigest()[:24]


def problem_of(
    inputs: Any,
    target: Any,
    *,
    numbers: bool,
    weight: Any = None,
    groups: Any = None,
    clusters: Any = None,
    ordered: bool = False,
    columns: Mapping[str, Any] | None = None,
) -> Problem:
    """What a person gave, checked.

    Args:
        inputs: a data frame, an array, a tensor or nested lists.
        target: one a row.
        numbers: whether targets are numbers, and not classes.
        weight: what each row counts for; rows of weight 0 are left out.
        groups: the group of each row, or several kinds of groups by name.
        clusters: which rows belong together and must not be split.
        ordered: whether rows come in order of time.
        columns: what a metric or costs need beside, by name.

    Raises:
        ChoiceError: lengths differ, or something is missing or not finite.
    """
    names = () if numbers else tuple(classes_in(target))
    truth = _numbers("y", target) if numbers else numbered("y", target, names)
    rows = len(truth)
    if rows < 4:
        raise ChoiceError(f"y has {rows} rows; nothing can be trained and held out on so few. Bring more rows.")
    if not numbers and len(names) < 2:
        raise ChoiceError(f"y is always {str(*names)!r} ({rows} rows), so there is nothing to tell apart. Bring both.")
    known = {name: _numbers(f"columns[{name!r}]", values) for name, values in (columns or {}).items()}
    mass = None if weight is None else _numbers("weights", weight)
    for name, values in {**known, **({} if mass is None else {"weights": mass})}.items():
        if len(values) != rows:
            raise ChoiceError(f"{name} has {len(values)} values and y has {rows}; give one for each row.")
    if mass is not None and bool((mass < 0).any()):
        raise ChoiceError(
            f"weights hold {int((mass < 0).sum())} negative values; 0 leaves a row out, k counts it k times."
        )
    kinds = groups if isinstance(groups, Mapping) else {} if groups is None else {_name(groups): groups}
    problem = Problem(
        table=table_of(inputs, rows),
        target=truth,
        classes=names,
        weight=mass,
        groups={str(kind): _members(f"groups {kind}", values, rows) for kind, values in kinds.items()},
        cluster=None if clusters is None else _members("clusters", clusters, rows)[1],
        ordered=ordered,
        columns=known,
    )
    if mass is not None and bool((mass == 0).any()):
        return problem.part(mass.nonzero()[:, 0].numpy())
    return problem


def _members(name: str, values: Any, rows: int) -> tuple[tuple[Any, ...], Any]:
    values = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if values.ndim != 1 or len(values) != rows:
        raise ChoiceError(f"{name} has the shape {tuple(values.shape)} and y has {rows} rows; give one for each row.")
    if values.dtype == object:
        values = values.astype(str)
    known, member = np.unique(values, return_inverse=True)
    return tuple(known.tolist()), member.astype("int64")


def _numbers(name: str, values: Any) -> Tensor:
    given = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    try:
        given = given.astype("float64")
    except (TypeError, ValueError):
        raise ChoiceError(
            f"{name} holds what is no number, such as {_first(given)!r}. Numbers are wanted here; for names of "
            "classes give losses of classes."
        ) from None
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if not given.ndim:
        raise ChoiceError(f"{name} is a single number; give one for each row.")
    if (lost := int((~np.isfinite(given)).sum())) > 0:
        raise ChoiceError(
            f"{name} has {lost} values of {given.size} that are missing or infinite. Leave those rows out."
        )
    return torch.from_numpy(np.array(given))


def _first(values: Any) -> Any:
    return next((one for one in values if isinstance(one, str)), values[0] if len(values) else None)


def _name(groups: Any) -> str:
    return str(getattr(groups, "name", None) or "group")
