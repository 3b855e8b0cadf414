"""Pictures of what was measured: the loss and its gradient as curves, and the health of the gradient as strips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..findings import Figure
from .shape.health import STATES, Health
from .subjects.grids import pairs, spread
from .subjects.subject import Subject

_POINTS = 161


def figures_of(subject: Subject, health: Health | None) -> tuple[Figure, ...]:
    """The pictures of a loss of one number; none for others."""
    if not subject.scalar or subject.whole:
        return ()
    return (*_curves(subject), *([_strips(health)] if health is not None and health.strips else []))


def _curves(subject: Subject) -> Iterator[Figure]:
    """The loss and its gradient over the prediction, for a few targets."""
    x, y = _places(subject)
    first, second = pairs(x, y)
    value = subject.values(first, second).detach().double().reshape(len(x), len(y))
    slope = subject.slopes(first, second).double().reshape(len(x), len(y))
    word = "label" if subject.labelled else "target"
    for of, title, axis, caption in (
        (value, "The loss of one example", "loss", "It is least where training wants each prediction to be."),
        (slope, "Its gradient", "gradient", "How hard an example pulls; where it is zero, nothing is learned from it."),
    ):
        yield Figure(
            kind="lines",
            title=title,
            caption=caption,
            x="prediction",
            y=axis,
            series=[_series(f"{word} {t:.3g}", x, of[:, j]) for j, t in enumerate(y.tolist())],
            reference=0.0 if of is slope else None,
        )


def _series(name: str, x: Tensor, y: Tensor) -> dict[str, Any]:
    return {"name": name, "x": x.tolist(), "y": y.tolist()}


def _places(subject: Subject) -> tuple[Tensor, Tensor]:
    domain = subject.prediction
    if domain.high < torch.inf and domain.low > -torch.inf:
        share = torch.linspace(0.004, 0.996, _POINTS, dtype=torch.float64)
        x = domain.low + share * (domain.high - domain.low)
    elif domain.low > -torch.inf:
        x = domain.low + torch.linspace(0.05, 8, _POINTS, dtype=torch.float64)
    else:
        x = torch.linspace(-6, 6, _POINTS, dtype=torch.float64)
    if subject.labelled:
        y = torch.tensor(subject.labels, dtype=torch.float64)
    else:
        y = spread(subject.target, 5, subject.generator(), wide=False)[1:4]
    return x.to(subject.dtype), y.to(subject.dtype)


def _strips(health: Health) -> Figure:
    """A row for each dtype and target; from far below on the left to far above on the right."""
    taken = [strip for strip in health.strips if not strip.refused]
    ends = [f"{strip.name} from {end:.3g}" for strip in taken if (end := _end(strip.dies, strip.overflows)) is not None]
    told = f" It ends in {', '.join(ends)}." if ends else " It is in order everywhere."
    half = len(health.targets) // 2
    rows = [
        [*strip.states[half + j].flip(0).tolist(), *strip.states[j].tolist()] for strip in taken for j in range(half)
    ]
    # Every other decade, and nothing next to the middle, so that the names have room.
    decades = [f"{m:g}" if round(m.log10().item(), 3) in (0, 2, 4) else "" for m in health.magnitudes]
    two_sided = health.sides[0] == "above zero"
    before = [f"-{name}" * bool(name) if two_sided else f"1/{name}" * bool(name) for name in reversed(decades)]
    return Figure(
        kind="heat",
        title="The health of the gradient",
        caption="Whether the gradient can be used: "
        f"{', '.join(f'{place} {state}' for place, state in enumerate(STATES))}.{told}",
        x="prediction" if two_sided else "prediction, from the lower end of its domain",
        series=[
            {
                "name": "state",
                "z": rows,
                "labels": [f"{strip.name}, y = {y:.2g}" for strip in taken for y in health.targets[:half]],
                "columns": [*before, *decades],
            }
        ],
        note="; ".join(f"{strip.name} is refused: {strip.refused}" for strip in health.strips if strip.refused),
    )


def _end(dies: float | None, overflows: float | None) -> float | None:
    return min((end for end in (dies, overflows) if end is not None), default=None)
