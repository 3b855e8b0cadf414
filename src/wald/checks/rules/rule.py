"""What a rule is: codes, a question, how it looks, and two losses of which it is known what it must say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from ...cards import BinaryTarget, Logit, Real
from ...findings import Controls, Finding
from ..measured import Measured
from ..subjects.spelling import literal as literal
from ..subjects.subject import Inputs, Subject

Look = Callable[[Measured], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """One thing that is looked at.

    Attributes:
        codes: what each code that it gives stands for.
        explains: what it looks for, why that matters and how it is measured: the docstring of its file.
        look: gives the findings.
        steady: whether it needs a loss that gives the same answer twice.
        aimed: whether it has a meaning only where minimising leads towards the targets; what follows from going the
            wrong way is one defect, and told once.
        planted: a loss with the defect, which the rule must accuse; None for a rule that states and never accuses.
        clean: its twin without, at which the rule must stay quiet.
    """

    codes: Mapping[str, str]
    explains: str
    look: Look
    steady: bool = True
    aimed: bool = False
    planted: Callable[[], Subject] | None = None
    clean: Callable[[], Subject] | None = None

    def findings(self, measured: Measured) -> Iterator[Finding]:
        """What the rule finds, before its controls are asked."""
        start = perf_counter()
        try:
            if self.steady and not measured.steady:
                found = [self.not_run("as the loss gives different answers to the same inputs")]
            elif self.aimed and measured.direction.wrong:
                found = [self._aimless()]
            else:
                found = list(self.look(measured))
        except Exception as error:  # a rule that breaks must not silence the others, nor read as passed
            found = [self.failed(f"could not be measured. {type(error).__name__}: {error}".partition("\n")[0])]
        each = (perf_counter() - start) / max(len(found), 1)
        for one in found:
            yield replace(one, seconds=each)

    def failed(self, why: str) -> Finding:
        """The row of a rule that broke, or that the loss broke."""
        code, title = next(iter(self.codes.items()))
        return Finding(code=code, state="error", question="call", says=f"{title}: {why}")

    def not_run(self, why: str) -> Finding:
        """The row of a rule that was not tried."""
        code, title = next(iter(self.codes.items()))
        return Finding(code=code, state="not_run", question="call", says=f"{title}: not looked for, {why}")

    def _aimless(self) -> Finding:
        code, title = next(iter(self.codes.items()))
        says = f"{title}: not asked, as minimising leads away from the targets"
        return Finding(code=code, state="not_applicable", question="shape", says=says)

    def controlled(self, finding: Finding) -> Finding:
        """The finding; where it accuses with the controls of the rule, and never without their being right."""
        if finding.state not in ("fail", "warn"):
            return finding
        controls = _controls(self)
        if controls.right:
            return replace(finding, controls=controls)
        told = f"{finding.says} (But this rule went wrong on losses of which the truth is known.)"
        return replace(finding, state="inconclusive", controls=controls, says=told)


@cache
def _controls(rule: Rule) -> Controls:
    """How the rule does on its own two losses; worked out once, when it first accuses."""

    def accuses(subject: Subject) -> bool:
        return any(one.state in ("fail", "warn") for one in rule.look(Measured(subject)))

    return Controls(
        positive=None if rule.planted is None else accuses(rule.planted()),
        negative=None if rule.clean is None else not accuses(rule.clean()),
    )


# Losses of which the truth is known.


def regression(call: Callable[..., Tensor], **facts: Any) -> Subject:
    """A subject for numbers, as if it had been found out."""
    domains = (("prediction", Real), ("target", Real))
    return Subject(name="control", recipe="", call=call, task="regression", domains=domains, **facts)


def binary(call: Callable[..., Tensor]) -> Subject:
    """A subject for labels 0 and 1, as if it had been found out."""
    domains = (("prediction", Logit), ("target", BinaryTarget))
    return Subject(name="control", recipe="", call=call, task="binary", domains=domains)


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The most innocent loss there is."""
    return (prediction - target).square().mean()


def logistic(prediction: Tensor, target: Tensor) -> Tensor:
    """The most innocent loss of labels."""
    return torch.nn.functional.binary_cross_entropy_with_logits(prediction, target)


# Two lines that show it.


def reproduce(subject: Subject, *statements: str) -> str:
    """Two lines of Python: one that makes `loss`, and one that shows what was found."""
    recipe = subject.recipe or f"loss = loss  # {subject.name}, as it was checked"
    return f"import torch; {recipe}\n{'; '.join(statements)}"


def told_again(subject: Subject, code: str) -> str:
    """Two lines that check it again and print what is said under a code: where no single call shows it."""
    return reproduce(
        subject, f'import wald; print([one.says for one in wald.check(loss).findings if one.code == "{code}"])'
    )


def called(subject: Subject, inputs: Inputs) -> str:
    """The call of `loss` on these inputs, as text."""
    return f"loss({', '.join(literal(x) for x in subject.shaped(inputs))})"


def sloped(subject: Subject, inputs: Inputs) -> str:
    """Two lines that print the value and the gradient of the loss at these inputs."""
    first, *rest = subject.shaped(inputs)
    others = "".join(f", {literal(x)}" for x in rest)
    return reproduce(
        subject,
        f"x = {literal(first)}.requires_grad_()",
        f"value = loss(x{others})",
        "print(value, torch.autograd.grad(value.sum(), x))",
    )


def shown(subject: Subject, *points: Inputs) -> str:
    """Two lines that print what the loss gives at these points."""
    return reproduce(subject, f"print({', '.join(called(subject, point) for point in points)})")
