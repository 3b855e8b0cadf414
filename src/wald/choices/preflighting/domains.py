"""L101: does the loss take these targets, and these predictions?"""

from __future__ import annotations

import torch

from ...core import DomainError, DtypeError, ShapeError, value_checks
from ...findings import Controls, Finding
from .rows import Rows

QUESTION = "domain"


def domain_finding(rows: Rows) -> Finding:
    """What the loss refuses, in its own words; every value is looked at."""
    said = _refusal(rows)
    if said is None:
        kept = rows.loss.kept(*_few_inputs(rows))
        out = 0 if kept is None else int((~kept).sum())
        left = f", {out} of them are left out ({out / max(len(rows.target), 1):.2g})" if out else ""
        return Finding(
            code="L101", state="pass", question=QUESTION, says=f"the loss takes all {len(rows.target)} targets{left}"
        )
    what, fix = said
    return Finding(
        code="L101",
        state="fail",
        question=QUESTION,
        says=what,
        fix=fix,
        controls=Controls(positive=True, negative=True),
        method="every value held against the card of the loss; it is refused, or it is not, so nothing is estimated",
    )


def _refusal(rows: Rows) -> tuple[str, str] | None:
    loss, target = rows.loss, rows.target
    name = type(loss).__name__
    (_, first), (_, domain) = loss.named_domains
    for what, x in (("target", target), ("prediction", rows.prediction)):
        if x is not None and x.is_floating_point() and (bad := int((~x.isfinite()).sum())):
            fix = "drop those rows or fill them in" if what == "target" else "ask `wald why` where they come from"
            return f"{bad} of {x.numel()} values of the {what} are NaN or infinite", fix
    if domain.integer and target.is_floating_point() and not (domain.soft and target.ndim > 1):
        return f"{name} takes {domain.says}, and the target holds numbers that are not whole", (
            "give class numbers from 0, or a loss of numbers such as wald.Squared()"
        )
    if domain.integer and not target.is_floating_point():
        ignored = getattr(loss, "ignore_index", None)
        held = target if ignored is None else target[target != ignored]
        columns = None if rows.prediction is None or not rows.own else rows.prediction.shape[-1]
        top = min(domain.high, (columns or first.size or torch.inf) - 1) if rows.own == ("classes",) else domain.high
        outside = held[(held < domain.low) | (held > top)]
        if len(outside):
            fix = "number the classes from 0 (numpy.unique(target, return_inverse=True)[1]), one output for each"
            if len(held) and int(held.min()) == 1:
                fix = "these are numbered from 1: use target - 1"
            return (
                f"{len(outside)} of {target.numel()} class numbers are outside 0 to {top:g} "
                f"(from {int(outside.min())} to {int(outside.max())})"
            ), fix
    elif domain.bounded and target.is_floating_point():
        low = (target <= domain.low) if domain.open_low else (target < domain.low)
        outside = target[low | (target > domain.high)]
        if len(outside):
            return (
                f"{len(outside)} of {target.numel()} targets are outside {domain.interval}, where {name} has no "
                f"meaning: {domain.says} is wanted, and they go from {float(outside.min()):.4g} to "
                f"{float(outside.max()):.4g}"
            ), _instead(float(outside.min()), float(outside.max()), float(target.min()), domain.high)
    try:
        with value_checks(True):
            loss(*_few_inputs(rows), reduction="none")
            loss.refuse(*loss.prepared(*_few_inputs(rows)))
    except (DomainError, ShapeError, DtypeError) as error:
        return str(error), "give the loss what its message asks for"
    return None


def _instead(low: float, high: float, least: float, top: float) -> str:
    if top == 1.0:
        if (low, least, high) == (-1.0, -1.0, -1.0):
            return "labels of -1 and 1 become 0 and 1 by (target + 1) / 2"
        if 1 < high <= 255 and least >= 0:
            return f"pixels and percentages become shares by target / {255 if high > 100 else 100}"
        return "give 0, 1 or a probability between; for numbers a loss such as wald.Squared()"
    if low == 0:
        return "zeros are not positive: use wald.Tweedie() or wald.Poisson(), which take them, or leave them out"
    return "negative targets need a loss of real numbers: wald.Squared(), wald.Huber() or wald.Pinball()"


def _few_inputs(rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions that are given, or some that the loss takes."""
    if rows.prediction is not None:
        return rows.prediction, rows.target
    first = rows.loss.named_domains[0][1]
    columns = rows.columns
    shape = rows.target.shape if columns is None or first.axes == ("labels",) else (len(rows.target), columns)
    value = first.safe if not first.normalised else (1 / (columns or 2))
    filled = torch.full(shape, value, dtype=torch.float64)
    return (filled.log() if first.normalised == "log" else filled), rows.target
