"""Predictions and targets in different units.

A prediction in thousands against a target in ones, a fraction against per cent: the loss is large, its gradient too,
and most of training goes into finding the factor. It is told only where prediction and target go together, so that a
factor can be read from them, or where they are ten thousand times apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, called, mend, run_of, spread

F = torch.nn.functional

_ROWS = 8
#: How far a factor is from 1, and how well it explains the targets, before it is one.
_FACTOR, _EXPLAINED = 50.0, 0.6
#: So far apart that a model does not get there from where it is.
_FAR = 1e4


def look(run: Run) -> Iterator[Suspect]:
    """A factor between prediction and target that makes the loss a hundred times smaller."""
    pair = run.pair
    if pair is None or run.rows < _ROWS:
        return
    x, y = (run.inputs[slot.name] for slot in pair)
    domain = run.domain(pair[0])
    if domain is None or domain.logits or domain.axes or domain.high < torch.inf or x.shape != y.shape:
        return
    if not (x.is_floating_point() and bool(x.isfinite().all()) and bool(y.isfinite().all())):
        return
    p, t = x.detach().double().flatten(), y.double().flatten()
    if not bool(p.any()) or not bool(t.any()):
        return
    name, observed = pair[0].name, called(pair[1])
    factor = ((p * t).sum() / (p * p).sum()).item()
    left = (t - factor * p).square().sum() / t.square().sum()
    apart = t.abs().median().item() / max(p.abs().median().item(), 1e-30)
    change: Callable[[Tensor], Tensor]
    if factor > 0 and left <= 1 - _EXPLAINED and not 1 / _FACTOR < factor < _FACTOR:
        seen = f"{observed} is about {factor:.4g} times {called(pair[0])} ({1 - left:.0%} of it explained)"
        tried, change = f"multiplying {called(pair[0])} by {factor:.4g}", lambda v: (v.double() * factor).to(v.dtype)
    elif apart >= _FAR or 0 < apart <= 1 / _FAR:
        seen = f"{observed} is typically {apart:.3g} times {called(pair[0])} in size"
        tried, change = f"giving {called(pair[0])} the mean and deviation of {observed}", _as_spread_as(t)
    else:
        return
    # Only where hitting the targets costs less is the target a number of the prediction's own kind: no log rate.
    before, hit = run.outcome.total, run.put(**{name: y.to(x)}).outcome
    after = run.put(**{name: change(x)}).outcome
    if after.broken or hit.kind in ("error", "nan", "inf") or not 0 <= hit.total < before / 2:
        return
    yield Suspect(
        code="W961",
        says=f"{seen}: they look like different units, and the loss is {before:.4g} where it would be "
        f"{after.total:.4g}",
        fix=f"Bring both to one unit: standardise {observed} (keep its mean and deviation to undo it), or multiply the "
        "output of the model by the factor.",
        tried=tried,
        cure=mend(name, change),
        facts={"factor": factor if "about" in seen else apart},
    )


def _as_spread_as(t: Tensor) -> Callable[[Tensor], Tensor]:
    def change(v: Tensor) -> Tensor:
        wide = v.detach().double()
        return ((wide - wide.mean()) / (wide.std() + 1e-300) * t.std() + t.mean()).to(v.dtype)

    return change


def _scaled(by: float) -> Run:
    x = spread(12)
    return run_of(F.mse_loss, input=x, target=by * x + 0.01 * spread(12).flip(0))


RULE = Cause(
    codes={"W961": "prediction and target in different units"},
    explains=__doc__ or "",
    look=look,
    when="finite",
    planted=lambda: _scaled(1000),
    clean=lambda: _scaled(1),
)
