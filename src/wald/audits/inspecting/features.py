"""What describes a row: its inputs as plain numbers, or what the last layer of a model makes of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..evidence import in_use

#: Rows that go through the model at once.
_BATCH = 4096

#: More numbers a row than this are projected at random, which keeps distances (Johnson & Lindenstrauss 1984).
_MOST = 256

#: Columns whose random mixtures are made at once, so that images need no more memory than tables.
_AT_ONCE = 4_000_000


def described(inputs: Tensor, source: torch.Generator, *, tokens: int | None = None) -> Tensor:
    """Numbers of mean 0 and spread 1 that describe each row: (rows, ...) → (rows, at most 256), float64.

    Columns that never vary are left out. Rows of token numbers are described by how often each token occurs.
    """
    rows = inputs.detach().cpu()
    flat = counted(rows, tokens) if tokens is not None else rows.reshape(len(rows), -1)
    return standardised(mixed(standardised(flat), source))


def counted(rows: Tensor, tokens: int) -> Tensor:
    """How often each token occurs in a row, on a logarithmic scale: (rows, length) → (rows, tokens)."""
    ids = rows.reshape(len(rows), -1).long().clamp(0, tokens - 1)
    found = torch.zeros(len(ids), tokens)
    return found.scatter_add_(1, ids, torch.ones(ids.shape)).log1p()


def standardised(columns: Tensor) -> Tensor:
    """Columns of mean 0 and spread 1, without those that never vary."""
    exact = columns.double()
    if exact.shape[1] == 0:
        return exact
    spread = exact.std(0, correction=0)
    varies = spread > 1e-9 * exact.abs().amax(0).clamp_min(1e-300)
    return (exact[:, varies] - exact[:, varies].mean(0)) / spread[varies]


def mixed(columns: Tensor, source: torch.Generator, most: int = _MOST) -> Tensor:
    """Random mixtures of the columns, so few that distances between rows are cheap."""
    width = columns.shape[1]
    if width <= most:
        return columns
    found = torch.zeros(len(columns), most, dtype=columns.dtype)
    for part in columns.split(max(1, _AT_ONCE // most), dim=1):
        found += part @ torch.randn(part.shape[1], most, generator=source, dtype=columns.dtype)
    return found / most**0.5


def penultimate(model: object, inputs: Tensor) -> Tensor | None:
    """What the last linear layer of a module is given for each row, (rows, features) float64; None where it has none.

    The module is asked in evaluation mode, and its hooks and modes are as before afterwards.
    """
    if not isinstance(model, nn.Module):
        return None
    layers = [part for part in model.modules() if isinstance(part, nn.Linear)]
    seen: dict[int, Tensor] = {}

    def keep(layer: nn.Module, given: tuple[Any, ...]) -> None:
        # The layer that is called last stands last, whatever the order in which layers were made.
        seen.pop(id(layer), None)
        seen[id(layer)] = given[0].detach()

    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    parts: list[Tensor] = []
    try:
        with torch.no_grad(), in_use(model):
            for part in inputs.split(_BATCH):
                seen.clear()
                model(part)
                last = next(reversed(seen.values()), None)
                if last is None or len(last) != len(part):
                    return None
                parts.append(last.reshape(len(part), -1).cpu().double())
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat(parts)
