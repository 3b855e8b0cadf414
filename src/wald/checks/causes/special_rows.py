"""Whole rows at which a formula has no finite value or no derivative: exact hits, vectors without length, nothing."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run, by_row
from .cause import Suspect, called, listed, rows_of


def special_rows(run: Run) -> Iterator[Suspect]:
    """Every kind of such rows that is there, the most telling first."""
    if (found := _variance(run)) is not None:
        yield found
    yield from _nothing(run)
    yield from _lengths(run)


def hits(run: Run) -> Iterator[Suspect]:
    """Exact hits: a root, norm or division of the error."""
    slots = [slot for slot in run.call.slots if slot.role in ("prediction", "target") and slot.name != "var"]
    for place, first in enumerate(slots):
        for second in slots[place + 1 :]:
            x, y = run.inputs[first.name], run.inputs[second.name]
            if x.shape != y.shape or not x.is_floating_point():
                continue
            hit = x == y
            whole = by_row(hit).all(1)
            if not bool(whole.any()):
                continue
            rows = whole.nonzero().flatten().cpu()
            everywhere = len(rows) == run.rows
            what = f"{called(first)} equals {called(second)} exactly in {'every row' if everywhere else listed(rows)}"
            gradient = "gradient" in run.outcome.kind
            yield Suspect(
                code="W923",
                says=f"{what}, where a root, norm or quotient of the error has no "
                f"{'derivative: the value is finite and the gradient is not' if gradient else 'value'}",
                fix="Make the argument of the root safe before it, as in torch.where(d > 0, d, 1).sqrt() under a "
                "torch.where; adding 1e-8 after the root does not help.",
                tried="moving them apart by 0.1",
                cure=lambda part, a=first.name, b=second.name: _apart(part, a, b),
                rows=rows,
            )


def _variance(run: Run) -> Suspect | None:
    x = run.inputs.get("var")
    slot = next((slot for slot in run.call.slots if slot.name == "var"), None)
    if slot is not None and x is not None:
        bad, good = x <= 0, lambda part: part.put(var=part.inputs["var"].clamp(min=1e-3))
    elif getattr(run.call.loss, "scale", None) == "variance":
        slot = run.call.slots[0]
        bad = run.inputs[slot.name].detach().clone()
        bad = torch.stack([torch.zeros_like(bad[..., 0]), (bad[..., 1] <= 0).to(bad)], -1).bool()
        good = _positive_variance
    else:
        return None
    if not bool(bad.any()):
        return None
    rows, values = rows_of(run, slot, bad), run.inputs[slot.name][bad]
    says = (
        f"{len(values)} variances in {called(slot)} are not positive (least {values.min():.4g}): {listed(rows)}. Their "
        "logarithm and reciprocal have no meaning"
    )
    fix = "Let the model emit the log of the variance (wald.GaussianNLL()), or pass it through softplus."
    return Suspect(code="W924", says=says, fix=fix, tried="variances of at least 0.001", cure=good, rows=rows)


def _positive_variance(part: Run) -> Run:
    name = part.call.slots[0].name
    mean, variance = part.inputs[name].unbind(-1)
    return part.put(**{name: torch.stack([mean, variance.clamp(min=1e-3)], -1)})


def _apart(part: Run, first: str, second: str) -> Run:
    x, y = part.inputs[first], part.inputs[second]
    hit = x == y
    hit = by_row(hit).all(1).reshape(-1, *[1] * (x.ndim - 1)).expand(x.shape)
    return part.put(**{first: torch.where(hit, x + 0.1 * (1 + x.abs()), x)})


def _lengths(run: Run) -> Iterator[Suspect]:
    """Vectors without length: a norm has no derivative there, and a direction no meaning."""
    for slot in run.slots("prediction", "target"):
        x = run.inputs[slot.name]
        if x.ndim < 2 or not x.is_floating_point():
            continue
        zero = by_row(x == 0).all(1)
        if not bool(zero.any()):
            continue
        rows = zero.nonzero().flatten().cpu()
        almost = torch.ones_like(x)
        by_row(almost)[:, 0] = 0
        if x[0].numel() == 1 or run.put(**{slot.name: torch.where(_wide(zero, x), almost, x)}).outcome.broken:
            continue  # one 0 does the same, so that it is not the length
        yield Suspect(
            code="W923",
            says=f"{len(rows)} of {run.rows} rows of {called(slot)} are zero vectors ({listed(rows)}), whose norm "
            "has no derivative and whose direction no meaning",
            fix="Use torch.nn.functional.normalize, which has an eps, and look for dead inputs (empty texts, padding).",
            tried="a vector of ones in their place",
            cure=lambda part, name=slot.name: _ones(part, name),
            rows=rows,
        )


def _ones(part: Run, name: str) -> Run:
    x = part.inputs[name]
    return part.put(**{name: torch.where(_wide(by_row(x == 0).all(1), x), torch.ones_like(x), x)})


def _wide(rows: Tensor, x: Tensor) -> Tensor:
    """One boolean for each row, in as many axes as `x` has."""
    return rows.reshape(-1, *[1] * (x.ndim - 1))


def _nothing(run: Run) -> Iterator[Suspect]:
    """Prediction and target that are both 0 throughout: a quotient of two sums of nothing."""
    if run.pair is None or "gradient" in run.outcome.kind:
        return
    (first, second), x, y = run.pair, *(run.inputs[slot.name] for slot in run.pair)
    if x.shape != y.shape or not x.ndim:
        return
    empty = by_row((x == 0) & (y == 0)).all(1)
    if not bool(empty.any()):
        return
    rows = empty.nonzero().flatten().cpu()
    yield Suspect(
        code="W922",
        says=f"{called(first)} and {called(second)} are both 0 in {len(rows)} of {run.rows} rows ({listed(rows)}), "
        "and the loss divides one by the other: 0 / 0",
        fix="Add a smoothing term to both sides of the quotient, or leave such rows (an empty mask) out.",
        tried=f"{called(second)} other than 0",
        cure=lambda part: part.put(**{second.name: _lifted(part, first.name, second.name)}),
        rows=rows,
    )


def _lifted(part: Run, first: str, second: str) -> Tensor:
    x, y = part.inputs[first], part.inputs[second]
    empty = _wide(by_row((x == 0) & (y == 0)).all(1), y)
    return torch.where(empty, torch.full_like(y, 0.5) if y.is_floating_point() else torch.ones_like(y), y)
