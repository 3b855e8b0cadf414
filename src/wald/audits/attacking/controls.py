"""Models of which the worst case is known: the attack must reach it, and find nothing where there is nothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ...findings import Controls
from ..costing.space import Binary
from .record import Record
from .searching import wander
from .threat import Threat
from .union import Effort, by_slopes
from .victim import Victim

#: The share of rows that the attack may leave standing beyond what can stand.
NEAR = 0.01

_ROWS = 400


def linear(victim: Victim, weight: Tensor, source: torch.Generator, *, size: float = 1.0) -> Victim:
    """A linear model of known weights on the same inputs, right about most of its own labels, under the log loss.

    Args:
        victim: whose inputs they are.
        weight: one number for each entry.
        source: of the labels' noise.
        size: how large the scores are.
    """
    inputs = victim.inputs
    flat = inputs.reshape(len(inputs), -1)
    weight = weight.to(flat)
    middle, spread = (flat @ weight).median(), (flat @ weight).double().std(correction=0).clamp_min(1e-12).to(flat)
    side = (flat @ weight - middle) / spread
    noise = torch.randn(len(flat), generator=source).to(flat)
    target = (side + 0.5 * noise > 0).to(flat.dtype)

    def score(x: Tensor) -> Tensor:
        return size * (x.reshape(len(x), -1) @ weight - middle) / spread

    return Victim(score, inputs, target, log_loss, Binary())


def log_loss(score: Tensor, target: Tensor) -> Tensor:
    """The log loss of a logit."""
    return functional.softplus(-(2 * target - 1) * score)


def attack_controls(victim: Victim, threat: Threat, effort: Effort, source: torch.Generator) -> Controls:
    """A linear model, attacked to its closed form, and a constant one, which nothing can move."""
    few = victim.part(victim.everyone[:_ROWS])
    whole = threat.relaxed()
    if not whole.movable:
        return Controls()
    region = whole.region(few.inputs, 1.0)
    movable = (whole.scale > 0).reshape(-1).nonzero()[:, 0]
    weight = torch.zeros(whole.scale.numel(), device=few.inputs.device)
    # Without slopes only few features can be searched to the end in the time there is.
    many = len(movable) if victim.has_slope else min(3, len(movable))
    used = movable[torch.randperm(len(movable), generator=source).to(movable.device)[:many]]
    weight[used] = torch.randn(many, generator=source).to(weight) / whole.scale.reshape(-1)[used].to(weight)
    straight = linear(few, weight, source)
    low, high = (end.reshape(len(few.inputs), -1).nan_to_num(0.0, 0.0, 0.0) for end in (region.low, region.high))
    weight = weight.to(low)
    ends = torch.where(straight.target[:, None] > 0.5, torch.where(weight > 0, low, high),
                       torch.where(weight > 0, high, low))  # fmt: skip
    sides = 2 * straight.target - 1
    standing = float((sides * straight.forward(ends) > 0).double().mean())

    def constant(x: Tensor) -> Tensor:
        return (x.reshape(len(x), -1) * 0).sum(-1) + 1

    def left(model: Victim) -> tuple[float, float]:
        record = Record(model)
        before = float((record.harm < 0).double().mean())
        if victim.has_slope:
            by_slopes(record, region, Effort(effort.steps, 0, 0, 0), source)
        else:
            wander(record, region, model.lead, model.everyone, guesses=effort.guesses, source=source)
        return before, float((record.harm < 0).double().mean())

    _, reached = left(straight)
    before, after = left(Victim(constant, few.inputs, straight.target, log_loss, Binary()))
    return Controls(positive=abs(reached - standing) <= NEAR, negative=before == after)
