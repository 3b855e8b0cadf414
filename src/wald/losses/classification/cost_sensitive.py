"""Cross-entropy whose likeliest class is the decision that costs least."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, spared


class CostSensitiveCrossEntropy(Supervised, OverClasses):
    """Cross-entropy whose highest score is the decision that costs least.

    Cross-entropy for mistakes that cost differently: the class with the highest score is the cheapest decision.
    `costs[true][decided]` says what deciding costs when the truth is known. Each decision is a target to the
    degree to which it saves the largest cost of its row: ℓ = Σ_j (max_k costs[y][k] - costs[y][j]) (-log p_j). Its
    minimiser gives decision j a probability proportional to what it saves on average, so that its argmax is the
    decision of least expected cost, whatever the distribution of the classes. These are shares of saving, not
    probabilities of the classes; with costs of 0 and 1 both are the same, and it is CrossEntropy.

    To keep probabilities and decide by costs afterwards, train CrossEntropy and take the decision j of least
    Σ_y p_y costs[y][j].

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes)
    probabilities as floats; the value is in the unit of the costs. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: the costs are not a square of numbers from 0 to infinity.
        ShapeError: prediction has not one score for each row of the costs.

    >>> import torch, wald
    >>> loss = wald.CostSensitiveCrossEntropy(costs=[[0, 1, 1], [10, 0, 10], [1, 1, 0]])
    >>> loss(torch.zeros(2, 3), torch.tensor([0, 1]), reduction="none")
    tensor([ 1.0986, 10.9861])
    """

    costs: tuple[tuple[float, ...], ...] = param(
        # The rows are tuples of numbers, from any nested list, tensor or array.
        convert=lambda given: tuple(numbers(row) for row in (given.tolist() if hasattr(given, "tolist") else given)),
        typical=(
            ((0.0, 1.0, 4.0), (1.0, 0.0, 1.0), (9.0, 2.0, 0.0)),
            ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)),
        ),
        help="what each decision (column) costs for each true class (row)",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {"prediction": Logits.of("classes", size=len(loss.costs)), "target": ClassTarget},
        formula=Formula(
            "-sum((max(row) - cost) * p for cost, p in zip(row, log_softmax(prediction)))", row="costs[target]"
        ),
        # Only the right decision saves anything, and always the same: then it is cross-entropy.
        elicits=lambda loss: (
            "distribution"
            if len(
                {(j == k, max(row) - c) for j, row in enumerate(loss.costs) for k, c in enumerate(row)} | {(False, 0)}
            )
            == 2
            else "unresolved"
        ),
        proper=lambda loss: (
            len({(j == k, max(row) - c) for j, row in enumerate(loss.costs) for k, c in enumerate(row)} | {(False, 0)})
            == 2
        ),
        calibrated=lambda loss: (
            len({(j == k, max(row) - c) for j, row in enumerate(loss.costs) for k, c in enumerate(row)} | {(False, 0)})
            == 2
        ),
        symmetric=False,
        convex=True,
        perfect_is_minimal=lambda loss: all(
            c == max(row) for j, row in enumerate(loss.costs) for k, c in enumerate(row) if j != k
        ),
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; the costs are in the values",
        when="Mistakes cost differently, and the model itself is to decide for the least expected cost.",
        when_not="Costs change after training, or probabilities are wanted: train CrossEntropy, decide by costs.",
        points={"floor": 0},
        aliases=("cost-sensitive", "cost matrix", "expected cost", "misclassification cost"),
        tags=("classification", "costs", "decision", "imbalanced"),
        cite=(
            "Mozannar & Sontag 2020, arXiv:2006.01862 (the loss and its consistency)",
            "Elkan 2001, The Foundations of Cost-Sensitive Learning, IJCAI (the decision)",
        ),
    )

    _flat: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        for true, row in enumerate(self.costs):
            if len(row) != len(self.costs):
                raise ValueError(
                    f"CostSensitiveCrossEntropy: costs has {len(self.costs)} rows, so row {true} must have as many "
                    f"columns, one for each decision; it has {len(row)}"
                )
            for decided, cost in enumerate(row):
                if not 0 <= cost < float("inf"):
                    raise ValueError(
                        f"CostSensitiveCrossEntropy: costs[{true}][{decided}] must be finite and not negative, "
                        f"got {cost:g}. A gain is the absence of a cost: add one number to the whole row."
                    )
        if len(self.costs) < 2:
            raise ValueError("CostSensitiveCrossEntropy: costs must have a row for each of at least two classes")
        if all(len({*row}) == 1 for row in self.costs):
            raise ValueError("CostSensitiveCrossEntropy: every decision costs the same, so there is nothing to decide")
        object.__setattr__(self, "_flat", tuple(cost for row in self.costs for cost in row))

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        costs = constant(self._flat, prediction).reshape(len(self.costs), -1)
        savings = costs.amax(-1, keepdim=True) - costs
        saved = target @ savings if target.is_floating_point() else savings[target]
        return (saved * spared(-torch.log_softmax(prediction, -1), saved)).sum(-1)
