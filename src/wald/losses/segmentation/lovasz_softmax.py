"""Lovász-softmax: the mean Jaccard loss over the classes of an image, from softmax probabilities."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Logit, param
from ...core import DomainError, Supervised
from ...core.tensors import wide
from ..pieces.jaccard import lovasz


class LovaszSoftmax(Supervised):
    """One minus the overlap of each class with the truth (mean IoU), extended to probabilities.

    For each class a pixel is wrong by 1 - p if the class is there and by p if it is not, p its softmax probability.
    The pixels are put in order from the most wrong, and each is charged what the Jaccard loss of the class gains as it
    joins those before (the Lovász extension). Of one-hot probabilities it is one minus the mean IoU. It is between
    0 and 1, and like every bounded loss of logits it stalls where a prediction is sure and wrong: train by
    CrossEntropy first, or add it.

    `classes="present"` takes the mean over the classes that the image holds, as the paper, mmsegmentation and
    segmentation-models-pytorch do; `"all"`, as kornia does, also over those it does not hold, each charged by its most
    wrong pixel alone. That is another loss: with many rare classes it is mostly about what is not there.

    Each example is an image by itself. Pixels of class `ignore_index` (void) take no part in any class, and an image
    of nothing else costs 0.

    Shapes: prediction (*batch, pixels, classes), unnormalised, `flatten(2).mT` of images (N, C, H, W); target
    (*batch, pixels) class ids, `flatten(1)` of masks (N, H, W).

    Raises:
        DomainError: an id is neither a class nor `ignore_index`.

    >>> import torch, wald
    >>> sure = 40 * torch.eye(3)[torch.tensor([[0, 1, 1]])]  # one of two pixels of class 0 is taken for class 1
    >>> wald.LovaszSoftmax()(sure, torch.tensor([[0, 0, 1]]))
    tensor(0.5000)
    """

    classes: Literal["present", "all"] = param(
        default="present", choices=("present", "all"), help="the classes of which the mean is taken"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks pixels to leave out")

    card = Card(
        task="other",
        inputs={
            "prediction": Logit.of("pixels", "classes"),
            "target": Domain(says="a class id", integer=True, axes=("pixels",), typical=(0, 3)),
        },
        formula=Formula(
            "mean([sum([a * (j[1] - j[0]) / e.count(a) for a, j in zip(e, js)]) for e, js in zip(error, jaccard)])",
            p="[softmax(z) for z in prediction]",
            here="[c for c in range(len(p[0])) if classes == 'all' or c in target]",
            error="[[abs((t == c) - q[c]) for q, t in zip(p, target)] for c in here]",
            more="[[[[t == c for b, t in zip(e, target) if b > a], [t == c for b, t in zip(e, target) if b >= a]]"
            " for a in e] for c, e in zip(here, error)]",
            size="[sum([t == c for t in target]) for c in here]",
            jaccard="[[[(n + len(s) - sum(s)) and 1 - (n - sum(s)) / (n + len(s) - sum(s)) for s in pair]"
            " for pair in pairs] for n, pairs in zip(size, more)]",
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="You are judged by mean IoU over classes, as a last stage after CrossEntropy or beside it.",
        when_not="Training starts from scratch (CrossEntropy), or masks are of one class (LovaszHinge).",
        points={"perfect": 0, "floor": 0},
        sizes={"classes": 20},
        aliases=("LovaszLoss", "LovaszSoftmaxLoss", "lovasz_softmax", "mean IoU loss", "mIoU"),
        ports={"kornia.losses.lovasz_softmax_loss": {"classes": "all"}},
        tags=("segmentation", "overlap", "multiclass", "IoU", "Jaccard", "Lovász", "imbalanced"),
        cite=("Berman, Triki & Blaschko 2018, arXiv:1705.08790",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        prediction, target = inputs
        outside = (target != self.ignore_index) & ((target < 0) | (target >= prediction.shape[-1]))
        if outside.any():
            value = target[outside][0].item()
            raise DomainError(
                f"LovaszSoftmax: target contains {value:g}; expected class ids from 0 to {prediction.shape[-1] - 1}. "
                f"If {value:g} marks pixels to leave out, pass ignore_index={value:g}."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        counted = target != self.ignore_index
        ids = torch.arange(prediction.shape[-1], device=target.device).unsqueeze(-1)
        truth = (target.unsqueeze(-2) == ids) & counted.unsqueeze(-2)
        # Nothing hidden in the scores of a void pixel reaches a gradient.
        p = wide(torch.where(counted.unsqueeze(-1), prediction, 0.0)).softmax(-1).mT
        share, weight = wide(truth.to(prediction.dtype)), wide(counted.to(prediction.dtype)).unsqueeze(-2)
        costs = lovasz((share - p).abs() * weight, share, weight.expand_as(share)).to(prediction.dtype)
        if self.classes == "all":
            return costs.mean(-1)
        here = truth.any(-1)
        return torch.where(here, costs, torch.zeros_like(costs)).sum(-1) / here.sum(-1).clamp(min=1)
