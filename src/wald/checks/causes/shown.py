"""What is said of a cause: its finding, with the smallest part of the batch that shows it and two lines that do too."""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import Any, Final

import torch

from ...findings import Controls, Finding, State
from ..batches import Batch, Call, Run
from ..batches.smallest import smallest
from ..rules.rule import literal
from . import UNEXPLAINED
from .cause import Cause, called, listed
from .ranked import Explained, without

#: A tensor of more numbers is no literal that anybody reads.
_READABLE: Final = 128
METHOD: Final = "each cause is looked for, taken away, and shown on the smallest part of the batch that has it"


def finding_of(run: Run, held: Batch, one: Explained, found: list[Explained]) -> Finding:
    """The finding for one cause among those that were found."""
    start = perf_counter()
    suspect, controls = one.suspect, _controls(one.cause)
    silent = not run.outcome.broken
    sure = one.proved or silent
    says = suspect.says
    if run.outcome.broken and one.proved and sum(other.proved for other in found) > 1:
        says += ". It takes all of these causes away together to mend the batch"
    if one.proved and one.cured is not None:
        says += f". Tried: {suspect.tried}; the loss is then {one.cured.outcome.total:.4g}"
    if not sure:
        says += ". It is there, but the batch breaks without it too"
    state: State = "fail" if sure else "warn"
    if controls.wrong:
        state = "inconclusive"
    rows, part = _shown(run, one)
    return Finding(
        code=suspect.code,
        state=state,
        question="cause",
        says=says,
        fix=suspect.fix,
        controls=controls,
        evidence={
            "rows": (suspect.rows if suspect.rows is not None else torch.arange(min(run.rows, 20)))[:20],
            "slice": {called(slot): _literal(part.inputs[slot.name]) for slot in part.call.slots},
            "fix_tried": _tried(run, one),
            "reproduce": _reproduce(part, held, rows),
            **suspect.facts,
        },
        seconds=one.seconds + perf_counter() - start,
        method=METHOD,
    )


def _shown(run: Run, one: Explained) -> tuple[torch.Tensor, Run]:
    """The smallest part of the batch that shows this cause, and its rows."""
    cure = one.suspect.cure

    def shows(part: Run) -> bool:
        if not run.outcome.broken:
            return not part.outcome.broken and one.suspect.code in {again.code for again in one.cause.look(part)}
        if part.outcome.kind != run.outcome.kind and not (part.outcome.broken and run.outcome.kind != "error"):
            return False
        return part.outcome.broken and (cure is None or not one.proved or _mends(part, one))

    if run.rows <= 1:
        return smallest(run, shows)
    return smallest(run, shows, one.suspect.rows)


def _mends(part: Run, one: Explained) -> bool:
    cured = without(part, one.suspect)
    # Of a part in which every row is bad nothing is left; that is no sign against the cure.
    return cured is None or not cured.outcome.broken


def _tried(run: Run, one: Explained) -> dict[str, Any]:
    before: dict[str, Any] = {"what": one.suspect.tried, "loss_before": run.outcome.total}
    if one.cured is None:
        return before
    after = one.cured.outcome
    return before | {"loss_after": after.total, "gradient_after": after.steepness, "cured": not after.broken}


def _literal(x: torch.Tensor) -> str:
    return literal(x) if x.numel() <= _READABLE else f"{tuple(x.shape)} of {x.dtype}"


def _reproduce(part: Run, held: Batch, rows: torch.Tensor) -> str:
    """Two lines that show it: on the part as tensors, or on the rows of the batch where that is too long to read."""
    call = part.call
    recipe = call.recipe or f"loss = loss  # {call.name}, as it was given"
    if all(x.numel() <= _READABLE for x in part.inputs.values()):
        return f"import torch; {recipe}\n{_statement(part, {name: literal(x) for name, x in part.inputs.items()})}"
    batch = held.recipe or "batch = batch  # as it was given"
    texts = {slot.name: _indexed(part, call, slot.name, rows) for slot in call.slots}
    return f"import torch; {batch}; {recipe}" + "\n" + _statement(part, texts) if held.recipe else (
        f"import torch; {recipe}; {batch}\n{_statement(part, texts)}"
    )  # fmt: skip


def _indexed(part: Run, call: Call, name: str, rows: torch.Tensor) -> str:
    slot = next(slot for slot in call.slots if slot.name == name)
    key = slot.saved if slot.saved.isdigit() else repr(slot.saved)
    taken = f"torch.as_tensor(batch[{key}])"
    if part.axis(slot) == 0 and len(rows) <= 20 and len(rows):
        taken += f"[{rows.tolist()}]"
    elif part.axis(slot) == 1:
        taken += f"[:, {rows.tolist()}]"
    return taken


def _statement(part: Run, texts: dict[str, str]) -> str:
    slots = part.emitted
    if not slots or part.outcome.kind in ("error", "no gradient"):
        return f"print({part.call.text(texts)})"
    first = slots[0].name
    given = part.call.text(texts | {first: "x"})
    return f"x = {texts[first]}.requires_grad_(); value = {given}; print(value, torch.autograd.grad(value.sum(), x))"


@cache
def _controls(cause: Cause) -> Controls:
    """How the cause does on its own two batches; worked out once, when it is first found."""

    def seen(run: Run) -> bool:
        return cause.applies(run) and any(one.code in cause.codes for one in cause.look(run))

    return Controls(positive=seen(cause.planted()), negative=not seen(cause.clean()))


def unexplained(run: Run, held: Batch, symptom: str) -> Finding:
    """What is said where the batch breaks and no cause is known."""
    start = perf_counter()
    kind = run.outcome.kind
    rows, part = smallest(run, lambda part: part.outcome.kind == kind, run.suspects)
    error = run.outcome.error
    says = f"{symptom}. No known cause was found; it is there in {listed(rows)} alone"
    return Finding(
        code=UNEXPLAINED,
        state="error" if error is not None else "fail",
        question="cause",
        says=says,
        fix="Read what the loss says above, and call it on the two lines of the evidence."
        if error is not None
        else "Step through the formula with the two lines of the evidence: the first term that is not finite is it.",
        evidence={
            "rows": rows[:20],
            "slice": {called(slot): _literal(part.inputs[slot.name]) for slot in part.call.slots},
            "reproduce": _reproduce(part, held, rows),
        },
        seconds=perf_counter() - start,
        method=METHOD,
    )
