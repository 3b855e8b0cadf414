"""A comparison of groups as a finding and a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ...findings import Controls, Figure, Finding, State, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..metrics import capitalised
from ..statistics import detectable, shrink, shuffles
from .gaps import Gaps, Quantity, compare
from .members import SMALLEST, Group

QUESTION = "groups"

#: An excess this large, as a share of the mean over all rows, matters in practice.
WARN, FAIL = 0.1, 0.25

#: The level of each test, after its correction.
LEVEL = 0.05

#: Groups in the picture, at most.
_SHOWN = 16

#: Permutations for a control: the most extreme of so many and one is p = 0.01.
_CONTROL_DRAWS = 99


def draws_of(evidence: Evidence) -> int:
    """How often rows are permuted: every group is compared in every draw, so more than a thousand take long."""
    return min(evidence.budget.permutations, 999 if evidence.level == "deep" else 499)


@dataclass(frozen=True)
class Compared:
    """One quantity, compared between groups.

    Attributes:
        code: of its finding.
        quantity: what is compared.
        groups: between which.
        gaps: what came out.
        among: with whom a group is compared, in words.
    """

    code: str
    quantity: Quantity
    groups: list[Group]
    gaps: Gaps
    among: str

    @property
    def unit(self) -> str:
        """What an excess is a share of."""
        if self.quantity.either:
            return "of the base rate"
        return f"of mean {self.quantity.name.removeprefix('the ')}"

    def bounds(self, group: int) -> tuple[float, float]:
        """The interval of one group, as a share; of the size of the excess where either side is bad."""
        low, high = (bound / self.quantity.scale for bound in self.gaps.interval(group))
        return (max(0.0, low, -high), max(abs(low), abs(high))) if self.quantity.either else (low, high)

    def judged(self, evidence: Evidence, p: float, small: list[str], method: str) -> Finding:
        """The verdict on the group that most surely exceeds; `p` is corrected for whatever else was tested."""
        quantity, gaps, worst = self.quantity, self.gaps, self.gaps.worst
        signed = float(gaps.excess[worst]) / quantity.scale
        # The least that is known of the worst group, and the most that could be true of any.
        bounds = [self.bounds(group) for group in range(len(self.groups))]
        interval = (bounds[worst][0], max(high for _, high in bounds))
        effect = abs(signed) if quantity.either else signed
        controls = self.controls(evidence)
        state: State = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls)
        if state in ("fail", "warn") and p >= LEVEL:
            state = "inconclusive"
        group, side = self.groups[worst], "higher" if signed > 0 else "lower"
        return Finding(
            code=self.code,
            state=state,
            question=QUESTION,
            says=f"{quantity.name} is {abs(signed):.0%} {side} for {group.name} ({len(group.rows)} rows) {self.among}, "
            f"at most {interval[1]:.0%} for any group; p = {number_words(p)} over {len(self.groups)} groups",
            fix="look at the group's rows and labels; weight it, or add a fairness term to the objective",
            effect=effect,
            unit=self.unit,
            interval=interval,
            threshold=FAIL,
            detectable=detectable(float(gaps.error[worst])) * gaps.width / 1.96 / quantity.scale,
            controls=controls,
            evidence=self.table() | {"not judged": small, "p": p},
            method=method,
            source="Westfall & Young 1993, Resampling-Based Multiple Testing",
        )

    def table(self) -> dict[str, object]:
        """What is known of every group; shrunken, the largest of many is no longer exaggerated."""
        shrunken = shrink(self.gaps.excess, self.gaps.error, centre=0.0)
        return {
            "groups": [one.name for one in self.groups],
            "excess": self.gaps.excess / self.quantity.scale,
            "excess, shrunken (empirical Bayes)": shrunken.means / self.quantity.scale,
            "rows": [len(one.rows) for one in self.groups],
        }

    def controls(self, evidence: Evidence) -> Controls:
        """Rows permuted within their strata must stay quiet; an excess planted in the smallest group must be found."""
        source, quantity, groups = evidence.random("group controls", self.code), self.quantity, self.groups
        (mixed,) = shuffles(torch.zeros(evidence.rows), 1, source, strata=quantity.strata)
        values = quantity.values.double()[mixed[0]]
        quiet = compare(replace(quantity, values=values), groups, _CONTROL_DRAWS, source, evidence.sample)
        smallest = min(range(len(groups)), key=lambda one: len(groups[one].rows))
        # As large as this many groups and rows allow to be seen at all, and half a spread at least. What is planted
        # raises the mean of all as well.
        share = evidence.sample.mean(torch.zeros(evidence.rows).index_fill(0, groups[smallest].rows, 1.0))
        seen = 1.5 * (quiet.width + 4) * float(quiet.error[smallest]) / max(1 - share, 0.1)
        size = max(0.5 * float(values.std()), seen)
        planted = values.clone()
        planted[groups[smallest].rows] += size
        loud = compare(replace(quantity, values=planted), groups, _CONTROL_DRAWS, source, evidence.sample)
        return Controls(
            positive=loud.worst == smallest and loud.p <= LEVEL,
            # One permutation in a hundred looks as extreme as this; a quieter bar would cry wolf itself.
            negative=quiet.p > 0.01,
        )

    def figure(self) -> Figure:
        """The surest gaps, with intervals that hold for all groups at once, and what is left when they are shrunk."""
        gaps, scale, groups = self.gaps, self.quantity.scale, self.groups
        order = sorted(range(len(groups)), key=lambda one: -abs(float(gaps.excess[one] / gaps.error[one])))[:_SHOWN]
        order.sort(key=lambda one: groups[one].name)
        bounds = [gaps.interval(one) for one in order]
        shrunken = shrink(gaps.excess, gaps.error, centre=0.0).means / scale
        labels = [f"{groups[one].name} ({len(groups[one].rows)})" for one in order]
        name = self.quantity.name.removeprefix("the ")
        return Figure(
            kind="intervals",
            title=f"{capitalised(name)}, by group",
            caption=f"How far each group lies above (right) or below what it is {self.among}. Intervals hold for all "
            "groups at once; one that touches 0 shows no gap. The second mark is the same gap, pulled towards 0 by as "
            "much as its noise calls for: the best guess.",
            x=f"excess, as a share {self.unit}",
            series=[
                {
                    "name": name,
                    "x": [float(gaps.excess[one]) / scale for one in order],
                    "low": [low / scale for low, _ in bounds],
                    "high": [high / scale for _, high in bounds],
                    "labels": labels,
                },
                {"name": "best guess", "x": [float(shrunken[one]) for one in order], "labels": labels},
            ],
            reference=0.0,
            note=f"{len(order)} of {len(groups)} groups, the surest gaps; none is shown under {SMALLEST} rows",
        )
