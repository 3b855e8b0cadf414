"""The inverse of a loss of yes and no.

Where a score z is the best for a chance η of yes, the expected loss is level: η ℓ'(z, yes) + (1 - η) ℓ'(z, no) = 0. So
the log-odds of the chance are log ℓ'(z, no) - log(-ℓ'(z, yes)), in closed form for every loss that has slopes. What has
to be measured is where that holds: a score must be the best there is for its chance, and no other chance may share it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from .slopes import Foreign, slopes
from .undo import Undo

#: Scores that are looked at, each way, and their distance. For a probability these are its log-odds.
_FAR: Final = 30.0
_STEP: Final = 0.01

#: A loss that is certain at a finite score is followed to this chance only: beyond it stands no evidence.
_CERTAIN: Final = 13.8

#: The log-odds that must be told apart, for probabilities to be worth reading.
_NEEDED: Final = 3.0


class NotInvertible(Exception):  # noqa: N818  (it says what is so; the reason is its message)
    """The chance cannot be read from the best score."""


@dataclass(frozen=True)
class Stationary(Undo):
    """Log-odds from the slopes of the loss, carried on in a straight line beyond the scores that it can tell apart.

    Attributes:
        loss: the loss.
        probability: whether raw predictions are probabilities; they are then looked at in their log-odds.
        low: the lowest score at which this holds, one for each label where labels differ.
        high: the highest.
        below: the slope with which log-odds go on below `low`.
        above: above `high`.
    """

    loss: Foreign
    probability: bool
    low: tuple[float, ...]
    high: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]

    @property
    def several(self) -> bool:
        """Every entry is a yes or no of its own."""
        return False

    @property
    def columns(self) -> int | None:
        """The labels, where each has an inverse of its own."""
        return None if len(self.low) == 1 else len(self.low)

    def logits(self, raw: Tensor) -> Tensor:
        """The log-odds for which each score would be the best."""
        score = torch.logit(raw, eps=1e-15) if self.probability else raw
        low, high, below, above = (raw.new_tensor(end) for end in (self.low, self.high, self.below, self.above))
        inside = torch.maximum(torch.minimum(score, high), low)
        found = log_odds(self.loss, torch.sigmoid(inside) if self.probability else inside)
        # Where nothing is beyond, 0 × ∞ must not be either.
        short, over = (score - low).clamp_max(0), (score - high).clamp_min(0)
        return found + below * short + above * over


def log_odds(loss: Foreign, raw: Tensor) -> Tensor:
    """The log-odds for which the expected loss is level at each raw prediction; NaN where there are none."""
    yes, no = slopes(loss, raw)
    return no.log() - (-yes).log()


def inverse_of_one(loss: Foreign, *, probability: bool, labels: int = 1) -> Stationary:
    """The inverse of a loss of yes and no, once it is known to have one.

    Args:
        loss: separable, of a score or a probability for every entry.
        probability: whether it takes probabilities.
        labels: the entries of a row that have fields of their own, such as a weight each.

    Raises:
        NotInvertible: it has none; the message is the reason.
    """
    score = torch.arange(-_FAR, _FAR + _STEP / 2, _STEP, dtype=torch.float64)
    score = score[:, None].expand(-1, labels).contiguous()
    yes, no = slopes(loss, torch.sigmoid(score) if probability else score)
    ends = [_followed(loss, probability, score, yes, no, label) for label in range(labels)]
    low, high, below, above = (tuple(column) for column in zip(*ends, strict=True))
    return Stationary(loss, probability, low, high, below, above)


def _followed(
    loss: Foreign, probability: bool, score: Tensor, yes: Tensor, no: Tensor, label: int
) -> tuple[float, float, float, float]:
    """From where to where one label's inverse holds, and how it goes on beyond."""
    z, up, down = score[:, label], yes[:, label], no[:, label]
    logit = (down.log() - (-up).log()).masked_fill(~((up < 0) & (down > 0)), torch.nan)
    told = logit.isfinite() & _best(z, up, down, logit)
    first, last, middle = _run(z, told, logit)
    held = logit[first : last + 1]
    if held[0] > -_NEEDED or held[-1] < _NEEDED:
        low, high = (f"{float(torch.sigmoid(end)):.2g}" for end in (held[0], held[-1]))
        raise NotInvertible(f"its best scores tell chances apart between {low} and {high} only")

    def odds(at: float) -> float:
        row = torch.zeros_like(score[:1])
        row[0, label] = at
        return float(log_odds(loss, torch.sigmoid(row) if probability else row)[0, label])

    typical = float(logit[min(middle + 1, last)] - logit[max(middle - 1, first)]) / float(
        z[min(middle + 1, last)] - z[max(middle - 1, first)]
    )
    low, below = _end(odds, z, logit, first, middle, typical)
    high, above = _end(odds, z, logit, last, middle, typical)
    return low, high, below, above


def _best(z: Tensor, yes: Tensor, no: Tensor, logit: Tensor) -> Tensor:
    """Whether each score costs no more than any other, at the chance for which its expected loss is level."""
    step = float(z[1] - z[0])

    def summed(slope: Tensor) -> Tensor:
        held = slope.nan_to_num(0.0, 0.0, 0.0)
        return torch.cat([z.new_zeros(1), ((held[1:] + held[:-1]) * (step / 2)).cumsum(0)])

    on, off = summed(yes), summed(no)
    kept, found = logit.isfinite() & (logit.abs() < 20), logit.isfinite()
    chance = torch.sigmoid(logit[kept])[:, None]
    # Another minimum that is lower shows at every tenth score as well as at all of them.
    least = (chance * on[::10] + (1 - chance) * off[::10]).amin(1)
    here = chance[:, 0] * on[kept] + (1 - chance[:, 0]) * off[kept]
    size = min(1.0, float(on.max() - on.min()), float(off.max() - off.min()))
    found[kept] = here - least <= 4e-4 * size * (chance * (1 - chance))[:, 0]
    return found


def _run(z: Tensor, told: Tensor, logit: Tensor) -> tuple[int, int, int]:
    """The longest stretch of neighbouring scores that tell something, and where in it chances are most even."""
    if not bool(told.any()):
        raise NotInvertible("no score is the best for any chance between 0 and 1")
    edges = torch.cat([told.new_zeros(1), told, told.new_zeros(1)]).int().diff()
    starts, stops = (edges == 1).nonzero()[:, 0], (edges == -1).nonzero()[:, 0] - 1
    longest = int((stops - starts).argmax())
    first, last = int(starts[longest]), int(stops[longest])
    middle = first + int(logit[first : last + 1].abs().argmin())
    # Far out the best scores of many chances may be as good as one.
    still = (logit[first : last + 1].diff() <= 1e-9).nonzero()[:, 0] + first
    here = still[((still == middle) | (still == middle - 1))]
    if first == last or len(here) or middle in (first, last):
        raise NotInvertible(_flat(z, logit, first, last))
    return (
        max([first, *(int(one) + 1 for one in still if one < middle)]),
        min([last, *(int(one) for one in still if one > middle)]),
        middle,
    )


def _flat(z: Tensor, logit: Tensor, first: int, last: int) -> str:
    if last - first < 2:
        return "no score is the best for any chance between 0 and 1"
    held = logit[first : last + 1]
    place = first + int(held.diff().argmin())
    chance = float(torch.sigmoid(logit[place]))
    if float(held.max() - held.min()) < 1e-6:
        here = f"all scores from {float(z[first]):.3g} to {float(z[last]):.3g} are the best"
    else:
        here = f"scores of {float(z[place]):.3g} and {float(z[place + 1]):.3g} are both the best"
    return f"{here} for a chance of {chance:.2g}, so a score does not say how likely a yes is"


def _end(
    odds: Callable[[float], float], z: Tensor, logit: Tensor, end: int, middle: int, typical: float
) -> tuple[float, float]:
    """An end of what can be told, and the slope with which log-odds go on beyond it."""
    if end in (0, len(z) - 1):
        inner = end + (1 if end == 0 else -1)
        return float(z[end]), float((logit[end] - logit[inner]) / (z[end] - z[inner]))
    sign = 1.0 if end > middle else -1.0
    inside = float(z[end])
    if sign * float(logit[end]) > _CERTAIN:
        held = (logit[min(end, middle) : max(end, middle) + 1].abs() <= _CERTAIN).nonzero()[:, 0] + min(end, middle)
        inside = float(z[int(held.max() if sign > 0 else held.min())])
    outside = inside + sign * _STEP
    for _ in range(60):
        half = (inside + outside) / 2
        at = odds(half)
        if sign * at <= _CERTAIN:
            inside = half
        else:
            outside = half
    step = -1 if sign > 0 else 1
    local = float((logit[end] - logit[end + step]) / (z[end] - z[end + step]))
    return inside, min(typical, local)
