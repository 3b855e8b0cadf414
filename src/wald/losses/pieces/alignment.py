"""Alignments of two series: which moment of one belongs to which moment of the other."""

from __future__ import annotations

import torch
from torch import Tensor

#: Stands for a place outside the table: so dear that no way leads through it, and finite, so that slopes are.
_OUTSIDE = 1e10


def softest_way(costs: Tensor, gamma: float, other: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """The soft minimum over all ways through a table of costs, from its first corner to its last.

    A way goes one step ahead in either series or in both. The soft minimum of numbers z is -γ log Σ exp(-z / γ); it is
    below the least of them. All places on one anti-diagonal are worked out at once.

    Args:
        costs: (*batch, rows, columns), what it costs to match two moments.
        gamma: how soft; as it goes to 0 the least cost of a way is left.
        other: numbers of the same shape. What is returned beside the minimum is how fast it changes as the costs
            change by these numbers: their sum along a way, on average over the ways.
    """
    rows, columns = costs.shape[-2:]
    # Each row is shifted by its number, so that an anti-diagonal becomes a column.
    before = two_before = _edge(costs, rows)
    change = two_changes = None if other is None else torch.zeros_like(before)
    for step in range(rows + columns - 1):
        low, high = max(0, step - columns + 1), min(rows, step + 1)
        place = torch.arange(low, high, device=costs.device)
        cost = costs[..., place, step - place]
        if step == 0:
            total, moved = cost, None if other is None else other[..., place, step - place]
        else:
            # From above, from the left, and from both; place k of an edge holds row k - 1.
            ways = torch.stack([before[..., low:high], before[..., low + 1 : high + 1], two_before[..., low:high]], -1)
            least = ways.amin(-1, keepdim=True).detach()
            total = cost + least.squeeze(-1) - gamma * torch.logsumexp((least - ways) / gamma, -1)
            moved = None
            if other is not None and change is not None and two_changes is not None:
                share = torch.softmax((least - ways) / gamma, -1)
                changes = torch.stack(
                    [change[..., low:high], change[..., low + 1 : high + 1], two_changes[..., low:high]], -1
                )
                moved = other[..., place, step - place] + (share * changes).sum(-1)
        two_before, before = before, _framed(total, low, rows, _OUTSIDE)
        if moved is not None:
            two_changes, change = change, _framed(moved, low, rows, 0.0)
    return before[..., -1], None if change is None else change[..., -1]


def _edge(costs: Tensor, rows: int) -> Tensor:
    return costs.new_full((*costs.shape[:-2], rows + 1), _OUTSIDE)


def _framed(values: Tensor, low: int, rows: int, filling: float) -> Tensor:
    """The values of an anti-diagonal in a line of all rows, with a place before the first."""
    return torch.nn.functional.pad(values, (low + 1, rows - low - values.shape[-1]), value=filling)


def squared_differences(a: Tensor, b: Tensor) -> Tensor:
    """The square of every difference of two series: (*batch, time of a, time of b)."""
    return (a.unsqueeze(-1) - b.unsqueeze(-2)).square()
