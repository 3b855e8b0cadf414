"""Can the attack itself be trusted?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

import torch
from torch import Tensor

from .ascent import ascend, random_start
from .record import Record
from .searching import wander
from .threat import Threat
from .union import Effort, by_slopes
from .victim import Victim

#: Rows that the self-checks look at.
ROWS = 200

#: By this share of the rows a search without slopes may break more than slopes do.
BLIND = 0.005
#: Slopes may be off by this share, at half of the points.
SLOPE = 0.2
#: Runs from other random starts may differ by this share of the rows.
LUCK = 0.05

_POINTS, _STEPS, _SEEDS = 20, 20, 3


@dataclass(frozen=True)
class Check:
    """One thing that must hold if the attack is to be believed.

    Attributes:
        name: what is looked at.
        value: what came out.
        bound: the most that is right.
        says: what is wrong if it is more.
    """

    name: str
    value: float
    bound: float
    says: str

    @property
    def tripped(self) -> bool:
        """Whether it speaks against the attack."""
        return not self.value <= self.bound


def self_checks(victim: Victim, threat: Threat, effort: Effort, source: torch.Generator) -> list[Check]:
    """Six looks at the attack by slopes, on a few rows; none where the model has no slopes."""
    if not victim.has_slope:
        return []
    few = victim.part(
        torch.randperm(len(victim.inputs), generator=source)[:ROWS].sort().values.to(victim.inputs.device)
    )
    whole = threat.relaxed()
    if not whole.movable:
        return []
    found = [
        _blind(few, whole, effort, source),
        _monotone(few, whole),
        _unlimited(few, threat.unbound()),
        _luck(few, whole, source),
        _differences(few, whole, source),
    ]
    return [check for check in found if check is not None]


def _blind(victim: Victim, threat: Threat, effort: Effort, source: torch.Generator) -> Check:
    """A search that needs no slopes must not find more than slopes do."""
    region = threat.region(victim.inputs, 1.0)
    seeing, blind = Record(victim), Record(victim)
    lighter = Effort(min(effort.steps, 40), 0, min(effort.rivals, 3), 0)
    by_slopes(seeing, region, lighter, source)
    wander(blind, region, victim.lead, victim.everyone, guesses=effort.guesses, source=source)
    if victim.ceiling is not None:
        rows = len(victim.inputs)
        more = int(((blind.harm >= victim.ceiling) & (seeing.harm < victim.ceiling)).sum())
        # A single row is no evidence.
        value = more / rows if more > 1 else 0.0
        return Check("rows that only a search without slopes breaks", value, BLIND,
                     f"a search without slopes breaks {more} of {rows} rows that slopes do not")  # fmt: skip
    plain, best, other = (float(one.mean()) for one in (Record(victim).most, seeing.most, blind.most))
    value = (other - best) / max(abs(best - plain), 1e-3 * abs(best), 1e-12)
    return Check("what a search without slopes finds beyond slopes", value, 0.02,
                 f"a search without slopes finds more loss ({other:.3g}) than slopes do ({best:.3g})")  # fmt: skip


def _monotone(victim: Victim, threat: Threat) -> Check:
    """With more room an attack that begins anew must not find less."""
    means: list[float] = []
    for share in (0.25, 1.0, 2.0):
        record = Record(victim)
        region = threat.region(victim.inputs, share)
        ascend(record, region, victim.loss, victim.everyone, victim.inputs, steps=_STEPS, every=True)
        means.append(float(record.most.mean()))
    gain = max(means) - min(means)
    value = max(earlier - later for earlier, later in pairwise(means)) / max(gain, 1e-6 * abs(means[-1]), 1e-12)
    return Check("loss lost with more room", max(0.0, value), 0.02, "with more room the attack finds less loss")


def _unlimited(victim: Victim, threat: Threat) -> Check | None:
    """Without a limit, and every entry free, a model is no better than always saying the same."""
    if victim.space is None or victim.space.task == "regression" or victim.margin is None:
        return None
    region = threat.region(victim.inputs, inf)
    record = Record(Victim(victim.forward, victim.inputs, victim.target, victim.each, victim.space))
    for aim in (victim.loss, victim.margin):
        rows = victim.everyone[(record.harm < 0).to(victim.inputs.device)]
        ascend(record, region, aim, rows, victim.inputs[rows], steps=_STEPS)
    # Harm is the margin here: below 0 the row is still right.
    right = float((record.harm < 0).double().mean())
    _, counts = victim.target.unique(return_counts=True)
    chance = float(counts.amax()) / len(victim.target)
    return Check("right decisions left without a limit", right, chance + 0.02,
                 f"without any limit {right:.0%} of the rows stay right, where chance is {chance:.0%}")  # fmt: skip


def _luck(victim: Victim, threat: Threat, source: torch.Generator) -> Check:
    """Another random start must not change the result."""
    region = threat.region(victim.inputs, 1.0)
    shares: list[float] = []
    base = Record(victim)
    for _ in range(_SEEDS):
        record = Record(victim)
        start = random_start(region, victim.everyone, source)
        ascend(record, region, victim.lead, victim.everyone, start, steps=_STEPS)
        if victim.ceiling is not None:
            shares.append(float((record.harm >= victim.ceiling).double().mean()))
        else:
            shares.append(float((record.most - base.most).mean()))
    size = 1.0 if victim.ceiling is not None else max(max(map(abs, shares)), 1e-9 + 1e-3 * abs(float(base.most.mean())))
    value = (max(shares) - min(shares)) / size
    return Check(f"what {_SEEDS} random starts differ by", value, LUCK,
                 f"{_SEEDS} random starts differ by {value:.0%}")  # fmt: skip


def _differences(victim: Victim, threat: Threat, source: torch.Generator) -> Check:
    """Slopes must be what the model does when its inputs are moved a little."""
    rows = victim.everyone[:_POINTS]
    region = threat.region(victim.inputs, 1.0).part(rows)
    inputs = victim.inputs[rows]
    _, slope = victim.slope(victim.lead, inputs, rows)
    way = torch.where(torch.rand(inputs.shape, generator=source).to(inputs.device) < 0.5, -1.0, 1.0) * region.size
    # Half-precision scores are too coarse for a small move.
    little = 0.02 if torch.finfo(victim.plain.dtype).eps < 1e-5 else 0.3

    def lead(inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return victim.lead(victim.scores(inputs), rows).double()

    there, back = lead(inputs + little * way), lead(inputs - little * way)
    measured = (there - back) / (2 * little)
    claimed = (slope * way).reshape(len(rows), -1).double().sum(-1)
    size = torch.maximum(measured.abs(), claimed.abs())
    # Where nothing moves there is nothing to compare; rounding is not movement.
    noise = 1e-6 * there.abs().clamp_min(1.0) / little
    error = torch.where(size > noise, (measured - claimed).abs() / size.clamp_min(1e-300), 0.0)
    value = float(error.median())
    return Check("error of the slopes", value, SLOPE, f"slopes are off by {value:.0%} against finite differences")
