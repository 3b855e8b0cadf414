"""Warning sign: does the model serve some groups worse than others?"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..metrics import capitalised
from ..probe import Outcome, Probe
from ..statistics import detectable, holm, permutation_p

QUESTION = "groups"

#: An excess this large, as a share of the mean over all rows, matters in practice.
WARN, FAIL = 0.1, 0.25

#: Smaller groups are shown and not judged.
SMALLEST = 30

#: The level of each test, after Holm's correction.
LEVEL = 0.05

#: Groups in the picture, at most.
_SHOWN = 16


@dataclass(frozen=True)
class _Group:
    """Some of the test rows."""

    name: str
    rows: Tensor


@dataclass(frozen=True)
class _Quantity:
    """What is compared.

    Attributes:
        name: what to call it.
        values: one a row.
        scale: what an excess is a share of.
        strata: rows that are compared with each other only.
        either: whether too little is as bad as too much.
    """

    name: str
    values: Tensor
    scale: float
    strata: Tensor
    either: bool = False


@dataclass(frozen=True)
class _Gaps:
    """By how much each group exceeds the others, with intervals that hold for all groups at once.

    Attributes:
        excess: the mean of each group beyond what rows with its targets have on average.
        error: its standard error.
        width: how many standard errors an interval reaches, so that all hold together.
        p: the chance of so large an excess somewhere, if groups had nothing to do with it.
        worst: the group that most surely exceeds.
    """

    excess: Tensor
    error: Tensor
    width: float
    p: float
    worst: int

    def interval(self, group: int) -> tuple[float, float]:
        """Of one group."""
        half = self.width * float(self.error[group])
        return float(self.excess[group]) - half, float(self.excess[group]) + half


def measure(evidence: Evidence) -> Outcome:
    """Compare the groups' loss, metric and forecasts, among rows with the same target."""
    every, small = _groups(evidence)
    if not evidence.case.groups:
        return Outcome((_idle("not_run", "the case gives no groups; give Case(groups={name: labels})"),))
    if len(every) < 2:
        return Outcome((_idle("not_applicable", f"fewer than two groups have {SMALLEST} rows"),))
    quantities = _quantities(evidence)
    gaps = [
        compare(one, every, evidence.budget.permutations, evidence.random("groups", one.name)) for one in quantities
    ]
    adjusted = holm([gap.p for gap in gaps])
    findings = [
        _judged(evidence, quantity, gap, every, p, small, f"F70{index + 1}")
        for index, (quantity, gap, p) in enumerate(zip(quantities, gaps, adjusted, strict=True))
    ]
    figures = tuple(_figure(quantity, gap, every) for quantity, gap in zip(quantities, gaps, strict=True))
    worst = max(findings, key=lambda one: {"fail": 2, "warn": 1}.get(one.state, 0))
    answer = f"{len(every)} groups compared, {len(small)} too small to judge; {worst.says}"
    return Outcome(tuple(findings), figures, answer)


GROUPS = Probe("groups", QUESTION, "F701", "gaps between groups", measure, needs=("groups",))


def _idle(state: str, why: str) -> Finding:
    return Finding(
        code="F701",
        state="not_run" if state == "not_run" else "not_applicable",
        question=QUESTION,
        says=f"gaps between groups: {why}",
    )


def _groups(evidence: Evidence) -> tuple[list[_Group], list[str]]:
    every: list[_Group] = []
    small: list[str] = []
    for grouping, labels in evidence.case.groups.items():
        places: dict[Hashable, list[int]] = {}
        for place, row in enumerate(evidence.chosen.tolist()):
            places.setdefault(labels[row], []).append(place)
        for label, rows in sorted(places.items(), key=lambda pair: str(pair[0])):
            name = f"{grouping} = {label}"
            if len(rows) < SMALLEST:
                small.append(name)
            elif len(rows) < evidence.rows:
                every.append(_Group(name, torch.tensor(rows)))
    return every, small


def _strata(evidence: Evidence) -> Tensor:
    """Rows with the same target: a group with more hard cases is not served worse for that."""
    target = evidence.target
    if target.ndim > 1:
        return torch.zeros(len(target), dtype=torch.long)
    kinds, places = torch.unique(target, return_inverse=True)
    if len(kinds) <= 10:
        return places
    edges = torch.quantile(target.double(), torch.tensor([0.2, 0.4, 0.6, 0.8], dtype=torch.float64))
    return torch.bucketize(target.double(), edges)


def _quantities(evidence: Evidence) -> list[_Quantity]:
    strata = _strata(evidence)
    found: list[_Quantity] = []
    if evidence.by_metric.decomposable:
        values = evidence.by_metric.values(evidence.score)
        found.append(_Quantity(evidence.case.metric.name, values, _size(values), strata))
    if evidence.cost.separable:
        values = evidence.by_loss.values(evidence.score)
        found.append(_Quantity("the loss", values, _size(values), strata))
    if evidence.space is not None and evidence.space.task == "binary":
        # Read through the link, so that what the loss does to everyone is not laid at one group's door.
        meant = evidence.score if evidence.repaired is None else evidence.repaired
        label = evidence.target.double()
        beyond = torch.sigmoid(meant.double()) - label
        everyone = torch.zeros(len(label), dtype=torch.long)
        rate = max(float(label.mean()), 1e-12)
        found.append(_Quantity("the forecast less what happened", beyond, rate, everyone, either=True))
    return found


def _size(values: Tensor) -> float:
    return max(float(values.abs().mean()), 1e-12)


def compare(quantity: _Quantity, groups: list[_Group], permutations: int, source: torch.Generator) -> _Gaps:
    """The excess of each group over rows of its strata, and how large it gets by chance.

    Rows are permuted within strata. The largest excess in units of its standard error, over all groups, gives
    both the test and intervals that hold for all groups at once.
    """
    own = quantity.values.double().clone()
    by_stratum = [(quantity.strata == one).nonzero()[:, 0] for one in quantity.strata.unique().tolist()]
    for rows in by_stratum:
        own[rows] -= own[rows].mean()
    sizes = torch.tensor([len(group.rows) for group in groups], dtype=torch.float64)
    member = torch.zeros(len(groups), len(own), dtype=torch.float64)
    for index, group in enumerate(groups):
        member[index, group.rows] = 1
    excess, error = _excess(member, sizes, own)
    null = torch.zeros(permutations, len(groups), dtype=torch.float64)
    for draw in range(permutations):
        mixed = own.clone()
        for rows in by_stratum:
            mixed[rows] = own[rows[torch.randperm(len(rows), generator=source)]]
        # Studentised anew: a group that drew large values has a large spread as well.
        by_chance, its_error = _excess(member, sizes, mixed)
        null[draw] = by_chance / its_error
    sure, chance = (excess / error, null) if not quantity.either else ((excess / error).abs(), null.abs())
    return _Gaps(
        excess=excess,
        error=error,
        width=float(torch.quantile(null.abs().amax(-1), 0.95)),
        p=permutation_p(float(sure.max()), chance.amax(-1)),
        worst=int(sure.argmax()),
    )


def _excess(member: Tensor, sizes: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of each group and its standard error, half of which is borrowed from all rows.

    A group of few rows does not know its own spread.
    """
    sums = member @ torch.stack([values, values.square()], -1)
    excess = sums[:, 0] / sizes
    within = (sums[:, 1] / sizes - excess.square()).clamp_min(0)
    everyone = values.var().clamp_min(1e-24)
    return excess, ((0.5 * within + 0.5 * everyone) / sizes).sqrt()


def _judged(
    evidence: Evidence, quantity: _Quantity, gap: _Gaps, groups: list[_Group], p: float, small: list[str], code: str
) -> Finding:
    scale, worst, name = quantity.scale, gap.worst, quantity.name
    signed = float(gap.excess[worst]) / scale
    bounds = [tuple(bound / scale for bound in gap.interval(group)) for group in range(len(groups))]
    if quantity.either:
        bounds = [(max(0.0, low, -high), max(abs(low), abs(high))) for low, high in bounds]
    # The least that is known of the worst group, and the most that could be true of any.
    interval = (bounds[worst][0], max(high for _, high in bounds))
    effect = abs(signed) if quantity.either else signed
    controls = _controls(evidence, quantity, groups, gap)
    state = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls)
    if state in ("fail", "warn") and p >= LEVEL:
        state = "inconclusive"
    group = groups[worst]
    side = "higher" if signed > 0 else "lower"
    among = "than elsewhere" if quantity.either else "than rows with the same targets have elsewhere"
    return Finding(
        code=code,
        state=state,
        question=QUESTION,
        says=f"{name} is {abs(signed):.0%} {side} for {group.name} ({len(group.rows)} rows) "
        f"{among}, at most {interval[1]:.0%} for any group; p = {number_words(p)} over {len(groups)} groups",
        fix="look at the group's rows and labels; weight it, or add a fairness term to the objective",
        effect=effect,
        unit="of the base rate" if quantity.either else f"of mean {name.removeprefix('the ')}",
        interval=interval,
        threshold=FAIL,
        detectable=detectable(float(gap.error[worst])) * gap.width / 1.96 / scale,
        controls=controls,
        evidence={
            "groups": [one.name for one in groups],
            "excess": gap.excess / scale,
            "rows": [len(one.rows) for one in groups],
            "not judged": small,
            "p": p,
        },
        method="means against the mean of all rows"
        f"{'' if quantity.either else ' of the same target'}; rows permuted {evidence.budget.permutations} times; the "
        "largest studentised excess gives p and intervals that hold for all groups at once; Holm over the "
        f"quantities. Groups under {SMALLEST} rows are not judged; warns beyond a tenth. Controls: permuted rows, and "
        "an excess planted in the smallest judged group",
        source="Westfall & Young 1993, Resampling-Based Multiple Testing",
    )


def _controls(evidence: Evidence, quantity: _Quantity, groups: list[_Group], gap: _Gaps) -> Controls:
    source = evidence.random("group controls")
    few = min(evidence.budget.permutations, 199)
    mixed = quantity.values.clone()
    for stratum in quantity.strata.unique().tolist():
        rows = (quantity.strata == stratum).nonzero()[:, 0]
        mixed[rows] = quantity.values[rows[torch.randperm(len(rows), generator=source)]]
    quiet = compare(replace(quantity, values=mixed), groups, few, source)
    smallest = min(range(len(groups)), key=lambda one: len(groups[one].rows))
    planted = mixed.clone()
    # As large as this many groups and rows allow to be seen at all, and half a spread at least.
    size = max(0.5 * float(quantity.values.std()), (gap.width + 4) * float(gap.error[smallest]))
    planted[groups[smallest].rows] += size
    loud = compare(replace(quantity, values=planted), groups, few, source)
    return Controls(
        positive=loud.worst == smallest and loud.p <= LEVEL,
        # One permutation in a hundred looks as extreme as this; a quieter bar would cry wolf itself.
        negative=quiet.p > 0.01,
    )


def _figure(quantity: _Quantity, gap: _Gaps, groups: list[_Group]) -> Figure:
    order = sorted(range(len(groups)), key=lambda one: -abs(float(gap.excess[one]) / float(gap.error[one])))[:_SHOWN]
    order.sort(key=lambda one: groups[one].name)
    bounds = [gap.interval(one) for one in order]
    name, among = quantity.name.removeprefix("the "), "all rows" if quantity.either else "rows with the same target"
    return Figure(
        kind="intervals",
        title=f"{capitalised(name)}, by group",
        caption=f"How far each group lies above (right) or below the mean of {among}. Intervals hold for all groups "
        "at once; one that touches 0 shows no gap.",
        x="excess, as a share of " + ("the base rate" if quantity.either else f"the mean {name}"),
        series=[
            {
                "name": name,
                "x": [float(gap.excess[one]) / quantity.scale for one in order],
                "low": [low / quantity.scale for low, _ in bounds],
                "high": [high / quantity.scale for _, high in bounds],
                "labels": [f"{groups[one].name} ({len(groups[one].rows)})" for one in order],
            }
        ],
        reference=0.0,
        note=f"{len(order)} of {len(groups)} groups, those with the surest gaps",
    )
