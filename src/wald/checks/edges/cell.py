"""One unusual input: what it is, how it is tried, and how a number that is wrong is told from one that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from .bench import Bench
from .outcome import Outcome
from .ran import Inputs, Ran, same

#: What a loss owes its caller: for ordinary input a right number; at an edge, where there may be none, no wrong one;
#: for what is broken, that it shows; for a misuse, a refusal or the number that was meant; where no formula can tell
#: ("blind"), nothing, but it is worth knowing.
Kind = Literal["ordinary", "edge", "broken", "misuse", "blind"]

#: Why a finite number is wrong, as in "0.39, as if nothing were wrong"; empty where it is right.
Complaint: TypeAlias = Callable[[Ran], str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One unusual input.

    Attributes:
        name: what it is: "an empty batch", or "under torch.no_grad()".
        kind: what the loss owes its caller here.
        run: tries it.
        wrong: why the finite number that it gave is wrong.
        reproduce: two lines that show it.
        memory: whether to try it again and again, with other things in memory, for a value that nobody wrote.
        rows: the rows that are unusual, where the others are not.
        mild: whether the worst that it can show is a warning, as another reading of it is right too.
        learns: whether a gradient of zero in those rows is worth telling.
        otherwise: what a finite number that is wrong is called.
        must: whether a refusal, however clear, is worth a warning.
    """

    name: str
    kind: Kind
    run: Callable[[], Ran]
    wrong: Complaint
    reproduce: Callable[[], str]
    memory: bool = False
    rows: tuple[int, ...] = ()
    mild: bool = False
    learns: bool = False
    otherwise: Outcome = "silently wrong"
    must: bool = False


#: What tries one kind of unusual input on a bench; it yields nothing where that has no meaning for the loss.
Cells: TypeAlias = Callable[[Bench], Iterator[Cell]]


def tried(
    bench: Bench,
    name: str,
    kind: Kind,
    inputs: Inputs,
    wrong: Complaint,
    *,
    memory: bool = False,
    rows: tuple[int, ...] = (),
    mild: bool = False,
    slope: bool = False,
    learns: bool = False,
    **options: Tensor,
) -> Cell:
    """The cell of a plain call with these inputs; `slope` says that its gradient is the point."""
    return Cell(
        name=name,
        kind=kind,
        run=lambda: bench.run(inputs, **options),
        wrong=wrong,
        reproduce=lambda: bench.shown(inputs, options, slope=slope),
        memory=memory,
        rows=rows,
        mild=mild,
        learns=learns,
    )


def fine(ran: Ran) -> str:
    """Any finite number will do."""
    return ""


def must_show(ran: Ran) -> str:
    """No finite number will do: what went in was none."""
    return f"{ran.number:.4g}, as if nothing were wrong"


def must_be(bench: Bench, right: Inputs, *, close: float = 0.0) -> Complaint:
    """Only the number of these other inputs will do, within `close`; any, where they give none that is finite."""

    def wrong(ran: Ran) -> str:
        other = bench.run(right)
        if other.value is None or ran.value is None or not other.finite:
            return ""
        if same(ran.value, other.value, max(close, bench.close)):
            return ""
        return f"{ran.number:.4g} in place of {other.number:.4g}"

    return wrong


def as_without(bench: Bench, row: int) -> Complaint:
    """One row must be as one that is not there; a mean may still divide by all rows, which is a convention."""
    left = [k for k in range(len(bench.prediction)) if k != row]
    right, share = must_be(bench, bench.rows(*left)), len(left) / len(bench.prediction)

    def wrong(ran: Ran) -> str:
        if bench.whole or ran.value is None:
            return ""
        if ran.value.ndim and len(ran.value) == len(bench.prediction):
            return right(replace(ran, value=ran.value[left]))
        return right(ran) and right(replace(ran, value=ran.value / share)) and right(ran)

    return wrong


def at(x: Tensor, row: int, value: float) -> Tensor:
    """A copy with one whole row set to a value."""
    changed = x.detach().clone()
    changed[row] = value
    return changed


def widened(x: Tensor) -> Tensor:
    """A copy that takes fractions, NaN and infinities."""
    return x.detach().clone() if x.is_floating_point() else x.to(torch.get_default_dtype())
