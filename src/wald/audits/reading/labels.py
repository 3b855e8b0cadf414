"""Targets that are names of classes, as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import CaseError


def are_names(targets: Any) -> bool:
    """Whether targets are words, and so no numbers."""
    if isinstance(targets, Tensor):
        return False
    if isinstance(targets, list | tuple):
        return bool(targets) and isinstance(targets[0], str)
    dtype = getattr(targets, "dtype", None)
    if hasattr(dtype, "categories") or (getattr(dtype, "kind", "") in "OUS" and dtype is not None):
        return True
    return str(dtype) in ("string", "str")


def classes_in(*targets: Any) -> tuple[Hashable, ...]:
    """The classes that occur, in order.

    Raises:
        CaseError: some are missing.
    """
    found: set[Hashable] = set()
    for one in targets:
        found |= set(_unique("targets", one)[0])
    try:
        return tuple(sorted(found))  # pyright: ignore[reportArgumentType]
    except TypeError:
        return tuple(sorted(found, key=str))


def numbered(name: str, targets: Any, classes: Sequence[Hashable]) -> Tensor:
    """The place of each target among the classes, (rows,) int64.

    Raises:
        CaseError: some are none of them, or missing.

    >>> numbered("targets", ["good", "bad"], ("bad", "good"))
    tensor([1, 0])
    """
    if getattr(targets, "ndim", 1) != 1:
        raise CaseError(f"{name} name one class a row; got {tuple(targets.shape)}.")
    known, inverse = _unique(name, targets)
    place = {one: index for index, one in enumerate(classes)}
    if strange := [one for one in known if one not in place]:
        shown, there = (", ".join(map(repr, some[:6])) for some in (strange, list(classes)))
        raise CaseError(
            f"{name} hold {shown}, and the model knows the classes {there}. Leave those rows out, or write the "
            "targets as the model was trained on them."
        )
    return torch.tensor([place[one] for one in known])[torch.from_numpy(inverse.reshape(-1))]


def _unique(name: str, targets: Any) -> tuple[list[Hashable], Any]:
    if isinstance(targets, Tensor):
        targets = targets.detach().cpu()
    values = np.asarray(targets)
    if values.dtype == object:
        missing = np.fromiter((one is None or one != one for one in values.flat), dtype=bool, count=values.size)
    else:
        missing = values != values if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)
    if missing.any():
        raise CaseError(f"{name} hold {int(missing.sum())} gaps (of {values.size}). Leave those rows out.")
    try:
        known, inverse = np.unique(values, return_inverse=True)
    except TypeError:
        known, inverse = np.unique(values.astype(str), return_inverse=True)
    return known.tolist(), inverse
