"""Everything that is known of a loss, each thing measured when it is first asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

from ..cards import Positive
from ..findings import Figure
from .behaviour.direction import Direction, measure_direction
from .behaviour.manners import Manners, measure_manners
from .behaviour.reduction import Reduction, measure_reduction
from .edges import Edges, measure_edges
from .figures import figures_of
from .gaming.cheats import Cheats, measure_cheats
from .gaming.degenerate import Degenerate, measure_degenerate
from .likeness.nearest import Known, Nearest, nearest
from .probabilities.binary import Margins, measure_binary
from .probabilities.multiclass import Scores, measure_multiclass
from .shape.bounded import measure_bounded
from .shape.convex import measure_convex
from .shape.health import Health, measure_health
from .shape.invariance import Invariances, measure_invariances
from .shape.magnitudes import Range, measure_range
from .shape.overall import Shape, measure_shape
from .shape.perfect import measure_perfect
from .shape.rays import Rays, measure_rays
from .statistics.statistic import Statistic, measure_statistic
from .statistics.vector_statistic import measure_vector_statistic
from .subjects.subject import Subject
from .verdict import MEANINGLESS, Verdict, unmeasured

_NOT_YET = "only one number against one number or label, and scores against a class, can be measured yet"
_RANDOM = "it gives different answers to the same inputs"


class Measured:
    """A subject and what was measured of it.

    Args:
        subject: the loss, as it was found.
        lost: codes of edge cases at which the loss broke the process, so that they are not tried again.
    """

    def __init__(self, subject: Subject, *, lost: frozenset[str] = frozenset()) -> None:
        self.given = subject
        self.lost = lost
        self.range = cache(self._range)

    @cached_property
    def reduction(self) -> Reduction:
        """How a batch becomes a number."""
        return measure_reduction(self.given)

    @cached_property
    def subject(self) -> Subject:
        """The loss, with what the reduction tells of how its examples have a value."""
        given, found = self.given, self.reduction
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
                return self._at_home(found) if found.name in ("none", "unresolved") else found
            if subject.outputs:
                return measure_vector_statistic(subject)
        if (found := self.probabilities) is not None:
            return Statistic(name=found.elicits, why=found.proper.why, facts={})
        return Statistic(name="unresolved", why=_NOT_YET, facts={}, measured=False)

    def _at_home(self, found: Statistic) -> Statistic:
        """What a loss without a least value elicits of positive targets, where those are what it is meant for."""
        if self.bounded.word != "no":
            return found
        subject = self.subject
        if subject.target.low < 0:
            positive = replace(subject, domains=(subject.domains[0], ("target", Positive)))
            if measure_bounded(positive).word == "yes":
                home = measure_statistic(positive, transform=subject.whole)
                if home.name not in ("none", "unresolved"):
                    return replace(home, why=f"for positive targets, as else it has no least value: {home.why}")
        return Statistic(name="none", why="it has no least value", facts={})

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
    def shape(self) -> Shape:
        """How it bends, where it has kinks, and how it grows."""
        return measure_shape(self.subject, self.convex)

    @cached_property
    def invariances(self) -> Invariances:
        """What may be done to its inputs without changing it."""
        return measure_invariances(self.subject)

    @cached_property
    def rays(self) -> Rays:
        """What it cannot see of the forecasts for a batch."""
        return measure_rays(self.subject)

    @cached_property
    def cheats(self) -> Cheats:
        """Which forecasts without information win."""
        return measure_cheats(self.subject, self.statistic.name)

    @cached_property
    def degenerate(self) -> Degenerate:
        """Its degenerate minimisers."""
        return measure_degenerate(self.subject, self.cheats, self.bounded)

    @cached_property
    def health(self) -> Health | None:
        """Where its gradient can be used, in each dtype; None where that is not mapped."""
        return measure_health(self.subject)

    @cached_property
    def manners(self) -> Manners:
        """How it behaves towards its caller."""
        return measure_manners(self.given)

    @cached_property
    def edges(self) -> Edges:
        """What it does with unusual inputs."""
        return measure_edges(self.subject, self.range, self.manners, lost=self.lost)

    @cached_property
    def nearest(self) -> Nearest:
        """The loss of the catalogue that it equals, or the known mistake that it is."""
        if self.subject.claimed is not None and (loss := self.subject.claimed.match.loss) is not None:
            like = self.subject.claimed.match.likeness
            same = like.relation in ("equal", "affine") and not self.subject.claimed.match.mistakes
            return Nearest(known=Known(loss=loss, scale=like.scale, shift=like.shift) if same else None)
        return nearest(self.given) if self.steady else Nearest()

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
        bends = {"strictly_convex": "strict", "strongly_convex": "strong", "quasi_convex": "quasi"}
        if name in bends:
            return getattr(self.shape.curvature, bends[name])
        if name == "lipschitz":
            return self.shape.growth.lipschitz
        if self.probabilities is not None:
            return getattr(self.probabilities, name)
        classes = self.subject.task in ("binary", "multiclass", "multilabel")
        return unmeasured(_NOT_YET) if classes else MEANINGLESS

    def figures(self) -> tuple[Figure, ...]:
        """The pictures of a report."""
        return figures_of(self.subject, self.health) if self.steady else ()


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
