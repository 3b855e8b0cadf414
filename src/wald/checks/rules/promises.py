"""What every loss of this library promises about the rows of a batch.

A row that is masked, or whose target is the `ignore_index`, counts for nothing: the mean is that of the other rows,
and whatever stands in it, NaN too, reaches neither value nor gradient. A row with weight 2 counts as two. A target
that is a distribution over the classes costs the mean of what they cost. A class that cannot occur, with a logit of
-inf, does no harm where the target does not name it. Trainers rely on each of these, and none shows in the formula.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...cards import Card, Real
from ...core import Loss, Supervised
from ...findings import Finding, State
from ..measured import Measured
from ..subjects.subject import CLASSES, Inputs, Subject
from .rule import Rule, told_again

_ROWS = 6
_CLOSE = 1e-9


def look(measured: Measured) -> Iterator[Finding]:
    """Every promise that has a meaning for this loss."""
    subject = measured.subject
    loss = subject.loss
    if loss is None:
        return
    inputs = subject.shaped(subject.inputs(_ROWS))
    broken = list(_broken(subject, loss, inputs))
    for says in broken:
        yield _finding(
            "fail",
            says,
            fix="Leave hidden rows out in `kept`, count rows in `share`, and where rows meet use `keep`.",
            evidence={"reproduce": told_again(subject, "W320")},
        )
    if not broken:
        yield _finding("pass", "hidden rows count for nothing, and weights count rows")


def _broken(subject: Subject, loss: Loss, inputs: Inputs) -> Iterator[str]:
    keep = torch.tensor([True, False, True, True, False, True])
    fewer = tuple(x[keep] for x in inputs)
    spoiled = tuple(
        torch.where(keep.reshape(-1, *[1] * (x.ndim - 1)), x, torch.nan) if x.is_floating_point() else x for x in inputs
    )
    left = _answer(loss, fewer)
    for name, given in (("masked row", inputs), ("masked row of NaN", spoiled)):
        value, slope = _answer(loss, given, mask=keep)
        if not (_same(value, left[0]) and _same(slope[keep], left[1]) and bool((slope[~keep] == 0).all())):
            yield f"a {name} counts: {value:.6g} with it and {left[0]:.6g} without"
            break
    if subject.claims.get("coupling") != "coupled":
        count = torch.tensor([1, 3, 2, 1, 2, 1])
        copied = tuple(x.repeat_interleave(count, 0) for x in inputs)
        weighed, twice = loss(*inputs, weight=count.double()), loss(*copied)
        if not _same(weighed, twice):
            yield f"a row with weight k is not k rows: {weighed:.6g} and {twice:.6g}"
    yield from _ignored(loss, inputs, keep, left)
    yield from _mixed(loss, inputs)
    yield from _impossible(subject, loss, inputs)


def _ignored(loss: Loss, inputs: Inputs, keep: Tensor, left: tuple[Tensor, Tensor]) -> Iterator[str]:
    """Rows whose target says that they do not count."""
    mark = getattr(loss, "ignore_index", None)
    if mark is None or inputs[-1].is_floating_point() or inputs[-1].ndim != 1:
        return
    value, slope = _answer(loss, (*inputs[:-1], torch.where(keep, inputs[-1], mark)))
    if not (_same(value, left[0]) and bool((slope[~keep] == 0).all())):
        yield f"a row with the target {mark} counts: {value:.6g} with it and {left[0]:.6g} without"


def _mixed(loss: Loss, inputs: Inputs) -> Iterator[str]:
    """Targets that are distributions."""
    domains = [domain for _, domain in loss.named_domains]
    if len(domains) != 2 or not domains[1].soft or not domains[1].integer or inputs[0].ndim != 2:
        return
    size = inputs[0].shape[-1]
    shares = torch.linspace(0, 1, _ROWS * size, dtype=torch.float64).reshape(_ROWS, size).sin().square()
    shares = shares / shares.sum(-1, keepdim=True)
    each = [loss(inputs[0], torch.full((_ROWS,), k), reduction="none") for k in range(size)]
    told, found = (torch.stack(each, -1) * shares).sum(-1), loss(inputs[0], shares, reduction="none")
    if not _same(found, told):
        worst = int((found - told).abs().argmax())
        yield f"a target of probabilities costs {found[worst]:.6g}, and the mean of its classes {told[worst]:.6g}"


def _impossible(subject: Subject, loss: Loss, inputs: Inputs) -> Iterator[str]:
    """A class that cannot occur and is not asked for."""
    if not (subject.task == "multiclass" and subject.prediction.logits and len(inputs) == 2):
        return
    if inputs[1].is_floating_point() or inputs[0].shape[-1] < CLASSES - 1:
        return
    logits = inputs[0].clone()
    logits[:, 0] = -torch.inf
    ids = inputs[1].clamp(min=1)
    value, slope = _answer(loss, (logits, ids))
    if bool(value.isfinite()) and not bool(slope.isfinite().all()):
        yield "a class with a logit of -inf that no target names makes the gradient infinite or NaN"


def _answer(loss: Loss, inputs: Inputs, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    x = inputs[0].detach().clone().requires_grad_()
    value = loss(x, *inputs[1:], mask=mask)
    (slope,) = torch.autograd.grad(value, x, materialize_grads=True)
    return value.detach(), slope.detach()


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=_CLOSE, atol=_CLOSE)


def _finding(state: State, says: str, fix: str = "", evidence: dict[str, str] | None = None) -> Finding:
    return Finding(
        code="W320",
        state=state,
        question="claims",
        says=says,
        fix=fix,
        evidence=evidence or {},
        method="batches with rows hidden, repeated and weighed",
    )


def _spread(*, minds: bool) -> Subject:
    """A loss of errors beside their mean, which takes hidden rows into that mean or does not."""

    class Spread(Supervised):
        def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
            error = prediction - target
            rows = torch.ones_like(error) if keep is None or not minds else keep.to(error)
            return (error - (rows * error).sum() / rows.sum()).square()

    # The card is set on the finished class, so that this loss does not enter the catalogue.
    Spread.card = Card(
        task="regression", inputs={"prediction": Real, "target": Real}, formula="(e - mean(e))^2", coupling="coupled"
    )
    loss = Spread()
    return Subject(
        name="control",
        recipe="",
        call=loss,
        task="regression",
        domains=loss.named_domains,
        loss=loss,
        claims={"coupling": "coupled"},
    )


RULE = Rule(
    codes={"W320": "a hidden row counts, or a weight does not"},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=lambda: _spread(minds=False),
    clean=lambda: _spread(minds=True),
)
