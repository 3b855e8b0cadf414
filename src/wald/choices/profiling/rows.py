"""What rows have to do with each other: groups, clusters, and the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...audits import CaseError
from ...audits.inspecting.single import alikeness
from ...audits.reading.labels import classes_in, numbered
from ...audits.statistics import Sample
from ..errors import ChoiceError
from .facts import Classes, Clusters, Group, Order, Task

#: Thirds of fewer rows tell nothing of a drift.
_FEWEST = 30


def weights(given: Any, rows: int) -> Tensor | None:
    """What each row counts for, (rows,) float64; None where all count the same.

    Raises:
        ChoiceError: there is not one finite number from 0 on for each row, or all are 0.
    """
    if given is None:
        return None
    found = numbers_of("weights", given, rows)
    if bool((found < 0).any()) or not bool((found > 0).any()):
        seen = f"{int((found < 0).sum())} are below 0" if bool((found < 0).any()) else "all are 0"
        raise ChoiceError(f"weights say what each row counts for, 0 or more and somewhere above 0; {seen}.")
    return None if bool((found == found[0]).all()) else found


def numbers_of(name: str, given: Any, rows: int) -> Tensor:
    """One finite number a row.

    Raises:
        ChoiceError: it is something else.
    """
    values: Any = given.detach().cpu() if isinstance(given, Tensor) else given
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        # A copy, since columns of a table may be read-only, which torch warns of.
        found = values.double() if isinstance(values, Tensor) else torch.from_numpy(np.array(values, dtype="float64"))
    except (TypeError, ValueError, RuntimeError):
        raise ChoiceError(f"{name} holds one number for each row; got {type(given).__name__}.") from None
    found = found.reshape(len(found), -1)[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
    if found.shape != (rows,):
        raise ChoiceError(f"{name} holds one number for each of {rows} rows; got the shape {tuple(found.shape)}.")
    if bad := int((~found.isfinite()).sum()):
        raise ChoiceError(f"{name}: {bad} of {rows} values are NaN or infinite. Leave those rows out or fill them in.")
    return found


def named(name: str, given: Any, rows: int) -> tuple[Tensor, tuple[Any, ...]]:
    """The number of each row's group, (rows,), and the names of the groups.

    Raises:
        ChoiceError: there is not one name a row, or some are missing.
    """
    column: Any = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    if hasattr(column, "to_numpy"):
        column = column.to_numpy()
    column = np.asarray(column)
    if column.shape != (rows,):
        raise ChoiceError(f"{name} names one for each of {rows} rows; got the shape {column.shape}.")
    try:
        known = classes_in(column)
        return numbered(name, column, known), known
    except CaseError as error:
        raise ChoiceError(f"{error} Or give them a name of their own, such as 'unknown'.") from None


def level(target: Tensor, task: Task, classes: Classes | None) -> Tensor:
    """What groups and times are compared by: the number, yes, or, of several classes, the commonest; (rows,)."""
    if classes is None:
        return target
    if task == "ordinal":
        return target.double()
    return (target == (1 if task == "binary" else classes.commonest)).double()


def groups(
    kind: str, which: Tensor, names: tuple[Any, ...], target: Tensor, task: Task, weight: Tensor | None
) -> list[Group]:
    """The groups, the largest first."""
    found: list[Group] = []
    for number, name in enumerate(names):
        here = (which == number).nonzero()[:, 0]
        if len(here) == 0:
            continue
        sample = Sample(len(here), weight=None if weight is None else weight[here])
        values = target[here].double()
        known = task != "multiclass"
        counted = task != "regression"
        least = int(torch.bincount(target[here], minlength=int(target.max()) + 1).min()) if counted else len(here)
        found.append(
            Group(
                kind=kind, name=name, rows=len(here), least=least,
                mean=sample.mean(values) if known else float("nan"),
                error=float(sample.errors(values)) if known else float("nan"),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: -one.rows)


def clusters(which: Tensor, values: Tensor, weight: Tensor | None) -> tuple[Clusters, float]:
    """What belongs together, and how many rows that stand alone would know as much about the mean."""
    rows = len(values)
    alone, together = Sample(rows, weight=weight), Sample(rows, weight=weight, cluster=which)
    sizes = torch.bincount(which)
    error, joint = float(alone.errors(values)), float(together.errors(values))
    alike = max(1.0, (joint / error) ** 2) if error > 0 else 1.0
    return Clusters(many=len(sizes), largest=int(sizes.max()), alike=alike), alone.effective / alike


def order(values: Tensor, target: Tensor, cluster: Tensor | None, *, given: bool, numbers: bool) -> Order | None:
    """What the order of rows tells; None for few rows.

    Args:
        values: what early and late rows are compared by, (rows,), in their order.
        target: what neighbours are compared by, (rows,).
        cluster: of each row.
        given: whether the order is known to be one of time.
        numbers: whether the target is numbers.
    """
    third = len(values) // 3
    alike = alikeness(target, cluster, numbers=numbers) if third >= _FEWEST else None
    if alike is None:
        return None
    early, late = values[:third], values[-third:]
    ends: Mapping[str, Tensor] = {"early": early, "late": late}
    means, errors = {}, {}
    for name, part in ends.items():
        sample = Sample(len(part), ordered=True)
        means[name], errors[name] = sample.mean(part), float(sample.errors(part))
    return Order(
        given=given, alike=alike[0], error=alike[1], early=means["early"], late=means["late"],
        gap_error=(errors["early"] ** 2 + errors["late"] ** 2) ** 0.5,
    )  # fmt: skip
