"""`wald.check`: measure a loss from outside, without data or a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..core import Loss
from ..findings import Figure, Finding, Report
from . import guard
from .card import card_of
from .likeness.claim import Claim, claim_of
from .likeness.hold import held
from .measured import Measured
from .rules import RULES
from .subjects.discover import Unknown, subject_of
from .subjects.domains import TASKS, refuse_unknown
from .subjects.standin import StandIn
from .subjects.subject import undisturbed
from .subjects.target import Target, TargetError, resolve
from .summary import summarised

#: Copies of the process that a loss may break before the rest is not looked for any more.
_LIVES = 3


def check(
    target: object,
    *,
    claims: object = None,
    task: str | None = None,
    domain: str | None = None,
    seed: int = 0,
) -> Report:
    """Measure a loss: what it elicits, its shape, its edges, how it is called, and what its card claims.

    Takes about a second. Nothing is changed: random states and modes are left as they were found. A loss that is not
    of wald is measured in a copy of this process where the system allows that, so that one which hangs, exits or asks
    for all the memory costs a row of the report and nothing else.

    Args:
        target: a `Loss`; any callable (prediction, target); a class that makes one when it is called with no
            argument; a catalogue expression such as "Focal(gamma=2)"; "file.py:name"; "package.module:name".
        claims: what the loss is said to be: a name or an expression of the catalogue, such as "focal" or
            "Focal(gamma=2, alpha=0.25)". It is held against that, and against the ways in which that is known to
            be written wrong; fields that are not named are searched for.
        task: what the loss is for, where that cannot be seen: regression, binary, multiclass, ...
        domain: where its prediction lives, where that cannot be seen: real, positive, probability, logit, ...
        seed: of every random number.

    Returns:
        A report: `print` it, ask for `.card`, `.findings`, `.json()`, or `.raise_if_failed()` in a test.

    Raises:
        TargetError: `target` is no loss, or `claims` none of the catalogue; the message names the nearest that is.
        ValueError: `task` or `domain` is not a word that is known.

    >>> import torch, wald
    >>> wald.check(torch.nn.functional.mse_loss).card["elicits"]
    'mean'
    """
    refuse_unknown(task=task, domain=domain)
    claim = None if claims is None else claim_of(claims)
    return _Check(target=target, claim=claim, task=task, domain=domain, seed=seed).report()


@dataclass(frozen=True)
class _Named:
    """How the report calls the loss, and how it is called, once that is known."""

    name: str
    note: str = ""


@dataclass(frozen=True)
class _Begun:
    """What is measured next: the place of a rule, or the card."""

    rule: int | None


@dataclass(frozen=True)
class _Known:
    """The facts of the card, and the pictures."""

    card: dict[str, Any]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class _Check:
    """What was asked, and the way from there to a report.

    The steps are plain values, so that they can come from another process as well as from this one.
    """

    target: object
    claim: Claim | None
    task: str | None
    domain: str | None
    seed: int

    def report(self) -> Report:
        name, note, card, figures = "", "", {}, ()
        findings: dict[int, list[Finding]] = {}
        for step in self._survived():
            match step:
                case _Named():
                    name, note = step.name, step.note
                case _Known():
                    card, figures = step.card, step.figures
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
        return Report(
            kind="check",
            subject=name,
            card=card,
            findings=rows,
            figures=figures,
            answers=summarised(card, rows),
            notes=(note,) if note else (),
            seed=self.seed,
        )

    def _survived(self) -> Iterator[object]:
        """The steps; a rule in which the loss broke the process is told so, and the others are tried again."""
        if not (_foreign(self.target) and guard.available()):
            yield from self._steps(frozenset(), frozenset())
            return
        done, broken = set[int | None](), set[str]()
        for life in range(1, _LIVES + 1):
            begun: int | None = -1
            lost = None
            for step in guard.guarded(partial(self._steps, frozenset(done), frozenset(broken))):
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
                yield -1, _uncallable(f"it {lost.why}")
                yield from _left(done, "as no way was found to call it")
                return
            if begun is None:
                yield -1, _unmeasured(lost.why)
            else:
                broken |= RULES[begun].codes.keys()
                yield begun, RULES[begun].failed(f"could not be measured, as the loss {lost.why}")
            if life == _LIVES:
                yield from _left(done, f"as the loss broke the process {life} times")

    def _steps(self, done: frozenset[int | None], broken: frozenset[str]) -> Iterator[object]:
        """Every step but those that are done; an error that is the answer comes as a step, to be raised.

        What stands behind the `broken` codes is not tried again, for whichever rule.
        """
        try:
            asked = resolve(self.target)
        except TargetError as error:
            yield error
            return
        yield _Named(asked.name)
        with undisturbed():
            stand = None if isinstance(asked.loss, Loss) else StandIn(asked.loss)
            asked = asked if stand is None else replace(asked, loss=stand)
            subject = subject_of(asked, task=self.task, domain=self.domain, seed=self.seed)
            if self.claim is not None:
                subject = held(asked, subject, self.claim, domain=self.domain)
            if isinstance(subject, Unknown):
                yield -1, _uncallable(subject.why, subject.fix)
                yield from _left(done, "as no way was found to call it")
                return
            yield _Named(asked.name, subject.note)
            measured = Measured(replace(subject, stand=stand), lost=broken)
            if None not in done:
                yield _Begun(None)
                yield _Known(card_of(measured), _figures(measured))
            for place, rule in enumerate(RULES):
                if place not in done:
                    yield _Begun(place)
                    for finding in rule.findings(measured):
                        yield place, finding
            if stand is not None and stand.exits:
                yield -1, _leaves(stand.exits[0])


def _foreign(target: object) -> bool:
    """Whether it may do anything at all: whatever is not a loss of wald, or an expression of the catalogue."""
    if isinstance(target, Target):
        target = target.loss
    if isinstance(target, str):
        return ":" in target
    return not (isinstance(target, Loss) and type(target).__module__.startswith("wald."))


def _leaves(said: str) -> Finding:
    return Finding(
        code="W400",
        state="error",
        question="call",
        says=f"it calls {said} on some inputs, which would end a training run without a word",
        fix="Raise a ValueError that says what is wrong with the input.",
        method="every call of the other rules",
    )


def _figures(measured: Measured) -> tuple[Figure, ...]:
    try:
        return measured.figures()
    except Exception:
        # A picture is no finding: what it would show is told by the rows.
        return ()


def _written(target: object) -> str:
    return target if isinstance(target, str) else type(target).__name__


def _left(done: Collection[int | None], why: str) -> Iterator[tuple[int, Finding]]:
    """The rules that are not tried any more."""
    yield from ((place, rule.not_run(why)) for place, rule in enumerate(RULES) if place not in done)


def _unmeasured(why: str) -> Finding:
    return Finding(
        code="W400",
        state="error",
        question="call",
        says=f"its card could not be measured, as the loss {why}",
        method="value and gradient on small batches",
    )


def _uncallable(why: str, fix: str = "") -> Finding:
    known = f"Say what it is for, with task= ({', '.join(TASKS)}) and domain=, or wrap it in a function that fits."
    return Finding(
        code="W400",
        state="error",
        question="call",
        says=f"no way was found to call it as loss(prediction, target): {why}",
        fix=fix or known,
        method="small batches of numbers, labels, class ids and distributions",
    )
