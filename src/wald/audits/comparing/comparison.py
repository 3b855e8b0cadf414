"""Compare two audits row by row, and tell only what is shown to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from math import isfinite
from pathlib import Path
from typing import Any

from ...findings import Figure, Finding, Report
from ...findings.words import number_words, quantity_words
from ..errors import CaseError
from ..metrics import capitalised
from ..statistics import detectable, holm
from .changes import Change, changes_between, changes_of, controls_of, sample_of, shown
from .told import QUESTION, change_finding, groups_finding, metric_finding, state_finding

#: Where each thing that must be equal is found among the marks, and what to do where it is not.
_EQUAL = {
    "targets": "the test targets differ, so these are other rows. Run both audits on the same test set, in the same "
    "order",
    "chosen": "other rows of the test set were looked at. Run both audits at one level and with one seed",
    "weights": "the rows' weights differ. Give both cases the same weight=",
    "clusters": "the rows' clusters differ. Give both cases the same clusters=",
}


def compare(old: Report | Mapping[str, Any] | str | Path, new: Report | Mapping[str, Any] | str | Path) -> Report:
    """Tell what changed between two audits of the same test rows.

    The rows are resampled for both at once, so what makes a row hard cancels. Metric, loss, groups and the effects
    of findings are held together to a chance of 5 % to tell of any change where there is none. Told is what these two
    models do on rows like these; whether a training recipe did it, or the luck of one training, takes several
    trainings of each.

    Args:
        old: a report of `wald.audit`, what its `to_dict` gave, or the path of its JSON.
        new: the report to compare it with.

    Returns:
        A report of kind "diff": a finding for the metric, and one for each other change that is shown.

    Raises:
        CaseError: the two did not look at the same rows, or are no reports of audits; the message says what to do.

    >>> import torch, wald
    >>> from wald.audits import metrics
    >>> x = torch.randn(300, 1, generator=torch.Generator().manual_seed(0))
    >>> def audit(shift):
    ...     case = wald.Case(model=lambda rows: rows[:, 0] + shift, loss=wald.Squared(), test=(x, x[:, 0] + 0.1),
    ...         metric=metrics.absolute_error())
    ...     return wald.audit(case, level="quick", only=["preflight"])
    >>> compare(audit(0.0), audit(0.0)).answers["change"].split(":")[0]
    'No change'
    >>> compare(audit(0.0), audit(0.5)).verdict
    'fail'
    """
    before, after = (_read(one, which) for one, which in ((old, "old"), (new, "new")))
    _refuse(before, after)
    sample = sample_of(before.paired)
    metric, others, told = changes_of(before, after, sample)
    between = changes_between(before, after)
    every = [metric, *others]
    adjusted = holm([one.p for one in every] + [one.p for one, _, _ in between])
    controls = controls_of(before, after, sample, len(adjusted))
    findings = [metric_finding(metric, adjusted[0], controls)]
    changed = [(one, p) for one, p in zip(others, adjusted[1:], strict=False) if shown(one, p)]
    findings += [change_finding(one, p, controls) for one, p in changed if one.code == "V102"]
    if groups := [pair for pair in changed if pair[0].code == "V103"]:
        findings.append(groups_finding(metric, groups, sum(one.code == "V103" for one in others), controls))
    silent = 0
    for (change, was, now), p in zip(between, adjusted[len(every) :], strict=True):
        if was.state != now.state:
            if shown(change, p):
                findings.append(state_finding(change, was, now, p))
            else:
                silent += 1
    return Report(
        kind="diff",
        subject=f"{before.subject} → {after.subject}" if before.subject != after.subject else before.subject,
        findings=tuple(findings),
        answers={QUESTION: _answer(metric, adjusted[0], findings, len(adjusted))},
        figures=_figures(metric, others),
        notes=tuple(_notes(before, after, silent, told)),
        seed=after.seed,
    )


def _read(given: Report | Mapping[str, Any] | str | Path, which: str) -> Report:
    if isinstance(given, str | Path):
        given = _loaded(Path(given))
    if not isinstance(given, Report):
        try:
            given = Report.from_dict(given)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CaseError(f"the {which} one is no report of wald: {error}.") from None
    if given.kind != "audit":
        raise CaseError(f"the {which} report is of `wald {given.kind}`; only audits are compared row by row.")
    if "marks" not in given.paired:
        why = given.paired.get("missing") or "it was written by an earlier version of wald"
        raise CaseError(f"not comparable: the {which} report holds no values of rows ({why}). Run that audit again.")
    return given


def _loaded(path: Path) -> Mapping[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CaseError(f"there is no file {str(path)!r}; `wald audit CASE --out DIR` writes one.") from None
    except ValueError as error:
        raise CaseError(f"{path} is no JSON of a report: {error}. Give what `wald audit` wrote.") from None


def _refuse(old: Report, new: Report) -> None:
    """Say what differs where rows cannot be paired."""
    before, after = old.paired, new.paired
    if before["rows"] != after["rows"]:
        raise CaseError(
            f"not comparable: {before['rows']} rows at --{before['level']} with seed {old.seed}, and {after['rows']} "
            f"rows at --{after['level']} with seed {new.seed}. Run both audits on the same test set, at one level and "
            "with one seed."
        )
    for name, advice in _EQUAL.items():
        if before["marks"][name] != after["marks"][name]:
            where = f" (--{before['level']}, seed {old.seed}; --{after['level']}, seed {new.seed})"
            raise CaseError(f"not comparable: {advice}{where}.")
    names = [
        (one["metric"]["name"], one["metric"]["unit"], one["metric"]["lower_is_better"]) for one in (before, after)
    ]
    if names[0] != names[1] or ("values" in before["metric"]) != ("values" in after["metric"]):
        raise CaseError(
            f"not comparable: the old audit is judged by {names[0][0]!r} and the new one by {names[1][0]!r}. Run both "
            "with one metric."
        )
    if "draws" in before["metric"] and (old.seed, before["level"]) != (new.seed, after["level"]):
        raise CaseError(
            f"not comparable: {names[0][0]} needs whole samples, and these were drawn at --{before['level']} with "
            f"seed {old.seed} and at --{after['level']} with seed {new.seed}. Run both at one level and with one seed."
        )


def _answer(metric: Change, p: float, findings: Sequence[Finding], compared: int) -> str:
    others = len(findings) - 1
    after = quantity_words(metric.after, metric.unit)
    if shown(metric, p):
        side = "worse" if metric.effect > 0 else "better"
        told = f"{capitalised(metric.name)} got {side}: from {number_words(metric.before)} to {after}."
    elif others:
        told = f"{capitalised(metric.name)} did not change as far as these rows show: it is {after}."
    elif metric.error == 0 and metric.effect == 0:
        return f"No change: {metric.name} is {after} both times, and so are the other {compared - 1} things compared."
    else:
        size = quantity_words(detectable(metric.error), metric.unit)
        return (
            f"No change: nothing of {compared} things compared is shown to differ. {capitalised(metric.name)} is "
            f"{after}; a change of {size} would have been seen."
        )
    return told + (f" Of {compared} things compared, {others} more changed." if others else " Nothing else changed.")


def _figures(metric: Change, others: Sequence[Change]) -> tuple[Figure, ...]:
    drawn = [metric, *(one for one in others if one.code == "V103")]
    drawn = [one for one in drawn if all(map(isfinite, one.interval))][:40]
    if not drawn:
        return ()
    return (
        Figure(
            kind="intervals",
            title=f"Change of {metric.name}",
            caption="Right of the line the new one is worse, left of it better. Each interval is of that row alone.",
            x=f"worse by ({metric.unit or metric.name})",
            series=[
                {
                    "name": metric.name,
                    "x": [one.effect for one in drawn],
                    "low": [one.interval[0] for one in drawn],
                    "high": [one.interval[1] for one in drawn],
                    "labels": [
                        "all rows" if one is metric else f"{one.name.removeprefix(f'{metric.name} for ')} ({one.rows})"
                        for one in drawn
                    ],
                }
            ],
            reference=0.0,
            question=QUESTION,
        ),
    )


def _notes(old: Report, new: Report, silent: int, told: list[str]) -> list[str]:
    notes = list(told)
    if old.paired["marks"]["inputs"] != new.paired["marks"]["inputs"]:
        notes.append("the inputs differ, and the targets are the same: taken as the same rows, prepared anew")
    if (old.seed, old.paired["level"]) != (new.seed, new.paired["level"]):
        notes.append("the findings' effects are not compared: the two were run with other seeds or levels")
    if silent:
        many = "1 finding changed its state" if silent == 1 else f"{silent} findings changed their state"
        notes.append(f"{many} without a difference that is shown; the reports tell")
    notes.append(
        "this is about these two models: whether the recipe made the difference, or the luck of a training, takes "
        "several trainings of each"
    )
    return notes
