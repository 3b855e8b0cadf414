"""Run the probes of an audit, keep what each finds, and let none fall silent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from time import perf_counter
import traceback
from typing import Any

from ..checks.subjects.subject import undisturbed
from ..findings import Finding, Report, State
from ..findings.answers import compose
from ..findings.questions import FIVE
from ..findings.state import overall_state
from .case import Case
from .comparing.pairing import pairing
from .evidence import Evidence, gather
from .plan import PROBES
from .probe import ADVICE, LEVELS, Level, Outcome, Probe
from .reading.totals import Totals, totals_of

#: (what is being done, how much is done, of how much) → nothing.
Progress = Callable[[str, int, int], None]


_INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class _Kept:
    probe: Probe
    outcome: Outcome


def audit(
    case: Case,
    *,
    level: Level = "standard",
    seed: int = 0,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
) -> Report:
    """Answer the five questions about a loss, the model it made, its data and the metric that counts.

    Nothing is changed: the model's modes and every random state are left as they were
    found. A probe that breaks is reported as an error, one that is interrupted (Ctrl-C), and those after it, as
    not run.

    Args:
        case: what to audit.
        level: "quick" (the loss and the predictions alone, seconds), "standard" (also asks the model, under a minute
            for a small one) or "deep" (also trains, minutes).
        seed: what every random number comes from.
        progress: called before each probe with its name, how many are done, and of how many.
        only: the names of the probes to run; the others are reported as not run.

    Returns:
        A report with an answer, in words, to each question, the findings behind it, and figures.

    Raises:
        CaseError: the model, the loss or the metric does not take the test rows.
        ValueError: a level or a probe that does not exist.

    >>> import torch, wald
    >>> from wald.audits import metrics
    >>> x = torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    >>> case = wald.Case(
    ...     model=lambda rows: rows[:, 0], loss=wald.Huber(), test=(x, x[:, 0] + 0.1), metric=metrics.absolute_error()
    ... )
    >>> report = wald.audit(case, level="quick", only=["edge cases"])
    >>> report.kind, report.counts["error"]
    ('audit', 0)
    """
    names = [probe.name for probe in PROBES]
    if unknown := sorted(set(only or ()) - set(names)):
        raise ValueError(f"there is no probe {', '.join(unknown)}; there are {', '.join(names)}.")
    if level not in LEVELS:
        raise ValueError(f"level is quick, standard or deep; got {level!r}.")
    with undisturbed():
        evidence = gather(case, level=level, seed=seed)
        kept, interrupted = _all(evidence, progress, only)
    return _report(evidence, kept, interrupted)


def was_interrupted(report: Report) -> bool:
    """Whether someone stopped the audit before its end."""
    return any(one.state == "not_run" and one.says.endswith(f": {_INTERRUPTED}") for one in report.findings)


def _all(evidence: Evidence, progress: Progress | None, only: Collection[str] | None) -> tuple[list[_Kept], bool]:
    kept: list[_Kept] = []
    interrupted = False
    for done, probe in enumerate(PROBES):
        try:
            if progress is not None and not interrupted:
                progress(probe.asks, done, len(PROBES))
            idle = _idle(probe, evidence, interrupted, only)
            outcome = _one(probe, evidence) if idle is None else Outcome((idle,))
        except KeyboardInterrupt:
            interrupted, outcome = True, Outcome((_told(probe, "not_run", _INTERRUPTED),))
        kept.append(_Kept(probe, outcome))
    if progress is not None and not interrupted:
        progress("done", len(PROBES), len(PROBES))
    return kept, interrupted


def _idle(probe: Probe, evidence: Evidence, interrupted: bool, only: Collection[str] | None) -> Finding | None:
    """What is said of a probe that is not run; None where it is."""
    if interrupted:
        return _told(probe, "not_run", _INTERRUPTED)
    if only is not None and probe.name not in only:
        return _told(probe, "not_run", "left out by only=")
    if not probe.independent and evidence.facts.get("unstable"):
        return _told(probe, "not_run", evidence.facts["unstable"])
    missing = probe.missing(evidence.case)
    if missing == ("trading",) and evidence.space is not None:
        # Forecasts of a target are not meant to be anything else: nothing is missing.
        return _told(probe, "not_applicable", "predictions are forecasts, and no positions in a market")
    why = probe.why_not(evidence.case, evidence.level)
    return _told(probe, "not_run", why, fix=ADVICE[missing[0]] if missing else "") if why else None


def _one(probe: Probe, evidence: Evidence) -> Outcome:
    start = perf_counter()
    try:
        outcome = probe.measure(evidence)
    except ModuleNotFoundError as error:
        # A library that is an extra: what it would have measured is missing, and nothing is broken.
        fix = f"install {error.name}" if error.name else ""
        outcome = Outcome((_told(probe, "not_run", str(error), fix=fix),))
    except Exception as error:
        broken = _told(
            probe,
            "error",
            f"{type(error).__name__}: {error}",
            fix="if the model, the loss or the metric is at fault, the traceback in the report says where",
            evidence={"traceback": "".join(traceback.format_exception(error))},
        )
        outcome = Outcome((broken,), answer=f"the probe of {probe.asks} broke")
    share = (perf_counter() - start) / max(1, len(outcome.findings))
    told = [replace(one, seconds=share, **_completed(one, evidence, probe)) for one in outcome.findings]
    return replace(outcome, findings=tuple(told))


def _completed(finding: Finding, evidence: Evidence, probe: Probe) -> dict[str, Any]:
    """How to see it again; and no remedy where nothing is wrong."""
    made = evidence.case.recipe or "import wald; case = ...  # the case that was audited"
    asked = f'wald.audit(case, level="{evidence.level}", seed={evidence.seed}, only=["{probe.name}"])'
    return {
        "fix": "" if finding.state in ("pass", "not_applicable") else finding.fix,
        "evidence": {"reproduce": f"{made}\nprint({asked}.json())"} | dict(finding.evidence),
    }


def _told(probe: Probe, state: State, why: str, **more: Any) -> Finding:
    """What is said of a whole probe, under its main code."""
    return Finding(code=probe.code, state=state, question=probe.question, says=f"{probe.asks}: {why}", **more)


def _report(evidence: Evidence, kept: list[_Kept], interrupted: bool) -> Report:
    case = evidence.case
    answers, further = _answers(kept)
    findings = [finding for one in kept for finding in one.outcome.findings]
    figures = [replace(figure, question=one.probe.question) for one in kept for figure in one.outcome.figures]
    return Report(
        kind="audit",
        subject=f"{case.name}: {evidence.cost.name}, judged by {case.described_metric}",
        card=evidence.measured_card,
        findings=tuple(findings),
        figures=tuple(figures),
        answers=answers,
        further=further,
        notes=tuple(_notes(evidence, interrupted)),
        seed=evidence.seed,
        paired=_paired(evidence),
    )


def _paired(evidence: Evidence) -> dict[str, Any]:
    """What `wald audit --compare` needs; an audit does not break for want of it."""
    try:
        with undisturbed():
            return pairing(evidence)
    except Exception as error:
        return {"missing": f"{type(error).__name__}: {error}"}


def _answers(kept: list[_Kept]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """For each question the answer, the worst first, and what found no room in it."""
    parts: dict[str, list[tuple[State, str]]] = {}
    for one in kept:
        state = overall_state(finding.state for finding in one.outcome.findings)
        parts.setdefault(one.probe.question, []).append((state, one.outcome.answer))
    composed = {
        question: compose(question, said)
        for question, said in parts.items()
        if question in FIVE or any(one for _, one in said)
    }
    return (
        {question: answer for question, (answer, _) in composed.items()},
        {question: rest for question, (_, rest) in composed.items() if rest},
    )


def _sampled(evidence: Evidence, rows: int) -> list[str]:
    """Of how many rows these are a part, and what all of them say."""
    try:
        with undisturbed():
            totals = totals_of(evidence) or Totals(rows=rows)
    except Exception as error:
        return [f"measured on {evidence.rows:,} of {rows:,} test rows; over all: {type(error).__name__}: {error}"]
    return list(totals.told(evidence.rows, metric=evidence.case.metric.name, ordered=evidence.case.ordered))


def _notes(evidence: Evidence, interrupted: bool) -> list[str]:
    case, rows = evidence.case, len(evidence.case.test[1])
    notes = [case.about] if case.about else []
    notes += case.notes
    notes += _sampled(evidence, rows)
    if evidence.space is None:
        notes.append("the task is none of regression, binary and multiclass, so most probes do not apply")
    if broken := evidence.facts.get("check"):
        notes.append(f"{broken}; what it elicits is what its card claims")
    if interrupted:
        notes.append("interrupted: what was not finished is marked as not run")
    return notes
