"""`wald.check`: measure a loss from outside, without data or a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..findings import Finding, Report
from .discover import TASKS, Unknown, subject_of
from .measured import Measured
from .rules import RULES
from .subject import undisturbed
from .target import Target, resolve


def check(target: object, *, task: str | None = None, domain: str | None = None, seed: int = 0) -> Report:
    """Measure a loss: what it elicits, its shape, its edges, how it is called, and what its card claims.

    Takes about a second. Nothing is changed: random states and modes are left as they were found.

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
    asked = resolve(target)
    with undisturbed():
        subject = subject_of(asked, task=task, domain=domain, seed=seed)
        if isinstance(subject, Unknown):
            return _uncallable(asked, subject, seed)
        measured = Measured(subject)
        findings = tuple(_all(measured))
        return Report(kind="check", subject=subject.name, card=_card(measured), findings=findings, seed=seed)


def _all(measured: Measured) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule.findings(measured)


def _card(measured: Measured) -> dict[str, Any]:
    try:
        return measured.card()
    except Exception:
        # What broke is told by the findings; a card that is half measured would say too much.
        return {"task": measured.subject.task}


def _uncallable(target: Target, unknown: Unknown, seed: int) -> Report:
    finding = Finding(
        code="W400",
        state="error",
        question="call",
        says=f"no way was found to call it as loss(prediction, target): {unknown.why}",
        fix=f"Say what it is for, with task= ({', '.join(TASKS)}) and domain=, or wrap it in a function that fits.",
        method="small batches of numbers, labels, class ids and distributions",
    )
    return Report(kind="check", subject=target.name, findings=(finding,), seed=seed)
