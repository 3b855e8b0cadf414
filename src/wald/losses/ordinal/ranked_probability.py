"""The ranked probability score: squared error of cumulative probabilities, from the logits of ordered classes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last


class RankedProbability(Supervised, OverClasses):
    """Squared error of cumulative probabilities: far from the true class costs more.

    The ranked probability score of ordered classes: with p the softmax of the scores, the mean over the
    thresholds between neighbours k, k + 1 of (P(class <= k) - [target <= k])². A probability that lies two classes
    off is wrong at two thresholds, one that lies next to the truth only at one. Its minimiser is the true
    distribution, and the value is between 0 and 1. `average=False` adds the thresholds up, as weather forecasters do;
    it is then at most classes - 1.

    Like every bounded loss of logits it stalls where a prediction is sure and wrong. Ordinal asks the same
    questions by cross-entropy, of one logit a threshold, and is convex.

    A soft target is the mean over labels drawn from it; `wald.losses.ordinal.soft_labels` makes some of class ids.

    Shapes: prediction (*batch, classes), unnormalised, the classes in their order; target (*batch) class ids, or
    (*batch, classes) probabilities as floats. `axis=1` for images (N, C, H, W).

    >>> import torch, wald
    >>> wald.RankedProbability()(torch.zeros(3, 3), torch.arange(3), reduction="none")  # a third each
    tensor([0.2778, 0.1111, 0.2778])
    """

    average: bool = param(
        default=True, choices=(True, False), quiet=True, help="the mean over the thresholds, not their sum"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=lambda loss: Formula(
            f"{'mean' if loss.average else 'sum'}([(sum(p[:k + 1]) - (target <= k))**2 for k in range(len(p) - 1)])",
            p="softmax(prediction)",
        ),
        elicits="distribution",
        proper=True,
        calibrated=True,
        invertible=True,
        symmetric=False,
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Classes have an order, one softmax over them is wanted, and far off is worse than near.",
        when_not="The classes have no order (CrossEntropy, Brier), or training from scratch stalls (Ordinal).",
        points={"perfect": 0, "chance": "(classes + 1) / (6 * classes) * (1 if average else classes - 1)", "floor": 0},
        aliases=("RPS", "ranked probability score", "EMDLoss", "squared EMD", "squared earth mover", "CDF loss"),
        tags=("ordinal", "ordered classes", "classification", "probabilities", "proper", "score", "bounded"),
        cite=(
            "Epstein 1969, doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2",
            "Hou, Yu & Samaras 2016, arXiv:1611.05916 (squared earth mover's distance)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        p = prediction.softmax(-1)
        # Both tails are added up from their own end, so that neither is one minus something near one.
        below = p.cumsum(-1)[..., :-1]
        above = p.flip(-1).cumsum(-1).flip(-1)[..., 1:]
        if target.is_floating_point():
            low = target.cumsum(-1)[..., :-1]
            squares = low * above.square() + (1 - low) * below.square()
        else:
            threshold = torch.arange(prediction.shape[-1] - 1, device=prediction.device)
            squares = torch.where(target.unsqueeze(-1) <= threshold, above, below).square()
        return squares.mean(-1) if self.average else squares.sum(-1)
