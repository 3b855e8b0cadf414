"""The calibration slopes of groups as a finding: is one group told with more certainty than is due?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...findings import Controls, Finding, State, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..statistics import detectable
from .judged import FAIL, LEVEL, QUESTION, WARN, draws_of
from .members import Group
from .slopes import FEWEST, Slopes, fit_for_slopes, slopes

CODE = "F706"
_CONTROL_DRAWS = 99


def calibrated(evidence: Evidence, groups: list[Group]) -> tuple[Callable[[float], Finding], float | None]:
    """The finding, which waits for its corrected p-value, and the p-value; None where nothing was tested."""
    if evidence.space is None or evidence.space.task != "binary":
        return _idle("the case has no binary forecasts"), None
    label = evidence.target.double()
    fit = fit_for_slopes(label, groups, evidence.sample)
    if len(fit) < 2:
        return _idle(f"fewer than two groups have {FEWEST} rows of either answer"), None
    score = (evidence.score if evidence.repaired is None else evidence.repaired).double()
    draws = draws_of(evidence)
    found = slopes(score, label, fit, evidence.sample, draws, evidence.random("group slopes"))
    if found is None:
        return _idle("forecasts do not rise with what happens, so they have no slope to compare"), None
    controls = _controls(evidence, score, fit, found)
    told = found

    def judged(p: float) -> Finding:
        return _judged(fit, told, p, controls, [one.name for one in groups if one not in fit], draws)

    return judged, found.p


def _idle(why: str) -> Callable[[float], Finding]:
    finding = Finding(code=CODE, state="not_applicable", question=QUESTION, says=f"calibration slopes of groups: {why}")
    return lambda p: finding


def _judged(groups: list[Group], found: Slopes, p: float, controls: Controls, small: list[str], draws: int) -> Finding:
    worst = found.worst
    half = found.width * found.error
    low = (found.apart.abs() - half).clamp_min(0)
    interval = (float(low[worst]), float((found.apart.abs() + half).max()))
    effect = float(found.apart[worst].abs())
    state: State = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls)
    if state in ("fail", "warn") and p >= LEVEL:
        state = "inconclusive"
    slope = found.everyone * (1 + float(found.apart[worst]))
    side = "too sure" if found.apart[worst] < 0 else "not sure enough"
    return Finding(
        code=CODE,
        state=state,
        question=QUESTION,
        says=f"for {groups[worst].name} the calibration slope is {slope:.2f}, against {found.everyone:.2f} for all "
        f"rows: beside the others its forecasts are {side}; p = {number_words(p)} over {len(groups)} groups",
        fix="calibrate the group on rows of its own, or give the model what tells its rows apart",
        effect=effect,
        unit="of the slope of all rows",
        interval=interval,
        threshold=FAIL,
        detectable=detectable(float(found.error[worst])) * found.width / 1.96,
        controls=controls,
        evidence={
            "groups": [one.name for one in groups],
            "slopes": found.everyone * (1 + found.apart),
            "not judged": small,
            "p": p,
        },
        method="Cox's recalibration in each group, read through the link of the loss, against the slope of all rows, "
        f"with an intercept for each group; p from {draws} draws of labels with one slope, corrected with the other "
        f"comparisons of groups. Groups with under {FEWEST} rows of either answer are not judged; warns beyond a "
        "tenth. "
        "Controls: labels drawn with one slope, and with a slope that is changed in the largest group",
        source="Cox 1958, doi:10.1093/biomet/45.3-4.562",
    )


def _controls(evidence: Evidence, score: Tensor, groups: list[Group], found: Slopes) -> Controls:
    source = evidence.random("slope controls")
    largest = max(range(len(groups)), key=lambda one: len(groups[one].rows))
    # As large as can be seen in this many rows: flatter, and then falling where it should rise.
    change = (found.width + 4) * float(found.error[largest])
    log_odds = found.everyone * score
    tilted = log_odds.clone()
    rows = groups[largest].rows
    factor = max(1 - change, -2.0)
    tilted[rows] = factor * (log_odds[rows] - log_odds[rows].mean()) + log_odds[rows].mean()

    def p(odds: Tensor) -> float:
        label = (torch.rand(len(odds), generator=source, dtype=torch.float64) < torch.sigmoid(odds)).double()
        fit = fit_for_slopes(label, groups, evidence.sample)
        again = slopes(score, label, fit, evidence.sample, _CONTROL_DRAWS, source) if len(fit) > 1 else None
        return 1.0 if again is None else again.p

    quiet, loud = p(log_odds), p(tilted)
    return Controls(positive=loud <= LEVEL, negative=quiet > 0.01)
