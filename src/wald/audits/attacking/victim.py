"""What is attacked: a model on some rows, and what its mistakes there cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..costing.space import Space
from ..evidence import Evidence
from .aims import Aim, directions, margin

#: inputs → scores, with a graph where the model has one.
Forward = Callable[[Tensor], Tensor]
#: (scores, targets) → one value a row.
Each = Callable[[Tensor, Tensor], Tensor]
#: (scores on the CPU, rows) → what they cost by the metric.
Harm = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Victim:
    """A model on some rows.

    Attributes:
        forward: the model.
        inputs: (rows, ...) as they are.
        target: (rows, ...) theirs.
        each: the loss that is maximised.
        space: the kind of the task.
        by_metric: what scores cost by the metric; None where a row has no such value.
    """

    forward: Forward
    inputs: Tensor
    target: Tensor
    each: Each
    space: Space | None = None
    by_metric: Harm | None = None

    @classmethod
    def of(cls, evidence: Evidence, chosen: Tensor) -> Victim:
        """These rows of a case."""
        place = chosen.to(evidence.inputs.device)
        each = evidence.by_metric.each
        inputs = evidence.inputs[place]
        tokens = evidence.case.input_space.tokens is not None
        return cls(
            forward=_forward(evidence),
            # Whole numbers that are no tokens are moved like any others, and rounded before the model sees them.
            inputs=inputs if tokens or inputs.is_floating_point() else inputs.float(),
            target=evidence.target[chosen].to(place.device),
            each=lambda score, truth: evidence.cost.each(evidence.emit(score), truth),
            space=evidence.space,
            by_metric=None if each is None else lambda score, rows: each(score, chosen[rows]),
        )

    @property
    def everyone(self) -> Tensor:
        """The numbers of all rows."""
        return torch.arange(len(self.inputs), device=self.inputs.device)

    def part(self, rows: Tensor) -> Victim:
        """The same on some of the rows."""
        harm, outer = self.by_metric, rows.cpu()
        return Victim(
            self.forward,
            self.inputs[rows],
            self.target[rows],
            self.each,
            self.space,
            None if harm is None else lambda score, inner: harm(score, outer[inner]),
        )

    def scores(self, inputs: Tensor) -> Tensor:
        """What the model says, without a graph."""
        with torch.no_grad():
            return self.forward(inputs).detach()

    @cached_property
    def plain(self) -> Tensor:
        """The scores of the rows as they are."""
        return self.scores(self.inputs)

    def loss(self, score: Tensor, rows: Tensor) -> Tensor:
        """The loss, as an aim."""
        return self.each(score, self.target[rows])

    @cached_property
    def margin(self) -> Aim | None:
        """How far the decision is on the wrong side; None where there is no decision."""
        return margin(self.space, self.plain, self.target)

    @property
    def lead(self) -> Aim:
        """What a search without slopes climbs: the margin, and the loss where there is none."""
        return self.margin or self.loss

    def directions(self, most: int) -> list[Aim]:
        """Ways to go beside the loss and the margin."""
        return directions(self.space, self.plain, self.target, most)

    def harm(self, score: Tensor, rows: Tensor) -> Tensor:
        """What scores cost by the metric, or how far they are on the wrong side where a row has no such cost."""
        if self.by_metric is None:
            with torch.no_grad():
                found = self.lead(score, rows).cpu()
        else:
            found = self.by_metric(score.detach().cpu(), rows.cpu())
        return found.double().nan_to_num(nan=-torch.inf)

    @cached_property
    def ceiling(self) -> Tensor | None:
        """The most that each row can cost, where the metric looks at decisions alone; None where there is no end.

        A row that costs as much as that need not be attacked further.
        """
        space, rows = self.space, self.everyone
        if self.by_metric is None or space is None or space.task == "regression":
            return None
        score = self.plain
        classes = range(score.shape[-1]) if score.ndim == 2 else range(2)
        sure = [
            self.harm(space.perfect(score, torch.full_like(self.target, one), 30.0), rows) for one in classes
        ]  # fmt: skip
        costs = torch.stack(sure)
        known = (costs == self.harm(score, rows)).any(0)
        # Half as sure a mistake costs the same, or the metric is no matter of decisions.
        calm = self.harm(score / (10 * score.double().abs().amax().clamp_min(1e-9)).to(score), rows)
        known &= (costs == calm).any(0)
        return costs.amax(0) if bool(known.all()) else None

    @cached_property
    def has_slope(self) -> bool:
        """Whether the model can be followed by gradients."""
        moved = self.inputs[:2].detach().clone()
        if not moved.is_floating_point():
            return False
        moved.requires_grad_()
        # Whatever a model says to a tensor with a graph, it is then searched without.
        with suppress(Exception), torch.enable_grad():
            values = self.loss(self.forward(moved), self.everyone[:2])
            torch.autograd.grad(values.sum(), moved)
            return True
        return False

    def slope(self, aim: Aim, inputs: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of these inputs, and the slope of an aim there. The parameters' own gradients stay untouched."""
        leaf = inputs.detach().requires_grad_()
        with torch.enable_grad():
            score = self.forward(leaf)
            (slope,) = torch.autograd.grad(aim(score, rows).sum(), leaf)
        return score.detach(), slope.nan_to_num()


def _forward(evidence: Evidence) -> Forward:
    model, space, kind = evidence.model, evidence.space, evidence.inputs.dtype

    def score(inputs: Tensor) -> Tensor:
        given = inputs if inputs.dtype == kind else inputs.round().to(kind)
        found = model(given)
        return found if space is None else space.read(found)

    return score
