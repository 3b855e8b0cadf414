"""Lifted structure: each positive pair against all negatives at once, by a soft maximum."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import distances, log_sum, meetings, only, over_all
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class LiftedStructure(Contrastive):
    """Positives are near, all negatives at once are far, by a soft maximum.

    Two losses go by this name. `form="generalised"`, which Hermans et al. recommend: of each anchor
    max(0, log Σ exp(d(i, p) - positive_margin) + log Σ exp(negative_margin - d(i, n))), over all its positives and all
    its negatives. `form="original"`: of each pair of one label half the square of
    max(0, d(i, p) - positive_margin + log Σ exp(negative_margin - d)) over the negatives of both, and the mean over the
    batch is the mean over such pairs.

    The soft maximum of n distances is up to log n above the largest, so that it does not become 0 once all negatives
    are beyond the margin. An anchor without positives or without negatives costs 0; pytorch-metric-learning's
    generalised form gives it what the other sum comes to.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding, label = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    >>> loss = wald.LiftedStructure(negative_margin=3.0, normalise=False)
    >>> loss(embedding, label, reduction="none")  # 1 + 3 - 3, 1 + 3 - 2, and one that is alone
    tensor([1., 2., 0.])
    """

    form: str = param(default="generalised", choices=("generalised", "original"), help="which of the two losses")
    negative_margin: float = param(default=1.0, help="how far negatives should be, in units of the distance")
    positive_margin: float = param(default=0.0, at_least=0, help="how far positives may be, in the same unit")
    normalise: bool = param(default=True, typical=(False,), help="vectors are brought to length 1")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=lambda loss: (
            Formula(
                "max(0, logsumexp(far) + logsumexp(near)) if far and near else 0",
                x="[[a / sqrt(dot(v, v)) for a in v] if normalise and dot(v, v) > 0 else v for v in embedding]",
                far="[distance(x[i], x[k]) - positive_margin for k, c in zip(range(len(x)), label)"
                " if c == label[i] and k != i]",
                near="[negative_margin - distance(x[i], v) for v, c in zip(x, label) if c != label[i]]",
            )
            if loss.form == "generalised"
            else Formula(
                "sum([max(0, distance(x[i], x[p]) - positive_margin + logsumexp(near(i) + near(p)))**2"
                " for p in positives(i) if near(i)]) / 2 * len(x) / (pairs or 1)",
                **MEETINGS,
                x="[unit(v) for v in embedding] if normalise else embedding",
                near="lambda a: [negative_margin - distance(x[a], x[n]) for n in negatives(a)]",
                pairs="sum([len(positives(a)) for a in range(len(x)) if near(a)])",
            )
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope=lambda loss: "bounded" if loss.form == "generalised" else "linear",
        when="You have labels, several of each in a batch, and every negative should push, the nearest most.",
        when_not="Batches are small (BatchTriplet), or similarities rather than distances are compared (SupCon).",
        points={"floor": 0},
        aliases=(
            "LiftedStructureLoss",
            "GeneralizedLiftedStructureLoss",
            "lifted_struct_loss",
            "lifted structured embedding",
        ),
        ports={
            "pytorch_metric_learning.losses.GeneralizedLiftedStructureLoss": {},
            "pytorch_metric_learning.losses.LiftedStructureLoss": {"form": "original"},
        },
        tags=("metric learning", "embedding", "retrieval", "labels"),
        cite=(
            "Oh Song, Xiang, Jegelka & Savarese 2016, arXiv:1511.06452",
            "Hermans, Beyer & Leibe 2017, arXiv:1703.07737 (generalised)",
        ),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("LiftedStructure", "which examples meet", embedding=embedding, label=label)
        apart = distances(direction(embedding) if self.normalise else embedding)
        positive, negative = meetings(label, keep)
        near = log_sum(self.negative_margin - apart, negative)
        some = negative.any(-1)
        if self.form == "generalised":
            far = log_sum(apart - self.positive_margin, positive)
            return only((far + near).relu(), positive.any(-1) & some)
        # Both of a pair have the same negatives, or none.
        positive = positive & some.unsqueeze(-1)
        lead = apart - self.positive_margin + torch.logaddexp(near.unsqueeze(-1), near)
        costs = only(0.5 * lead.relu().square(), positive)
        return over_all(costs.sum(-1), positive.sum(-1), keep)
