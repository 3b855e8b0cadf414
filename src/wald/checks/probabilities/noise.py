"""What flips of labels do to the decision and to the probability that a loss leads to.

A share of the labels is replaced by another, any of them alike. That turns the law that a model sees into another
one, and the best prediction for that one is compared with the best for the truth. With data and a model without
limits, even flips leave the likelier label on top; what they move are decisions that are not made at an even chance,
and every probability. A model with limits may lose more: only where the losses of all labels add to a constant is it
sure that its best is the same with flips as without. How a loss fares between is seen on the points that Long &
Servedio made hard for it: a line through the origin classifies all of them, and flips make a convex loss prefer
another.

Angluin & Laird 1988, doi:10.1023/A:1022873112823 (random flips); Ghosh, Kumar & Sastry 2017, arXiv:1712.09482
(symmetric losses); Long & Servedio 2010, doi:10.1007/s10994-009-5165-z (the hard points).
"""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from typing import Any

import torch
from torch import Tensor

from .curves import Curves
from .risks import Risks
from .simplex import RATES, flipped

#: The chance for which the bias is told.
_SHOWN = 0.9
#: The hard points of label "yes", how often each is there; those of "no" are opposite.
_MARGIN = 1 / 24
_POINTS = ((1.0, 0.0), (_MARGIN, 5 * _MARGIN), (_MARGIN, -_MARGIN))
_SHARES = (0.25, 0.25, 0.5)


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What flips of labels do.

    Attributes:
        rate: the largest of the rates up to which no decision changed, 0 if the lowest changed one already; None
            where there is no decision to change.
        why: what shows it, or why there is none.
        linear: the same of the best linear model of the hard points; None where it is wrong without flips, or was not
            looked for.
        rows: what comes of it at each rate.
    """

    rate: float | None
    why: str
    linear: float | None = None
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def tolerated(curves: Curves, threshold: float | None, *, invertible: bool) -> Tolerance:
    """What flips do to a binary loss that decides at the chance `threshold`; `invertible` if it tells chances."""
    if threshold is None:
        return Tolerance(rate=None, why="its best prediction never tells which label is likelier")
    etas = curves.etas
    clear = (etas - threshold).abs() > 0.015
    before = curves.says_yes(etas)
    rate, rows = 0.0, list[dict[str, Any]]()
    for share in RATES:
        seen = (1 - 2 * share) * etas + share
        kept = bool((curves.says_yes(seen) == before)[clear].all())
        rate = share if kept and all(row["kept"] for row in rows) else rate
        # A decision at the chance t of what is seen is one at this chance of the truth.
        moved = (threshold - share) / (1 - 2 * share)
        row: dict[str, Any] = {"rate": share, "kept": kept, "threshold": round(min(max(moved, 0.0), 1.0), 4)}
        if invertible:
            row |= {"probability": _SHOWN, "recovered": round((1 - 2 * share) * _SHOWN + share, 4)}
        rows.append(row)
    return Tolerance(rate=rate, why=_told(rate), linear=_linear(curves), rows=rows)


def _linear(curves: Curves) -> float | None:
    """The largest rate up to which the best line through the origin is right about all of the hard points."""
    if not curves.subject.together:
        return None  # the grid is too coarse to read other scores from it
    angle = torch.arange(360, dtype=torch.float64).deg2rad()
    points = torch.tensor(_POINTS, dtype=torch.float64)
    margins = torch.stack([angle.cos(), angle.sin()], 1) @ points.T
    length = torch.logspace(-2, math.log10(0.8 * float(curves.z[-1])), 40, dtype=torch.float64)
    z = margins.unsqueeze(1) * length.unsqueeze(1)
    (on, off), (on_opposite, off_opposite) = curves.between(z), curves.between(-z)
    share = torch.tensor(_SHARES, dtype=torch.float64)
    true, false = (((a + b) @ share).flatten() for a, b in ((on, off_opposite), (off, on_opposite)))
    right = (margins > 0).all(1).repeat_interleave(len(length))
    kept = [bool(right[((1 - rate) * true + rate * false).argmin()]) for rate in (0.0, *RATES)]
    if not kept[0]:
        return None
    return max((rate for place, rate in enumerate(RATES, 1) if all(kept[: place + 1])), default=0.0)


def tolerated_by_classes(risks: Risks, *, invertible: bool) -> Tolerance:
    """What flips do to a loss of several classes; `invertible` if it tells chances."""
    laws, base = risks.laws, len(risks.laws.mixed) // len(RATES)
    tops = risks.tops()
    order = tops.sort(1)
    clear = order.values[:, 1] - order.values[:, 0] > 100 * risks.noise
    decided = torch.where(clear, order.indices[:, 0], -1)
    if bool((decided[-laws.plain.shape[1] :] == decided[-1]).all()) and int(decided[-1]) >= 0:
        # Flips draw every law towards the even one, and there the loss has a favourite.
        why = f"any flips of labels draw laws near its border towards class {int(decided[-1])}, its favourite"
        return Tolerance(rate=0.0, why=why)
    before = decided[:base]
    told = before >= 0
    if not bool(told.any()):
        return Tolerance(rate=None, why="its best prediction has no class alone on top")
    start = len(laws.plain) + len(laws.partners)
    rate, rows = 0.0, list[dict[str, Any]]()
    for place, share in enumerate(RATES):
        after = decided[start + place * base : start + (place + 1) * base]
        kept = bool((after == before)[told].all())
        rate = share if kept and all(row["kept"] for row in rows) else rate
        row: dict[str, Any] = {"rate": share, "kept": kept}
        if invertible:
            seen = flipped(_peaked(laws.plain.shape[1]), share)
            row |= {"probability": _SHOWN, "recovered": round(float(seen[0]), 4)}
        rows.append(row)
    return Tolerance(rate=rate, why=_told(rate), rows=rows)


def _peaked(size: int) -> Tensor:
    law = torch.full((size,), (1 - _SHOWN) / (size - 1), dtype=torch.float64)
    law[0] = _SHOWN
    return law


def _told(rate: float) -> str:
    if rate == 0:
        return f"a flip of {RATES[0]:.0%} of the labels changes decisions already"
    return f"no decision changed where up to {rate:.0%} of the labels were flipped"
