"""Families of losses of other inputs than a prediction and a target: what their inputs are called, and how they behave.

Names say which family a loss belongs to; how it behaves is the proof where they say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import torch
from torch import Tensor

from ....cards import BinaryTarget, ClassId, Domain, Logits, Real, Vector
from ..domains import LogProbability, Probability, Sign, SummedLogProbability
from ..subject import Inputs, Subject
from .names import Parameter
from .trial import Trial

Proof = Callable[[Trial, Subject, Inputs], bool]


@dataclass(frozen=True, kw_only=True)
class Family:
    """Losses of the same inputs.

    Attributes:
        roles: what the names of the inputs say, in the order of the domains; several words for one input.
        inputs: the names of the inputs in a report.
        domains: where they live; several ways, from the likeliest on.
        task: what such a loss is for.
        emitted: the places of what a model emits.
        proof: how such a loss behaves, where names do not say that it is one.
    """

    roles: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...]
    domains: tuple[tuple[Domain, ...], ...]
    task: str = "other"
    emitted: tuple[int, ...] = (0,)
    proof: Proof | None = None

    def arranged(self, found: tuple[Parameter, ...]) -> tuple[int, ...] | None:
        """For each parameter the input that it is, if their names say so."""
        if len(found) != len(self.roles):
            return None
        # The order that the author wrote, where that fits; any other else.
        for order in permutations(range(len(found))):
            if all(one.role in self.roles[place] for one, place in zip(found, order, strict=True)):
                return order
        return None


def _nearer(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether a positive at its anchor costs less than a negative there."""
    anchor, positive, negative = inputs
    if not subject.prediction.axes:
        return False  # of numbers too much behaves so
    near, far = (
        trial.value(subject, anchor, anchor + 0.01, negative),
        trial.value(subject, anchor, positive, anchor + 0.01),
    )
    return near is not None and far is not None and bool(near.mean() < far.mean())


def _opposed(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether the two labels pull in opposite directions, far from each other or within a margin."""
    return any(_pulled_apart(trial, subject, tuple(x * size for x in inputs[:2]), inputs[2]) for size in (1.0, 0.1))


def _pulled_apart(trial: Trial, subject: Subject, points: Inputs, label: Tensor) -> bool:
    first, second = points
    no, yes = float(label.min()), float(label.max())
    pulls: list[float] = []
    for each in (no, yes):
        y = torch.full_like(label, each)
        here, there = trial.value(subject, first, second, y), trial.value(subject, 0.5 * (first + second), second, y)
        if here is None or there is None:
            return False
        pulls.append(float((there.mean() - here.mean()).detach()))
    return pulls[0] * pulls[1] < 0


def _opposed_in_order(trial: Trial, subject: Subject, inputs: Inputs) -> bool:
    """Whether under one label the first should be larger, and under the other the second."""
    first, _, label = inputs
    pulls: list[float] = []
    for each in (float(label.min()), float(label.max())):
        y = torch.full_like(label, each)
        up, down = (trial.value(subject, first + shift, first, y) for shift in (2.0, -2.0))
        if up is None or down is None:
            return False
        pulls.append(float(up.mean() - down.mean()))
    return pulls[0] * pulls[1] < 0


_TARGETS: Final = ("target", "label", "")
_POINTS: Final = ("prediction", "location", "embedding", "anchor", "query", "positive", "")

#: Families in the order in which they are tried.
FAMILIES: Final = (
    Family(
        roles=(("anchor", "query", "prediction", "embedding"), ("positive", "key"), ("negative",)),
        inputs=("anchor", "positive", "negative"),
        domains=((Vector, Vector, Vector), (Real, Real, Real)),
        emitted=(0, 1, 2),
        proof=_nearer,
    ),
    Family(
        roles=(("chosen",), ("rejected",), ("reference_chosen",), ("reference_rejected",)),
        inputs=("chosen", "rejected", "reference_chosen", "reference_rejected"),
        domains=((SummedLogProbability,) * 4,),
        task="pairwise",
        emitted=(0, 1),
    ),
    Family(
        roles=(("chosen", "positive"), ("rejected", "negative")),
        inputs=("chosen", "rejected"),
        domains=((Real, Real), (Vector, Vector)),
        task="pairwise",
        emitted=(0, 1),
    ),
    Family(
        roles=(("log_prob", "prediction"), ("old_log_prob",), ("advantage",)),
        inputs=("log_prob", "old_log_prob", "advantage"),
        domains=((LogProbability, LogProbability, Real),),
    ),
    Family(
        roles=(("log_prob", "prediction"), ("advantage",)),
        inputs=("log_prob", "advantage"),
        domains=((LogProbability, Real),),
    ),
    Family(
        roles=(("real",), ("fake",)),
        inputs=("real", "fake"),
        domains=((Real, Real), (Probability, Probability)),
        emitted=(0, 1),
    ),
    Family(
        roles=(("student", "prediction"), ("teacher",), ("target", "label")),
        inputs=("prediction", "teacher", "target"),
        domains=((Logits, Logits, ClassId), (Real, Real, BinaryTarget), (Real, Real, Real)),
        task="multiclass",
    ),
    Family(
        roles=(("embedding", "query", "anchor"), ("embedding", "key", "positive")),
        inputs=("query", "key"),
        domains=((Vector, Vector),),
        emitted=(0, 1),
    ),
    Family(
        roles=(("prediction", ""), ("action",), ("target", "advantage", "")),
        inputs=("prediction", "action", "target"),
        domains=((Real.of("classes"), ClassId, Real),),
    ),
    Family(
        roles=(_POINTS, _POINTS, _TARGETS),
        inputs=("anchor", "other", "same"),
        domains=((Vector, Vector, BinaryTarget), (Vector, Vector, Sign)),
        task="pairwise",
        emitted=(0, 1),
        proof=_opposed,
    ),
    Family(
        roles=(_POINTS, _POINTS, _TARGETS),
        inputs=("first", "second", "order"),
        domains=((Real, Real, BinaryTarget), (Real, Real, Sign)),
        task="pairwise",
        emitted=(0, 1),
        proof=_opposed_in_order,
    ),
)
