"""Tail risk: how bad do the worst periods get, and how likely is ruin within a year?"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ..costing.tails import tail_mean, tail_means
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import generator, percentiles, wilson
from ..statistics.sample import run_length
from ..trading import periods_of, record, trading_of

QUESTION = "tail risk"

#: The share of periods that are called the tail.
TAIL = 0.05

#: A law for the tail is fitted to so many periods at least.
FEWEST = 30

#: A chance of losing everything within a year that nobody should accept unasked.
RUIN = 0.01

#: Years that are put together anew from runs of the record.
_PATHS = 4_000


def measure(evidence: Evidence) -> Outcome:
    """The mean of the worst periods, the law of the tail, and years put together anew from the record."""
    earned = record(evidence)
    ruined, answer = _ruin(evidence, earned, trading_of(evidence).periods)
    return Outcome((_shortfall(evidence, earned), ruined), (_figure(earned),), answer)


EXTREMES = Probe(
    "extremes", QUESTION, "X102", "the tail of what is lost over time", measure, needs=("trading",), independent=True
)


def _shortfall(evidence: Evidence, earned: Tensor) -> Finding:
    periods = len(earned)
    count = int(TAIL * periods)
    sample = periods_of(evidence)
    effect = tail_mean(-earned, TAIL, sample.weight)
    interval = percentiles(tail_means(-earned, (TAIL,), sample, min(evidence.budget.draws, 1_000))[0])
    shapes, why = _shapes(earned, count)
    law = f"; {why}" if why else ""
    if shapes:
        mid = shapes[len(shapes) // 2]
        law = f"; the tail index is {mid[1]:.2f} (above 0 is heavier than any normal law, above 0.5 has no variance)"
    return Finding(
        code="X102",
        state="not_applicable" if shapes else "inconclusive",
        question=QUESTION,
        says=f"in the worst {TAIL:.0%} of {periods} periods {abs(effect):.2%} of the capital is "
        f"{'lost' if effect >= 0 else 'earned'} on average{law}. What the record never held, it cannot show",
        effect=effect,
        unit="of the capital",
        interval=interval,
        evidence={"tail index by exceedances": {str(many): shape for many, shape in shapes},
                  "worst periods": [{"row": int(evidence.chosen[row]), "return": float(earned[row])}
                                    for row in earned.argsort()[:5].tolist()]},
        method=f"expected shortfall at {TAIL:.0%}, bootstrap of runs of neighbouring periods; a generalised Pareto law "
        f"by maximum likelihood above several thresholds, with {FEWEST} exceedances at least",
        source="Politis & Romano 1994, doi:10.1080/01621459.1994.10476870; Pickands 1975, doi:10.1214/aos/1176343003",
    )  # fmt: skip


def _shapes(earned: Tensor, count: int) -> tuple[list[tuple[int, float]], str]:
    """The tail index for several thresholds, so that one can see whether it stands still."""
    if count < FEWEST:
        return [], f"{count} periods in the tail are too few for a law of it ({FEWEST} are wanted)"
    try:
        from scipy.stats import genpareto  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError:
        return [], 'the law of the tail needs SciPy: pip install "wald[audit]"'
    found: list[tuple[int, float]] = []
    for many in sorted({FEWEST, (FEWEST + count) // 2, count, min(2 * count, len(earned) // 4)}):
        if many < FEWEST:
            continue
        losses = (-earned).topk(many + 1).values
        beyond = (losses[:-1] - losses[-1]).numpy()
        if beyond.max() <= 0:
            continue
        shape, _, _ = genpareto.fit(beyond / beyond.mean(), floc=0.0)
        found.append((many, float(shape)))
    return found, "" if found else "the worst periods are all alike, so there is no law to fit"


def _ruin(evidence: Evidence, earned: Tensor, year: int) -> tuple[Finding, str]:
    chance, interval = _chance(earned, year, evidence.seed)
    calm = 0.0005 + 0.01 * torch.randn(len(earned), generator=evidence.random("calm"), dtype=torch.float64)
    # A gamble that loses nearly everything once in two hundred periods: within a year hardly anyone escapes.
    gamble = torch.where(torch.arange(len(earned)) % 200 == 7, -1.0, calm)
    controls = Controls(
        positive=_chance(gamble, year, evidence.seed)[1][0] > RUIN,
        negative=_chance(calm, year, evidence.seed)[1][1] <= RUIN,
    )
    state = judge(effect=chance, interval=interval, threshold=RUIN, controls=controls)
    says = (
        f"of {_PATHS:,} years put together from runs of this record {chance:.1%} lose all capital"
        if chance
        else f"of {_PATHS:,} years put together from runs of this record none loses all capital"
    )
    finding = Finding(
        code="X104",
        state=state,
        question=QUESTION,
        says=f"{says}; a crash that is not in the record is in none of them",
        fix="hold less: the chance of ruin falls faster than the profit",
        effect=chance,
        unit="of the years",
        interval=interval,
        threshold=RUIN,
        controls=controls,
        method=f"{_PATHS} years of {year} periods from runs of neighbouring periods; capital that reaches 0 stays "
        "there; Wilson's interval. Controls: a gamble that is lost once in 200 periods, and a calm normal law",
    )
    return finding, says


def _chance(earned: Tensor, year: int, seed: int) -> tuple[float, tuple[float, float]]:
    """How often capital that is reinvested reaches 0 within a year of runs of the record."""
    periods, source = len(earned), generator(seed, "years")
    length = min(year, periods)
    run = run_length(periods)
    starts = torch.randint(periods, (_PATHS, math.ceil(length / run)), generator=source)
    rows = (starts[..., None] + torch.arange(run)).flatten(1)[:, :length] % periods
    lost = ((1 + earned[rows]) <= 0).any(-1)
    count = int(lost.sum())
    return count / _PATHS, wilson(count, _PATHS)


def _figure(earned: Tensor) -> Figure:
    growth = (1 + earned.clamp_min(-1)).cumprod(0)
    # More points than a picture has columns only make the page heavy.
    step = max(1, len(growth) // 400)
    return Figure(
        kind="lines",
        title="One unit of capital over the record",
        caption=f"It ends at {float(growth[-1]):.2f}. The worst period took {max(0.0, -float(earned.min())):.1%}.",
        x="period",
        y="capital",
        series=[
            {
                "name": "capital",
                "x": list(range(0, len(growth), step)),
                "y": growth[::step].tolist(),
            }
        ],
        reference=1.0,
    )
