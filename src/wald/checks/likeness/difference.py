"""`wald.diff`: whether two losses are the same function, and where they part."""

from __future__ import annotations

from typing import Any, Final

from ...core import Loss
from ...findings import Finding, Report
from .. import guard
from ..behaviour.reduction import measure_reduction
from ..subjects.discover import Unknown, subject_of
from ..subjects.domains import refuse_unknown
from ..subjects.standin import StandIn
from ..subjects.subject import Subject, undisturbed
from ..subjects.target import Target, resolve
from .beside import beside
from .relation import QUESTION, Answer, Difference

#: The codes of a difference, with what each stands for.
CODES: Final = {
    "W711": "whether two losses are the same",
    "W712": "whether two losses reduce a batch alike",
}


def diff(a: object, b: object, *, task: str | None = None, domain: str | None = None, seed: int = 0) -> Report:
    """Hold two losses beside each other: equal, equal up to scale and shift, same direction, or different.

    Values and gradients are compared on the same inputs, each loss called as it wants to be: scores or
    probabilities, labels 0 and 1 or -1 and 1. How each reduces a batch is told apart from what an example costs.

    Args:
        a: a `Loss`; any callable (prediction, target); a class that makes one; a catalogue expression such as
            "Focal(gamma=2)"; "file.py:name"; "package.module:name".
        b: another.
        task: what both are for, where that cannot be seen: regression, binary, multiclass, ...
        domain: where their predictions live, where that cannot be seen: real, positive, probability, logit, ...
        seed: of every random number.

    Returns:
        A report whose card has the relation, and the scale and shift with which `b` follows from `a`: b = scale * a +
        shift. It passes where they are equal, warns up to scale and shift and where only the direction of the
        gradient is the same, and fails where they differ, with the input where they differ most.

    Raises:
        TargetError: one of them is no loss.
        ValueError: `task` or `domain` is not a word that is known.

    >>> import torch, wald
    >>> wald.diff(torch.nn.functional.mse_loss, wald.Expectile(level=0.5)).card["relation"]
    'equal up to scale and shift'
    """
    refuse_unknown(task=task, domain=domain)
    both = resolve(a), resolve(b)

    def work() -> Any:
        with undisturbed():
            yield _compared(*both, task, domain, seed)

    foreign = any(not isinstance(one.loss, Loss) for one in both)
    steps = guard.guarded(work) if foreign and guard.available() else work()
    found = next(iter(steps), None)
    if not isinstance(found, Answer):
        why = found.why if isinstance(found, guard.Lost) else "gave no answer"
        found = Answer(error=f"one of them {why}")
    return found.report(f"{both[0].name} and {both[1].name}", seed)


def _compared(a: Target, b: Target, task: str | None, domain: str | None, seed: int) -> Answer:
    subjects: list[Subject] = []
    for target in (a, b):
        asked = target
        if not isinstance(target.loss, Loss):
            asked = Target(loss=StandIn(target.loss), name=target.name, recipe=target.recipe)
        found = subject_of(asked, task=task, domain=domain, seed=seed)
        if isinstance(found, Unknown):
            return Answer(error=f"no way was found to call {target.name}: {found.why}")
        subjects.append(found)
    one, other = subjects
    reductions = [measure_reduction(subject) for subject in subjects]
    meets = any(found.coupling == "coupled" for found in reductions)
    pair = beside(one, other, coupled=meets)
    if isinstance(pair, str):
        finding = Finding(
            code="W711",
            state="fail",
            question=QUESTION,
            says=f"different: {pair}",
            fix="Where only the form of the inputs differs, wrap one of them so that both take the same.",
        )
        card = {"relation": "different", "scale": None, "shift": None}
        return Answer(card=card, findings=(finding,), told="")
    return Difference(one, other, pair, tuple(found.reduction for found in reductions)).answer()
