"""Seesaw: rare classes are pushed down less by the examples of frequent ones, unless they are in the lead."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Logits, Positive
from ...core import Loss
from ..pieces.softmax import over_labels


class Seesaw(Loss):
    """Cross-entropy in which each rival of the true class counts by a factor.

    log(1 + Σ S_k exp(z_k - z_y)) over the other classes k: a softmax with S_k exp(z_k) in place of exp(z_k). The seesaw
    loss makes S_k of two parts, and `Seesaw.factors` works them out:

    - mitigation, (n_k / n_y)**p where class k is rarer than the true one: the many examples of a frequent class push
      a rare one down less;
    - compensation, (p_k / p_y)**q where the model holds class k likelier than the true one: a rare class that takes
      what is not its own is pushed down all the same.

    **The factors are weights and have no gradient**, though they are made of the scores. So they are an input of their
    own, and the gradient is that of the value. Do not compare values of other factors, nor read the minimum as
    probabilities: with compensation it moves with the scores. The paper counts the examples of each class as they come;
    here the counts are given, the running ones or those of the training set.

    mmdetection has a second part, cross-entropy of object against background: BinaryCrossEntropy beside this.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids; factor (*batch, classes), positive,
    of which that of the true class does not count.

    Raises:
        DomainError: an id is not a class, or a factor is not positive.

    >>> import torch, wald
    >>> prediction, target = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([0, 0])
    >>> factor = wald.Seesaw.factors(prediction, target, counts=(90, 10))
    >>> factor
    tensor([[1.0000, 0.1724],
            [1.0000, 1.2741]])
    >>> wald.Seesaw()(prediction, target, factor, reduction="none")
    tensor([0.0615, 1.4959])
    """

    card = Card(
        task="other",
        inputs={"prediction": Logits, "target": ClassId, "factor": Positive.of("classes")},
        formula=Formula(
            "log(1 + sum([exp(z - prediction[target]) * s for k, z, s in rivals if k != target]))",
            rivals="[*zip(range(len(factor)), prediction, factor)]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="Classes have a long tail, as in instance segmentation, and rare ones drown.",
        when_not="Probabilities are wanted (CrossEntropy), or one shift a class is enough (LogitAdjusted).",
        points={"floor": 0},
        aliases=("SeesawLoss", "seesaw loss", "mitigation and compensation"),
        tags=("classification", "imbalanced", "class imbalance", "long tail", "detection", "segmentation"),
        cite=("Wang et al. 2020, arXiv:2008.10032",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, factor: Tensor) -> Tensor:
        weighed = prediction + factor.log().scatter(-1, target.unsqueeze(-1), 0.0)
        return weighed.logsumexp(-1) - over_labels(prediction, target)

    @staticmethod
    def factors(
        prediction: Tensor,
        target: Tensor,
        counts: Sequence[float] | Tensor,
        *,
        p: float = 0.8,
        q: float = 2.0,
        least: float = 1e-2,
    ) -> Tensor:
        """Mitigation times compensation, (*batch, classes), without a gradient.

        Args:
            prediction: (*batch, classes), unnormalised.
            target: (*batch) class ids.
            counts: how many examples each class has; none counts as one.
            p: the power of mitigation, 0 for none.
            q: the power of compensation, 0 for none.
            least: stands in for a probability of the true class that is smaller.
        """
        share = prediction.detach().softmax(-1)
        seen = torch.as_tensor(counts, dtype=share.dtype, device=share.device).clamp(min=1)
        rarer = (seen / seen[target].unsqueeze(-1)).clamp(max=1)
        ahead = (share / over_labels(share, target).clamp(min=least).unsqueeze(-1)).clamp(min=1)
        return rarer**p * ahead**q
