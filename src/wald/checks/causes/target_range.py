"""Targets on another scale than the loss takes: 255 for 1, labels -1 and 1 for 0 and 1, per cent, negative counts.

Outside [0, 1] binary cross-entropy has no least value: it falls below zero, and the faster the worse the prediction
gets. A negative count does the same to a Poisson likelihood. Nothing is raised; the loss looks better and better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ...cards import Domain
from ..batches import Run, Slot
from .cause import Cause, Suspect, called, drop, harmful, listed, mend, numbers, rows_of, run_of, stated

F = torch.nn.functional


def look(run: Run) -> Iterator[Suspect]:
    """Targets outside the interval that the loss is made for, if they drive it away from any minimum."""
    for slot in run.slots("target"):
        domain, x = run.domain(slot), run.inputs[slot.name]
        if domain is None or (domain.integer and not x.is_floating_point()) or not x.numel() or x.dtype == torch.bool:
            continue
        y = x.double()
        y = torch.where(y.isfinite(), y, y.new_tensor(domain.safe))
        if domain.normalised == "linear":
            yield from _of_distributions(run, slot, y)
        elif (domain.low, domain.high) == (0.0, 1.0) or (domain.soft and x.is_floating_point()):
            yield from _of_shares(run, slot, domain, y)
        elif (domain.low, domain.high) == (-1.0, 1.0):
            yield from _of_signs(run, slot, y)
        elif domain.low >= 0 and bool((y < domain.low).any()) and _matters(run, slot, y < domain.low):
            yield _negative(run, slot, domain, y)


def _of_shares(run: Run, slot: Slot, domain: Domain, y: Tensor) -> Iterator[Suspect]:
    outside = (y < 0) | (y > 1)
    if not bool(outside.any()) or not _matters(run, slot, outside):
        return
    name, low, high = called(slot), y.min().item(), y.max().item()
    rows, kinds = rows_of(run, slot, outside), y.flatten()[:65536].unique()
    share = outside.double().mean().item()
    seen = f"{name} runs from {low:g} to {high:g}; {share:.1%} of its values are outside [0, 1]"
    change: Callable[[Tensor], Tensor]
    if set(kinds.tolist()) <= {-1.0, 1.0}:
        seen, fix, change = f"{name} holds labels -1 and 1, and this loss wants 0 and 1", f"({name} + 1) / 2", _halved
    elif set(kinds.tolist()) <= {1.0, 2.0}:
        seen, fix, change = f"{name} holds labels 1 and 2, and this loss wants 0 and 1", f"{name} - 1", _less_one
    elif low >= 0 and high == 255:
        seen, fix, change = f"{seen}, as in a mask of 8 bits that was not divided", f"{name} / 255", _over_255
    elif low >= 0 and 1 < high <= 100 and share > 0.05:
        seen, fix, change = f"{seen}, as if it were per cent", f"{name} / 100", _over_100
    else:
        yield Suspect(
            code="W931",
            says=f"{seen}, where the loss has no least value: {listed(rows)}",
            fix=f"If {y[outside][0]:g} marks what to leave out, pass mask={name} != {y[outside][0]:g} to a loss of "
            "wald, or index; else find where the targets are made.",
            tried="leaving these rows out" if len(rows) < run.rows else "moving them into [0, 1]",
            cure=drop(lambda part: rows_of(part, slot, _not_shares(part.inputs[slot.name])))
            if len(rows) < run.rows
            else mend(slot.name, lambda t: t.clamp(0, 1)),
            rows=rows,
        )
        return
    yield Suspect(
        code="W931",
        says=f"{seen}: beyond [0, 1] the loss has no least value",
        fix=f"Use {fix}.",
        tried=fix,
        cure=mend(slot.name, change),
        rows=rows,
    )


def _of_distributions(run: Run, slot: Slot, y: Tensor) -> Iterator[Suspect]:
    totals = y.sum(-1)
    if getattr(run.call.function, "log_target", False) or not bool(((totals - 1).abs() > 0.5).all()):
        return
    name, total = called(slot), totals.flatten()[0].item()
    if bool((y <= 0).all()) and bool(((y.exp().sum(-1) - 1).abs() < 0.05).all()):
        seen, fix, change = "they look like log-probabilities", f"{name}.exp()", torch.exp
    elif bool((y < 0).any()):
        seen, fix, change = "they look like logits", f"{name}.softmax(-1)", _softmax
    else:
        seen, fix, change = "they look like counts or per cent", f"{name} / {name}.sum(-1, keepdim=True)", _normalised
    yield Suspect(
        code="W931",
        says=f"the rows of {name} are read as probabilities and add up to {total:.3g}, not to 1: {seen}",
        fix=f"Use {fix}.",
        tried=fix,
        cure=mend(slot.name, change),
    )


def _of_signs(run: Run, slot: Slot, y: Tensor) -> Iterator[Suspect]:
    kinds = set(y.flatten()[:65536].unique().tolist())
    if kinds <= {0.0, 1.0} and 0.0 in kinds and len(y) > 1:
        yield Suspect(
            code="W932",
            says=(
                f"{called(slot)} holds labels 0 and 1, and this loss wants -1 and 1: a label of 0 asks for nothing "
                f"({int((y == 0).sum())} of {y.numel()} rows)"
            ),
            fix=f"Use 2 * {called(slot)} - 1.",
            tried=f"2 * {called(slot)} - 1",
            cure=mend(slot.name, lambda t: 2 * t - 1),
            rows=rows_of(run, slot, y == 0),
        )


def _negative(run: Run, slot: Slot, domain: Domain, y: Tensor) -> Suspect:
    bad = y < domain.low
    rows = rows_of(run, slot, bad)
    return Suspect(
        code="W939",
        says=(
            f"{int(bad.sum())} of {y.numel()} values of {called(slot)} are below {domain.low:g} (least "
            f"{y.min():.4g}), where this loss has no meaning: {listed(rows)}"
        ),
        fix=f"Leave such rows out (mask={called(slot)} >= {domain.low:g} to a loss of wald), or find what made them; "
        "for targets of both signs use a loss such as wald.Squared().",
        tried="leaving these rows out" if len(rows) < run.rows else f"raising them to {domain.low:g}",
        cure=drop(lambda part: rows_of(part, slot, part.inputs[slot.name] < domain.low))
        if len(rows) < run.rows
        else mend(slot.name, lambda t: t.clamp(min=domain.low + (0.5 if domain.open_low else 0))),
        rows=rows,
    )


def _matters(run: Run, slot: Slot, outside: Tensor) -> bool:
    """Whether such a target breaks the loss, or leaves it without a least value.

    What a card or torch's documentation says is believed, if the rows count at all; what was only measured is
    measured again, here, with these targets.
    """
    if run.outcome.broken:
        return stated(run) or harmful(run, slot, outside)
    if not _felt(run, slot, outside):
        return False
    if stated(run):
        return True
    return _bottomless(run, rows_of(run, slot, outside)[:2])


def _felt(run: Run, slot: Slot, outside: Tensor) -> bool:
    slope = run.outcome.slopes.get(run.pair[0].name) if run.pair else None
    return slope is None or slope.shape != outside.shape or bool(slope[outside].any())


def _bottomless(run: Run, rows: Tensor) -> bool:
    if run.pair is None:
        return False
    few = run.take(rows)
    domain, name = run.domain(run.pair[0]), run.pair[0].name
    if domain is None:
        return False
    if domain.high <= 1:
        at = [(1e-2, 1e-4), (1 - 1e-2, 1 - 1e-4)]
    elif domain.low >= 0:
        at = [(1e-2, 1e-4), (1e2, 1e4)]
    else:
        at = [(-1e1, -1e2), (1e1, 1e2)]

    def value(x: float) -> float:
        return few.put(**{name: torch.full_like(few.inputs[name], x)}).outcome.total

    return any(value(far) < value(near) - 1 and value(far) < 0 for near, far in at)


def _not_shares(x: Tensor) -> Tensor:
    return (x < 0) | (x > 1)


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def _normalised(x: Tensor) -> Tensor:
    return x / x.sum(-1, keepdim=True)


def _halved(x: Tensor) -> Tensor:
    return (x + 1) / 2 if x.is_floating_point() else (x + 1) // 2


def _less_one(x: Tensor) -> Tensor:
    return x - 1


def _over_255(x: Tensor) -> Tensor:
    return x / 255


def _over_100(x: Tensor) -> Tensor:
    return x / 100


RULE = Cause(
    codes={
        "W931": "targets outside [0, 1]",
        "W932": "labels 0 and 1 for -1 and 1",
        "W939": "negative targets",
    },
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: run_of(F.binary_cross_entropy_with_logits, input=numbers(1, -1, 2), target=numbers(255, 0, 255)),
    clean=lambda: run_of(F.binary_cross_entropy_with_logits, input=numbers(1, -1, 2), target=numbers(0.3, 0, 1)),
)
