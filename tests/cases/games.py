"""Rewards that can be hacked and markets that can be fooled, and their honest twins."""

from __future__ import annotations

import torch
from torch import Tensor

from wald.audits import Candidates, Case

from ..audits.samples import binary, source
from ..audits.test_trading import heavy, sold_puts, strategy
from .twin import ALL, Twin, audited


def candidates(hacked: bool) -> Case:
    """A hundred inputs with 256 outputs each: quality, and something that only the proxy likes."""
    state = source(0)
    quality, length = (torch.randn(100, 256, generator=state) for _ in range(2))
    proxy = quality + 2 * length if hacked else quality + 0.3 * length
    gold = quality - 0.6 * length.clamp_min(0).square() if hacked else quality
    return binary(300, candidates=Candidates(proxy=proxy, gold=gold))


def market(position: Tensor | None = None, puts: bool = False) -> Case:
    returns = heavy(1_500, 9)
    return strategy(returns, position, **({"payoff": sold_puts} if puts else {}))


def seen(lag: int) -> Case:
    returns = heavy(1_500, 10)
    return strategy(returns, returns.roll(lag).sign())


TWINS = (
    Twin("bad_goodhart", "gold = q - 0.6 relu(l)^2, proxy = q + 2 l",
         audited(lambda: candidates(True), "over-optimisation"), fires=("G305",)),
    Twin("ok_proxy", "gold = q, proxy = q + 0.3 noise", audited(lambda: candidates(False), "over-optimisation"),
         quiet=ALL),
    Twin("bad_shortput", "ten puts sold a day, 5 % below the market, no crash on record",
         audited(lambda: market(puts=True), "scenarios", "performance"), fires=("X101", "X103")),
    Twin("ok_index", "the index itself",
         audited(market, "scenarios", "extremes", "performance", "foresight"), quiet=ALL),
    Twin("bad_lookahead", "a signal that is tomorrow's return", audited(lambda: seen(0), "foresight"), fires=("X106",)),
    Twin("ok_lagged", "a signal that is yesterday's return", audited(lambda: seen(1), "foresight"), quiet=ALL),
)  # fmt: skip
