"""What a loss is like around a trained model: slope, curvature, sharpness, and slices to look at."""

from __future__ import annotations

from collections.abc import Callable
import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...findings import Figure
from ...findings.words import number_words
from ..evidence import Evidence, in_use
from ..reading.rows import Rows
from .curvature import Surface, lanczos, trace

#: Rows, products and random vectors of the curvature; beyond so many parameters it is left alone.
CURVED_ROWS, PRODUCTS, SIGNS, WIDEST = 512, 30, 12, 2_000_000

#: How far the weights are moved to measure sharpness, as a share of their length, and in how many directions.
REACHES, DIRECTIONS = (0.05, 0.1, 0.3), 10


@dataclass(frozen=True)
class Shape:
    """What was measured, in words and in numbers."""

    says: str
    numbers: dict[str, object]


def surroundings(evidence: Evidence, model: nn.Module, rows: Rows) -> tuple[Shape, Figure]:
    """Slope, curvature, sharpness and slices, on training rows."""
    inputs, target = rows
    few = torch.randperm(len(target), generator=evidence.random("curvature"))[:CURVED_ROWS].sort().values
    inputs, target = inputs[few.to(inputs.device)], target[few.to(target.device)]
    copied = copy.deepcopy(model)
    with in_use(copied), torch.enable_grad():
        surface = Surface(copied, lambda: evidence.cost.total(copied(inputs), target))
        level = float(surface.value().detach())
        slope = float(surface.gradient().norm())
        source = evidence.random("directions")
        numbers: dict[str, object] = {"gradient norm": slope, "training loss": level}
        says = f"a gradient of length {number_words(slope)} at a training loss of {number_words(level)}"
        downhill: Tensor | None = None
        wide = len(surface.point)
        if wide > WIDEST:
            says += f"; curvature left alone, because {wide:,} parameters are too many"
        else:
            try:
                curved, downhill, told = _curvature(surface.bend(), surface.point, source)
                numbers |= told
                says += f"; {curved}"
            except RuntimeError as error:
                says += f"; curvature unknown: {str(error).splitlines()[0]}"
        directions = [surface.filtered(source) for _ in range(DIRECTIONS)]
        rises = torch.tensor([surface.along(way, REACHES) for way in directions], dtype=torch.float64) - level
        mean, error = rises.mean(0), rises.std(0) / DIRECTIONS**0.5
        numbers["sharpness"] = {
            f"{reach:g}": [float(a), float(b)] for reach, a, b in zip(REACHES, mean, error, strict=True)
        }
        says += (
            f"; moving every filter by {REACHES[1]:.0%} of its length costs {number_words(float(mean[1]))} ± "
            f"{number_words(float(error[1]))}"
        )
        figure = _slices(surface, directions[:2], downhill)
    return Shape(says, numbers), figure


def _curvature(
    product: Callable[[Tensor], Tensor], point: Tensor, source: torch.Generator
) -> tuple[str, Tensor, dict[str, object]]:
    start = torch.randn(len(point), generator=source, dtype=torch.float64).to(point)
    ends = lanczos(product, start, PRODUCTS)
    traces = trace(product, point, SIGNS, source)
    whole, error = float(traces.mean()), float(traces.std()) / SIGNS**0.5
    says = (
        f"curvature from {number_words(ends.least)} (± {number_words(ends.residuals[0])}) to "
        f"{number_words(ends.most)}, {number_words(whole)} ± {number_words(error)} in all"
    )
    if ends.least + ends.residuals[0] < -0.1 * max(ends.most, 1e-12):
        says += ", so it bends down in some direction: no minimum"
    numbers: dict[str, object] = {
        "least curvature": ends.least,
        "its residual": ends.residuals[0],
        "most curvature": ends.most,
        "trace": [whole, error],
    }
    return says, ends.direction, numbers


def _slices(surface: Surface, random: list[Tensor], downhill: Tensor | None) -> Figure:
    places = torch.linspace(-0.5, 0.5, 21, dtype=torch.float64).tolist()
    ways = {f"random direction {index + 1}": way for index, way in enumerate(random)}
    if downhill is not None:
        ways["where it bends down most"] = downhill / downhill.norm().clamp_min(1e-12) * random[0].norm()
    return Figure(
        kind="lines",
        title="The loss around the trained model",
        caption="The training loss as all weights are moved along a line through where training ended (0 in the "
        "middle). A minimum is lowest in the middle, in every direction.",
        x="move, as a share of the length of each filter",
        y="training loss",
        series=[{"name": name, "x": places, "y": surface.along(way, places)} for name, way in ways.items()],
        note=f"{CURVED_ROWS} training rows at most",
    )
