"""An attack from beginning to end: on numbers, or on tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from torch import Tensor

from ...findings import Controls
from ..evidence import Evidence
from .controls import attack_controls
from .curve import Curve, draw
from .effort import Plan, harder
from .masking import MASKED, calmed, masked
from .selfchecks import Check, self_checks
from .swap_checks import swap_checks, swap_controls
from .swaps import Text, draw_swaps
from .threat import Threat
from .union import strongest
from .victim import Victim

#: Rows in which slopes are looked for.
_FEW = 256


@dataclass(frozen=True, eq=False)
class Campaign:
    """What was done and found.

    Attributes:
        victim: what was attacked.
        curve: what was found.
        controls: how the attack did where the truth is known.
        checks: whether it is to be trusted.
        masked: the share of rows that only look safe.
        extent: how far inputs were moved, in words.
        axis: what the horizontal axis of the curve counts.
        reach: what one reach is on that axis.
        scale: what moves are measured in; None for tokens.
        moved: how many entries of a row could move.
        how: what was done, in words.
    """

    victim: Victim
    curve: Curve
    controls: Controls
    checks: Sequence[Check]
    masked: float
    extent: str
    axis: str
    reach: float
    scale: Tensor | None
    moved: int
    how: str

    @property
    def doubts(self) -> list[str]:
        """What speaks against it."""
        found = [check.says for check in self.checks if check.tripped]
        if self.masked > MASKED:
            found.append(f"{self.masked:.0%} of the rows have no slope to follow")
        return found


def on_numbers(evidence: Evidence, victim: Victim, plan: Plan) -> Campaign | None:
    """Attack real inputs, steps and categories; None where nothing can be moved."""
    threat = Threat.of(evidence)
    if not threat.movable:
        return None
    effort = plan.effort
    curve = draw(victim, threat, effort, evidence.random("attack"))
    checks = self_checks(victim, threat, effort, evidence.random("self-checks"))
    hidden = _hidden(victim, threat, evidence)
    if hidden > MASKED or any(check.tripped for check in checks):
        # Not trusted: try harder, and with the loss at calmer scores, before anything is said.
        region = threat.region(victim.inputs, 1.0)
        more = strongest(victim, region, harder(effort), evidence.random("harder"), further=[calmed(victim)])
        for share in (1.0, 2.0, inf):
            curve.found[share].absorb(more)
    unit = "standard deviations" if evidence.case.attack.scale is None else "multiples of its scale"
    slopes = "projected gradient ascent of the loss, of the margin and towards single classes"
    return Campaign(
        victim=victim,
        curve=curve,
        controls=attack_controls(victim, threat, effort, evidence.random("attack controls")),
        checks=checks,
        masked=hidden,
        extent=f"features move by at most {_extent(evidence)}",
        axis=f"largest move of a feature ({unit})",
        reach=threat.reach,
        scale=threat.scale,
        moved=threat.moved,
        how=f"{slopes if victim.has_slope else 'no gradient ascent (not possible: the model has no gradient)'}, and a "
        "random search without gradients",
    )


def on_tokens(evidence: Evidence, victim: Victim) -> Campaign | None:
    """Attack rows of token numbers by swaps; None where no position may change."""
    space = evidence.case.input_space
    assert space.tokens is not None  # noqa: S101  (asked before)
    swaps = max(1, round(evidence.case.attack.reach))
    fixed = space.places(space.immutable, evidence.case.features)
    text = Text.of(evidence.case.model, victim.inputs, swaps=swaps, tokens=space.tokens, fixed=fixed)
    if not bool(text.movable.any()):
        return None
    led = text.embedding is not None
    return Campaign(
        victim=victim,
        curve=draw_swaps(victim, text, evidence.random("attack")),
        controls=swap_controls(victim, text, evidence.random("attack controls")),
        checks=swap_checks(victim, text, evidence.random("self-checks")),
        masked=0.0,
        extent=f"at most {'one token' if swaps == 1 else f'{swaps} tokens'} of each row "
        f"{'is' if swaps == 1 else 'are'} swapped",
        axis="tokens swapped in a row",
        reach=float(swaps),
        scale=None,
        moved=int(text.movable.any(0).sum()),
        how="one swap after another, "
        + ("guessed by the slope at the embedding and tried" if led else "tried blindly"),
    )


def _hidden(victim: Victim, threat: Threat, evidence: Evidence) -> float:
    if not victim.has_slope:
        return 0.0
    few = victim.part(victim.everyone[:_FEW])
    flags = masked(few, threat.relaxed().region(few.inputs, 2.0), evidence.random("masked"))
    return float(flags.double().mean())


def _extent(evidence: Evidence) -> str:
    attack = evidence.case.attack
    if attack.scale is None:
        return f"{attack.reach:g} sd"
    moving = {one for one in attack.scale if one > 0}
    return f"{attack.reach * moving.pop():g}" if len(moving) == 1 else f"{attack.reach:g} of their scale"
