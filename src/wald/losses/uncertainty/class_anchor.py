"""Class anchor clustering: each class has a fixed place of its own, and what is far from all belongs to none."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Supervised
from ..pieces.distance import length
from ..pieces.softmax import cross_entropy


class ClassAnchor(Supervised):
    """Outputs gather at a fixed anchor of their class, nearer to it than to any other.

    Class k has its anchor at `magnitude` on axis k of the outputs. With d_k the distance of the output to that of
    class k, the loss is log(1 + Σ exp(d_y - d_k) over the other classes), which is the cross-entropy of -d, plus
    `pull` · d_y. Afterwards the distance to the nearest anchor tells what belongs to no class.

    Squared distances differ by what is linear in the outputs: without its pull the loss is then the softmax
    cross-entropy of 2 · magnitude · outputs.

    **pytorch-ood 0.4 has squared distances** (`squared=True` here), and takes the first classes - 1 of them for the
    rivals of every class: the last is never one, and a true class is its own. A perfect output then costs log 2 there.

    Shapes: prediction (*batch, classes), any numbers; target (*batch) class ids.

    Raises:
        DomainError: an id is not a class.

    >>> import torch, wald
    >>> wald.ClassAnchor()(torch.tensor([[9.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 0]), reduction="none")
    tensor([0.1000, 1.6931])
    """

    magnitude: float = param(default=10.0, above=0, typical=(2.0,), help="how far from 0 anchors lie")
    pull: float = param(default=0.1, at_least=0, quiet=True, help="the weight of the distance to the own anchor")
    squared: bool = param(default=False, typical=(True,), quiet=True, help="squared distances, as in pytorch-ood")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=lambda loss: Formula(
            "logsumexp([-x for x in d]) + (1 + pull) * d[target]",
            d="[distance(prediction, [magnitude * (j == k) for j in range(len(prediction))])"
            + ("**2" if loss.squared else "")
            + " for k in range(len(prediction))]",
        ),
        convex=lambda loss: loss.squared,
        bounded_below=True,
        smooth=None,
        slope=lambda loss: "linear" if loss.squared else "bounded",
        when="Inputs of no class will come, none are there to train with, and distances are to tell them.",
        when_not="Only known classes come (CrossEntropy), or outliers are there to train with (OutlierExposure).",
        points={"floor": 0},
        aliases=("CAC", "CACLoss", "class anchor clustering"),
        tags=("classification", "out of distribution", "OOD", "open set", "distance", "uncertainty"),
        cite=("Miller, Sünderhauf, Milford & Dayoub 2021 (WACV), arXiv:2004.02434",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        anchors = self.magnitude * torch.eye(prediction.shape[-1], dtype=prediction.dtype, device=prediction.device)
        away = prediction.unsqueeze(-2) - anchors
        far = away.square().sum(-1) if self.squared else length(away)
        return cross_entropy(-far, target) + self.pull * far.gather(-1, target.unsqueeze(-1)).squeeze(-1)
