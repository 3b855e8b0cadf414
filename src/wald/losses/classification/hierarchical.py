"""Hierarchical cross-entropy: the way down a tree of classes, with mistakes near the top costing more."""

from __future__ import annotations

from math import exp
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last


class HierarchicalCrossEntropy(Supervised, OverClasses):
    """Cross-entropy of each step down a tree of classes, weighted by its height.

    The probability of a class is a product of conditional ones: of the branch of the root, of the branch of that,
    down to the leaf. The loss is Σ λ (-log of each), with λ = e^(-alpha h) for a node whose subtree has height h, 0 at
    the leaf. At alpha = 0 the product closes again and it is CrossEntropy; above, the steps near the leaves count most
    and those at the top less, as in the paper; below 0 the top counts most, so that a mistake within one branch costs
    little beside one across branches. The model emits one score for each leaf, as ever, and branches add up theirs.

    `levels` is the tree, from the top: for each level below the root a group id for each class, as in
    `levels=((0, 0, 0, 1, 1), (0, 0, 1, 2, 2))`. The classes themselves are the last level and are not written. All
    leaves have the same depth so; repeat a class's own group where its branch is shorter, which costs nothing.

    Its minimiser is the distribution of the classes for every alpha: a sum of proper losses of nested questions.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: a level has not one group for each class, or splits what the level above has put together wrongly.
        ShapeError: prediction has not one score for each class of the levels.

    >>> import torch, wald
    >>> loss = wald.HierarchicalCrossEntropy(levels=((0, 0, 1, 1),), alpha=-0.6931472)
    >>> loss(torch.zeros(1, 4), torch.tensor([0]))  # ln 2 within the branch, and twice ln 2 above
    tensor(2.0794)
    """

    levels: tuple[tuple[float, ...], ...] = param(
        convert=lambda given: tuple(numbers(row) for row in (given.tolist() if hasattr(given, "tolist") else given)),
        typical=(((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 2.0)),),
        help="the group of each class, level by level from the top; the classes, the last level, are not written",
    )
    alpha: float = param(
        default=0.1, typical=(-0.5, 0.0), help="how fast a step counts less with its height; 0 is cross-entropy"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {
            "prediction": Logits.of("classes", size=len((*loss.levels, ())[0]) or None),
            "target": ClassTarget,
        },
        formula=Formula(
            "sum([exp(-alpha * (len(levels) - k)) * (inside[k] - inside[k + 1]) for k in range(len(levels) + 1)])",
            inside="[logsumexp(prediction)]"
            " + [logsumexp([z for z, g in zip(prediction, row) if g == row[target]]) for row in levels]"
            " + [prediction[target]]",
        ),
        elicits="distribution",
        proper=True,
        calibrated=True,
        invertible=True,
        symmetric=False,
        convex=lambda loss: True if loss.alpha == 0 else None,
        perfect_is_minimal=True,
        smooth=3,
        slope="bounded",
        when="Classes form a tree, and a mistake within a branch is better than one across.",
        when_not="What mistakes cost is known as a table (CostSensitiveCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("HXE", "hierarchical softmax cross entropy", "HierarchicalCrossEntropyLoss"),
        tags=("classification", "hierarchy", "tree", "taxonomy", "softmax"),
        cite=("Bertinetto et al. 2020, arXiv:1912.09393",),
    )

    _flat: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_what_is_no_tree(self.levels)
        object.__setattr__(self, "_flat", tuple(group for row in self.levels for group in row))

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        if not target.is_floating_point():
            return self._of_class(prediction, target)
        classes = torch.arange(prediction.shape[-1], device=prediction.device)
        each = self._of_class(prediction.unsqueeze(-2), classes)
        return (target * each.masked_fill((target == 0) & (each == torch.inf), 0.0)).sum(-1)

    def _of_class(self, prediction: Tensor, target: Tensor) -> Tensor:
        # A class that cannot occur costs infinity, and its branch a large number: ∞ - ∞ would be none.
        lost = prediction == -torch.inf
        prediction = prediction.clamp(min=torch.finfo(prediction.dtype).min / 8)
        groups = constant(self._flat, prediction).reshape(len(self.levels), -1)
        above = prediction.logsumexp(-1)
        value: Any = 0.0
        for height, row in zip(range(len(self.levels), 0, -1), groups, strict=True):
            beside = row == row[target].unsqueeze(-1)
            inside = torch.where(beside, prediction, -torch.inf).logsumexp(-1)
            value = value + exp(-self.alpha * height) * (above - inside)
            above = inside
        shape = torch.broadcast_shapes(prediction.shape[:-1], target.shape)
        at = target.expand(shape).unsqueeze(-1)
        own = prediction.expand(*shape, -1).gather(-1, at).squeeze(-1)
        return (value + (above - own)).masked_fill(lost.expand(*shape, -1).gather(-1, at).squeeze(-1), torch.inf)


def _refuse_what_is_no_tree(levels: tuple[tuple[float, ...], ...]) -> None:
    if not levels or len(levels[0]) < 2:
        raise ValueError(
            "HierarchicalCrossEntropy: levels needs at least one level with a group for each of two classes or more, "
            "as in levels=((0, 0, 1, 1),); without one it is CrossEntropy."
        )
    for depth, row in enumerate(levels):
        if len(row) != len(levels[0]):
            raise ValueError(
                f"HierarchicalCrossEntropy: levels[0] is for {len(levels[0])} classes, levels[{depth}] for {len(row)}"
            )
        above = levels[depth - 1] if depth else (0.0,) * len(row)
        parents: dict[float, float] = {}
        for k, (group, parent) in enumerate(zip(row, above, strict=True)):
            if parents.setdefault(group, parent) != parent:
                raise ValueError(
                    f"HierarchicalCrossEntropy: group {group:g} of levels[{depth}] is in group {parents[group]:g} and, "
                    f"by class {k}, in group {parent:g} of the level above. Number the groups anew in each branch."
                )
