"""Outlier exposure: cross-entropy of what belongs to a class, and an even softmax for what belongs to none."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class OutlierExposure(Supervised, OverClasses):
    """Cross-entropy, and for known outliers the cross-entropy with an even law.

    A target of -1 marks an outlier, which belongs to no class. It costs `alpha` · -mean(log p) over the classes: least
    where all are equally likely, and there alpha · log(classes), not 0. Afterwards the largest probability tells
    outliers: theirs is small. At alpha = 1 it is the entropic open-set loss.

    The mean is over the batch, so the part of outliers in it is a weight of its own, beside alpha; the paper draws as
    many outliers as others and has alpha = 0.5.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or -1. `axis=1` for images.

    Raises:
        DomainError: an id is not a class and not -1. Where any negative id is an outlier, use target.clamp(min=-1).

    >>> import torch, wald
    >>> wald.OutlierExposure()(torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, -1]), reduction="none")
    tensor([0.1269, 0.5635])
    """

    alpha: float = param(default=0.5, above=0, typical=(1.0,), help="the weight of an outlier")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="other",
        inputs={
            "prediction": Logits,
            "target": Domain(says="a class id, or -1 for an outlier", low=-1, integer=True, typical=(-1, 3)),
        },
        formula=Formula("alpha * -mean(s) if target < 0 else -s[target]", s="log_softmax(prediction)"),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="Inputs of no class will come, and you have examples of such for training.",
        when_not="There are no outliers to train with (CrossEntropy, LogitNorm).",
        points={"even": "alpha * log(classes)", "floor": 0},
        aliases=("OE", "OutlierExposureLoss", "entropic open-set", "EntropicOpenSetLoss"),
        ports={
            "pytorch_ood.loss.OutlierExposureLoss": {},
            "pytorch_ood.loss.EntropicOpenSetLoss": {"alpha": 1.0},
        },
        tags=("classification", "out of distribution", "OOD", "outliers", "open set", "uncertainty"),
        cite=("Hendrycks, Mazeika & Dietterich 2019, arXiv:1812.04606", "Dhamija, Günther & Boult 2018 (NeurIPS)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        even = prediction.logsumexp(-1) - prediction.mean(-1)
        return torch.where(target < 0, self.alpha * even, cross_entropy(prediction, target.clamp(min=0)))
