"""Degenerate minimisers: ways to be least that are no solution.

The same prediction for all, all embeddings in one point, a spread of nothing, a confidence without end: each is a
known way in which a training run ends at a low loss and an empty model. Embeddings are moved downhill for a while to
see what there is to gain; if a single point for all costs no more than that, collapse is a minimiser.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from ...cards import Vector
from ..subjects.subject import BATCH, Inputs, Subject
from ..verdict import Verdict
from .cheats import Cheats

_STEPS, _PAIRS = 60, 4 * BATCH


@dataclass(frozen=True, kw_only=True)
class Degenerate:
    """What was found.

    Attributes:
        ways: "constant", "collapse", "zero spread", "endless confidence".
        why: what shows each.
        inputs: for a collapse, the collapsed batch and one that was moved downhill.
        plateau: what a collapsed batch costs, where its gradient is zero though it is no minimum.
        tried: whether anything could be tried.
    """

    ways: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    inputs: tuple[Inputs, ...] = ()
    plateau: float | None = None
    tried: bool = True


def measure_degenerate(subject: Subject, cheats: Cheats, bounded: Verdict) -> Degenerate:
    """The degenerate minimisers of `subject`."""
    vectors = _vectors(subject)
    if len(vectors) >= 2:
        return _of_embeddings(subject, vectors)
    ways: list[str] = []
    why: list[str] = []
    constant = next((duel for duel in cheats.won if duel.beats_perfect and duel.balanced), None)
    if constant is not None:
        ways.append("constant")
        why.append(f"{constant.cheat} costs {constant.cost:.4g}, and a perfect forecast {constant.perfect:.4g}")
    if bounded.word == "no" and subject.prediction.axes == ("parameters",):
        ways.append("zero spread")
        why.append(f"with the target as mean it falls without end as the spread shrinks: {bounded.why}")
    if bounded.word == "yes" and (endless := _endless(subject)):
        ways.append("endless confidence")
        why.append(endless)
    return Degenerate(ways=tuple(ways), why=tuple(why), tried=bool(cheats.duels) or bool(ways))


def _vectors(subject: Subject) -> list[int]:
    """The places of the inputs that are embeddings, but for a target, which is observed and stays where it is."""
    if subject.prediction.axes != Vector.axes:
        return []
    places = enumerate(subject.domains)
    return [i for i, (name, domain) in places if domain.axes == Vector.axes and name != "target"]


def _of_embeddings(subject: Subject, vectors: list[int]) -> Degenerate:
    inputs = subject.inputs(_PAIRS)
    point = inputs[vectors[0]][:1]
    collapsed = tuple(point.expand_as(x).clone() if i in vectors else x for i, x in enumerate(inputs))
    at_point, slope = _cost(subject, collapsed, vectors)
    moved = _downhill(subject, inputs, vectors)
    least, _ = _cost(subject, moved, vectors)
    if at_point is None or least is None or math.isnan(at_point):
        return Degenerate(tried=False)
    if at_point <= least + 1e-6 * (1 + abs(least)):
        told = f"all embeddings in one point cost {at_point:.4g}, and apart, moved downhill, {least:.4g}"
        return Degenerate(ways=("collapse",), why=(told,), inputs=(collapsed, moved))
    return Degenerate(plateau=at_point if slope == 0 else None)


def _cost(subject: Subject, inputs: Inputs, vectors: list[int]) -> tuple[float | None, float]:
    moving = [x.detach().clone().requires_grad_() if i in vectors else x for i, x in enumerate(inputs)]
    try:
        value = _batch(subject, moving)
        slopes = torch.autograd.grad(value, [moving[i] for i in vectors], materialize_grads=True)
    except (RuntimeError, ValueError):
        return None, 0.0
    return float(value.detach()), max(float(slope.abs().max()) for slope in slopes)


def _batch(subject: Subject, inputs: list[Tensor]) -> Tensor:
    # No copy: what is moved must stay the leaf of the graph.
    found = subject.call(*subject.shaped(tuple(inputs)))
    return found.double().mean()


def _downhill(subject: Subject, inputs: Inputs, vectors: list[int]) -> Inputs:
    """The batch after some steps downhill of the embeddings themselves, each step as long as the one before."""
    moving = list(inputs)
    for step in range(_STEPS):
        for i in vectors:
            moving[i] = moving[i].detach().clone().requires_grad_()
        try:
            slopes = torch.autograd.grad(_batch(subject, moving), [moving[i] for i in vectors], materialize_grads=True)
        except (RuntimeError, ValueError):
            return inputs
        length = 0.2 * (1 - step / _STEPS)
        for i, slope in zip(vectors, slopes, strict=True):
            size = slope.square().mean().sqrt()
            moving[i] = moving[i].detach() - length * slope / size.clamp(min=1e-12)
    return tuple(x.detach() for x in moving)


def _endless(subject: Subject) -> str:
    """Whether a sure label is answered best by a score without end; empty where it is not."""
    if not subject.labelled or subject.whole or subject.prediction.low > -torch.inf:
        return ""
    yes = subject.labels[1]
    z = torch.tensor([2.0, 8.0, 16.0, 30.0], dtype=subject.dtype)
    with torch.no_grad():
        cost = subject.values(z, torch.full_like(z, yes)).double()
    if not bool((cost.diff() < 0).all()):
        return ""
    return f"under the label {yes:g} a score of 8 costs {cost[1]:.3g} and one of 30 less still, {cost[3]:.3g}"
