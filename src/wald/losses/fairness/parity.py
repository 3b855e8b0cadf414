"""Parity: groups get the same mean score, among all or among those of one label."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Label, Real, param
from ...core import Loss
from ..pieces.groups import group_means, groups_once, one_axis


class DemographicParity(Loss):
    """The mean score is the same in every group, whatever is true (statistical parity).

    With the mean score of each group and that of the whole batch: the mean over groups of their squared difference
    (kind "squared"), or its largest absolute value (kind "largest", Fairlearn's moment). Of two equal groups the
    squared one is the gap, squared, over 4. **Give what is to be equal**: probabilities, `sigmoid(logits)`, for rates
    of a decision made at random; scores themselves for means of scores. Fairlearn counts hard decisions, which have no
    gradient.

    Groups of one batch are small samples: their means differ by chance, and the penalty is above 0 for a fair model.
    Batches with all groups in them, and large ones, help. A group that is not there adds nothing. It asks for equal
    rates even where true rates differ; `EqualisedOdds` does not. **One number for the whole batch**, given to each
    example alike.

    Shapes: prediction (N,), group (N,) ids.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> p, group = torch.tensor([0.9, 0.7, 0.2, 0.2]), torch.tensor([0, 0, 1, 1])
    >>> wald.DemographicParity()(p, group), wald.DemographicParity(kind="largest")(p, group)  # 0.8 and 0.2 of 0.5
    (tensor(0.0900), tensor(0.3000))
    """

    kind: str = param(default="squared", choices=("squared", "largest"), help="what is taken of the groups' gaps")

    card = Card(
        task="other",
        inputs={"prediction": Real, "group": ClassId},
        formula=lambda loss: Formula(
            "max([abs(g) for g in gaps])" if loss.kind == "largest" else "mean([g**2 for g in gaps])",
            there="[k for k in range(max(group) + 1) if k in group]",
            gaps="[mean([x for x, g in zip(prediction, group) if g == k]) - mean(prediction) for k in there]",
        ),
        convex=True,
        coupling="coupled",
        slope=lambda loss: "linear" if loss.kind == "squared" else "bounded",
        denominator="nothing: the batch has one value",
        when="Decisions should fall to every group at one rate.",
        when_not="True rates differ, and mistakes should be spread evenly (EqualisedOdds).",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("statistical parity", "demographic parity gap", "DemographicParityLoss", "disparate impact"),
        tags=("penalty", "fairness", "group", "bias"),
        cite=("Agarwal et al. 2018, arXiv:1803.02453",),
    )

    def per_example(self, prediction: Tensor, group: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_axis("DemographicParity", "which examples share a group", prediction=prediction, group=group)
        return _disparity(prediction, group, keep, self.kind).expand(prediction.shape)


class EqualisedOdds(Loss):
    """Among examples of one label, the mean score is the same in every group.

    `DemographicParity` within the examples of label 1 and within those of label 0, added up: equal true and false
    positive rates, in the limit of sure scores. `label="positive"` asks it of label 1 alone: equality of opportunity;
    "negative" of label 0: equal false positive rates. A label that is not there adds nothing.

    **Cells are small**: a batch of 64 with a group of 10 % and a label of 10 % has less than one example in the cell of
    both. Take large batches, or draw them by cell. **One number for the whole batch**, given to each example alike.

    Shapes: prediction (N,), target (N,) 0 or 1, group (N,) ids.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> p, y = torch.tensor([0.9, 0.5, 0.2, 0.2]), torch.tensor([1, 1, 0, 0])
    >>> wald.EqualisedOdds()(p, y, torch.tensor([0, 1, 0, 1]))  # 0.9 and 0.5 among the positive
    tensor(0.0400)
    """

    kind: str = param(default="squared", choices=("squared", "largest"), help="what is taken of the groups' gaps")
    label: str = param(
        default="both", help='among which examples scores are compared: "both" labels, the "positive", the "negative"'
    )

    card = Card(
        task="other",
        inputs={"prediction": Real, "target": Label, "group": ClassId},
        formula=lambda loss: Formula(
            {
                "both": "part([x for x in rows if x[1] == 1]) + part([x for x in rows if x[1] == 0])",
                "positive": "part([x for x in rows if x[1] == 1])",
                "negative": "part([x for x in rows if x[1] == 0])",
            }[loss.label],
            rows="[(x, y, g) for x, (y, g) in zip(prediction, zip(target, group))]",
            gaps="lambda r: [mean([x for x, y, g in r if g == k]) - mean([x for x, y, g in r])"
            " for k in range(max([g for x, y, g in r]) + 1) if k in [g for x, y, g in r]]",
            part="lambda r: 0 if not r else max([abs(g) for g in gaps(r)])"
            if loss.kind == "largest"
            else "lambda r: 0 if not r else mean([g**2 for g in gaps(r)])",
        ),
        convex=True,
        coupling="coupled",
        slope=lambda loss: "linear" if loss.kind == "squared" else "bounded",
        denominator="nothing: the batch has one value",
        when="Mistakes should fall on every group at one rate, though true rates differ.",
        when_not="Labels are themselves unfair (DemographicParity), or cells are all but empty.",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=(
            "EqualizedOdds",
            "equalized odds",
            "EqualOpportunity",
            "equal opportunity",
            "TPR parity",
            "FPR parity",
        ),
        tags=("penalty", "fairness", "group", "bias"),
        cite=("Hardt, Price & Srebro 2016, arXiv:1610.02413",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label not in ("both", "positive", "negative"):
            raise ValueError(f"EqualisedOdds: label must be 'both', 'positive' or 'negative', got {self.label!r}")

    def per_example(self, prediction: Tensor, target: Tensor, group: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_axis("EqualisedOdds", "which share a group", prediction=prediction, target=target, group=group)
        labels = {"both": (1, 0), "positive": (1,), "negative": (0,)}[self.label]
        of_each = ((target == label) if keep is None else (target == label) & keep for label in labels)
        parts = torch.stack([_disparity(prediction, group, kept, self.kind) for kept in of_each])
        # An example of a label that is not looked at must not hide that it is NaN.
        seen = prediction if keep is None else torch.where(keep, prediction, torch.zeros_like(prediction))
        return (parts.sum() + 0 * seen.sum()).expand(prediction.shape)


def _disparity(x: Tensor, group: Tensor, keep: Tensor | None, kind: str) -> Tensor:
    """How far the means of the groups are from the mean of all that is kept."""
    kept = torch.ones_like(x, dtype=torch.bool) if keep is None else keep
    values = torch.where(kept, x, torch.zeros_like(x))
    gap = group_means(x, group, kept) - values.sum() / kept.sum().clamp(min=1)
    if kind == "squared":
        return (groups_once(group, kept, x.dtype) * gap.square()).sum()
    return torch.where(kept, gap.abs(), torch.zeros_like(gap)).amax() if len(x) else gap.sum()
