"""Probabilities, logits and log-probabilities in each other's place.

Softmax of a softmax is legal and useless: with probabilities for logits, cross-entropy of C classes cannot go below
log(e + C - 1) - 1, which is 1.461 for ten. Log-likelihoods of probabilities are negative numbers that fall for ever.
Logits where probabilities belong give the logarithm of a negative number, or a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

import torch
from torch import Tensor

from ...cards import Domain
from ..batches import Run, Slot
from .cause import Cause, Suspect, called, harmful, mend, run_of, spread, stated

F = torch.nn.functional

#: So many rows that add up to one are no accident; a single row of logits may be.
_ROWS = 4


def look(run: Run) -> Iterator[Suspect]:
    """What the prediction looks like against what the loss takes it for."""
    pair = run.pair
    if pair is None or not run.inputs[pair[0].name].is_floating_point():
        return
    domain, x = run.domain(pair[0]), run.inputs[pair[0].name].detach()
    if domain is None or not x.numel():
        return
    if domain.axes and domain.axes[-1] == "classes":
        yield from _of_classes(run, pair[0], domain, x.movedim(run.call.class_axis(x.ndim), -1))
    elif domain.logits:
        yield from _of_labels(run, *pair)
    elif (domain.low, domain.high) == (0.0, 1.0) and not domain.axes:
        yield from _outside(run, pair[0])


def _of_classes(run: Run, given: Slot, domain: Domain, x: Tensor) -> Iterator[Suspect]:
    if x.ndim < 1 or x.shape[-1] < 2:
        return
    name, axis = called(given), run.call.class_axis(x.ndim)
    slot, classes = given.name, x.shape[-1]
    rows = x.reshape(-1, classes)[:4096]
    shares = _distributions(rows)
    to_logs = mend(slot, lambda t: t.clamp(min=torch.finfo(t.dtype).tiny).log())
    if domain.logits and shares and (len(rows) >= _ROWS or run.outcome.kind == "error"):
        floor = math.log(math.e + classes - 1) - 1
        yield Suspect(
            code="W941",
            says=(
                f"the rows of {name} lie in [0, 1] and add up to 1: they look like probabilities, and this loss takes "
                f"them for logits. Softmax of a softmax keeps it above {floor:.3f} for {classes} classes"
            ),
            fix=f"Remove the softmax from the model, or pass {name}.log().",
            tried=f"passing {name}.log()",
            cure=to_logs,
            facts={"floor": floor, "classes": classes},
        )
    elif domain.normalised == "log" and shares and (len(rows) >= _ROWS or run.call.known):
        yield Suspect(
            code="W942",
            says=f"the rows of {name} are probabilities, and this loss takes them for log-probabilities",
            fix=f"Pass {name}.log(), or, better, log_softmax of the logits.",
            tried=f"passing {name}.log()",
            cure=to_logs,
        )
    elif domain.normalised == "log" and stated(run) and not _normal(rows):
        yield Suspect(
            code="W942",
            says=(
                f"exp of the rows of {name} adds up to {_total(rows):.3g}, not to 1: they look like logits, and this "
                "loss takes them for log-probabilities. It has no least value then"
            ),
            fix=f"Pass {name}.log_softmax({axis}), or use a loss of logits (cross_entropy).",
            tried=f"passing {name}.log_softmax({axis})",
            cure=mend(slot, lambda t: t.log_softmax(axis)),
        )
    elif domain.normalised == "linear" and bool((rows < 0).any()):
        logs = bool((rows <= 0).all()) and _normal(rows)
        made = f"{name}.exp()" if logs else f"{name}.softmax({axis})"
        yield Suspect(
            code="W943",
            says=f"{name} has values below 0 (least {rows.min():.3g}), and this loss takes them for probabilities",
            fix=f"Pass {made}.",
            tried=f"passing {made}",
            cure=mend(slot, lambda t: t.exp() if logs else t.softmax(axis)),
        )


def _distributions(rows: Tensor) -> bool:
    rows = rows.double() if rows.dtype is torch.float64 else rows.float()
    tolerance = 1e-5 if rows.dtype is torch.float64 else 1e-4
    if bool((rows < 0).any() | (rows > 1).any()):
        return False
    return bool(((rows.sum(-1) - 1).abs() <= max(tolerance, _step(rows))).all()) and not bool(
        (rows == rows[0, 0]).all()
    )


def _step(rows: Tensor) -> float:
    # Half precision shows in numbers that lose nothing when they are rounded to it.
    return (
        1e-2 if any(torch.equal(rows, rows.to(half).to(rows.dtype)) for half in (torch.float16, torch.bfloat16)) else 0
    )


def _normal(rows: Tensor) -> bool:
    totals = rows.double().logsumexp(-1)
    totals = totals[totals.isfinite()]
    return bool((totals.abs() <= 0.05).double().mean() > 0.5) if len(totals) else True


def _total(rows: Tensor) -> float:
    return rows.double().logsumexp(-1).median().exp().item()


def _of_labels(run: Run, given: Slot, observed: Slot) -> Iterator[Suspect]:
    """Probabilities of labels where logits belong: only if they tell the labels far better as probabilities."""
    x, y = run.inputs[given.name].detach(), run.inputs[observed.name]
    if observed.domain is None and run.call.meant is not None and run.call.meant.labels != (0.0, 1.0):
        return
    if x.shape != y.shape or x.numel() < 16 or bool((x < 0).any() | (x > 1).any()):
        return
    p, t = x.double().flatten(), y.double().flatten()
    if bool((t < 0).any() | (t > 1).any()) or not (p.min() < 0.1 and p.max() > 0.9):
        return
    p = p.clamp(1e-6, 1 - 1e-6)
    as_logits = F.binary_cross_entropy_with_logits(p, t)
    as_probabilities = F.binary_cross_entropy(p, t)
    base = t.mean().clamp(1e-6, 1 - 1e-6)
    chance = F.binary_cross_entropy(base.expand_as(t), t)
    better = (as_logits - as_probabilities) * len(t)
    if not (better > 20 and as_probabilities < 0.8 * chance):
        return
    name = called(given)
    yield Suspect(
        code="W944",
        says=(
            f"all {len(p)} values of {name} lie in [0, 1], and as probabilities they fit the labels "
            f"({as_probabilities:.3g}) far better than as logits ({as_logits:.3g}): the sigmoid seems to be applied "
            "twice, and then no prediction can be surer than 0.731"
        ),
        fix="Remove the sigmoid from the model, or use a loss of probabilities (binary_cross_entropy).",
        tried=f"passing torch.logit({name})",
        cure=mend(given.name, lambda v: torch.logit(v, eps=1e-6)),
    )


def _outside(run: Run, given: Slot) -> Iterator[Suspect]:
    """Logits where probabilities of labels belong."""
    x = run.inputs[given.name].detach()
    low, high = x.min().item(), x.max().item()
    if not (run.outcome.broken and (low < 0 or high > 1)):
        return
    outside = (x < 0) | (x > 1)
    if not stated(run) and not harmful(run, given, outside):
        return  # the domain was measured, and what is outside of it does no harm here
    name = called(given)
    count = int(outside.sum())
    yield Suspect(
        code="W943",
        says=(
            f"{name} runs from {low:.3g} to {high:.3g}, {count} of {x.numel()} values outside [0, 1]: they look like "
            "logits, and this loss takes them for probabilities"
        ),
        fix=f"Pass torch.sigmoid({name}), or, better, use a loss of logits (binary_cross_entropy_with_logits).",
        tried=f"passing torch.sigmoid({name})",
        cure=mend(given.name, torch.sigmoid),
    )


RULE = Cause(
    codes={
        "W941": "probabilities for logits",
        "W942": "no log-probabilities where they belong",
        "W943": "no probabilities where they belong",
        "W944": "the sigmoid applied twice",
    },
    explains=__doc__ or "",
    look=look,
    when="always",
    planted=lambda: run_of(F.cross_entropy, input=(3 * spread(6, 5)).softmax(-1), target=torch.arange(6) % 5),
    clean=lambda: run_of(F.cross_entropy, input=3 * spread(6, 5), target=torch.arange(6) % 5),
)
