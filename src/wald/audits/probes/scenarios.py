"""Tail risk: what would be lost in shocks that were declared, whether or not the record holds one?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..trading import Trading, record, trading_of

QUESTION = "tail risk"


@dataclass(frozen=True)
class _Scenario:
    """A shock, and what it does to the capital at the position that it hits hardest.

    Attributes:
        name: the shock in words.
        worst: the worst return on capital of a single period.
        usual: the mean over all positions that were held.
        row: the period whose position was hit hardest.
        judged: whether the limit holds for it: a single period can be survived or not, a whole record cannot.
    """

    name: str
    worst: float
    usual: float
    row: int
    judged: bool = True


def measure(evidence: Evidence) -> Outcome:
    """Put every position that was held through every declared shock."""
    trading = trading_of(evidence)
    position, returns = evidence.prediction, evidence.target
    found = _played(trading, position, returns)
    worst = min((one for one in found if one.judged), key=lambda one: one.worst)
    effect = -worst.worst
    controls = _controls(trading, returns)
    state = judge(effect=effect, interval=(effect, effect), threshold=trading.limit, controls=controls)
    seen = float(record(evidence).min())
    ruin = ", which is all of it and a debt besides" if effect > 1 else ", which is all of it" if effect == 1 else ""
    says = (
        f"{worst.name} would take {effect:.0%} of the capital in one period{ruin}; the worst period on record took "
        f"{max(0.0, -seen):.1%}, and {trading.limit:.0%} is the limit"
        if effect > 0
        else f"no declared shock takes anything from the capital; the worst period on record took {max(0.0, -seen):.1%}"
    )
    finding = Finding(
        code="X101",
        state=state,
        question=QUESTION,
        says=says,
        fix="hold less, buy protection for the shock, or train with the shock among the rows; a record in which it "
        "never came cannot teach it",
        effect=effect,
        unit="of the capital",
        interval=(effect, effect),
        threshold=trading.limit,
        controls=controls,
        evidence={one.name: {"worst": one.worst, "mean": one.usual, "row": int(evidence.chosen[one.row])}
                  for one in found},
        method="the payoff of every position that was held, at every declared return of the market; exact. Controls: "
        "the market itself, bought with as much borrowed money as the shock forbids, and with a fifth of the limit",
    )  # fmt: skip
    figure = Figure(
        kind="bars",
        title="What shocks would take or give",
        caption=f"Return on capital of one period at the position that each shock hits hardest. The line is the limit, "
        f"-{trading.limit:.0%}.",
        y="return on capital",
        series=[
            {"name": "worst position", "labels": [one.name for one in found if one.judged],
             "y": [one.worst for one in found if one.judged]},
            {"name": "mean over positions", "labels": [one.name for one in found if one.judged],
             "y": [one.usual for one in found if one.judged]},
        ],
        reference=-trading.limit,
    )  # fmt: skip
    return Outcome((finding,), (figure,), answer=says)


SCENARIOS = Probe("scenarios", QUESTION, "X101", "declared shocks", measure, needs=("trading",), independent=True)


def _played(trading: Trading, position: Tensor, returns: Tensor) -> list[_Scenario]:
    found = [_single(f"a market move of {shock:+.0%}", trading.under(shock, position, returns))
             for shock in trading.shocks]  # fmt: skip
    altered: dict[str, Callable[[], Tensor]] = {
        "the same market, three times as wild": lambda: trading.earned(position, 3 * returns),
        "a market that stands still": lambda: trading.earned(position, torch.zeros_like(returns)),
        "the signal upside down": lambda: trading.earned(-position, returns),
    }
    found += [_single(name, earned(), judged=False) for name, earned in altered.items()]
    if returns.ndim == 2:
        # Every market falls as the worst of them did: what spread the risk no longer does.
        together = returns.amin(-1, keepdim=True).expand_as(returns)
        found.append(_single("all markets fall as one", trading.earned(position, together), judged=False))
    return found


def _single(name: str, earned: Tensor, judged: bool = True) -> _Scenario:
    row = int(earned.argmin())
    return _Scenario(name, float(earned[row]), float(earned.mean()), row, judged)


def _controls(trading: Trading, returns: Tensor) -> Controls:
    """The market itself: too much of it must be found, a little of it must not."""
    plain = Trading(shocks=trading.shocks, limit=trading.limit)
    width = 1 if returns.ndim == 1 else returns.shape[-1]
    deepest = max(abs(shock) for shock in trading.shocks)

    def lost(share: float) -> float:
        long, short = (torch.full_like(returns.double(), sign * share / width) for sign in (1, -1))
        return max(-min(one.worst for one in _played(plain, position, returns) if one.judged)
                   for position in (long, short))  # fmt: skip

    return Controls(
        positive=lost(1.5 * trading.limit / deepest) > trading.limit,
        negative=lost(0.2 * trading.limit / deepest) <= trading.limit,
    )
