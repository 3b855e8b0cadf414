"""Pairwise logistic: every positive of the batch should score above every negative."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Real, param
from ...core import Supervised
from ..pieces.pairs import mean_over, one_batch_of_scores
from ..pieces.softplus import softplus


class PairwiseLogistic(Supervised):
    """A surrogate of the area under the ROC curve: positives should score above negatives.

    The mean of log(1 + exp(-(s - s'))) over all pairs of a positive with score s and a negative with score s'. An
    example costs its mean over the examples of the other label, so that the mean over the batch is the mean over all
    pairs, however rare positives are. Its minimiser orders examples by their probability (it is consistent with the
    area under the ROC curve); in a batch its scores are log-odds up to a constant that is never learned, so decide by a
    threshold that is tuned, or by rank.

    Examples meet within the batch, so what it teaches depends on the batch: one without both labels costs 0 and
    teaches nothing. Let each batch hold several positives. It looks at all pairs: memory grows with the square of the
    batch.

    A soft target takes part as a positive to that degree, and as a negative to the rest. An example that is left
    out meets no other; a weight w counts what the example costs w times.

    Shapes: prediction and target (N,); exactly one batch axis, as it says who meets whom. Prediction any score,
    target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.PairwiseLogistic()(torch.tensor([2.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0]))  # leads of 2 and 1
    tensor(0.2201)
    """

    scale: float = param(default=1.0, above=0, help="what leads are multiplied by; large is a step")

    card = Card(
        task="other",
        inputs={"prediction": Real, "target": BinaryTarget},
        formula=Formula(
            "target[i] * above / (sum(no) or 1) + no[i] * below / (sum(target) or 1)",
            no="[1 - a for a in target]",
            above="sum([b * softplus(scale * (z - prediction[i])) for z, b in zip(prediction, no)])",
            below="sum([a * softplus(scale * (prediction[i] - z)) for z, a in zip(prediction, target)])",
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        slope="bounded",
        when="You are judged by the area under the ROC curve, and the order of examples is all that is used.",
        when_not="Probabilities are wanted (BinaryCrossEntropy), or batches have few positives.",
        points={"perfect": 0, "chance": "log(2)", "floor": 0},
        aliases=("AUC loss", "AUC surrogate", "pairwise logistic", "bipartite ranking"),
        tags=("ranking", "AUC", "imbalanced", "pairs", "ROC", "binary"),
        cite=(
            "Burges et al. 2005, doi:10.1145/1102351.1102363 (RankNet)",
            "Gao & Zhou 2015, arXiv:1208.0645 (consistency)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("PairwiseLogistic", prediction=prediction, target=target)
        here = torch.ones_like(target) if keep is None else keep.to(target.dtype)
        yes, no = target * here, (1 - target) * here
        # What a pair costs, its positive in the row.
        cost = softplus(self.scale * (prediction - prediction.unsqueeze(-1)))
        as_yes, as_no = (cost * no).sum(-1), (cost * yes.unsqueeze(-1)).sum(-2)
        return target * mean_over(as_yes, no.sum()) + (1 - target) * mean_over(as_no, yes.sum())
