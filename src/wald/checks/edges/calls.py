"""What an ordinary call leaves behind, and whether two of them agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch

from ..behaviour.manners import Manners
from ..subjects.spelling import literal
from ..subjects.subject import Subject
from .bench import Bench
from .cell import Cell
from .judge import Grade, Row
from .outcome import Outcome
from .ran import Ran

#: What differing answers to equal inputs come from, and what that is called.
_CAUSES: Final[dict[str, tuple[Outcome, Grade]]] = {
    "": ("value", "pass"),
    "random": ("nondeterministic", "warn"),
    "state": ("state or random generator changed", "warn"),
    "memory": ("undefined memory", "fail"),
}


def call_rows(bench: Bench, subject: Subject, manners: Manners) -> Iterator[Row]:
    """One row for what a call changes, and one for whether the next call gives the same."""
    written = f"({', '.join(map(literal, subject.shaped(manners.inputs)))},)"
    inputs = {name for name, _ in bench.domains}
    changed = [name for name in manners.touched if name in inputs]
    outcome: Outcome = "input mutated" if changed else "state or random generator changed"
    if changed:
        # As it is, and far out, where a clamp shows too.
        shown = f"batch = {written}; print([([x.clone() for x in each], loss(*each), each) "
        shown += "for each in (batch, (100 * batch[0], *batch[1:]))])"
    elif "random state" in manners.touched:
        shown = f"before = torch.get_rng_state(); loss(*{written}); print(torch.equal(before, torch.get_rng_state()))"
    else:
        shown = f"before = str(vars(loss)); loss(*{written}); print(before, vars(loss))"
    yield Row(
        code="W404",
        cell="an ordinary call",
        outcome=outcome if manners.touched else "value",
        grade="fail" if changed or manners.seeds else "warn" if manners.touched else "pass",
        says=manners.pure.why,
        reproduce=bench.two_lines(shown) if manners.touched else "",
    )
    outcome, grade = _CAUSES[manners.cause]
    yield Row(
        code="W405",
        cell="two equal calls",
        outcome=outcome,
        grade=grade,
        says=manners.deterministic.why,
        reproduce=bench.two_lines(f"batch = {written}; print(loss(*batch), loss(*batch))") if manners.cause else "",
    )


def calls(bench: Bench) -> Iterator[Cell]:
    """The same as cells, for a bench whose manners nobody has measured."""
    given = tuple(x.detach().clone() for x in bench.inputs)

    def call() -> Ran:
        with torch.no_grad():
            return Ran(value=bench.call(*given).detach())

    def changed(ran: Ran) -> str:
        named = zip(bench.domains, given, bench.inputs, strict=True)
        names = [name for (name, _), x, y in named if not torch.equal(x, y)]
        return f"{ran.number:.4g}, and changes {' and '.join(names)} in place" if names else ""

    def differs(ran: Ran) -> str:
        other = bench.run(bench.inputs)
        if ran.value is None or other.value is None or bool((ran.value == other.value).all()):
            return ""
        return f"{ran.number:.6g}, then {other.number:.6g}"

    written = f"({', '.join(map(literal, bench.inputs))},)"
    yield Cell(
        name="an ordinary call",
        kind="ordinary",
        run=call,
        wrong=changed,
        reproduce=lambda: bench.two_lines(f"batch = {written}; print(batch, loss(*batch), batch)"),
        otherwise="input mutated",
    )
    yield Cell(
        name="two equal calls",
        kind="ordinary",
        run=lambda: bench.run(bench.inputs),
        wrong=differs,
        reproduce=lambda: bench.two_lines(f"batch = {written}; print(loss(*batch), loss(*batch))"),
        otherwise="nondeterministic",
    )
