"""Tail risk: does the strategy know what it could not have known, and was it picked by luck?"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import percentiles, wilson
from ..trading import Trading, periods_of, record, sharpe, trading_of

QUESTION = "tail risk"

#: No honest strategy of daily positions has kept a Sharpe ratio like this.
IMPLAUSIBLE = 4.0

#: A chance that the strategy chosen on one half of the record is below the middle on the other.
CHOSEN = 0.5

_BLOCKS = 10


def measure(evidence: Evidence) -> Outcome:
    """Delay every position by one period; and choose among what was tried on one half, look on the other."""
    trading = trading_of(evidence)
    return Outcome((_delayed(evidence, trading), _overfitted(evidence, trading)))


FORESIGHT = Probe(
    "foresight",
    QUESTION,
    "X106",
    "whether a signal looks ahead, and a choice was luck",
    measure,
    needs=("trading",),
    independent=True,
)


def _delayed(evidence: Evidence, trading: Trading) -> Finding:
    position, returns = evidence.prediction.double(), evidence.target.double()
    if len(returns) < 60:
        return Finding(
            code="X106", state="inconclusive", question=QUESTION,
            says=f"{len(returns)} periods are too few to tell foresight from luck (60 are wanted)",
        )  # fmt: skip
    effect, interval = _ahead(evidence, trading, position, returns)
    one = returns if returns.ndim == 1 else returns[..., 0]
    plain = Trading(periods=trading.periods)
    past = torch.cat([one[:1] * 0, one[:-1]]).sign()
    controls = Controls(
        positive=_ahead(evidence, plain, one.sign(), one)[1][0] > IMPLAUSIBLE,
        negative=_ahead(evidence, plain, past, one)[1][0] <= IMPLAUSIBLE,
    )
    state = judge(effect=effect, interval=interval, threshold=IMPLAUSIBLE, controls=controls)
    seen = float(sharpe(record(evidence), trading.periods))
    late = float(sharpe(trading.earned(position[:-1], returns[1:]), trading.periods))
    return Finding(
        code="X106",
        state=state,
        question=QUESTION,
        says=f"with every position one period late the Sharpe ratio goes from {seen:.2f} to {late:.2f}"
        + ("; what lives on one period's delay has seen that period" if state == "fail" else ""),
        fix="build each signal from what was known before the period begins: lag every feature by one period",
        effect=effect,
        unit="Sharpe ratio lost by one period's delay",
        interval=interval,
        threshold=IMPLAUSIBLE,
        controls=controls,
        method="the same positions, a period later; paired bootstrap of runs of neighbouring periods. Controls: the "
        "sign of the period's own return as a signal, and the sign of the period before",
    )


def _ahead(
    evidence: Evidence, trading: Trading, position: Tensor, returns: Tensor
) -> tuple[float, tuple[float, float]]:
    now, late = trading.earned(position[1:], returns[1:]), trading.earned(position[:-1], returns[1:])
    later = periods_of(evidence).part(torch.arange(1, len(position)))
    both = torch.stack([now, late, now.square(), late.square()])

    def ratios(means: Tensor) -> Tensor:
        spread = (means[2:] - means[:2].square()).clamp_min(1e-18).sqrt()
        found = means[:2] / spread * trading.periods**0.5
        return found[0] - found[1]

    return float(ratios(later.means(both)[:, None])), percentiles(ratios(later.bootstrap(400).means(both)))


def _overfitted(evidence: Evidence, trading: Trading) -> Finding:
    if trading.tried is None:
        return Finding(
            code="X107",
            state="not_run",
            question=QUESTION,
            says="whether the choice among what was tried was luck: the case does not keep what the others earned",
            fix="give Trading(tried=...), the returns of every strategy that was tried, (periods, strategies)",
        )
    tried = trading.tried.double()
    if tried.shape[1] < 4 or len(tried) < 10 * _BLOCKS:
        return Finding(
            code="X107", state="inconclusive", question=QUESTION,
            says=f"{tried.shape[1]} strategies over {len(tried)} periods are too few to tell choice from luck",
        )  # fmt: skip
    effect, interval = chosen_by_luck(tried)
    # Strategies of which one is far better: choosing it is no luck.
    noise = torch.randn(tried.shape, generator=evidence.random("tried"), dtype=torch.float64)
    good = noise.clone()
    good[:, 0] += 1.0
    turned = noise.clone()
    # Half of the record against the other: what was best in one part is worst in the other.
    ahead = torch.linspace(-1, 1, tried.shape[1], dtype=torch.float64)
    sign = torch.where(torch.arange(len(tried)) < len(tried) // 2, 1.0, -1.0).double()
    turned += 2 * sign[:, None] * ahead
    controls = Controls(
        positive=chosen_by_luck(turned)[0] > 0.3,
        negative=chosen_by_luck(good)[1][1] < CHOSEN,
    )
    state = judge(effect=effect, interval=interval, threshold=CHOSEN, warn=0.3, controls=controls)
    return Finding(
        code="X107",
        state=state,
        question=QUESTION,
        says=f"of {tried.shape[1]} strategies the one that is best on one half of the record is below the middle on "
        f"the other half in {effect:.0%} of the ways to halve it",
        fix="try less, and judge what was chosen on a period that no trial has seen",
        effect=effect,
        unit="of the halvings",
        interval=interval,
        threshold=CHOSEN,
        controls=controls,
        method=f"combinatorially symmetric cross-validation over {_BLOCKS} blocks. The halvings overlap, so the "
        "interval counts the blocks only. Warns above 0.3. Controls: strategies whose luck turns, and one that is "
        "truly better",
        source="Bailey, Borwein, López de Prado & Zhu 2017, doi:10.21314/JCF.2016.322",
    )


def chosen_by_luck(tried: Tensor) -> tuple[float, tuple[float, float]]:
    """How often the best of one half of the blocks is below the median of the other half."""
    blocks = tried.tensor_split(_BLOCKS)
    sums = torch.stack([one.sum(0) for one in blocks])
    squares = torch.stack([one.square().sum(0) for one in blocks])
    counts = torch.tensor([len(one) for one in blocks], dtype=torch.float64)

    def ratios(inside: Tensor) -> Tensor:
        mean = inside @ sums / (inside @ counts)[:, None]
        spread = (inside @ squares / (inside @ counts)[:, None] - mean.square()).clamp_min(1e-18).sqrt()
        return mean / spread

    inside = torch.zeros(252, _BLOCKS, dtype=torch.float64)
    for row, chosen in enumerate(combinations(range(_BLOCKS), _BLOCKS // 2)):
        inside[row, list(chosen)] = 1
    best = ratios(inside).argmax(-1)
    outside = ratios(1 - inside)
    below = (outside < outside.gather(1, best[:, None])).double().mean(-1) < 0.5
    share = float(below.double().mean())
    return share, wilson(share * _BLOCKS, _BLOCKS)
