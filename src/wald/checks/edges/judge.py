"""From what was seen to one word, and from that word to how bad it is.

How bad an outcome is depends on what the loss owes its caller there. Ordinary input must give the right number.
What is broken, as with NaN inside, must show. A misuse that gives a plausible number is a trap of the call and not an
error of the loss, since every formula in plain torch has it: it is warned of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from torch import Tensor

from .bench import Bench
from .cell import Cell, Kind
from .clear import headline, is_clear
from .outcome import Outcome
from .ran import Ran
from .repeats import differs

Grade = Literal["pass", "warn", "fail"]

#: How the name of a cell begins that needs no "with" before it.
_PLACES: Final = ("under ", "after ", "differentiated ", "in ")

#: What is no fault of an outcome in every kind of cell.
_ALWAYS: Final[dict[Outcome, Grade]] = {
    "value": "pass",
    "clear error": "pass",
    "unclear error": "pass",  # told once for all cells
    "zero gradient": "warn",
    "state or random generator changed": "warn",
    "nondeterministic": "warn",
    "input mutated": "fail",
    "undefined memory": "fail",
}
POLICY: Final[Mapping[Kind, Mapping[Outcome, Grade]]] = {
    "ordinary": {
        **_ALWAYS,
        "inf": "fail",
        "nan": "fail",
        "nan gradient": "fail",
        "silently wrong": "fail",
        # Equal calls agree, and still the number depends on what was asked before.
        "state or random generator changed": "fail",
    },
    # A mean of nothing is 0 / 0: the mathematics is right, the surprise is real.
    "edge": {**_ALWAYS, "inf": "warn", "nan": "warn", "nan gradient": "fail", "silently wrong": "fail"},
    "broken": {**_ALWAYS, "inf": "pass", "nan": "pass", "nan gradient": "warn", "silently wrong": "fail"},
    "misuse": {**_ALWAYS, "inf": "pass", "nan": "pass", "nan gradient": "warn", "silently wrong": "warn"},
    "blind": {
        **_ALWAYS,
        "inf": "pass",
        "nan": "pass",
        "zero gradient": "pass",
        "nan gradient": "pass",
        "silently wrong": "pass",
    },
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a loss did with one unusual input.

    Attributes:
        code: of the rule that speaks of it.
        cell: what the input was.
        outcome: what came of it, in one of the words of `OUTCOMES`.
        grade: how bad that is.
        says: both in one sentence.
        value: the number that it gave; None where it raised.
        gradient: finite, zero, nan, inf or none, in the rows that were unusual.
        warned: whether it gave a warning.
        reproduce: two lines that show it.
        magnitude: how far out the prediction was, where that is the point.
    """

    code: str
    cell: str
    outcome: Outcome
    grade: Grade
    says: str
    value: float | None = None
    gradient: str = "none"
    warned: bool = False
    reproduce: str = ""
    magnitude: float | None = None


def judged(bench: Bench, code: str, cell: Cell) -> Row:
    """Try a cell, and say what came of it."""
    ran = cell.run()
    outcome, told = _outcome(cell, ran)
    if cell.memory and bench.steady and ran.error is None and (others := differs(cell.run)):
        outcome, told = "undefined memory", f"gives whatever lay in memory that nobody wrote: {others}"
    grade = POLICY[cell.kind][outcome]
    if cell.must and ran.error is not None:
        grade = "warn"
    if grade == "fail" and cell.mild and outcome != "undefined memory":
        grade = "warn"
    return Row(
        code=code,
        cell=cell.name,
        outcome=outcome,
        grade=grade,
        says=f"{placed(cell.name)} it {told}",
        value=None if ran.error is not None else ran.number,
        gradient=gradient_of(ran.slope, cell.rows),
        warned=bool(ran.warned),
        reproduce=cell.reproduce() if grade != "pass" or outcome == "unclear error" else "",
    )


def _outcome(cell: Cell, ran: Ran) -> tuple[Outcome, str]:
    if ran.error is not None:
        told = headline(ran.error)
        if is_clear(ran.error):
            return "clear error", f"refuses: {told}"
        return "unclear error", f"raises {type(ran.error).__name__}{': ' * bool(told)}{told}"
    value = ran.value
    if value is not None and bool(value.isnan().any()):
        return "nan", "gives NaN"
    if value is not None and bool(value.isinf().any()):
        return "inf", f"gives {ran.number:g}"
    if why := cell.wrong(ran):
        return cell.otherwise, f"gives {why}"
    if ran.broken:
        return "nan gradient", f"gives {ran.number:.4g} with a gradient that is not finite"
    if cell.learns and gradient_of(ran.slope, cell.rows) == "zero":
        return "zero gradient", f"gives {ran.number:.4g} with a gradient of zero"
    return "value", f"gives {ran.number:.4g}" if value is not None and value.numel() else "gives no values"


def placed(name: str) -> str:
    """The name of a cell as a part of a sentence: where it is."""
    return name if name.startswith(_PLACES) else f"with {name}"


def gradient_of(slope: Tensor | None, rows: tuple[int, ...] = ()) -> str:
    """One word for a gradient, in these rows or in all: finite, zero, nan, inf or none."""
    if slope is None:
        return "none"
    part = slope[list(rows)] if rows else slope
    if bool(part.isnan().any()):
        return "nan"
    if bool(part.isinf().any()):
        return "inf"
    return "finite" if bool(part.any()) else "zero"
