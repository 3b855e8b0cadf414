"""Rates of classes: how often each is true where a model was trained, and where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...cards import numbers
from ..errors import ChoiceError
from .arrays import as_numbers, as_row_weights


def as_rates(name: str, given: Any) -> Tensor:
    """The rates of the classes in float64, (classes,); a single number is the rate of yes.

    Raises:
        ChoiceError: they are not between 0 and 1, or do not add to 1.
    """
    if isinstance(given, Mapping):
        try:
            given = numbers(given)
        except (TypeError, ValueError) as error:
            raise ChoiceError(f"{name}: {error}") from None
    found = as_numbers(name, given).double()
    if found.ndim == 0:
        if not 0 < float(found) < 1:
            hint = f" Did you mean {float(found) / 100:g}?" if 1 <= float(found) < 100 else ""
            raise ChoiceError(f"{name} is the share of yes, between 0 and 1; got {float(found):g}.{hint}")
        return torch.stack([1 - found, found])
    if found.ndim != 1 or len(found) < 2:
        raise ChoiceError(f"{name} is one number, or one for each class; got shape {tuple(found.shape)}.")
    if bool((found <= 0).any()):
        raise ChoiceError(
            f"{name} has a class with a rate of {float(found.min()):g}: a class that never occurs cannot be predicted. "
            "Leave it out, or give it a small rate."
        )
    total = float(found.sum())
    if abs(total - 1) > 1e-3:
        raise ChoiceError(
            f"{name} are the rates of the classes, which add to 1; they add to {total:g}. For counts, divide them by "
            "their sum."
        )
    return found / total


def counted(target: Any, weight: Any = None, classes: int | None = None) -> Tensor:
    """How much of each class there is, (classes,): class numbers, yes and no, or names in sorted order.

    Raises:
        ChoiceError: they are no classes, or there is only one.
    """
    held = target.detach().cpu().numpy() if isinstance(target, Tensor) else np.asarray(target)
    if held.ndim != 1 or not len(held):
        raise ChoiceError(f"target is one class a row, (rows,); got shape {held.shape}.")
    if held.dtype.kind in "fc" and not bool(np.all(np.isfinite(held) & (held == np.round(held)))):
        raise ChoiceError("target are classes: whole numbers or names; these are numbers that are not whole, or NaN.")
    if held.dtype.kind in "iufb" and float(held.min()) >= 0:
        ids = held.astype(np.int64)
    else:
        ids = np.unique(held, return_inverse=True)[1].reshape(-1)
    mass = as_row_weights(weight, len(ids))
    found = torch.bincount(
        torch.from_numpy(ids.copy()),
        mass if mass is not None else torch.ones(len(ids)).double(),
        minlength=classes or 2,
    )
    if bool((found <= 0).any()):
        empty = [k for k in range(len(found)) if found[k] <= 0]
        raise ChoiceError(
            f"no row of target is of class {', '.join(map(str, empty[:5]))}, so nothing can be said of its rate. Give "
            "the rates themselves: trained=..., actual=..."
        )
    return found


def as_class_weight(given: Any, target: Any, classes: int | None) -> Tensor:
    """One weight for each class in float64: "balanced", a mapping or a list.

    Raises:
        ChoiceError: "balanced" without targets, or a weight that is not positive.
    """
    if isinstance(given, str):
        if given != "balanced":
            raise ChoiceError(f'class_weight is "balanced", or one number for each class; got {given!r}.')
        if target is None:
            raise ChoiceError(
                'class_weight="balanced" weights by the counts of the training rows, so these are needed: '
                "target=the labels that the model was trained on."
            )
        held = counted(target, classes=classes)
        return held.sum() / (len(held) * held)
    try:
        found = torch.tensor(numbers(given), dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise ChoiceError(f"class_weight: {error}") from None
    if len(found) < 2 or not bool((found.isfinite() & (found > 0)).all()):
        raise ChoiceError(f"class_weight is one positive number for each of at least two classes; got {given!r}.")
    return found
