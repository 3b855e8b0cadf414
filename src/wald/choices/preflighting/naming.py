"""What a chance level is: the names of the numbers that people know."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .rows import Rows


def even(rows: Rows) -> tuple[float, str] | None:
    """What it costs to say nothing of any class, and the name of that number; None where that has no meaning."""
    columns = rows.columns
    if not (rows.binary or rows.own in (("classes",), ("labels",))):
        return None
    first = rows.loss.named_domains[0][1]
    if first.normalised:
        middle = math.log(1 / (columns or 2)) if first.normalised == "log" else 1 / (columns or 2)
    else:
        middle = 0.5 if (first.low, first.high) == (0.0, 1.0) else 0.0
    value = torch.full(() if columns is None else (columns,), middle, dtype=torch.float64)
    cost = rows.mean(rows.constant(value))
    known = [(math.log(2), "ln 2"), (0.25, "1/4"), (1.0, "1, the margin")]
    if rows.own == ("classes",) and columns is not None:
        known.insert(0, (math.log(columns), f"ln {columns}"))
        known.append((1 - 1 / columns, f"1 - 1/{columns}"))
    return cost, next((name for number, name in known if abs(cost - number) < 1e-6 * number), "")


def cost_name(rows: Rows, cost: float) -> str:
    """What the cost of the best constant is of the target, where it is something that has a name."""
    y, w = rows.target.double(), rows.weight
    known: list[tuple[float, str]] = []
    if rows.numbers:
        mean = (y * w).sum()
        variance = float((w * (y - mean).square()).sum())
        known = [(variance, "the variance of the target"), (variance / 2, "half the variance of the target")]
        deviation = float((w * (y - _quantile(y, w, 0.5)).abs()).sum())
        known += [
            (deviation, "the mean absolute deviation of the target from its median"),
            (deviation / 2, "half the mean absolute deviation of the target from its median"),
        ]
    elif rows.binary and rows.target.ndim == 1:
        rate = float((y * w).sum())
        if 0 < rate < 1:
            entropy = -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)
            shown = (
                "ln 2, the entropy of an even base rate" if rate == 0.5 else f"the entropy of a base rate of {rate:.4g}"
            )
            known = [(entropy, shown), (rate * (1 - rate), f"the variance of a base rate of {rate:.4g}")]
    elif rows.own == ("classes",) and rows.target.ndim == 1 and not rows.target.is_floating_point():
        share = torch.zeros(rows.columns or 2, dtype=torch.float64).index_add(0, rows.target.clamp_min(0), w)
        entropy = float(-torch.special.xlogy(share, share).sum())
        many = len(share)
        known = [(math.log(many), f"ln {many}, as {many} classes are equally frequent"),
                 (entropy, "the entropy of the shares of the classes")]  # fmt: skip
    return next((name for number, name in known if abs(cost - number) <= 1e-4 * abs(number)), "")


def constant_name(rows: Rows, value: Tensor) -> str:
    """What the best constant is of the target, in the words of the card where it says."""
    if value.ndim:
        return ""
    y, w, at = rows.target.double(), rows.weight, float(value)
    if y.ndim > 1:
        return ""
    mean = float((y * w).sum())
    close = 1e-4 * max(float((w * (y - mean).square()).sum()) ** 0.5, abs(mean) * 1e-3, 1e-12)
    known = [(mean, "the mean"), (float(_quantile(y, w, 0.5)), "the median")]
    if mean > 0:
        known.append((math.log(mean), "the log of the mean"))
    if 0 < mean < 1:
        known.append((math.log(mean / (1 - mean)), "the log-odds of the base rate"))
    said = rows.loss.card.elicits
    found = next((name for number, name in known if abs(at - number) <= max(close, 1e-6 * abs(number))), "")
    return found or (f"its {said}" if rows.numbers and isinstance(said, str) and "(" in said else "")


def _quantile(y: Tensor, w: Tensor, level: float) -> Tensor:
    order = y.argsort()
    mass = w[order].cumsum(0)
    return y[order[int(torch.searchsorted(mass, level * float(mass[-1])).clamp_max(len(y) - 1))]]
