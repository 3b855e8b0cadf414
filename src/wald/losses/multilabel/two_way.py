"""The two-way loss: true labels above the others in each example, and true examples above the others of each label."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Real, param
from ...core import Supervised
from ..pieces.batch_pairs import log_sum, only
from ..pieces.one_batch import one_batch
from ..pieces.softplus import softplus


class TwoWay(Supervised):
    """Hardest true score above hardest other score: in each example, and in each label.

    softplus(H⁻ + H⁺), with H⁻ = T⁻ log Σ exp(s / T⁻) over what is not true and H⁺ = T⁺ log Σ exp(-s / T⁺) over what is:
    a soft highest score of the wrong and a soft lowest of the true ones. Once along each row, over the labels of an
    example, and once along each column, over the examples of a label; the loss is the mean over rows plus the mean
    over columns, of those only that hold something true. Rows learn to rank labels, columns to rank examples.

    **It depends on who is in the batch**, through the columns; each example is charged its row and an even share of
    the columns, so that the mean over examples is the loss of the batch. A row or column where all is true costs
    nothing. Scores rank; their sigmoid is no probability.

    A soft target counts by its share in both sums; timm takes it for 1 above one half.

    Shapes: prediction and target (N, labels); exactly one batch axis.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> s, y = torch.tensor([[4.0, -4.0], [-4.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> wald.TwoWay()(s, y)  # rows and columns alike: the mean of softplus(-8) and softplus(-4), twice
    tensor(0.0185)
    """

    positive_temperature: float = param(
        default=4.0, above=0, typical=(1.0,), help="how soft the lowest true score is, in units of the score"
    )
    negative_temperature: float = param(
        default=1.0, above=0, help="how soft the highest other score is, in units of the score"
    )

    card = Card(
        task="other",
        inputs={"prediction": Real.of("labels"), "target": BinaryTarget.of("labels")},
        formula=Formula(
            "lead(prediction[i], target[i]) * len(target) / (some(target) or 1)"
            " + sum([lead(s, y) for s, y in zip(zip(*prediction), columns)]) / (some(columns) or 1)",
            columns="[*zip(*target)]",
            some="lambda rows: sum([max(y) > 0 for y in rows])",
            over="lambda scores, shares: logsumexp([z + log(w) for z, w in zip(scores, shares) if w])",
            low="lambda s, y: positive_temperature * over([-z / positive_temperature for z in s], y)",
            high="lambda s, y: negative_temperature * over([z / negative_temperature for z in s], [1 - t for t in y])",
            lead="lambda s, y: softplus(low(s, y) + high(s, y)) if max(y) > 0 and min(y) < 1 else 0",
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        smooth=None,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; within, the rows and columns that count",
        when="Many labels, judged by mean average precision, and batches hold several examples of most labels.",
        when_not="A probability for each label is wanted (BinaryCrossEntropy), or batches are small (ZLPR).",
        points={"perfect": 0, "floor": 0},
        aliases=("TwoWayLoss", "two-way multi-label loss"),
        ports={"timm.loss.TwoWayLoss": {}},
        tags=("classification", "multi-label", "ranking", "logsumexp", "batch"),
        cite=("Kobayashi 2023 (CVPR)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("TwoWay", "which examples of a label compete", prediction=prediction, target=target)
        here = torch.ones_like(target) if keep is None else keep.to(target.dtype).unsqueeze(-1)
        yes, no = target * here, (1 - target) * here
        rows, columns = self._lead(prediction, yes, no), self._lead(prediction.mT, yes.mT, no.mT)
        kept = len(target) if keep is None else keep.sum().to(rows.dtype)
        share = kept / (yes != 0).any(-1).sum().clamp(min=1).to(rows.dtype)
        return rows * share + columns.sum() / (yes != 0).any(0).sum().clamp(min=1)

    def _lead(self, scores: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        """What each row costs; nothing where no pair of a true and another entry is."""
        low = self.positive_temperature * _log_sum(-scores / self.positive_temperature, yes)
        high = self.negative_temperature * _log_sum(scores / self.negative_temperature, no)
        return only(softplus(low + high), (yes != 0).any(-1) & (no != 0).any(-1))


def _log_sum(scores: Tensor, share: Tensor) -> Tensor:
    """The log Σ share · exp(score) along the last axis; over nothing 0."""
    some = share != 0
    return log_sum(scores + torch.where(some, share, torch.ones_like(share)).log(), some)
