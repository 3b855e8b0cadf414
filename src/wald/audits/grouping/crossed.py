"""Where two groups meet: a gap that neither of them shows alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...findings import Figure, Finding
from ..evidence import Evidence
from ..statistics import benjamini_hochberg
from .gaps import Quantity, compare, within_strata
from .judged import QUESTION, Compared, draws_of
from .members import Members, crossings

CODE = "F704"

#: Times that the means of all groupings are taken out in turn; the gaps that are left shrink with each.
_SWEEPS = 20


def crossed(evidence: Evidence, groups: Members, quantity: Quantity | None) -> tuple[Finding, tuple[Figure, ...]]:
    """Intersections of two groupings, beyond what each of its groups has alone, with the false ones held to 5 %."""
    if len(groups.codes) < 2:
        return _idle("not_applicable", "the case has one way to group its rows"), ()
    if quantity is None:
        return _idle("not_applicable", "neither the metric nor the loss has a value for a row"), ()
    cells, small = crossings(evidence, groups)
    if not cells:
        return _idle("not_applicable", f"none of {small} is large enough"), ()
    alone = _additive(evidence, groups, quantity)
    apart = replace(quantity, values=quantity.values.double() - alone)
    draws = draws_of(evidence)
    gaps = compare(apart, cells, draws, evidence.random("crossings"), evidence.sample)
    try:
        adjusted = benjamini_hochberg(gaps.each.tolist())
    except ModuleNotFoundError as error:
        return replace(_idle("not_run", str(error)), fix='pip install "wald[audit]"'), ()
    # The surest is the one with the least p-value; a tie is broken by the size of the gap.
    worst = min(range(len(cells)), key=lambda one: (adjusted[one], -float(gaps.excess[one] / gaps.error[one])))
    compared = Compared(CODE, apart, cells, replace(gaps, worst=worst), "than its two groups alone explain")
    finding = compared.judged(
        evidence,
        adjusted[worst],
        [f"{small} smaller intersections"] if small else [],
        "the values of rows, less the mean of rows with the same target and less what each group has alone; rows "
        f"permuted {draws} times; p-values corrected by Benjamini & Hochberg, intervals hold for all at once. Warns "
        "beyond a tenth. Controls: permuted rows, and an excess planted in the smallest intersection",
    )
    found = [cells[one].name for one, p in enumerate(adjusted) if p < 0.05]
    told = replace(
        finding,
        evidence=dict(finding.evidence) | {"beyond chance": found},
        source="Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x",
    )
    figure = replace(compared.figure(), title=f"{quantity.name}, where two groups meet")
    return told, (figure,)


def _additive(evidence: Evidence, groups: Members, quantity: Quantity) -> Tensor:
    """What the groups of each grouping have alone, added up, beyond the mean of the stratum."""
    weight = evidence.sample.weight
    mass = torch.ones(evidence.rows, dtype=torch.float64) if weight is None else weight.double()
    start = within_strata(quantity.values, quantity.strata, mass)
    left = start
    for _ in range(_SWEEPS):
        for codes in groups.codes.values():
            left = within_strata(left, codes, mass)
        left = within_strata(left, quantity.strata, mass)
    return start - left


def _idle(state: str, why: str) -> Finding:
    return Finding(
        code=CODE,
        state="not_run" if state == "not_run" else "not_applicable",
        question=QUESTION,
        says=f"gaps where two groups meet: {why}",
    )
