"""Everything that is known of a loss, each thing measured when it is first asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

from .binary import Margins, measure_binary
from .bounded import measure_bounded
from .convex import measure_convex
from .direction import Direction, measure_direction
from .magnitudes import Range, measure_range
from .manners import Manners, measure_manners
from .multiclass import Scores, measure_multiclass
from .perfect import measure_perfect
from .reduction import Reduction, measure_reduction
from .statistic import Statistic, measure_statistic
from .subject import Subject
from .verdict import MEANINGLESS, Verdict, unmeasured

_NOT_YET = "only one number against one number or label, and scores against a class, can be measured yet"
_RANDOM = "it gives different answers to the same inputs"


class Measured:
    """A subject and what was measured of it."""

    def __init__(self, subject: Subject) -> None:
        self._given = subject
        self.range = cache(self._range)

    @cached_property
    def reduction(self) -> Reduction:
        """How a batch becomes a number."""
        return measure_reduction(self._given)

    @cached_property
    def subject(self) -> Subject:
        """The loss, with what the reduction tells of how its examples have a value."""
        given, found = self._given, self.reduction
        if given.loss is not None:
            return replace(given, whole=found.coupling == "coupled")
        labelled = given.task in ("binary", "multiclass")
        if labelled and found.weights is not None and (weigh := _by_target(found)) is not None:
            return replace(given, weigh=weigh)
        return replace(given, whole=found.reduction not in ("none", "mean", "sum") or found.coupling != "separable")

    @property
    def steady(self) -> bool:
        """Whether it gives the same answer twice, without which nothing else can be measured."""
        return self.manners.deterministic.word == "yes"

    @cached_property
    def statistic(self) -> Statistic:
        """What the loss elicits."""
        subject = self.subject
        if not self.steady:
            return Statistic(name="unresolved", why=_RANDOM, facts={})
        if self.direction.wrong:
            return Statistic(name="none", why="its best predictions are as far from the targets as can be", facts={})
        if subject.task == "regression":
            if self.reduction.coupling == "coupled":
                return Statistic(name="unresolved", why="the value of an example depends on the others", facts={})
            if subject.scalar:
                found = measure_statistic(subject, transform=subject.whole)
                endless = found.name == "unresolved" and self.bounded.word == "no"
                return Statistic(name="none", why="it has no least value", facts={}) if endless else found
        if (found := self.probabilities) is not None:
            return Statistic(name=found.elicits, why=found.proper.why, facts={})
        return Statistic(name="unresolved", why=_NOT_YET, facts={})

    @cached_property
    def probabilities(self) -> Margins | Scores | None:
        """What the loss makes of probabilities; None where that has no meaning or cannot be measured yet."""
        subject = self.subject
        if subject.whole or len(subject.domains) != 2:
            return None
        if subject.labelled:
            return measure_binary(subject)
        return measure_multiclass(subject) if subject.task == "multiclass" else None

    @cached_property
    def convex(self) -> Verdict:
        """Whether it is convex in the prediction."""
        return measure_convex(self.subject)

    @cached_property
    def bounded(self) -> Verdict:
        """Whether it has a least value."""
        return measure_bounded(self.subject)

    @cached_property
    def perfect(self) -> Verdict:
        """Whether predicting the target exactly costs least."""
        return measure_perfect(self.subject, scale=self.statistic.scale)

    @cached_property
    def direction(self) -> Direction:
        """Whether minimising leads towards the targets."""
        return measure_direction(self.subject)

    @cached_property
    def manners(self) -> Manners:
        """How it behaves towards its caller."""
        return measure_manners(self._given)

    def _range(self, dtype: torch.dtype) -> Range:
        return measure_range(self.subject, dtype)

    def claim(self, name: str) -> Verdict:
        """A property that is yes or no, by its name on a card."""
        if name in ("deterministic", "pure"):
            return getattr(self.manners, name)
        if not self.steady:
            return unmeasured(_RANDOM)
        direct = {"convex": "convex", "bounded_below": "bounded", "perfect_is_minimal": "perfect"}
        if name in direct:
            return getattr(self, direct[name])
        if self.probabilities is not None:
            return getattr(self.probabilities, name)
        classes = self.subject.task in ("binary", "multiclass", "multilabel")
        return unmeasured(_NOT_YET) if classes else MEANINGLESS

    def card(self) -> dict[str, Any]:
        """The card of a report."""
        words = ("proper", "calibrated", "invertible", "symmetric", "convex", "bounded_below", "perfect_is_minimal")
        facts: dict[str, Any] = {"task": self.subject.task, "elicits": self.statistic.name}
        facts |= {name: self.claim(name).word for name in words}
        margins = self.probabilities if self.steady else None
        facts["threshold"] = margins.threshold if isinstance(margins, Margins) else None
        found = self.reduction if self.steady else Reduction(reduction="unresolved", coupling="unresolved")
        facts |= {"reduction": found.reduction, "coupling": found.coupling}
        facts |= {name: self.claim(name).word for name in ("deterministic", "pure")}
        facts["inputs"] = {name: f"{d.says}, {d.interval}" for name, d in self.subject.domains}
        return facts


def _by_target(found: Reduction) -> Any:
    """What an example counts, looked up by its label; None where examples of one label count differently."""
    weights = found.weights
    labels = found.inputs[1]
    if weights is None or labels.ndim != 1:
        return None
    known: dict[float, float] = {}
    for label, weight in zip(labels.tolist(), weights.tolist(), strict=True):
        if not abs(known.setdefault(label, weight) - weight) <= 1e-6:
            return None
    table = torch.tensor(sorted(known.items()), dtype=torch.float64)

    def weigh(target: Tensor) -> Tensor:
        place = torch.searchsorted(table[:, 0].contiguous(), target.detach().double().contiguous())
        return table[place.clamp(max=len(table) - 1), 1].to(target if target.is_floating_point() else table.dtype)

    return weigh
