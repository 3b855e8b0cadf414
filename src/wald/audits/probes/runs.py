"""Question 4, across trainings: does the run with the lower loss have the better metric?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf, sqrt
from statistics import NormalDist

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, State, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import kendall, percentiles
from ..training.series import ranks

QUESTION = "metric correlation"

#: An agreement of orders below these is weak, and none.
WARN, FAIL = 0.5, 0.0

#: Fewer runs cannot show an agreement.
FEWEST = 10

#: Runs whose metrics differ by less than this share are equally good, whatever order they are in.
SPREAD = 0.02


@dataclass(frozen=True)
class _Runs:
    """Several trainings.

    Attributes:
        loss: what each ended with.
        lost: how far each one's metric is from perfect.
        factors: the settings that differ, by name, as numbers of their values.
    """

    loss: Tensor
    lost: Tensor
    factors: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.loss)

    def part(self, rows: Tensor) -> _Runs:
        return _Runs(self.loss[rows], self.lost[rows], {name: x[rows] for name, x in self.factors.items()})


def measure(evidence: Evidence) -> Outcome:
    """The agreement of the orders by loss and by metric, as it is, with settings held, and one setting at a time."""
    runs = _read(evidence)
    if isinstance(runs, str):
        return Outcome((_unsure(runs),))
    metric = evidence.case.metric
    plain = float(kendall(runs.loss, runs.lost))
    held = partial(runs)
    drawn = _resampled(runs, evidence.random("runs"), min(1_000, evidence.budget.draws))
    interval = percentiles(drawn)
    least = critical(len(runs))
    effect = held
    controls = _controls(evidence, runs)
    state: State = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, worse="below", controls=controls)
    spread = float(runs.lost.max() - runs.lost.min()) / float(runs.lost.abs().median().clamp_min(1e-12))
    alike = spread < SPREAD
    if alike or len(runs) < FEWEST:
        state = "inconclusive"
    one_by_one = granulated(runs)
    best, chosen = int(runs.lost.argmin()), int(runs.loss.argmin())
    about = f"; with {', '.join(runs.factors)} held, {held:+.2f}" if runs.factors else ""
    about += f" [{interval[0]:+.2f}, {interval[1]:+.2f}]"
    if one_by_one:
        about += "; one setting at a time, " + ", ".join(f"{name} {tau:+.2f}" for name, tau in one_by_one.items())
    says = (
        f"over {len(runs)} runs the orders by loss and by {metric.name} agree to τ = {plain:+.2f}{about}. By chance "
        f"|τ| stays below {least:.2f}. The lowest loss belongs to {metric.told(float(runs.lost[chosen]))}, the best "
        f"run has {metric.told(float(runs.lost[best]))}"
    )
    if alike:
        says += f"; the runs differ by {spread:.1%} only, so their order hardly matters"
    if len(runs) < FEWEST:
        says += f"; {FEWEST} runs are the least that can show anything"
    if runs.factors and plain * held < 0 and max(abs(plain), abs(held)) > least:
        says += "; the settings turn the agreement around, so compare runs that differ in one of them only"
    finding = Finding(
        code="M404",
        state=state,
        question=QUESTION,
        says=says,
        fix=f"choose among runs by {metric.name} on held-out rows",
        effect=effect,
        unit="τ, settings held" if runs.factors else "τ",
        interval=interval,
        threshold=FAIL,
        detectable=1.4 * least,
        controls=controls,
        evidence={
            "runs": len(runs),
            "τ as it is": plain,
            "τ with settings held": held,
            "τ one setting at a time": one_by_one,
            "critical τ": least,
        },
        method="Kendall's τ of final losses and final metrics; with settings held, of what a linear fit of their ranks "
        "on the settings leaves; one setting at a time, the mean over runs that agree in all the others. Whole "
        "configurations are resampled, never epochs. Warns below 0.5. Controls: the metric as the loss, and the loss "
        "in random order",
        source="Kendall 1945, doi:10.1093/biomet/33.3.239; Jiang et al. 2020, arXiv:1912.02178",
    )
    answer = ""
    if state in ("pass", "warn", "fail"):
        word = {"pass": "mostly has", "warn": "often has not", "fail": "has not"}[state]
        answer = f"of {len(runs)} trainings the one with the lower loss {word} the better {metric.name}"
    return Outcome((finding,), (_figure(evidence, runs),), answer)


RUNS = Probe("runs", QUESTION, "M404", "loss and metric across trainings", measure, needs=("runs",))


def _read(evidence: Evidence) -> _Runs | str:
    rows = [row for row in evidence.case.runs if "loss" in row and "metric" in row]
    if len(rows) < 3:
        return f"{len(rows)} runs have both a loss and a metric; give each of at least {FEWEST} both"
    metric = evidence.case.metric
    loss = torch.tensor([float(row["loss"]) for row in rows], dtype=torch.float64)
    lost = torch.tensor([metric.shortfall(float(row["metric"])) for row in rows], dtype=torch.float64)
    fine = loss.isfinite() & lost.isfinite()
    if int(fine.sum()) < 3:
        return "fewer than three runs ended with a finite loss and metric"
    if float(loss[fine].std()) == 0 or float(lost[fine].std()) == 0:
        return "all runs ended with one loss, or with one metric, so there is no order to compare"
    return _Runs(loss, lost, _factors(rows)).part(fine.nonzero()[:, 0])


def _factors(rows: list[Mapping[str, float]]) -> dict[str, Tensor]:
    names = sorted({name for row in rows for name in row} - {"loss", "metric"})
    found: dict[str, Tensor] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = sorted({str(value) for value in values}, key=_in_order)
        # A number of its own for each run, such as a seed, is no setting.
        if 1 < len(kinds) < len(rows):
            found[name] = torch.tensor([kinds.index(str(value)) for value in values])
    return found


def _in_order(word: str) -> tuple[float, str]:
    try:
        return float(word), ""
    except ValueError:
        return inf, word


def _unsure(why: str) -> Finding:
    return Finding(
        code="M404", state="inconclusive", question=QUESTION, says=f"loss and metric across trainings: {why}"
    )


def partial(runs: _Runs) -> float:
    """Kendall's τ of what the settings leave of the ranks of loss and metric; 0 where they leave nothing."""
    if not runs.factors:
        return float(kendall(runs.loss, runs.lost))
    columns = [torch.ones(len(runs), dtype=torch.float64)]
    for values in runs.factors.values():
        columns += [(values == kind).double() for kind in values.unique().tolist()[1:]]
    design = torch.stack(columns, -1)
    both = torch.stack([ranks(runs.loss), ranks(runs.lost)], -1)
    # By the pseudo-inverse: settings that always go together leave the fit open and not what it leaves.
    left = both - design @ (torch.linalg.pinv(design) @ both)
    left = torch.where(left.abs() < 1e-9 * len(runs), 0.0, left)
    value = float(kendall(left[:, 0], left[:, 1]))
    return value if value == value else 0.0


def granulated(runs: _Runs) -> dict[str, float]:
    """τ over runs that differ in one setting only, for each setting: no other can feign it."""
    found: dict[str, float] = {}
    for name in runs.factors:
        others = [values for other, values in runs.factors.items() if other != name]
        cell = torch.zeros(len(runs), dtype=torch.long)
        if others:
            cell = torch.unique(torch.stack(others, -1), dim=0, return_inverse=True)[1]
        taus: list[float] = []
        for kind in cell.unique().tolist():
            rows = (cell == kind).nonzero()[:, 0]
            if len(rows) > 1 and len(runs.factors[name][rows].unique()) > 1:
                tau = float(kendall(runs.loss[rows], runs.lost[rows]))
                taus += [tau] if tau == tau else []
        if taus:
            found[name] = sum(taus) / len(taus)
    return found


def _resampled(runs: _Runs, source: torch.Generator, draws: int) -> Tensor:
    """τ over resamples of whole configurations: seeds of one configuration belong together."""
    cell = torch.arange(len(runs))
    if runs.factors:
        cell = torch.unique(torch.stack(list(runs.factors.values()), -1), dim=0, return_inverse=True)[1]
    members = [(cell == kind).nonzero()[:, 0] for kind in cell.unique().tolist()]
    if len(members) < 4:
        # A few configurations, each run many times: then the runs are what is drawn.
        members = list(torch.arange(len(runs))[:, None])
    found: list[float] = []
    for _ in range(min(draws, 200)):
        drawn = torch.randint(len(members), (len(members),), generator=source).tolist()
        part = runs.part(torch.cat([members[one] for one in drawn]))
        found.append(partial(part) if float(part.loss.std()) > 0 and float(part.lost.std()) > 0 else float("nan"))
    return torch.tensor(found, dtype=torch.float64)


def _controls(evidence: Evidence, runs: _Runs) -> Controls:
    source = evidence.random("run controls")
    faithful = _Runs(runs.lost, runs.lost, runs.factors)
    contrary = _Runs(-runs.lost, runs.lost, runs.factors)
    if abs(partial(faithful)) < 0.5:
        # The settings explain the metric wholly: nothing is left that could agree.
        return Controls()
    mixed = _Runs(runs.loss[torch.randperm(len(runs), generator=source)], runs.lost, {})
    return Controls(
        positive=partial(contrary) < FAIL,
        negative=partial(faithful) > WARN and abs(partial(mixed)) < 2 * critical(len(runs)),
    )


@cache
def critical(runs: int) -> float:
    """The |τ| that independent orders of so many runs stay below, 95 times of 100; exact up to 60 runs."""
    if runs > 60:
        return NormalDist().inv_cdf(0.975) * sqrt(2 * (2 * runs + 5) / (9 * runs * (runs - 1)))
    # The number of orders with so many pairs out of order: run by run, each may come before any of those there.
    count = torch.ones(1, dtype=torch.float64)
    for size in range(2, runs + 1):
        count = torch.nn.functional.conv1d(
            count[None, None], torch.ones(1, 1, size, dtype=torch.float64) / size, padding=size - 1
        )[0, 0]
    pairs = runs * (runs - 1) // 2
    below = count.cumsum(0)
    out = int((below <= 0.025).sum())
    return 1.0 if out == 0 else 1 - 2 * (out - 1) / pairs


def _figure(evidence: Evidence, runs: _Runs) -> Figure:
    metric = evidence.case.metric
    values = [metric.natural(one) for one in runs.lost.tolist()]
    best, chosen = int(runs.lost.argmin()), int(runs.loss.argmin())
    return Figure(
        kind="scatter",
        title=f"Loss and {metric.name} of {len(runs)} trainings",
        caption=f"Run {chosen + 1} has the lowest loss ({number_words(float(runs.loss[chosen]))}), run {best + 1} the "
        f"best {metric.name} ({metric.told(float(runs.lost[best]))}).",
        x="loss",
        y=metric.describe(),
        series=[{"name": "a training", "x": runs.loss.tolist(), "y": values}],
    )
