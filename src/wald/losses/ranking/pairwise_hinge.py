"""Pairwise hinge: every positive of the batch should score above every negative by a margin."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Real, param
from ...core import Supervised
from ...core.tensors import wide
from ..pieces.pairs import hinge_over_pairs, mean_over, one_batch_of_scores
from ..pieces.ties import placed


class PairwiseHinge(Supervised):
    """A surrogate of the area under the ROC curve: positives should lead negatives by a margin.

    The mean of max(0, margin - (s - s'))**power over all pairs of a positive with score s and a negative with score
    s'. An example costs its mean over the examples of the other label, so that the mean over the batch is the mean
    over all pairs, however rare positives are. Pairs that lead by the margin cost nothing and teach nothing.

    Only `power=2` is consistent with the area under the ROC curve; of power 1, the hinge of ranking machines, the
    best scores can order examples wrongly. Where all scores are equal a pair costs margin**power. The default margin
    of 1 asks for a lead of 1 in units of the score; a margin of 0, torch's default elsewhere, is won by constant scores
    and not offered here.

    It sorts instead of forming pairs: time n log n, memory n, for a batch of a hundred thousand as for one of ten.
    The sums are made in float64 and from positive terms alone.

    Examples meet within the batch, so what it teaches depends on the batch: one without both labels costs 0 and
    teaches nothing. A soft target takes part as a positive to that degree, and as a negative to the rest. An example
    that is left out meets no other; a weight w counts what the example costs w times.

    Shapes: prediction and target (N,); exactly one batch axis, as it says who meets whom. Prediction any score,
    target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.PairwiseHinge()(torch.tensor([0.5, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0]))  # leads of 0.5 and -0.5
    tensor(1.)
    """

    margin: float = param(default=1.0, above=0, help="the lead beyond which a pair costs nothing")
    power: Literal[1, 2] = param(default=1, choices=(1, 2), help="1: the hinge; 2: the squared hinge")

    card = Card(
        task="other",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula(
            "target[i] * above / (sum(no) or 1) + no[i] * below / (sum(target) or 1)",
            no="[1 - a for a in target]",
            above="sum([b * max(0, margin + z - prediction[i])**power for z, b in zip(prediction, no)])",
            below="sum([a * max(0, margin + prediction[i] - z)**power for z, a in zip(prediction, target)])",
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: loss.power - 1,
        slope=lambda loss: "bounded" if loss.power == 1 else "linear",
        when="You are judged by the area under the ROC curve, and pairs that are well apart should teach nothing.",
        when_not="Probabilities are wanted (BinaryCrossEntropy), or only the top of the list counts (PartialAUC).",
        points={"perfect": 0, "chance": "margin**power", "floor": 0},
        aliases=(
            "pairwise hinge",
            "squared pairwise hinge",
            "AUC hinge",
            "ranking SVM",
            "RankSVM",
            "RocStar",
            "PairwiseAUCLoss",
        ),
        tags=("ranking", "AUC", "imbalanced", "pairs", "ROC", "binary", "margin"),
        cite=(
            "Joachims 2002, doi:10.1145/775047.775067 (ranking SVM)",
            "Gao & Zhou 2015, arXiv:1208.0645 (consistency)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("PairwiseHinge", prediction=prediction, target=target)
        here = torch.ones_like(target) if keep is None else keep.to(target.dtype)
        yes, no = wide(target * here), wide((1 - target) * here)
        ordered, order = wide(prediction).sort(-1)
        as_yes, as_no = hinge_over_pairs(ordered, yes.gather(-1, order), no.gather(-1, order), self.margin, self.power)
        as_yes = mean_over(placed(as_yes, order), no.sum(-1)).to(prediction.dtype)
        as_no = mean_over(placed(as_no, order), yes.sum(-1)).to(prediction.dtype)
        return target * as_yes + (1 - target) * as_no
