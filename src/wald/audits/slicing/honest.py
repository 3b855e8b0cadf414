"""Found on one half of the rows, confirmed on the other: whoever looks for the worst always finds one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..grouping import Gaps, Group, Quantity, compare
from ..grouping.gaps import within_strata
from ..grouping.members import large_enough
from ..statistics import Sample, benjamini_hochberg
from .conditions import Conditions
from .search import Slice, worst_slices


@dataclass(frozen=True)
class Confirmed:
    """A slice that was found on one half, measured on the other.

    Attributes:
        slice: the slice.
        rows: its rows in the half where it was measured.
        excess: by how much its mean exceeds that of rows of its strata there.
        error: the standard error of that.
        width: how many standard errors an interval reaches, so that those of one half hold together.
        p: one-sided, corrected for all slices of both halves by Benjamini & Hochberg.
    """

    slice: Slice
    rows: Tensor
    excess: float
    error: float
    width: float
    p: float

    @property
    def interval(self) -> tuple[float, float]:
        """Of the excess."""
        half = self.width * self.error
        return self.excess - half, self.excess + half


def confirmed(
    known: Conditions, quantity: Quantity, sample: Sample, draws: int, source: torch.Generator
) -> list[Confirmed]:
    """The slices found on each half, measured on the other; the surest first.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
    """
    weight = torch.ones(sample.rows, dtype=torch.float64) if sample.weight is None else sample.weight.double()
    halves = sample.halves("slices")
    measured: list[tuple[Slice, Tensor, Gaps, int]] = []
    for looked, others in (halves, halves[::-1]):
        apart = torch.zeros(sample.rows, dtype=torch.float64)
        apart[looked] = within_strata(quantity.values[looked], quantity.strata[looked], weight[looked])
        found: list[tuple[Slice, Group]] = []
        part = sample.part(others)
        for one in worst_slices(known, apart, weight, looked):
            inside = known.rows(one.parts)[others].nonzero()[:, 0]
            if large_enough(part, inside) and len(inside) < len(others):
                found.append((one, Group("", inside)))
        if not found:
            continue
        own = Quantity(quantity.name, quantity.values[others], quantity.scale, quantity.strata[others])
        gaps = compare(own, [group for _, group in found], draws, source, part)
        measured += [(one, others[group.rows], gaps, place) for place, (one, group) in enumerate(found)]
    adjusted = benjamini_hochberg([float(gaps.each[place]) for _, _, gaps, place in measured])
    told = [
        Confirmed(one, rows, float(gaps.excess[place]), float(gaps.error[place]), gaps.width, p)
        for (one, rows, gaps, place), p in zip(measured, adjusted, strict=True)
    ]
    return sorted(told, key=lambda one: (one.p, -one.excess / one.error))
