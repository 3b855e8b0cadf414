"""Reading a target: what was observed, as class numbers or as numbers, and which of the two it is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...audits import Metric
from ...audits.reading.labels import are_names, classes_in, numbered
from ..errors import ChoiceError
from .column import column_of, gaps_in, plain
from .facts import Task

#: Whole numbers of at most so many values, without gaps between them, are read as numbers of classes.
_FEW = 20

#: Classes that are told apart, at most.
_MOST = 1_000

TASKS: tuple[str, ...] = ("binary", "multiclass", "ordinal", "regression", "counts")


@dataclass(frozen=True, eq=False)
class Target:
    """A target that has been read.

    Attributes:
        task: what kind of problem it is.
        because: why it was read so.
        values: class numbers (rows,) int64, or numbers (rows,) float64, of the rows that have a target.
        kept: the numbers of these rows.
        missing: how many have none.
        names: of the classes.
        levels: the numbers that ordered classes stand for, where they are numbers.
        doubtful: whether another reading is as likely.
    """

    task: Task
    because: str
    values: Tensor
    kept: Tensor
    missing: int
    names: tuple[Hashable, ...] = ()
    levels: Tensor | None = None
    doubtful: bool = False


def read_target(
    given: Any, *, task: str | None = None, metric: Metric | None = None, positive: Hashable = None
) -> Target:
    """A target, whatever holds it.

    Args:
        given: one value a row, in an array, a tensor, a column of a table or a list: names of classes, yes and no,
            class numbers or numbers. A single column, and columns of 0 and 1 that name one class a row, will do.
        task: what it is, for those who know; "counts" is a regression of whole numbers.
        metric: settles whether whole numbers are classes, where `task` does not.
        positive: which of two classes is yes; None for the second in order.

    Raises:
        ChoiceError: it is empty, never varies, holds something else than one value a row, or is not of that task.
    """
    if task is not None and task not in TASKS:
        raise ChoiceError(
            f"task is one of {', '.join(TASKS)}, or None to find out; got {task!r}."
            + (" Train one loss for each label, or see wald.Focal(kind='multilabel')." if task == "multilabel" else "")
        )
    column, levels = column_of(given)
    gaps = gaps_in(column)
    kept = torch.from_numpy(np.flatnonzero(~gaps))
    known = column[~gaps]
    if len(known) == 0:
        seen = f"all {len(column)} targets are missing" if len(column) else "the target is empty"
        raise ChoiceError(f"{seen}, so there is nothing to choose for. Give one value for each row.")
    missing = int(gaps.sum())
    names = are_names(known) or known.dtype.kind in "bOUS"
    if names and task in ("regression", "counts"):
        known = _as_numbers(known, task)
        names = False
    spoken = known
    if not names:
        known = known.astype("float64")
        if bad := int((~np.isfinite(known)).sum()):
            raise ChoiceError(
                f"{bad} of {len(known)} targets are infinite, and no loss is finite there. Leave these rows out, or "
                "cap the values where they can still be measured."
            )
    distinct = np.unique(known) if not names else None
    many = len(distinct) if distinct is not None else len(classes_in(known))
    if many == 1:
        raise ChoiceError(
            f"all {len(known)} targets are {known[0]!s}, so every loss learns that and there is nothing to choose. "
            "Give rows in which the target varies."
        )
    if names:
        _refuse_names(known, many)
    found, because, doubtful = _task(
        task, metric, distinct, many, ordered=levels is not None, whole_dtype=_whole(given)
    )
    if found == "regression":
        return Target(found, because, torch.from_numpy(known.copy()), kept, missing, doubtful=doubtful)
    classes = _in_order(spoken, levels, positive if found == "binary" else None)
    ids = numbered("targets", spoken, classes)
    stand = None if names else torch.tensor([float(str(one)) for one in classes], dtype=torch.float64)
    return Target(found, because, ids, kept, missing, classes, stand, doubtful)


def _in_order(known: Any, levels: Sequence[Hashable] | None, positive: Hashable) -> tuple[Hashable, ...]:
    """The classes that occur: in the stated order, or else in their own, with the positive one of two at the end."""
    here = classes_in(known)
    order = here if levels is None else tuple(one for one in levels if one in here)
    if positive is None:
        return order
    if positive not in order:
        raise ChoiceError(f"positive={positive!r} is none of the classes; there are {', '.join(map(repr, order))}.")
    return (*(one for one in order if one != positive), positive)


def _as_numbers(known: Any, task: str) -> Any:
    try:
        return known.astype("float64")
    except (TypeError, ValueError):
        shown = ", ".join(repr(plain(one)) for one in known[:3].tolist())
        raise ChoiceError(
            f"task={task!r} wants numbers, and the target holds {shown} …. Leave task out to read them as classes, or "
            "write them as numbers."
        ) from None


def _whole(given: Any) -> bool:
    return str(getattr(given, "dtype", "")).removeprefix("torch.").startswith(("int", "uint"))


def _task(
    task: str | None, metric: Metric | None, distinct: Any, many: int, *, ordered: bool, whole_dtype: bool
) -> tuple[Task, str, bool]:
    """What kind of problem it is, why, and whether it might as well be another."""
    if task is not None:
        _refuse_misfit(task, distinct, many)
        read: Any = {"counts": "regression"}.get(task, task)
        return read, "you said so", False
    if ordered and many > 2:
        return "ordinal", f"its {many} classes are in a stated order", False
    if distinct is None:
        return ("binary", "it has two classes", False) if many == 2 else ("multiclass", f"it has {many} classes", False)
    if many == 2:
        return "binary", f"it has two values, {distinct[0]:g} and {distinct[1]:g}", False
    whole = bool((distinct == np.round(distinct)).all())
    if metric is not None and metric.takes == "numbers":
        return "regression", f"{metric.name} judges numbers", False
    if not whole:
        return "regression", f"it has {many} different values that are not whole", False
    if metric is not None and metric.takes in ("logits", "probabilities", "decisions", "log-probabilities"):
        return "multiclass", f"{metric.name} judges classes", False
    gaps = distinct[-1] - distinct[0] + 1 > many
    if many > _FEW or gaps:
        why = f"it has {many} different whole numbers" + (", with gaps between them" if gaps and many <= _FEW else "")
        return "regression", why, many <= _FEW
    what = "whole numbers" if whole_dtype else "values, all whole"
    return "multiclass", f"it has {many} {what} without a gap, from {distinct[0]:g} to {distinct[-1]:g}", True


def _refuse_names(known: Any, many: int) -> None:
    """Say it where names tell nearly every row apart, as identifiers and numbers written as words do."""
    if many <= _MOST and (many <= _FEW or many <= len(known) / 2):
        return
    numbers = sum(_is_number(one) for one in known.tolist())
    told = (
        f"; {numbers:,} of them are numbers written as words, so mend the others and give numbers"
        if numbers > len(known) / 2
        else ". Give the column that holds the class, or fewer classes"
    )
    raise ChoiceError(f"the target has {many:,} different names in {len(known):,} rows, too many to be learned{told}.")


def _is_number(one: Any) -> bool:
    try:
        float(str(one))
    except ValueError:
        return False
    return True


def _refuse_misfit(task: str, distinct: Any, many: int) -> None:
    if task == "binary" and many != 2:
        raise ChoiceError(
            f'task="binary" wants two classes, and the target has {many}. Use task="multiclass", or make it yes or no: '
            "y == the class that you look for."
        )
    if task in ("multiclass", "ordinal") and many < 3:
        raise ChoiceError(f'task="{task}" wants three classes or more, and the target has {many}. Use task="binary".')
    if task in ("multiclass", "ordinal") and distinct is not None and many > _MOST:
        raise ChoiceError(f'task="{task}": the target has {many} different values. Use task="regression", or bin them.')
    if task == "counts" and distinct is not None:
        bad = int((distinct < 0).sum() + (distinct != np.round(distinct)).sum())
        if bad:
            raise ChoiceError(
                f'task="counts" wants whole numbers from 0 on, and {bad} of the {many} different values are not. Use '
                'task="regression".'
            )
