"""Where a log turns: how far it drifts late in a training, whenever that begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...findings import Controls
from ..evidence import Evidence
from ..statistics import percentiles
from .series import Drift, drift, runs, smooth

#: Where a training may turn: its last three quarters and its last half are looked at on their own.
TURNS = (0.25, 0.5)

#: Fewer epochs than this show nothing.
FEWEST = 12


@dataclass(frozen=True)
class Part:
    """What happened from one epoch to the end."""

    since: int
    first: Drift
    second: Drift


def turns(first: Tensor, second: Tensor) -> list[Part]:
    """What both did in the last part of the training, for each way to cut it; intervals hold for all at once."""
    level = 1 - 0.05 / len(TURNS)
    found: list[Part] = []
    for turn in TURNS:
        since = int(turn * len(first))
        if len(first) - since >= FEWEST // 2 + 2:
            found.append(Part(since, drift(first[since:], level=level), drift(second[since:], level=level)))
    return found


def surest(parts: Sequence[Part]) -> Part:
    """The part in which the second log most surely rises."""
    return max(parts, key=lambda one: one.second.interval[0])


def turn_controls(evidence: Evidence, lost: Tensor, least: float) -> Controls:
    """Whether a rise in the second half is found, and whether changes without a direction stay quiet."""
    source = evidence.random("turn controls")
    level = 1 - 0.05 / len(TURNS)
    half = lost[len(lost) // 2 :]
    flat = half - _line(half)
    unseen = drift(flat, level=level).interval[1]
    if unseen == torch.inf:
        return Controls()
    # As large as this log's own unrest allows to be seen, and twice what matters at least.
    size = 2 * max(least, unseen)
    rise = torch.linspace(0, 1, len(half), dtype=torch.float64)
    loud = drift(flat + size * rise, level=level)
    change = lost.diff()
    change = change - change.mean()
    walk = torch.nn.functional.pad(change[torch.randperm(len(change), generator=source)].cumsum(0), (1, 0))
    # A wider interval than the test has: a control must not cry wolf itself.
    return Controls(positive=loud.interval[0] > least, negative=not drift(walk, level=0.995).up)


def _line(values: Tensor) -> Tensor:
    """The straight line through a log, less its beginning."""
    place = torch.arange(len(values), dtype=torch.float64)
    centred = place - place.mean()
    return (centred @ values / centred.square().sum()) * place


def best_place(evidence: Evidence, lost: Tensor, window: int) -> tuple[int, int]:
    """Where the best epoch could be."""
    level = smooth(lost, window)
    left = lost - level
    drawn = runs(len(lost), 400, evidence.random("onset"))
    best = smooth(level + left[drawn], window).argmin(-1).double()
    low, high = percentiles(best)
    return int(low), int(high)
