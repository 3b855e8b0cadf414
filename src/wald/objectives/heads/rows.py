"""Rows of vectors, as several heads keep them: where they begin, and products with them."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core import DomainError, DtypeError, ShapeError
from ...core.admission import visible
from ...losses.pieces.distance import direction


def directions_at_random(*shape: int, seed: int) -> Tensor:
    """Vectors of length 1 that fill the sphere evenly, the same for a seed on every machine and in every process."""
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), device="cpu", dtype=torch.float32)
    return direction(drawn).to(torch.get_default_device(), torch.get_default_dtype())


def widened(x: Tensor, *others: Tensor) -> torch.dtype:
    """The dtype to compute in: the widest of these, and single precision or more."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    for other in others:
        dtype = torch.promote_types(dtype, other.dtype)
    return dtype


def products(x: Tensor, rows: Tensor) -> Tensor:
    """The products of vectors with rows, (*batch, rows), in single precision or wider."""
    dtype = widened(x, rows)
    # Autocast would compute them in half precision, in which neighbours among many rows are the same number.
    with torch.autocast(x.device.type, enabled=False):
        return x.to(dtype) @ rows.to(dtype).mT


def unit(x: Tensor) -> Tensor:
    """Vectors at length 1, in single precision or wider."""
    return direction(x.to(widened(x)))


def refuse_vectors(head: str, name: str, x: Tensor, features: int) -> None:
    """Raise unless `x` is (*batch, features) and of floats.

    Raises:
        DtypeError: it is not of floats.
        ShapeError: it has another number of features.
    """
    if not x.is_floating_point():
        raise DtypeError(f"{head}: {name} is {x.dtype}, and vectors are floats. Use {name}.float().")
    if x.ndim == 0 or x.shape[-1] != features:
        raise ShapeError(
            f"{head}: {name} {tuple(x.shape)} must be (*batch, {features}), as this head was made for {features} "
            "features. Make it for as many as the model gives."
        )


def refuse_labels(head: str, label: Tensor, classes: int) -> None:
    """Raise unless labels are class ids; values are looked at where looking is free.

    Raises:
        DomainError: one is below 0 or has no class.
        DtypeError: they are no whole numbers.
    """
    if label.is_floating_point() or label.is_complex() or label.dtype == torch.bool:
        raise DtypeError(f"{head}: label is {label.dtype}, and class ids are whole numbers. Use label.long().")
    if visible(label) and label.numel() and (label.min() < 0 or label.max() >= classes):
        raise DomainError(
            f"{head}: label lies between {label.min().item()} and {label.max().item()}, and there are classes 0 to "
            f"{classes - 1}. For rows that a mask leaves out give any class: label.clamp(min=0)."
        )


def refuse_count(head: str, **counts: int) -> None:
    """Raise unless all of these are whole numbers from 1 on.

    Raises:
        ValueError: one is not, with its name.
    """
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"{head}: {name} must be a whole number from 1 on, got {count!r}")


def refuse_share(head: str, name: str, share: float) -> None:
    """Raise unless this is a number from 0 to 1.

    Raises:
        ValueError: it is not.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{head}: {name} must be a number from 0 to 1, got {share!r}")
