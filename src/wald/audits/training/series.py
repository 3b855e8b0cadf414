"""Numbers that were logged one after another: their drift, and how two of them move together.

Two logs that have nothing to do with each other look related, because each wanders: of independent random walks of
100 steps more than half correlate "significantly". So nothing here looks at levels, only at how they change.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import torch
from torch import Tensor

from .trials import student

#: Pieces that a log is cut into.
_PIECES = 8


@dataclass(frozen=True)
class Drift:
    """How far a log went from its beginning to its end.

    Attributes:
        change: the sum of the changes, over the whole length.
        interval: its 95 % interval, right for a random walk and wide for noise about a line.
    """

    change: float
    interval: tuple[float, float]

    @property
    def up(self) -> bool:
        """Surely upwards."""
        return self.interval[0] > 0

    @property
    def down(self) -> bool:
        """Surely downwards."""
        return self.interval[1] < 0


def drift(values: Tensor, *, level: float = 0.95, pieces: int = _PIECES) -> Drift:
    """The drift of a log, from the means of its pieces, with an interval of this level.

    Neighbouring pieces of a random walk share half of the walk between them, so the steps from mean to mean are
    alike (a correlation of 1/4), for which Student's interval is widened.
    """
    values = values.double()
    pieces = min(pieces, len(values) // 2)
    if pieces < 4:
        return Drift(float(values[-1] - values[0]) if len(values) else 0.0, (-inf, inf))
    means = torch.stack([one.mean() for one in values.tensor_split(pieces)])
    steps = means.diff()
    many = len(steps)
    # The variance of the sum of such steps, over what their sample variance estimates.
    widened = sqrt((many - 1 / 3) / many / (2 / 3 - 1 / (3 * many)))
    # From the middle of the first piece to the middle of the last is less than the whole length.
    whole = len(values) / (len(values) - len(values) / pieces)
    change = whole * float(means[-1] - means[0])
    half = whole * student(many - 1, level) * widened * float(steps.std()) * sqrt(many)
    return Drift(change, (change - half, change + half))


def together(first: Tensor, second: Tensor) -> tuple[float, tuple[float, float]]:
    """The rank correlation of the changes of two logs, with an interval that knows that neighbours are alike.

    Ranks, because a log has spikes. Where both logs remember, they agree by chance more often: their changes count
    for as many as Bartlett 1935, doi:10.2307/2342284, says.
    """
    a, b = ranks(first.double().diff()), ranks(second.double().diff())
    value = float(_correlation(a, b))
    many = len(a)
    if many < 8 or value != value:
        return value, (-inf, inf)
    memory = sum(_memory(a, lag) * _memory(b, lag) for lag in range(1, max(2, round(many**0.5)) + 1))
    known = max(4.0, many / max(1.0, 1 + 2 * memory))
    # Fisher's scale, on which the spread is the same everywhere; 1.06 is for ranks (Fieller et al. 1957).
    half = student(max(2, round(known) - 2)) * sqrt(1.06 / max(1.0, known - 3))
    at = torch.atanh(torch.tensor(value, dtype=torch.float64).clamp(-0.999999, 0.999999))
    low, high = torch.tanh(torch.stack([at - half, at + half])).tolist()
    return value, (low, high)


def _memory(values: Tensor, lag: int) -> float:
    """The correlation of a log with itself, so many places later."""
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).sum() / centred.square().sum().clamp_min(1e-300))


def runs(rows: int, draws: int, source: torch.Generator) -> Tensor:
    """Places (draws, rows) in runs of random length, about the cube root of the rows.

    Politis & Romano 1994, doi:10.1080/01621459.1994.10476870.
    """
    length = max(2, round(rows ** (1 / 3)))
    fresh = torch.rand(draws, rows, generator=source) < 1 / length
    fresh[:, 0] = True
    place = torch.arange(rows).expand(draws, rows)
    begun = torch.where(fresh, place, 0).cummax(-1).values
    drawn = torch.randint(rows, (draws, rows), generator=source)
    return (drawn.gather(1, begun) + place - begun) % rows


def smooth(values: Tensor, window: int) -> Tensor:
    """Means over a window about each place, shorter at the ends; (..., n) → (..., n)."""
    half = window // 2
    total = torch.nn.functional.pad(values.double().cumsum(-1), (1, 0))
    place = torch.arange(values.shape[-1])
    # As far to the left as to the right, so that a slope is left alone.
    reach = torch.minimum(torch.minimum(place, values.shape[-1] - 1 - place), torch.tensor(half))
    low, high = place - reach, place + reach + 1
    return (total[..., high] - total[..., low]) / (high - low)


def ranks(values: Tensor) -> Tensor:
    """The rank of each value, ties in the middle; (n,) → (n,) float64."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts.double() - 1) / 2)[inverse]


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    return (a * b).sum(-1) / (a.square().sum(-1) * b.square().sum(-1)).sqrt()
