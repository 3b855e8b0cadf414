"""Which problem a loss of numbers is for, told by what it does.

A loss of the difference alone, or one with its extremum inside for every target, is for regression; which targets
those are says where they live. A loss of the product of both, or one whose two labels pull in opposite directions,
is for labels. One of two labels whose least value is at zero, and that has none below it, is of a distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
import math
from typing import Final

import torch
from torch import Tensor

from ..cards import BinaryTarget, Domain, Logit, NonNegative, Positive
from .grids import pairs
from .subject import Subject

#: A probability, predicted or observed.
Probability: Final = Domain(says="a probability", low=0.0, high=1.0, typical=(0.05, 0.95), safe=0.5)
#: A label that is -1 or 1.
Sign: Final = Domain(says="-1 or 1", low=-1.0, high=1.0, typical=(-1.0, 1.0))

ROWS: Final = 7


def numbers(each: Sequence[float]) -> Tensor:
    """Numbers as a column, in double precision."""
    return torch.tensor(each, dtype=torch.float64)


def told_apart(subject: Subject, task: str | None, hint: Domain | None) -> Subject:
    """The subject with its task, and domains to match; `task`, and `hint` for the prediction, are believed."""
    if task is not None and task not in ("regression", "binary", "multilabel"):
        return replace(subject, task=task)
    if task != "binary" and task != "multilabel" and (found := _regression(subject)) is not None:
        return found
    if task == "regression":
        return replace(subject, task="regression")
    if (found := _binary(subject, hint, sure=task is not None)) is not None:
        return replace(found, task=task or found.task)
    return replace(subject, task=task or "other")


def _regression(subject: Subject) -> Subject | None:
    found = replace(subject, task="regression")
    generator = subject.generator()
    if not _defined_alone(subject):
        # Examples that need each other: near the targets it must differ from far away.
        return found if _prefers_the_target(subject) is not None else None
    if subject.prediction.low == -math.inf and subject.target.low == -math.inf:
        x, y = 4 * torch.rand(2, 24, generator=generator, dtype=torch.float64).to(subject.dtype) - 2
        here, there = _values(subject, x, y), _values(subject, x + 1.75, y + 1.75)
        if torch.allclose(here, there, rtol=1e-4) and bool(here.std() > 0):
            return found
        if _margin(subject):
            # Of one example all that a correlation sees is the sign.
            return found if _meet(subject) and _prefers_the_target(subject) is not None else None
    own = subject.target
    for prediction, target in ((subject.prediction, own), (subject.prediction, Positive), (Positive, Positive)):
        if target.high < math.inf or not (_within(target, own) and _within(prediction, subject.prediction)):
            continue
        candidate = replace(found, domains=(("prediction", prediction), ("target", target)))
        if _inside(candidate):
            return candidate
    return None


def _within(inner: Domain, outer: Domain) -> bool:
    return inner.low >= outer.low and inner.high <= outer.high


def _defined_alone(subject: Subject) -> bool:
    x, y = subject.inputs(ROWS)
    return bool(_values(subject, x, y).isfinite().any())


def _prefers_the_target(subject: Subject) -> bool | None:
    """Whether a prediction near the targets costs less than one that has nothing to do with them; None for equal."""
    generator = subject.generator()
    _, y = subject.inputs(64, generator)
    x, _ = subject.inputs(64, generator)
    try:
        near, far = subject.batch(0.9 * y + 0.1 * x, y).mean(), subject.batch(x, y).mean()
    except Exception:
        return None
    return None if not bool((near - far).abs() > 1e-9) else bool(near < far)


def _meet(subject: Subject) -> bool:
    """Whether a batch is neither the mean nor the sum of its examples."""
    x, y = subject.inputs(ROWS)
    whole, alone = subject.batch(x, y).detach().double().sum(), _values(subject, x, y)
    return not any(torch.allclose(whole, part, rtol=1e-4) for part in (alone.mean(), alone.sum()))


def _margin(subject: Subject) -> bool:
    """Whether it is a loss of the product of score and label."""
    generator = subject.generator()
    z, t = 4 * torch.rand(2, 24, generator=generator, dtype=torch.float64).to(subject.dtype) - 2
    here = _values(subject, z, t)
    same = [_values(subject, z * c, t / c) for c in (0.5, 2.0, -1.0)]
    return all(torch.allclose(here, there, rtol=1e-4, atol=1e-7) for there in same) and bool(here.std() > 0)


def _inside(subject: Subject) -> bool:
    """Whether every target has an extremum of the same kind inside the domain, which moves up with the target."""
    xs = _axis(subject.prediction).to(subject.dtype)
    ys = numbers((-2.3, -0.7, 0.4, 1.6, 3.1) if subject.target.low == -math.inf else (0.4, 0.9, 1.6, 3.1))
    ys = ys.to(subject.dtype)
    table = _values(subject, *pairs(xs, ys)).reshape(len(xs), len(ys))
    if not bool(table.isfinite().all()):
        return False  # a pole inside, as of a division by the prediction: its domain is smaller
    for sign in (1.0, -1.0):
        signed = sign * table
        ends = torch.minimum(signed[0], signed[-1])
        least, place = signed.min(0)
        inside = least < ends - 1e-6 * (1 + ends.abs())
        moves = bool((place.diff() >= 0).all()) and place[-1] > place[0]
        if bool(inside.all()) and moves:
            return True
    return False


def _axis(domain: Domain) -> Tensor:
    """Predictions from far below to far above any typical target."""
    wide = torch.cat([-torch.logspace(1.5, -2, 30), torch.zeros(1), torch.logspace(-2, 1.5, 30)]).double()
    if domain.high < math.inf:
        return torch.sigmoid(wide)
    if domain.low == -math.inf:
        return wide
    above = torch.logspace(-3, 2.5, 61, dtype=torch.float64)
    return above + domain.low


def _binary(subject: Subject, hint: Domain | None, *, sure: bool) -> Subject | None:
    """The labels, 0 and 1 or -1 and 1, under which the two pull in opposite directions, most alike."""
    candidates: list[tuple[float, float, Domain, Domain]] = []
    domains = [Probability] if hint is Probability else [Logit] if hint is not None else [Logit, Probability]
    for domain in domains:
        for no, target in ((0.0, BinaryTarget), (-1.0, Sign)):
            if candidates and candidates[0][2] is not domain:
                break  # scores of any size will do, so it is not for probabilities only
            curves = _curves(subject, domain, no)
            if curves is None:
                continue
            off, on = curves
            opposite = bool((on[-1] - on[0]) * (off[-1] - off[0]) < 0)
            if opposite or (sure and not candidates):
                unlike = (on.min() - off.min()).abs() + (on.max() - off.max()).abs()
                candidates.append((unlike.item(), no, domain, target))
    if not candidates:
        return None
    _, no, domain, target = min(candidates, key=lambda each: each[0])
    if not sure and domain is Logit and _of_distances(subject, no):
        distance = (("prediction", NonNegative), ("target", target))
        return replace(subject, task="pairwise", domains=distance, labels=(no, 1.0))
    if domain is Logit and hint is None and _flat_outside(subject):
        domain = Probability
    return replace(subject, task="binary", domains=(("prediction", domain), ("target", target)), labels=(no, 1.0))


def _of_distances(subject: Subject, no: float) -> bool:
    """Whether it has a least value for both labels only if the prediction, a distance then, is not negative."""
    curves = _curves(subject, Logit, no)
    if curves is None:
        return False
    # A curve that is unbounded below falls by as much again on the way out.
    below = any(bool(curve[0] < 2 * curve[5] - 1) for curve in curves)
    above = any(bool(curve[-1] < 2 * curve[-6] - 1) for curve in curves)
    near_means_yes = bool(curves[1][-1] > curves[1][0])
    return below and not above and near_means_yes


def _curves(subject: Subject, domain: Domain, no: float) -> tuple[Tensor, Tensor] | None:
    """What scores cost under both labels, from far on one side to far on the other, if that is finite."""
    # No farther, as beyond a sigmoid may be 1 even in double precision.
    z = torch.cat([-torch.logspace(1.2, -1, 16), torch.logspace(-1, 1.2, 16)]).to(subject.dtype)
    x = torch.sigmoid(z) if domain is Probability else z
    off, on = (_values(subject, x, torch.full_like(x, label)) for label in (no, 1.0))
    return (off, on) if bool((off.isfinite() & on.isfinite()).all()) else None


def _flat_outside(subject: Subject) -> bool:
    """Whether nothing changes below 0 and above 1, as where a probability is clamped."""
    x = numbers((-30.0, -3.0, -0.5, 2.0, 3.0, 30.0)).to(subject.dtype)
    flat, bent = True, False
    for label in (0.0, 1.0):
        y = torch.full_like(x, label)
        found, inner = _values(subject, x, y), _values(subject, numbers((0.3, 0.7)).to(subject.dtype), y[:2])
        flat = flat and bool((found[:3] == found[0]).all() & (found[3:] == found[3]).all())
        bent = bent or bool(inner[0] != inner[1])
    return flat and bent


def _values(subject: Subject, x: Tensor, y: Tensor) -> Tensor:
    """The values of pairs; NaN where the loss refuses one, as then they are not in its domain."""
    try:
        return subject.values(x, y).detach().double()
    except Exception:
        return torch.full((len(x),), torch.nan, dtype=torch.float64)
