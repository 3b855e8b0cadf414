"""Soft Matthews correlation: one minus the correlation of probabilities and labels over the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised
from ...core.tensors import wide
from ..pieces.pairs import one_batch_of_scores


class MatthewsCorrelation(Supervised):
    """One minus the Matthews correlation of the batch, with probabilities as counts.

    (TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN)) with soft counts such as TP = Σ p t, for
    p = sigmoid(prediction): 1 for a perfect prediction, 0 for chance, -1 for all wrong. Unlike F1 it looks at all four
    counts, so that saying yes to everything earns nothing. In means over the batch it is
    (mean(p t) - m n) / sqrt(m (1 - m) n (1 - n)) with m the mean of p and n that of t, which is how it is computed:
    products of four counts overflow at a few thousand examples in half precision.

    **It depends on who is in the batch.** A batch with one label only has no correlation: it costs 1, with a gradient
    of 0, unless `smooth` is above 0. That is added inside the root, in units of (share of examples)⁴; it moves every
    value a little. MONAI and segmentation-models-pytorch add their constants to counts, so that their value changes
    with the size of the batch.

    Each example has its share: the mean over the examples is the loss of the batch. Not to be mistaken for minimum
    class confusion, which is MCC, too.

    Shapes: prediction and target (N,), the one batch axis; `flatten()` masks. Prediction in logits, target 0, 1 or
    between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> prediction = torch.tensor([40.0, 40.0, -40.0, -40.0])
    >>> wald.MatthewsCorrelation()(prediction, torch.tensor([1.0, 0.0, 0.0, 0.0]))  # 1 - 1 / sqrt(3)
    tensor(0.4226)
    """

    smooth: float = param(
        default=0.0, at_least=0, typical=(1e-3,), help="added inside the root, so that one label alone has a slope"
    )

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "1 - (p[i] - m) * (target[i] - n) / sqrt(m * (1 - m) * n * (1 - n) + smooth)"
            " if m * (1 - m) * n * (1 - n) + smooth > 0 else 1",
            p="[sigmoid(z) for z in prediction]",
            m="mean(p)",
            n="mean(target)",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=None,
        slope="vanishing",
        denominator="the unmasked examples, each counted by its weight",
        when="You are judged by the Matthews correlation, and batches hold many examples of both labels.",
        when_not="Batches are small or hold one label only, or probabilities are wanted (BinaryCrossEntropy).",
        points={"perfect": 0, "chance": 1, "worst": 2, "floor": 0},
        ports={"monai.losses.MCCLoss": {}, "segmentation_models_pytorch.losses.MCCLoss": {}},
        aliases=("MCC", "MCCLoss", "Matthews correlation coefficient", "phi coefficient"),
        tags=("classification", "imbalanced", "metric", "correlation", "segmentation", "batch"),
        cite=("Matthews 1975, doi:10.1016/0005-2795(75)90109-9", "Abhishek & Hamarneh 2020, arXiv:2010.13454"),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("MatthewsCorrelation", prediction=prediction, target=target)
        p, t = wide(prediction).sigmoid(), wide(target)
        there = torch.ones_like(p) if keep is None else keep.to(p.dtype)
        size = there.sum(-1, keepdim=True).clamp(min=1)

        def mean(x: Tensor) -> Tensor:
            return (x * there).sum(-1, keepdim=True) / size

        # 1 - m from the other sigmoid, as it would lose its digits where nearly all are sure.
        spread = mean(p) * mean((-wide(prediction)).sigmoid()) * mean(t) * mean(1 - t) + self.smooth
        nothing = spread <= 0
        root = torch.where(nothing, torch.ones_like(spread), spread).sqrt()
        values = 1 - torch.where(nothing, torch.zeros_like(p), (p - mean(p)) * (t - mean(t)) / root)
        return values.to(prediction.dtype)
