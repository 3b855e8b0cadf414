"""`wald.check`: measure a loss from outside, without data or a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..core import Loss
from ..findings import Finding, Report
from . import guard
from .discover import DOMAINS, TASKS, Unknown, subject_of
from .measured import Measured
from .rules import RULES
from .subject import Subject, undisturbed
from .target import Target, TargetError, resolve

#: Copies of the process that a loss may break before the rest is not looked for any more.
_LIVES = 3


def check(target: object, *, task: str | None = None, domain: str | None = None, seed: int = 0) -> Report:
    """Measure a loss: what it elicits, its shape, its edges, how it is called, and what its card claims.

    Takes about a second. Nothing is changed: random states and modes are left as they were found. A loss that is not
    of wald is measured in a copy of this process where the system allows that, so that one which hangs, exits or asks
    for all the memory costs a row of the report and nothing else.

    Args:
        target: a `Loss`; any callable (prediction, target); a class that makes one when it is called with no
            argument; a catalogue expression such as "Focal(gamma=2)"; "file.py:name"; "package.module:name".
        task: what the loss is for, where that cannot be seen: regression, binary, multiclass, ...
        domain: where its prediction lives, where that cannot be seen: real, positive, probability, logit, ...
        seed: of every random number.

    Returns:
        A report: `print` it, ask for `.card`, `.findings`, `.json()`, or `.raise_if_failed()` in a test.

    Raises:
        TargetError: `target` is no loss; the message names the nearest thing that is.
        ValueError: `task` or `domain` is not a word that is known.

    >>> import torch, wald
    >>> wald.check(torch.nn.functional.mse_loss).card["elicits"]
    'mean'
    """
    for word, given, known in (("task", task, TASKS), ("domain", domain, tuple(DOMAINS))):
        if given is not None and given not in known:
            raise ValueError(f"{word}={given!r} is not known; it is one of {', '.join(known)}.")
    return _Check(target=target, task=task, domain=domain, seed=seed).report()


@dataclass(frozen=True)
class _Named:
    """How the report calls the loss, once that is known."""

    name: str


@dataclass(frozen=True)
class _Begun:
    """What is measured next: the place of a rule, or the card."""

    rule: int | None


@dataclass(frozen=True)
class _Known:
    """The facts of the card."""

    card: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Check:
    """What was asked, and the way from there to a report.

    The steps are plain values, so that they can come from another process as well as from this one.
    """

    target: object
    task: str | None
    domain: str | None
    seed: int

    def report(self) -> Report:
        name, card = "", {}
        findings: dict[int, list[Finding]] = {}
        for step in self._survived():
            match step:
                case _Named():
                    name = step.name
                case _Known():
                    card = step.card
                case (int(rule), Finding() as finding):
                    findings.setdefault(rule, []).append(finding)
                case Exception():
                    raise step
                case _:
                    pass
        name = name or _written(self.target)
        found = [(place, one) for place in sorted(findings) for one in findings[place]]
        with undisturbed():
            rows = tuple(RULES[place].controlled(one) if place >= 0 else one for place, one in found)
        return Report(kind="check", subject=name, card=card, findings=rows, seed=self.seed)

    def _survived(self) -> Iterator[object]:
        """The steps; a rule in which the loss broke the process is told so, and the others are tried again."""
        if not (_foreign(self.target) and guard.available()):
            yield from self._steps(frozenset())
            return
        done: set[int | None] = set()
        for life in range(1, _LIVES + 1):
            begun: int | None = -1
            lost = None
            for step in guard.guarded(lambda: self._steps(frozenset(done))):
                if isinstance(step, guard.Lost):
                    lost = step
                    break
                if isinstance(step, _Begun):
                    done.add(begun)
                    begun = step.rule
                yield step
            if lost is None:
                return
            done.add(begun)
            if begun == -1:
                yield from _uncallable(f"it {lost.why}")
                return
            if begun is not None:
                yield begun, RULES[begun].failed(f"could not be measured, as the loss {lost.why}")
            if life == _LIVES:
                for place in sorted(set(range(len(RULES))) - done):
                    yield place, RULES[place].not_run(f"as the loss broke the process {life} times")

    def _steps(self, done: frozenset[int | None]) -> Iterator[object]:
        """Every step but those that are done; an error that is the answer comes as a step, to be raised."""
        try:
            asked = resolve(self.target)
        except TargetError as error:
            yield error
            return
        yield _Named(asked.name)
        with undisturbed():
            exits: list[str] = []
            subject = _found(asked, self.task, self.domain, self.seed, exits)
            if isinstance(subject, Unknown):
                yield from _uncallable(subject.why)
                return
            measured = Measured(subject)
            for place, rule in enumerate(RULES):
                if place not in done:
                    yield _Begun(place)
                    for finding in rule.findings(measured):
                        yield place, finding
            if None not in done:
                yield _Begun(None)
                yield _Known(_card(measured))
            if exits:
                yield -1, _leaves(exits[0])


def _foreign(target: object) -> bool:
    """Whether it may do anything at all: whatever is not a loss of wald, or an expression of the catalogue."""
    if isinstance(target, Target):
        target = target.loss
    if isinstance(target, str):
        return ":" in target
    return not (isinstance(target, Loss) and type(target).__module__.startswith("wald."))


def _found(asked: Target, task: str | None, domain: str | None, seed: int, exits: list[str]) -> Subject | Unknown:
    """How to call it; `exits` takes note of each time that it calls `exit` from then on."""
    try:
        subject = subject_of(asked, task=task, domain=domain, seed=seed)
    except SystemExit as left:
        return Unknown(why=f"it called {_exit(left)}")
    if isinstance(subject, Unknown) or subject.loss is not None:
        return subject

    def stayed(*inputs: Any) -> Any:
        try:
            return subject.call(*inputs)
        except SystemExit as left:
            exits.append(_exit(left))
            raise RuntimeError(f"it called {exits[-1]}") from None

    return replace(subject, call=stayed)


def _exit(left: SystemExit) -> str:
    return f"exit({'' if left.code is None else repr(left.code)})"


def _leaves(said: str) -> Finding:
    return Finding(
        code="W400",
        state="error",
        question="call",
        says=f"it calls {said} on some inputs, which would end a training run without a word",
        fix="Raise a ValueError that says what is wrong with the input.",
        method="every call of the other rules",
    )


def _card(measured: Measured) -> dict[str, Any]:
    try:
        return measured.card()
    except Exception:
        # What broke is told by the findings; a card that is half measured would say too much.
        return {"task": measured.subject.task}


def _written(target: object) -> str:
    return target if isinstance(target, str) else type(target).__name__


def _uncallable(why: str) -> Iterator[tuple[int, Finding]]:
    yield (
        -1,
        Finding(
            code="W400",
            state="error",
            question="call",
            says=f"no way was found to call it as loss(prediction, target): {why}",
            fix=f"Say what it is for, with task= ({', '.join(TASKS)}) and domain=, or wrap it in a function that fits.",
            method="small batches of numbers, labels, class ids and distributions",
        ),
    )
    for place, rule in enumerate(RULES):
        yield place, rule.not_run("as no way was found to call it")
