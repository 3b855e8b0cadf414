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

from ....cards import BinaryTarget, Domain, Logit, NonNegative, Positive
from ..domains import LABELS, Label, Probability, Sign
from ..grids import inside, pairs
from ..subject import Subject
from .names import speaks_of

_ROWS: Final = 7


def numbers(each: Sequence[float]) -> Tensor:
    """Numbers as a column, in double precision."""
    return torch.tensor(each, dtype=torch.float64)


def told_apart(subject: Subject, task: str | None, hint: Domain | None) -> Subject:
    """The subject with its task, and domains to match; `task`, and `hint` for the prediction, are believed."""
    if task is not None and task not in ("regression", "binary", "multilabel"):
        return replace(subject, task=task)
    if not _defined_alone(subject):
        return told_together(subject, task, hint)
    if task != "binary" and task != "multilabel" and (found := _regression(subject)) is not None:
        return found
    if task == "regression":
        return replace(subject, task="regression")
    if (found := _binary(subject, hint, sure=task is not None)) is not None:
        return replace(found, task=task or found.task)
    return replace(subject, task=task or "other")


def told_together(subject: Subject, task: str | None, hint: Domain | None) -> Subject:
    """The same for a loss whose examples meet, so that a batch is the least that has a value."""
    if task is not None and task not in ("regression", "binary", "multilabel"):
        return replace(subject, task=task)
    overlap = speaks_of(subject.name, "dice", "jaccard", "iou", "tversky", "lovasz")
    if task != "binary" and task != "multilabel" and not overlap and _least_at_targets(subject):
        return replace(subject, task="regression")
    flipped = replace(subject, call=lambda *inputs: -subject.call(*inputs), each=None)
    free = task is None and not overlap
    if task == "regression" or (free and (_least_at_targets(flipped) or _of_differences(subject))):
        return replace(subject, task="regression")  # with its sign turned, if the flipped one is
    if (found := _of_sides(subject, hint, sure=task is not None or overlap)) is not None:
        return replace(found, task=task or "binary")
    return replace(subject, task=task or "other")


def _least_at_targets(subject: Subject) -> bool:
    """Whether no batch of predictions that was tried costs less than the targets themselves."""
    if subject.target.high < math.inf and subject.target.low > -math.inf:
        return False
    generator = subject.generator()
    # Numbers of any kind, though the loss may take labels only for what it is meant.
    free = replace(subject, task="regression")
    worse = 0
    for scale in 4 * (0.1, 0.3, 1.0, 3.0):
        x, y = free.inputs(12, generator)
        noise = scale * x.std() * torch.randn(12, generator=generator).to(y)
        exact = _value(subject, inside(subject.prediction, y), y)
        for moved in (y + noise, (1 + scale) * y, y / (1 + scale)):
            other = _value(subject, inside(subject.prediction, moved), y)
            if not exact <= other + 1e-9 * (1 + abs(other)):
                return False
            worse += exact < other - 1e-9 * (1 + abs(other))
    return worse > 0


def _of_differences(subject: Subject) -> bool:
    """Whether predictions and targets may be shifted together, and not apart."""
    if subject.prediction.low > -math.inf or subject.target.low > -math.inf:
        return False
    x, y = replace(subject, task="regression").inputs(12)
    here, both, one = (_value(subject, *at) for at in ((x, y), (x + 1.75, y + 1.75), (x + 1.75, y)))
    return math.isclose(here, both, rel_tol=1e-4) and not math.isclose(here, one, rel_tol=1e-4)


def _of_sides(subject: Subject, hint: Domain | None, *, sure: bool) -> Subject | None:
    """The subject as one of labels, if a batch with its scores on the right sides costs something else."""
    found: Subject | None = None
    for target, labels in LABELS:
        if (target is Label) != (subject.target == Label):
            continue
        no, yes = labels
        t = (torch.arange(12) % 2).to(subject.dtype)
        y = no + (yes - no) * t
        shake = 0.1 * torch.rand(12, generator=subject.generator(), dtype=torch.float64).to(y)
        sided = {size: (2 * t - 1) * (size + shake) for size in (0.4, 4.0)}
        certain = 0.02 + 0.96 * t - 0.1 * shake * (2 * t - 1)
        probability = subject.prediction.low == 0 or (hint is not None and hint.high == 1)
        good, bad = (certain, 1 - certain) if probability else (sided[4.0], -sided[4.0])
        right, wrong = (_value(subject, x, y) for x in (good, bad))
        if not (abs(right - wrong) > 1e-9 * (1 + abs(wrong))):
            continue
        if not probability and hint is None:
            # Scores of any size do for logits; a probability of 4 makes no sense, and costs more than 1 or the reverse.
            best, fair = _value(subject, certain, y), _value(subject, 1 - certain, y)
            probability = best < fair and best < right - 1e-9
        domain = hint or (Probability if probability else Logit)
        made = replace(subject, domains=(("prediction", domain), ("target", target)), labels=labels, task="binary")
        if right < wrong or probability:
            return made
        found = found or made
    return found if found is not None or not sure else replace(subject, task="binary")


def _value(subject: Subject, x: Tensor, y: Tensor) -> float:
    try:
        return float(subject.batch(x, y).detach().double().mean())
    except Exception:
        return math.nan


def _regression(subject: Subject) -> Subject | None:
    found = replace(subject, task="regression")
    generator = subject.generator()
    if subject.prediction.low == -math.inf and subject.target.low == -math.inf:
        x, y = 4 * torch.rand(2, 24, generator=generator, dtype=torch.float64).to(subject.dtype) - 2
        here, there = _values(subject, x, y), _values(subject, x + 1.75, y + 1.75)
        if torch.allclose(here, there, rtol=1e-4) and bool(here.std() > 0):
            return found
        if _margin(subject):
            return None
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
    x, y = subject.inputs(_ROWS)
    return bool(_values(subject, x, y).isfinite().any())


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
        kinds = ((0.0, Label),) if subject.target == Label else ((0.0, BinaryTarget), (-1.0, Sign))
        for no, target in kinds:
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
