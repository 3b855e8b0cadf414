"""Tail risk: can a record of returns be believed, or is its Sharpe ratio bought with a crash that has not come?"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import percentiles
from ..trading import Trading, periods_of, record, sharpe, trading_of

QUESTION = "tail risk"

#: So many times deeper than its record suggests may a crash cut, as against the market itself.
DEEPER = 3.0

#: The crash that every record is asked about, unless a deeper one is declared.
CRASH = -0.20

_EULER = 0.5772156649015329

#: A ratio beyond this is told as endless.
_MOST = 1e6


def measure(evidence: Evidence) -> Outcome:
    """The Sharpe ratio, what it is worth after so many trials, and what one crash would leave of the profit."""
    trading = trading_of(evidence)
    earned = record(evidence)
    crash, answer = _crash(evidence, trading, earned)
    return Outcome((crash, _believed(evidence, trading, earned)), answer=answer)


PERFORMANCE = Probe(
    "performance",
    QUESTION,
    "X103",
    "whether a record of returns can be believed",
    measure,
    needs=("trading",),
    independent=True,
)


def _crash(evidence: Evidence, trading: Trading, earned: Tensor) -> tuple[Finding, str]:
    size = min(CRASH, *(shock for shock in trading.shocks if shock >= CRASH), 0.0)
    hit = trading.under(size, evidence.prediction, evidence.target)
    seen = float(sharpe(earned, trading.periods))
    facts: dict[str, Any] = {
        "Sharpe ratio": seen,
        "skewness": _skewness(earned),
        "certain return worth as much, a year": _certain(earned, trading.periods),
        "Sharpe ratio with one crash": float(sharpe(torch.cat([earned, hit.mean()[None]]), trading.periods)),
        "profit without the 5 best periods": float(earned.sum() - earned.topk(min(5, len(earned))).values.sum()),
        "profit without the 5 worst periods": float(earned.sum() + (-earned).topk(min(5, len(earned))).values.sum()),
    }
    if float(earned.sum()) <= 0:
        says = f"the record ends with a loss ({float(earned.sum()):.1%}), so there is no profit that a crash could eat"
        return Finding(code="X103", state="not_applicable", question=QUESTION, says=says, evidence=facts), says
    market = evidence.target.double()
    market = market if market.ndim == 1 else market.mean(-1)
    effect, interval = _deeper(evidence, earned, hit, market, size)
    # Selling insurance: a small premium every period, and a loss of a hundred of them when the market falls.
    calm = 0.001 + 0.0005 * torch.randn(len(earned), generator=evidence.random("premium"), dtype=torch.float64)
    fall = abs(size) / max(float(market.std()), 1e-12) * float(calm.std())
    controls = Controls(
        positive=_deeper(evidence, calm, torch.full_like(calm, -30 * fall), market, size)[1][0] > DEEPER,
        negative=_deeper(evidence, calm, torch.full_like(calm, -fall), market, size)[1][1] <= DEEPER,
    )
    state = judge(effect=effect, interval=interval, threshold=DEEPER, controls=controls)
    eaten = max(0.0, -float(hit.mean())) / float(earned.sum())
    says = (
        f"a single market move of {size:.0%} would eat {eaten:.0%} of all that was earned in {len(earned)} periods; "
        f"against its own daily ups and downs that is {_times(effect)} as deep as for whoever holds the market (Sharpe "
        f"ratio {_told(seen)}, with that one period {_told(facts['Sharpe ratio with one crash'])})"
    )
    finding = Finding(
        code="X103",
        state=state,
        question=QUESTION,
        says=says,
        fix="judge the strategy by a measure that has seen the crash: add the declared shock to the rows, or use an "
        "expected shortfall over scenarios; a Sharpe ratio rewards selling insurance until the day it is claimed",
        effect=effect,
        unit="times the market's own",
        interval=interval,
        threshold=DEEPER,
        controls=controls,
        evidence=facts | {"share of the profit": eaten},
        method="the mean payoff of the positions held under that move in standard deviations of the record, over that "
        "move in standard deviations of the market; bootstrap of runs of neighbouring periods. Controls: a seller of "
        "insurance, and a strategy that falls as its record says",
        source="Goetzmann, Ingersoll, Spiegel & Welch 2007, doi:10.1093/rfs/hhm025",
    )
    return finding, says


def _deeper(
    evidence: Evidence, earned: Tensor, hit: Tensor, market: Tensor, size: float
) -> tuple[float, tuple[float, float]]:
    """How deep a crash cuts in units of a record's own spread, over how deep it is in units of the market's."""
    periods = periods_of(evidence)
    both = torch.stack([earned, earned.square(), market, market.square(), hit])

    def ratio(means: Tensor) -> Tensor:
        own = (means[1] - means[0].square()).clamp_min(0).sqrt()
        usual = (means[3] - means[2].square()).clamp_min(0).sqrt()
        # A record without any spread says that nothing can happen.
        return ((-means[4]).clamp_min(0) * usual / (own * abs(size)).clamp_min(1e-9)).clamp_max(_MOST)

    draws = periods.bootstrap(min(evidence.budget.draws, 1_000)).means(both)
    return float(ratio(periods.means(both))), percentiles(ratio(draws))


def _believed(evidence: Evidence, trading: Trading, earned: Tensor) -> Finding:
    """The chance that the true Sharpe ratio is above what the best of so many worthless trials would show."""
    chance, bar = believed(earned, trading.trials)
    if chance is None:
        says = "the record has no spread, so its Sharpe ratio is infinite or has no meaning: nothing follows from it"
        return Finding(code="X105", state="inconclusive", question=QUESTION, says=says)
    source = evidence.random("trials")
    spread = float(earned.std())
    noise = spread * torch.randn(len(earned), generator=source, dtype=torch.float64)
    noise = noise - noise.mean()
    strong = noise + spread * (bar + 6 / len(earned) ** 0.5)
    controls = Controls(
        positive=(believed(noise, trading.trials)[0] or 0.0) < 0.9,
        negative=(believed(strong, trading.trials)[0] or 0.0) > 0.9,
    )
    state = judge(effect=chance, interval=(chance, chance), threshold=0.0, warn=0.5, controls=controls, worse="below")
    alone = believed(earned, 1)[0] or 0.0
    if chance < 0.95 and (state == "pass" or alone < 0.95):
        # That nothing is shown is no proof that nothing is there, and a short record shows little of anything.
        state = "inconclusive"
    tried = f"{trading.trials} strategies were tried" if trading.trials > 1 else "one strategy was tried"
    return Finding(
        code="X105",
        state=state,
        question=QUESTION,
        says=f"{tried}: the chance that the record is better than the luck of the best of them is {chance:.1%}",
        fix="keep a period that no trial has seen, and judge on it once; say how many were tried (Trading(trials=...))",
        effect=chance,
        unit="chance",
        interval=(chance, chance),
        controls=controls,
        evidence={"Sharpe ratio": float(sharpe(earned, trading.periods)), "trials": trading.trials},
        method="the deflated Sharpe ratio, which knows skewness and kurtosis; it passes above 0.95, and warns "
        "below 0.5 where a single trial would have passed. Controls: returns with "
        "a mean of 0, and with a mean far above what luck gives",
        source="Bailey & López de Prado 2014, doi:10.3905/jpm.2014.40.5.094",
    )


def believed(earned: Tensor, trials: int) -> tuple[float | None, float]:
    """The probability that the true Sharpe ratio a period beats the expected best of worthless trials, and that best.

    None where the record has no spread.
    """
    periods, spread = len(earned), float(earned.std())
    if periods < 3 or spread < 1e-12:
        return None, 0.0
    seen = float(earned.mean()) / spread
    normal = NormalDist()
    bar = 0.0
    if trials > 1:
        first, second = normal.inv_cdf(1 - 1 / trials), normal.inv_cdf(1 - 1 / (trials * 2.718281828459045))
        bar = ((1 - _EULER) * first + _EULER * second) / periods**0.5
    centred = (earned - earned.mean()) / earned.std(correction=0)
    skew, kurtosis = float(centred.pow(3).mean()), float(centred.pow(4).mean())
    variance = max(1e-12, 1 - skew * seen + (kurtosis - 1) / 4 * seen * seen)
    return normal.cdf((seen - bar) * (periods - 1) ** 0.5 / variance**0.5), bar


def _skewness(earned: Tensor) -> float:
    spread = earned.std(correction=0)
    return float(((earned - earned.mean()) / spread.clamp_min(1e-12)).pow(3).mean())


def _certain(earned: Tensor, periods: int, aversion: float = 3.0) -> float:
    """The certain yearly return that an investor of constant relative aversion would take instead."""
    wealth = 1 + earned
    if bool((wealth <= 0).any()):
        return -1.0
    return float(wealth.pow(1 - aversion).mean().log() / (1 - aversion)) * periods


def _times(ratio: float) -> str:
    return "endlessly" if ratio >= _MOST else f"{number_words(ratio)} times"


def _told(ratio: float) -> str:
    return "without bound" if ratio != ratio or abs(ratio) > 1e3 else f"{ratio:.2f}"
