"""What a cause is: how it is looked for, what takes it away, and two batches of which it is known what it must say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ..batches import Batch, Run, Slot, by_row, calling

Cure = Callable[[Run], Run]
When = Literal["broken", "finite", "always"]


class Incurable(ValueError):  # noqa: N818  (the name says what happened)
    """Nothing would be left of the batch, or the cure does not fit it."""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A cause that was seen in a batch.

    Attributes:
        code: which one.
        says: what was seen, with numbers, and why it matters.
        fix: what to write instead.
        tried: what the cure does, in words.
        cure: the batch without it.
        rows: the examples that it is about; None for the whole batch.
        facts: further evidence.
    """

    code: str
    says: str
    fix: str
    tried: str
    cure: Cure | None
    rows: Tensor | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True, eq=False)
class Cause:
    """One thing that may be wrong with a batch.

    Attributes:
        codes: what each code that it gives stands for.
        explains: what it looks for and why that matters: the docstring of its file.
        look: what of it is seen in a batch.
        when: where it is looked for: `broken`, where value or gradient is not finite or the loss raises, `finite`,
            where both are, or `always`.
        planted: a batch that has it.
        clean: its innocent twin.
        generic: whether it says only where the batch breaks, and so gives way to whatever says why.
    """

    codes: Mapping[str, str]
    explains: str
    look: Callable[[Run], Iterable[Suspect]]
    when: When
    planted: Callable[[], Run]
    clean: Callable[[], Run]
    generic: bool = False

    def applies(self, run: Run) -> bool:
        """Whether it is looked for in such a batch."""
        return self.when == "always" or run.outcome.broken == (self.when == "broken")


# Cures.


def drop(bad: Callable[[Run], Tensor]) -> Cure:
    """The batch without these examples."""

    def cure(run: Run) -> Run:
        rows = bad(run)
        if len(rows) >= run.rows:
            raise Incurable("no example would be left")
        return run.without(rows)

    return cure


def mend(name: str, change: Callable[[Tensor], Tensor]) -> Cure:
    """The batch with one input changed."""
    return lambda run: run.put(**{name: change(run.inputs[name])})


def swap_in(name: str, bad: Callable[[Tensor], Tensor], good: float) -> Cure:
    """The batch with one number in the place of some entries of an input."""
    return mend(name, lambda x: torch.where(bad(x), torch.full_like(x, good), x))


def rows_of(run: Run, slot: Slot, bad: Tensor) -> Tensor:
    """The examples that have such an entry in this input."""
    axis = run.axis(slot)
    if axis is None or bad.shape[axis] != run.rows:
        return torch.arange(run.rows)
    return by_row(bad.movedim(axis, 0)).any(1).nonzero().flatten().cpu()


def stated(run: Run) -> bool:
    """Whether the loss says itself what it takes, so that it need not be measured."""
    return run.call.loss is not None or bool(run.call.known)


def share_broken(run: Run, rows: Tensor, most: int = 6) -> float:
    """Which share of these examples breaks the loss, each alone."""
    alone = [run.take(row.reshape(1)).outcome.broken for row in rows[:most]]
    return sum(alone) / len(alone) if alone else 0.0


def harmful(run: Run, slot: Slot, outside: Tensor) -> bool:
    """Whether most examples with a value outside [0, 1] break the loss, and would if it were only just outside."""
    x = run.inputs[slot.name]
    just = torch.where(x < 0, -0.5, 1.5).to(x.dtype)
    broken = run.put(**{slot.name: torch.where(outside, just, x)}).outcome.broken
    return broken and share_broken(run, rows_of(run, slot, outside)) >= 0.5


def jitter(run: Run, like: Tensor, size: float = 1.0) -> Tensor:
    """Noise in the shape of a tensor, the same each time."""
    generator = torch.Generator().manual_seed(0)
    return (size * torch.randn(like.shape, generator=generator, dtype=torch.float64)).to(like)


# Words.


def listed(rows: Tensor, most: int = 5) -> str:
    """Which rows, as people write it: row 17; rows 17, 40, 201; rows 0, 1, 2 and 9 more."""
    told = ", ".join(str(row) for row in rows[:most].tolist())
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f"row{'s' if len(rows) > 1 else ''} {told}{more}"


def short(dtype: torch.dtype) -> str:
    """The name of a dtype."""
    return str(dtype).removeprefix("torch.")


def called(slot: Slot) -> str:
    """The name under which the batch holds an input."""
    return slot.name if slot.saved.isdigit() or not slot.saved else slot.saved


# Batches of which the truth is known.


def run_of(loss: object, **tensors: Tensor) -> Run:
    """A loss with a batch, as if it had been read."""
    call, inputs, _ = calling(loss, Batch(tensors=tensors, name="control"))
    return Run(call, inputs)


def numbers(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """A vector."""
    return torch.tensor(values, dtype=dtype)


def spread(*shape: int) -> Tensor:
    """Numbers like those of a healthy batch."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))
