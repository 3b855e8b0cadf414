"""Which implementation runs for a loss, on a small and on a large input, and why not another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING, Any, Final

from .families import Family, family_of
from .terminal import bold, rows

if TYPE_CHECKING:
    from torch import Tensor

    from ..core import Loss
    from ..core.implementation import Implementation

#: How many numbers a prediction has, and over how many classes they are, in the two kinds of input.
SIZES: Final = {"small": (320, 10), "large": (4_096_000, 1000)}

#: Losses whose examples meet each other have no larger batches than this.
COUPLED: Final = 1024


@dataclass(frozen=True, kw_only=True)
class Run:
    """One input, and what runs for it.

    Attributes:
        size: "small" or "large".
        device: where the input lies.
        shapes: of each input, by its name.
        runs: the name that `wald.which` gives.
        why: in a sentence.
        passed_over: the implementations that were asked before and did not take it, each with the reason.
    """

    size: str
    device: str
    shapes: dict[str, str]
    runs: str
    why: str
    passed_over: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Running:
    """What runs for a loss."""

    name: str
    inputs: tuple[Run, ...]

    def lines(self) -> Iterator[str]:
        """The same for a person."""
        yield bold(self.name)
        for each in self.inputs:
            shapes = ", ".join(f"{name} {shape}" for name, shape in each.shapes.items())
            pairs = [("input", shapes), ("runs", each.runs), ("why", each.why)]
            pairs += [("not", f"{name}: {reason}") for name, reason in each.passed_over.items()]
            yield ""
            yield f"A {each.size} input, on the {'CPU' if each.device == 'cpu' else 'GPU'}"
            yield from rows(pairs)


def running(target: str, families: list[Family]) -> Running:
    """What runs for the loss that `target` means.

    Raises:
        ValueError: it is no loss of the catalogue, and Wald computes no other.
        KeyError: no loss is known by that name.
    """
    import torch

    from ..checks.subjects.target import resolve
    from ..core import Loss

    found = resolve(target)
    if not isinstance(found.loss, Loss):
        raise ValueError(f"{found.name} is no loss of Wald, so that it runs as you wrote it. `wald list` has those.")
    plain = found.loss.plain
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    told = {family.name: family for family in families}
    inputs = tuple(_run(plain, size, device, told) for device in devices for size in SIZES)
    return Running(name=repr(found.loss), inputs=inputs)


def _run(loss: Loss, size: str, device: str, families: dict[str, Family]) -> Run:
    from ..core import which
    from ..core.implementation import fastest, implementations

    inputs = _inputs(loss, size, device)
    prepared = loss.prepared(*inputs)
    taken = fastest(loss, prepared)
    registered = [found for found in implementations() if isinstance(loss, found.of)]
    before = registered[: registered.index(taken)] if taken else registered
    if not registered:
        why = f"nothing faster is registered for {type(loss).__name__}"
    elif taken:
        why = f"it takes this input{', and comes first' if not before else ''}: {families[family_of(taken)].says}"
    else:
        why = "no other implementation takes this input"
    names = [name for name, _ in loss.named_domains]
    return Run(
        size=size,
        device=device,
        shapes={name: _shape(x) for name, x in zip(names, inputs, strict=True)},
        runs=which(loss, *inputs),
        why=why,
        passed_over={found.name: _reason(found, loss, size, device, families) for found in before},
    )


def _reason(found: Implementation, loss: Loss, size: str, device: str, families: dict[str, Family]) -> str:
    """Why an implementation was passed over."""
    family = families[family_of(found)]
    if not family.runs:
        return family.says
    if family.name == "triton" and device == "cpu":
        return "it runs on a GPU"
    if size == "small" and found.accepts(loss, *loss.prepared(*_inputs(loss, "large", device))):
        return "so small an input is faster without it"
    return "it does not compute this loss with these fields, or not this kind of input"


def _inputs(loss: Loss, size: str, device: str) -> tuple[Tensor, ...]:
    import torch

    from ..checks.subjects.draw import draw

    numbers, classes = SIZES[size]
    rng = torch.Generator().manual_seed(0)
    one = draw(loss, 2, rng, classes=classes)[0]
    batch = max(1, numbers // math.prod(one.shape[1:]))
    if loss.card.coupling == "coupled":
        batch = min(batch, COUPLED)
    drawn = draw(loss, batch, rng, classes=classes)
    return tuple((x.float() if x.is_floating_point() else x).to(device) for x in drawn)


def _shape(x: Any) -> str:
    return f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}"
