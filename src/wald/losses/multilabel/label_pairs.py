"""Multi-label losses in which the labels of an example meet: every true one should score above every other."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import BinaryTarget, Card, Formula, Real, param
from ...core import Supervised


class MultiLabelMargin(Supervised):
    """Every true label leads every other by a margin, in all pairs of an example.

    Σ max(0, margin - s_i + s_j) over all pairs of a true label i and another j, divided by the number of labels, as
    torch does. Only the order of the labels is learned: no score says from where on to say yes (ZLPR has one). An
    example whose labels are all true, or none, costs nothing and teaches nothing.

    torch wants the ids of the true labels, padded with -1, and reads them up to the first -1 only: what stands behind
    a gap is dropped without a word. Here the target has a 0 or a 1 for every label. A soft target is the mean over
    labels drawn from it.

    Shapes: prediction and target (*batch, labels); prediction scores of any scale, target 0, 1 or between. Memory
    grows with the square of the number of labels.

    Raises:
        DomainError: a target is outside [0, 1].

    >>> import torch, wald
    >>> s, y = torch.tensor([[0.1, 0.2, 0.4, 0.8]]), torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    >>> wald.MultiLabelMargin()(s, y)  # the example of torch's documentation
    tensor(0.8500)
    """

    margin: float = param(default=1.0, above=0, quiet=True, typical=(0.5,), help="the lead that costs nothing")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("labels"), "target": BinaryTarget.of("labels")},
        formula=Formula(
            "sum([target[i] * (1 - target[j]) * max(0, margin - prediction[i] + prediction[j])"
            " for i in range(n) for j in range(n) if i != j]) / n",
            n="len(target)",
        ),
        convex=True,
        bounded_below=True,
        perfect_is_minimal=None,
        smooth=0,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; not the labels or pairs",
        when="Labels of an example are to be ranked, and the order is all that counts.",
        when_not="Labels must be said yes or no to (ZLPR), or probabilities are wanted (BinaryCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("multilabel_margin_loss", "MultiLabelMarginLoss", "multi-label hinge", "multi-label ranking hinge"),
        ports={"torch.nn.MultiLabelMarginLoss": {}, "torch.nn.functional.multilabel_margin_loss": {}},
        tags=("classification", "multi-label", "margin", "ranking"),
        cite=("Elisseeff & Weston 2001 (NIPS; the pairs of a true and another label)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        short = (self.margin - prediction.unsqueeze(-1) + prediction.unsqueeze(-2)).relu()
        # Of a soft label drawn true and drawn false, never both: it does not meet itself.
        meets = target.unsqueeze(-1) * (1 - target.unsqueeze(-2))
        meets = meets * (1 - torch.eye(target.shape[-1], dtype=target.dtype, device=target.device))
        return (meets * short).sum((-2, -1)) / max(prediction.shape[-1], 1)


class ZLPR(Supervised):
    """Softmax cross-entropy for several labels: true ones above 0, all others below.

    log(1 + Σ exp(s) over the labels that are not true) + log(1 + Σ exp(-s) over the true ones): a smooth form of the
    highest wrong score above 0 and of the lowest true score below it, so true labels are pushed above all others, and
    **0 is the score from which on to say yes**. Unlike binary cross-entropy it does not grow with the number of labels
    that are easily told to be wrong. sigmoid(score) is no probability: each label's share depends on the others.

    A soft target counts by its share in both sums; timm takes it for 1 above one half.

    Shapes: prediction and target (*batch, labels); prediction in scores, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].

    >>> import torch, wald
    >>> s, y = torch.tensor([[3.0, -2.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.ZLPR()(s, y)  # log(1 + e⁻² + 1) + log(1 + e⁻³)
    tensor(0.8072)
    """

    card = Card(
        task="other",
        inputs={"prediction": Real.of("labels"), "target": BinaryTarget.of("labels")},
        formula=Formula(
            "log(1 + sum([(1 - t) * exp(s) for s, t in zip(prediction, target)]))"
            " + log(1 + sum([t * exp(-s) for s, t in zip(prediction, target)]))"
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; not the labels",
        when="Several labels of many may be true, few of them for any example, and 0 is to decide.",
        when_not="A probability for each label is wanted (BinaryCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("ZlprLoss", "zero-bounded log-sum-exp & pairwise rank-based", "multilabel categorical crossentropy"),
        ports={"timm.loss.ZlprLoss": {}},
        tags=("classification", "multi-label", "ranking", "logsumexp"),
        cite=("Su et al. 2022, arXiv:2208.02955",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _above_zero(prediction, 1 - target) + _above_zero(-prediction, target)


def _above_zero(scores: Tensor, share: Tensor) -> Tensor:
    """log(1 + Σ share · exp(score)) over the last axis."""
    none = share == 0
    logs = torch.where(none, torch.ones_like(share), share).log()
    # A score of 0 of its own stands for the 1, so that the sum is never of nothing.
    return F.pad((scores + logs).masked_fill(none, -torch.inf), (1, 0), value=0.0).logsumexp(-1)
