"""Rows of inputs and targets, as tensors, from whatever holds them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import CaseError

Rows = tuple[Tensor, Tensor]


def as_rows(name: str, rows: object) -> Rows:
    """A pair (inputs, targets) as tensors.

    Raises:
        CaseError: it is no such pair, it is empty, or something in it is not finite.
    """
    if not (isinstance(rows, tuple | list) and len(rows) == 2):
        raise CaseError(f"{name} is a pair (inputs, targets); got {type(rows).__name__}.")
    inputs, targets = (as_tensor(f"{name} {what}", one) for what, one in zip(("inputs", "targets"), rows, strict=True))
    if len(inputs) != len(targets):
        raise CaseError(f"{name} has {len(inputs)} rows of inputs and {len(targets)} targets; one target a row.")
    if not targets.is_floating_point() and not targets.is_complex():
        # Small integers overflow where nobody looks for it: in a sum, or when an unusual value is tried.
        targets = targets.long()
    if len(inputs) == 0:
        raise CaseError(f"{name} is empty, so there is nothing to measure.")
    return inputs, targets


def as_tensor(name: str, values: Any) -> Tensor:
    """Numbers as a tensor: from a tensor, an array, a column of a table or a list.

    Raises:
        CaseError: they are no numbers, a single number, or not finite.
    """
    if not isinstance(values, Tensor):
        if hasattr(values, "toarray"):
            values = values.toarray()
        if hasattr(values, "to_numpy"):
            values = values.to_numpy()
        try:
            values = torch.as_tensor(values)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CaseError(f"{name} are a {type(values).__name__} that is no array of numbers: {error}") from None
    if values.ndim == 0:
        raise CaseError(f"{name} are a single number; the first axis counts the rows.")
    refuse_nan(name, values)
    # Yes and no are 1 and 0, which is how losses take them.
    return values.float() if values.dtype == torch.bool else values


def refuse_nan(name: str, x: Tensor) -> None:
    """Say how many values are not finite.

    Raises:
        CaseError: some are not.
    """
    if x.is_floating_point() and not bool(x.isfinite().all()):
        bad = int((~x.isfinite()).sum())
        raise CaseError(
            f"{name} hold {bad} values that are NaN or infinite (of {x.numel()}). Drop those rows or fill them in, "
            "as the model's own pipeline does."
        )
