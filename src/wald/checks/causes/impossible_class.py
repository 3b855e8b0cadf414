"""A class that was made impossible, and a target that says it happened.

A logit of -inf gives a class the probability 0: a common way to mask actions or words that may not be chosen. If the
target is that class, its surprise is infinite. Label smoothing spreads a share of every target over all classes, and
so over the impossible ones too, in torch at least (pytorch#63004, #104776).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run
from .cause import Cause, Suspect, called, drop, listed, mend, numbers, run_of

#: Smaller than any logit that is meant, and finite in half precision too.
_FAR = -1e4


def look(run: Run) -> Iterator[Suspect]:
    """Rows without any possible class, targets on an impossible one, and shares of a target on one."""
    found = run.classes
    if found is None or run.pair is None:
        return
    scores, target, _ = found
    closed = scores == -torch.inf
    if not bool(closed.any()):
        return
    name, observed = run.pair[0].name, run.pair[1]
    nothing = closed.all(-1)
    if bool(nothing.any()):
        rows = _rows(nothing)
        yield Suspect(
            code="W903",
            says=f"every class is masked with -inf in {listed(rows)}, so that nothing can have happened there",
            fix="Keep at least one class of each row possible, or leave such rows out with mask=.",
            tried="leaving these rows out",
            cure=drop(lambda part: _rows(_closed(part).all(-1))),
            rows=rows,
        )
    hit = _hit(closed, target)
    if bool(hit.any()):
        rows = _rows(hit)
        yield Suspect(
            code="W903",
            says=(
                f"{called(observed)} names a class whose logit is -inf in {listed(rows)}: what cannot happen did, and "
                "its surprise is infinite"
            ),
            fix="Build the class mask from the same data as the target, so that the true class is never masked.",
            tried="leaving these rows out",
            cure=drop(lambda part: _rows(_hit_in(part))),
            rows=rows,
        )
    elif run.outcome.kind in ("inf", "nan", "inf gradient", "nan gradient"):
        yield Suspect(
            code="W904",
            says=(
                f"a share of the target falls on {int(closed.sum())} classes whose logit is -inf, as label smoothing "
                "spreads it over every class: each costs an infinity"
            ),
            fix=(
                "Smooth over the possible classes only, as wald.CrossEntropy(label_smoothing=...) does, or drop the "
                "smoothing where classes are masked."
            ),
            tried=f"masking with {_FAR:g} in place of -inf",
            cure=mend(name, lambda x: x.clamp(min=_FAR)),
            rows=_rows(closed.any(-1)),
        )


def _hit(closed: Tensor, target: Tensor) -> Tensor:
    """Which targets lie on an impossible class."""
    if target.is_floating_point():
        return ((target > 0) & closed).any(-1)
    inside = (target >= 0) & (target < closed.shape[-1])
    ids = target.long().clamp(0, closed.shape[-1] - 1).unsqueeze(-1)
    return closed.gather(-1, ids).squeeze(-1) & inside


def _rows(bad: Tensor) -> Tensor:
    return bad.reshape(bad.shape[0], -1).any(1).nonzero().flatten().cpu() if bad.ndim else torch.zeros(1).long()


def _closed(run: Run) -> Tensor:
    found = run.classes
    return found[0] == -torch.inf if found else torch.zeros(run.rows, 1)


def _hit_in(run: Run) -> Tensor:
    found = run.classes
    return _hit(found[0] == -torch.inf, found[1]) if found else torch.zeros(run.rows, 1)


def _masked(target: int) -> Run:
    logits = numbers(0, 1, -torch.inf).expand(3, 3).clone()
    return run_of(torch.nn.functional.cross_entropy, input=logits, target=torch.tensor([0, 1, target]))


RULE = Cause(
    codes={"W903": "the target is a masked class", "W904": "smoothing reaches a masked class"},
    explains=__doc__ or "",
    look=look,
    when="broken",
    planted=lambda: _masked(2),
    clean=lambda: _masked(1),
)
