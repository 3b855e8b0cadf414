"""Circle loss: each cosine pulls by how far it is from where it should be."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum, meetings, only, similarities
from ..pieces.one_batch import one_batch
from ..pieces.softplus import softplus


class Circle(Contrastive):
    """Each cosine of a pair pulls by how far it still has to go.

    softplus(log Σ exp(gamma a_n (c_n - m)) + log Σ exp(-gamma a_p (c_p - 1 + m))) over the negatives and the positives
    of an anchor, with m = `margin` and weights a_n = max(0, c_n + m), a_p = max(0, 1 + m - c_p): a pair that is where
    it should be pulls little, and the boundary between the two becomes a circle.

    **Libraries differ about the weights.** The paper and pytorch-metric-learning hold them fixed: only the cosines
    behind them have a gradient. That is `fixed_weights=True`, with which the gradient is no longer the slope of the
    value. Keras takes the slope of the whole, as here by default; Keras also wants vectors of length 1 from you.

    An anchor without positives or without negatives costs 0 and counts in the mean, as in Keras;
    pytorch-metric-learning averages over anchors that cost something: pass their number as `normalizer`.
    Faces: margin 0.25, gamma 256; fine-grained retrieval: 0.4 and 80, in the paper.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> wald.Circle(margin=0.5, gamma=1.0)(embedding, torch.tensor([0, 0, 1]), reduction="none")  # softplus(-1/2)
    tensor([0.4741, 0.4741, 0.0000])
    """

    margin: float = param(default=0.4, typical=(0.25,), help="how far from 1 and 0 cosines may stay")
    gamma: float = param(default=80.0, above=0, typical=(10.0,), help="what scores are multiplied by")
    fixed_weights: bool = param(default=False, help="weights have no gradient, as in the paper")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "softplus(logsumexp(n) + logsumexp(p)) if n and p else 0",
            c="[cosine(embedding[i], v) for v in embedding]",
            n="[gamma * max(0, x + margin) * (x - margin) for x, k in zip(c, label) if k != label[i]]",
            p="[-gamma * max(0, 1 + margin - c[k]) * (c[k] - 1 + margin) for k in range(len(c))"
            " if label[k] == label[i] and k != i]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have labels, several of each in a batch, and embeddings are compared by cosine.",
        when_not="The value must be read as a probability or compared between settings: gamma rules its size.",
        points={"floor": 0},
        aliases=("CircleLoss", "circle loss"),
        ports={
            "keras.losses.Circle": {},
            "keras.losses.circle": {},
            "pytorch_metric_learning.losses.CircleLoss": {"fixed_weights": True},
        },
        tags=("metric learning", "embedding", "retrieval", "faces", "labels"),
        cite=("Sun et al. 2020, arXiv:2002.10857",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("Circle", "which examples meet", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        weighing = alike.detach() if self.fixed_weights else alike
        near = self.gamma * (weighing + self.margin).relu() * (alike - self.margin)
        far = -self.gamma * (1 + self.margin - weighing).relu() * (alike - 1 + self.margin)
        costs = softplus(log_sum(near, negative) + log_sum(far, positive))
        return only(costs, positive.any(-1) & negative.any(-1))
