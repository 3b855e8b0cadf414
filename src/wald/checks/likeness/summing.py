"""What a loss makes of a batch, once it is known what each example costs: the mean, the sum, a weighted mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ...core import Loss
from .canon import canonical, mean
from .fields import has_field
from .reading import ReadAs
from .traces import Likeness

_CLOSE = 5e-4
_ROWS = 7


@dataclass(frozen=True, kw_only=True)
class Summing:
    """What was found.

    Attributes:
        state: pass for what can be chosen in a call; warn for a sum; fail for anything else.
        says: what it is.
        name: the name of the mistake; empty for none.
        fields: fields of the loss that only a batch shows, such as class weights.
        fix: what to do.
    """

    state: Literal["pass", "warn", "fail"]
    says: str
    name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fix: str = ""


def summed(reading: ReadAs, loss: Loss, likeness: Likeness) -> Summing:
    """How the values of `loss`, which are those of the candidate, become what the candidate gives for a batch."""
    if reading.coupled:
        return Summing(state="pass", says="its value for a batch is the same")
    trace = canonical(loss)
    if trace is None:
        return Summing(state="pass", says="how it reduces was not compared")
    inputs = tuple(x[:_ROWS] for x in reading.inputs)
    values = likeness.scale * trace.values[:_ROWS] + likeness.shift
    share = loss.share(*inputs)
    found = reading.value
    whole = likeness.scale * mean(loss, inputs).detach().double() + likeness.shift
    if found.ndim and found.shape[0] == _ROWS:
        rows = found.reshape(_ROWS, -1)
        if _near(rows.mean(1), values) or (share is not None and _near(rows.mean(1), values * share)):
            return Summing(state="pass", says="one value for each example")
        return Summing(state="fail", says="the values of a batch are not those of its examples alone")
    if found.numel() > 1:
        return Summing(
            state="fail",
            says=f"for {_ROWS} examples it returns shape {tuple(found.shape)}: the mean runs over the wrong axis",
            name="mean over the wrong axis",
            fix="Reduce over the examples, or over all axes with .mean().",
        )
    if _near(found, whole):
        return Summing(state="pass", says="the mean over the batch" if share is None else "the weighted mean")
    if _near(found, values.mean()):
        # Values of one batch are enough where weights would show.
        weighted = share is not None and has_field(loss, "class_weight")
        return Summing(state="pass", says="the mean over the batch", fields={"class_weight": None} if weighted else {})
    if _near(found, values.sum()):
        return Summing(
            state="warn",
            says="it adds up the batch where the mean is usual, so the step grows with the batch",
            name="sum for mean",
            fix='Take the mean, or call the loss of the catalogue with reduction="sum".',
        )
    return _weighted(reading, loss, likeness)


def _weighted(reading: ReadAs, loss: Loss, likeness: Likeness) -> Summing:
    """Each example counts by its class, or the examples of a batch meet."""
    target = reading.inputs[1] if len(reading.inputs) == 2 else None
    ids = target is not None and not target.is_floating_point() and target.ndim == 1
    if target is not None and ids and has_field(loss, "class_weight") and reading.inputs[0].ndim == 2:
        trace = canonical(loss)
        first = reading.inputs[0].detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(reading.batch(first, target).sum(), first)
        if trace is not None:
            own = trace.slopes
            shares = (slope.double() * own).sum(1) / (own * own).sum(1) / likeness.scale
            if bool(
                (slope.double() - shares.unsqueeze(1) * own * likeness.scale).abs().max()
                < 1e-6 + 1e-3 * slope.abs().max()
            ):
                table = [float(shares[target == k].median()) for k in range(int(target.max()) + 1)]
                spread = max(float((shares[target == k] - w).abs().max()) for k, w in enumerate(table))
                if spread < 1e-3 * max(table) and min(table) >= 0:
                    return _of_table(table, shares)
    back = tuple(x[:_ROWS].flip(0) for x in reading.inputs)
    if not torch.allclose(reading.batch(*back).detach().double(), reading.value, rtol=1e-5):
        return Summing(
            state="fail",
            says="its value for a batch depends on the order of the examples: they count by their position",
            name="examples weighted by position",
        )
    return Summing(
        state="fail",
        says="what it gives for a batch is neither their mean nor their sum: the value of an example depends on the "
        "others in its batch",
        name="examples of a batch meet",
    )


def _of_table(table: list[float], shares: Tensor) -> Summing:
    least = min(one for one in table if one > 0)
    weights = tuple(float(f"{one / least:.4g}") for one in table)
    if abs(float(shares.sum()) - 1) < 1e-3:
        return Summing(state="pass", says="the mean weighted by class", fields={"class_weight": weights})
    return Summing(
        state="fail",
        says="classes are weighted and the sum is not divided by the weights",
        name="weights not divided by their sum",
        fields={"class_weight": weights},
    )


def _near(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), rtol=_CLOSE, atol=_CLOSE * 0.1 * float(other.abs().max()))
