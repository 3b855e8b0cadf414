"""Warning sign: does the model serve some groups worse than others?"""

from __future__ import annotations

from ...findings import Finding
from ..evidence import Evidence
from ..grouping import Group, Members, Quantity, by_forecast, by_loss, by_metric, compare, members
from ..grouping.calibrated import calibrated
from ..grouping.crossed import crossed
from ..grouping.judged import QUESTION, Compared, draws_of
from ..grouping.members import SMALLEST
from ..grouping.weighed import weighed
from ..probe import Outcome, Probe
from ..statistics import holm

_LIKE = "than rows with the same targets have elsewhere"


def measure(evidence: Evidence) -> Outcome:
    """Compare the groups' metric, loss and forecasts, among rows with the same target, and the weight they get."""
    if not evidence.case.groups:
        return Outcome((_idle("not_run", "the case gives no groups; give Case(groups={name: labels})"),))
    groups = members(evidence)
    if evidence.sample.effective < 2 * SMALLEST:
        why = f"by their weights, the rows are worth {evidence.sample.effective:.0f} rows; {2 * SMALLEST} are needed"
        return Outcome((_idle("not_applicable", why),))
    if len(groups.judged) < 2:
        return Outcome((_idle("not_applicable", f"fewer than two groups have {SMALLEST} rows"),))
    quantities = {"F701": by_metric(evidence), "F702": by_loss(evidence), "F703": by_forecast(evidence)}
    compared = [_compared(evidence, code, one, groups.judged) for code, one in quantities.items() if one is not None]
    slope, slope_p = calibrated(evidence, groups.judged)
    adjusted = holm([one.gaps.p for one in compared] + ([] if slope_p is None else [slope_p]))
    findings = [
        one.judged(evidence, p, groups.small, _method(evidence, one.quantity))
        for one, p in zip(compared, adjusted, strict=False)
    ]
    if quantities["F701"] is None:
        findings.insert(0, _by_whole_metric(evidence, groups))
    crossing, pictures = crossed(evidence, groups, quantities["F701"] or quantities["F702"])
    pulls, bars = weighed(evidence, groups.judged)
    findings += [crossing, slope(adjusted[-1]) if slope_p is not None else slope(1.0), pulls]
    figures = (*(one.figure() for one in compared), *pictures, *bars)
    return Outcome(tuple(findings), figures, _answer(compared, findings, groups))


GROUPS = Probe("groups", QUESTION, "F701", "gaps between groups", measure, needs=("groups",))


def _idle(state: str, why: str) -> Finding:
    return Finding(
        code="F701",
        state="not_run" if state == "not_run" else "not_applicable",
        question=QUESTION,
        says=f"gaps between groups: {why}",
    )


def _compared(evidence: Evidence, code: str, quantity: Quantity, groups: list[Group]) -> Compared:
    gaps = compare(quantity, groups, draws_of(evidence), evidence.random("groups", quantity.name), evidence.sample)
    return Compared(code, quantity, groups, gaps, "than elsewhere" if quantity.either else _LIKE)


def _method(evidence: Evidence, quantity: Quantity) -> str:
    clustered = evidence.sample.cluster is not None or evidence.sample.ordered
    moved = "whole clusters permuted or resampled" if clustered else "rows permuted"
    return (
        f"means against the mean of all rows{'' if quantity.either else ' of the same target'}; {moved} "
        f"{draws_of(evidence)} times; the largest studentised excess gives p and intervals that hold for all "
        f"groups at once; Holm over the quantities. Groups under {SMALLEST} rows are not judged; warns beyond a tenth. "
        "Controls: permuted rows, and an excess planted in the smallest judged group"
    )


def _by_whole_metric(evidence: Evidence, groups: Members) -> Finding:
    """A metric of whole samples, shown for each group: it cannot be compared among rows with the same target."""
    metric, stick = evidence.case.metric, evidence.by_metric
    values = {one.name: metric.natural(stick.mean(evidence.score[one.rows], one.rows)) for one in groups.judged}
    return Finding(
        code="F701",
        state="not_applicable",
        question=QUESTION,
        says=f"{metric.name} has no value for a row, so rows with the same target cannot be compared by it; groups are "
        "compared by the loss",
        evidence={"values": values, "not judged": groups.small},
    )


def _answer(compared: list[Compared], findings: list[Finding], groups: Members) -> str:
    """What a person is told who knows no statistics."""
    left = f" ({len(groups.small)} are too small to say)" if groups.small else ""
    bad = {one.code for one in findings if one.state in ("fail", "warn")}
    for one in compared:
        if one.code in bad:
            worst, share = one.groups[one.gaps.worst].name, float(one.gaps.excess[one.gaps.worst]) / one.quantity.scale
            side = "higher" if share > 0 else "lower"
            found = f"{one.quantity.name} is {abs(share):.0%} {side} for {worst}"
            return f"of {len(groups.judged)} groups one stands out: {found}{left}"
    if bad:
        return next(one.says.split(";")[0] for one in findings if one.code in bad)
    if all(one.state == "pass" for one in findings if one.code in ("F701", "F702", "F703")):
        return f"{len(groups.judged)} groups are served alike{left}"
    return f"no gap was shown between {len(groups.judged)} groups, nor that there is none{left}"
