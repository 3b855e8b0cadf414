"""What is timed: a case, the sides that compute it, and the bars that are promised.

A file in `timing/cases` holds one area, as `CASES = (Case(...), ...)`; nothing else registers it. `prepare` makes the
tensors from a seed of its own and returns the sides, each one forward and one backward pass:

    def prepare(rows: int, classes: int) -> Sides:
        rng = torch.Generator().manual_seed(0)
        logits = torch.randn(rows, classes, generator=rng).requires_grad_()
        target = torch.randint(classes, (rows,), generator=rng)
        loss = CrossEntropy()
        return Sides(
            ours=step(lambda: loss(logits, target), logits),
            floor=step_without_gradient(lambda: logits.detach().clone()),
            rivals={"torch": step(lambda: F.cross_entropy(logits, target), logits)},
            input_bytes=size_of(logits),
        )

The harness runs the sides in turn, A B C A B C, and compares the values that they return: a rival that computes
something else is no rival.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Literal

from torch import Tensor

from ..core import Loss

#: One forward and one backward pass; returns the value of the loss, or None where there is no value to compare.
Step = Callable[[], Tensor | None]

#: How large the tensors of a case are: as in the table, small enough for a few seconds, as small as it goes.
Size = Literal["full", "quick", "tiny"]
SIZES: Final[tuple[Size, ...]] = ("full", "quick", "tiny")

#: The names of two sides. The others are called by the names of `Sides.rivals`.
OURS: Final = "wald"
FLOOR: Final = "floor"
COMPILED: Final = "torch.compile"

#: Ends the name of a case that was made from the card of a loss, which does not say how large it is.
TYPICAL: Final = "typical inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Everything that computes one case, on the same tensors.

    Attributes:
        ours: Wald, as a user calls it.
        floor: the least work that any implementation must do (three matrix products; a copy into fresh memory),
            which computes no loss; None where there is no such thing.
        rivals: other implementations by name, such as "torch" or "pytorch-metric-learning", or another path of Wald,
            such as "pure torch"; in place of one that cannot run here a sentence that says why.
        compiled: makes the side "torch.compile", which takes ten seconds to warm up and so runs only when asked for.
        input_bytes: what extra memory is held against, such as the bytes of the logits; 0 where memory is of no
            interest and not measured.
        input_name: what those bytes are.
        owed_bytes: the part of the extra memory that every implementation must hold, such as the gradients of
            hidden states and head; it is subtracted.
    """

    ours: Step
    floor: Step | None = None
    rivals: Mapping[str, Step | str] = field(default_factory=dict[str, Step | str])
    compiled: Callable[[], Step] | None = None
    input_bytes: int = 0
    input_name: str = "input"
    owed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: one side takes at most so much of something.

    Attributes:
        quantity: "time" (of the processor, or of the GPU) or "memory" (extra, at its peak).
        most: the largest ratio that keeps the promise, or the largest figure if `against` is a unit.
        against: what it is a ratio to: "floor", the name of a rival, or for memory "input"; or a unit, "ms",
            "ms above floor" or "MB".
        side: whose promise it is: Wald, or the name of a side in `Sides.rivals` that is another path of Wald.

    >>> print(Bar("time", 1.08), Bar("time", 0.02, "pytorch-metric-learning"), Bar("memory", 40, "MB"), sep="; ")
    time ≤ 1.08 × floor; at least 50 × faster than pytorch-metric-learning; memory ≤ 40 MB
    """

    quantity: Literal["time", "memory"]
    most: float
    against: str = ""
    side: str = OURS

    def __post_init__(self) -> None:
        if not self.against:
            object.__setattr__(self, "against", FLOOR if self.quantity == "time" else "input")

    @property
    def absolute(self) -> bool:
        """Whether it is a figure rather than a ratio."""
        return self.against in ("ms", "ms above floor", "MB")

    @property
    def many_times(self) -> bool:
        """Whether the ratio is so small that people say how many times faster one is."""
        return self.quantity == "time" and not self.absolute and self.most <= 0.5

    def __str__(self) -> str:
        whose = "" if self.side == OURS else f"{self.side}: "
        if self.many_times:
            return f"{whose}at least {1 / self.most:.3g} × faster than {self.against}"
        return f"{whose}{self.quantity} ≤ {self.most:g} {'' if self.absolute else '× '}{self.against}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that is timed.

    Attributes:
        name: what it is, in plain words and short, such as "cross-entropy on logits, 4096×32768"; no two share it.
        losses: the names of the losses it is about, by which it can be asked for.
        sizes: for "full", "quick" (about a second a round) and "tiny" (milliseconds), the arguments of `prepare`.
        prepare: makes the tensors and the sides.
        bars: what is promised at full size.
        row: the row of the table in `docs/performance.md`, or None.
        device: where it runs.
        tolerance: how far, relative to it, the value of a rival may be from ours.
        rounds: how often each side is timed at least.
        of: the loss from whose card the case was made (`timing/typical.py`); None for one that was written.
    """

    name: str
    losses: tuple[str, ...]
    sizes: Mapping[Size, Mapping[str, Any]]
    prepare: Callable[..., Sides]
    bars: tuple[Bar, ...] = ()
    row: int | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    tolerance: float = 1e-4
    rounds: int = 5
    of: Loss | None = None

    def sides(self, size: Size) -> Sides:
        """The tensors and the sides at one size."""
        return self.prepare(**self.sizes[size])


def step(loss: Callable[[], Tensor], *leaves: Tensor) -> Step:
    """One forward and one backward pass that leaves no gradient behind, so that its memory can be told.

    Args:
        loss: computes one number.
        leaves: what gets a gradient.
    """

    def once() -> Tensor:
        value = loss()
        value.backward()
        for leaf in leaves:
            leaf.grad = None
        return value.detach()

    return once


def step_without_gradient(work: Callable[[], object]) -> Step:
    """Work that gives no value to compare, for a floor."""

    def once() -> None:
        work()

    return once


def peer(package: str, make: Callable[[], Step]) -> Step | str:
    """The side of a library that may not be installed, or the sentence that says so.

    Args:
        package: how it is installed, such as "pytorch-metric-learning"; its module has underscores.
        make: makes the side; it imports the library itself.
    """
    try:
        import_module(package.replace("-", "_"))
        return make()
    except ImportError as missing:
        if missing.name == package.replace("-", "_"):
            return f"not installed; pip install {package}"
        return f"{package} does not run here: {missing}"


def size_of(*tensors: Tensor) -> int:
    """The bytes that these tensors hold."""
    return sum(x.numel() * x.element_size() for x in tensors)
