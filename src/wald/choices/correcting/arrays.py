"""Numbers as people have them, as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ChoiceError


def as_tensor(name: str, given: Any) -> Tensor:
    """A tensor from a tensor, an array, a column of a table, a list or a number; whole numbers stay whole.

    Raises:
        ChoiceError: these are no real numbers.
    """
    if not isinstance(given, Tensor):
        if hasattr(given, "to_numpy"):
            given = given.to_numpy()
        try:
            held = np.asarray(given)
            # A copy of what may not be written to, so that torch need not warn of it.
            given = torch.from_numpy(held if held.flags.writeable and held.flags.owndata else held.copy())
        except (TypeError, ValueError, RuntimeError) as error:
            raise ChoiceError(f"{name} is a {type(given).__name__} that is no array of numbers: {error}") from None
    if given.is_complex():
        raise ChoiceError(f"{name} is complex, and real numbers are wanted; use its real part.")
    return given.double() if given.dtype == torch.bool else given


def as_numbers(name: str, given: Any) -> Tensor:
    """The same in single precision at least.

    Raises:
        ChoiceError: these are no real numbers, or some are NaN.
    """
    held = as_tensor(name, given)
    found = held.to(torch.promote_types(held.dtype, torch.float32)) if held.is_floating_point() else held.double()
    if bad := int(found.isnan().sum()):
        raise ChoiceError(
            f"{name} holds {bad} values that are NaN (of {found.numel()}), and what follows from them would be NaN "
            "too. Leave those rows out, and ask `wald why` where they come from."
        )
    return found


def as_row_weights(given: Any, rows: int) -> Tensor | None:
    """One weight a row in float64, or None.

    Raises:
        ChoiceError: there is not one for each row, or one is negative or not finite, or all are 0.
    """
    if given is None:
        return None
    weight = as_numbers("weight", given).double()
    if weight.shape != (rows,):
        raise ChoiceError(f"weight is one number for each of {rows} rows; got {tuple(weight.shape)}.")
    if not bool(weight.isfinite().all()) or bool((weight < 0).any()) or not float(weight.sum()) > 0:
        raise ChoiceError("weight holds numbers from 0, finite and not all 0: weight k counts a row k times.")
    return weight
