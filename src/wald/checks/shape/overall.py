"""The shape of a loss in its prediction: its bends, its kinks, and how it grows."""

from __future__ import annotations

from dataclasses import dataclass

from ..subjects.subject import Subject
from ..verdict import Verdict
from .curvature import Curvature, measure_curvature
from .growth import Growth, measure_growth
from .kinks import Kinks, agrees, measure_kinks
from .lines import lines_of


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What was found (see `Kinks`, `Growth` and `Curvature`)."""

    kinks: Kinks
    growth: Growth
    curvature: Curvature


def measure_shape(subject: Subject, convex: Verdict) -> Shape:
    """The shape of `subject`, of which it is known whether it is convex."""
    lines = lines_of(subject)
    kinks = measure_kinks(lines)
    trusted = agrees(lines)
    return Shape(
        kinks=kinks, growth=measure_growth(lines, kinks, trusted), curvature=measure_curvature(lines, convex, trusted)
    )
