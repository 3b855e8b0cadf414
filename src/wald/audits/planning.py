"""What an audit would do, and what that would cost, before any of it is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from textwrap import shorten, wrap
from time import perf_counter
from typing import Any

from ..checks.subjects.subject import undisturbed
from ..findings.questions import FIVE
from .case import Case
from .errors import CaseError
from .evidence import BUDGETS, run
from .plan import PROBES
from .probe import ADVICE, LEVELS, Level, Probe

#: Rows that are sent through the model to find out how long that takes, and for how long.
_TIMED_ROWS, _TIMED_SECONDS = 1_024, 0.2

#: What a probe costs besides the model, in seconds, at so many rows: about what it was over the built-in cases. Half of
#: it does not depend on the rows.
_BASE: dict[Level, float] = {"quick": 0.15, "standard": 0.9, "deep": 3.0}
_BASE_ROWS = 3_500


@dataclass(frozen=True, kw_only=True)
class Step:
    """One probe of a plan.

    Attributes:
        name: what `only=` calls it.
        question: the question that it belongs to.
        asks: what it measures.
        why_not: why it would not run; empty where it would.
        advice: what to give so that it runs; empty where it would, or where nothing helps.
        passes: how many times a row would go through the model.
        fits: how many models would be trained.
        seconds: what that takes, roughly, without the training; 0 where it would not run.
    """

    name: str
    question: str
    asks: str
    why_not: str = ""
    advice: str = ""
    passes: float = 0.0
    fits: int = 0
    seconds: float = 0.0

    @property
    def runs(self) -> bool:
        """Whether it would run."""
        return not self.why_not


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an audit would do. `print(plan)` is for a person.

    Attributes:
        case: what would be audited.
        level: how thoroughly.
        rows: how many test rows would be looked at.
        of: how many there are.
        row_seconds: how long a row takes to go through the model; None where recorded predictions stand for it.
        steps: the probes, in their order.
    """

    case: str
    level: Level
    rows: int
    of: int
    row_seconds: float | None
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """What it takes in all, roughly, without the training."""
        return sum(step.seconds for step in self.steps)

    @property
    def fits(self) -> int:
        """How many models would be trained."""
        return sum(step.fits for step in self.steps if step.runs)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, which JSON can hold."""
        return {
            "case": self.case,
            "level": self.level,
            "rows": self.rows,
            "of": self.of,
            "row_seconds": self.row_seconds,
            "seconds": self.seconds,
            "fits": self.fits,
            "steps": [asdict(step) | {"runs": step.runs} for step in self.steps],
        }

    def text(self, *, width: int = 100) -> str:
        """A line for each probe that would run, with its cost, and one for each that would not, with the reason."""
        some = sum(step.runs for step in self.steps)
        lines = wrap(
            f"plan · {self.case} · --{self.level}: {some} of {len(self.steps)} probes would run on {self.rows} of "
            f"{self.of} test rows, {self._cost(self.seconds, self.fits)}",
            width,
        )
        lines += wrap(self._timing(), width)
        questions = dict.fromkeys([*FIVE, *(step.question for step in self.steps)])
        across = max(len(step.name) for step in self.steps)
        for question in questions:
            own = sorted((step for step in self.steps if step.question == question), key=lambda step: not step.runs)
            lines += ["", question] if own else []
            lines += [self._line(step, across, width) for step in own]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def _timing(self) -> str:
        if self.row_seconds is None:
            return "recorded predictions: no model is asked; nothing was measured yet"
        return (
            f"the model takes {_duration(1_000 * self.row_seconds)} for 1,000 rows, measured just now; what a probe "
            "finds to have no meaning for this task costs nothing"
        )

    def _line(self, step: Step, across: int, width: int) -> str:
        mark = "✓" if step.runs else "○"
        told = self._cost(step.seconds, step.fits) if step.runs else step.why_not
        begin = f"  {mark} {step.name:<{across}}  "
        room = max(12, width - len(begin) - len(told) - 2)
        asks = shorten(step.asks, room, placeholder=" …")
        return f"{begin}{asks}".ljust(width - len(told) - 1) + f" {told}"

    def _cost(self, seconds: float, fits: int) -> str:
        trained = f" and {fits} training{'' if fits == 1 else 's'}" if fits else ""
        return f"about {_duration(seconds)}{trained}"


def plan(case: Case, level: Level = "standard") -> Plan:
    """What `wald.audit(case, level=level)` would do, probe by probe, and what it would cost. No probe runs.

    The model is asked for a thousand rows, to see how long it takes, and left as it was. How long a training takes
    is not known, so trainings are counted.

    Args:
        case: what would be audited.
        level: "quick", "standard" or "deep".

    Raises:
        CaseError: the model does not take the test rows.
        ValueError: a level that does not exist.

    >>> import torch, wald
    >>> from wald.audits import metrics
    >>> x = torch.randn(50, 1)
    >>> case = wald.Case(
    ...     prediction=x[:, 0], loss=wald.Huber(), test=(x, x[:, 0] + 0.1), metric=metrics.absolute_error()
    ... )
    >>> found = plan(case, "quick")
    >>> {step.why_not for step in found.steps if step.name == "groups"}
    {'the case gives no groups'}
    """
    if level not in LEVELS:
        raise ValueError(f"level is quick, standard or deep; got {level!r}.")
    weighted = len(case.test[1]) if case.weight is None else int((case.weight > 0).sum())
    rows = min(BUDGETS[level].rows, weighted)
    row_seconds = _row_seconds(case)
    return Plan(
        case=case.name,
        level=level,
        rows=rows,
        of=len(case.test[1]),
        row_seconds=row_seconds,
        steps=tuple(_step(probe, case, level, rows, row_seconds or 0.0) for probe in PROBES),
    )


def _step(probe: Probe, case: Case, level: Level, rows: int, row_seconds: float) -> Step:
    if why := probe.why_not(case, level):
        missing = probe.missing(case)
        advice = ADVICE[missing[0]] if missing else f"run with --{probe.least}"
        return Step(name=probe.name, question=probe.question, asks=probe.asks, why_not=why, advice=advice)
    work = probe.work(case, BUDGETS[level])
    return Step(
        name=probe.name,
        question=probe.question,
        asks=probe.asks,
        passes=work.passes,
        fits=work.fits,
        seconds=work.passes * row_seconds + _BASE[level] * (1 + rows / _BASE_ROWS) / 2,
    )


def _row_seconds(case: Case) -> float | None:
    """How long a row takes to go through the model."""
    if case.model is None:
        return None
    inputs = case.test[0][:_TIMED_ROWS]
    with undisturbed():
        try:
            # The first call pays for what is set up once.
            run(case.model, inputs)
            begun, times = perf_counter(), 0
            while times < 1 or (perf_counter() - begun < _TIMED_SECONDS and times < 20):
                run(case.model, inputs)
                times += 1
        except Exception as error:
            raise CaseError(f"the model raised {type(error).__name__} on the test inputs: {error}") from error
        return (perf_counter() - begun) / times / len(inputs)


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{1e6 * seconds:.0f} µs"
    if seconds < 0.1:
        return f"{1e3 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
