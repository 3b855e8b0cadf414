"""Multi-similarity: a soft maximum over positives that are too far, and another over negatives too near."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum, meetings, similarities
from ..pieces.one_batch import one_batch


class MultiSimilarity(Contrastive):
    """Soft maxima over positives below and negatives above a cosine.

    log(1 + Σ exp(-alpha (cos - base))) / alpha over the positives of an anchor, and
    log(1 + Σ exp(beta (cos - base))) / beta over its negatives. A large `beta` looks at the nearest negatives only; a
    small `alpha` at all positives. The paper also leaves out pairs that are easy by a margin, before the loss:
    `wald.miners.informative_pairs` says which. tensorflow-similarity works on cosine distances.

    An anchor without positives or without negatives costs what the other half comes to.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> wald.MultiSimilarity(alpha=1.0, beta=1.0, base=0.0)(embedding, torch.tensor([0, 0, 1]), reduction="none")
    tensor([1.0064, 1.0064, 1.0986])
    """

    alpha: float = param(default=2.0, above=0, help="how sharply positives are told apart")
    beta: float = param(default=50.0, above=0, typical=(10.0,), help="how sharply negatives are told apart")
    base: float = param(default=0.5, help="the cosine above which positives and below which negatives cost little")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "(softplus(logsumexp(p)) if p else 0) / alpha + (softplus(logsumexp(n)) if n else 0) / beta",
            c="[cosine(embedding[i], v) - base for v in embedding]",
            p="[-alpha * x for k, x in zip(range(len(c)), c) if label[k] == label[i] and k != i]",
            n="[beta * x for k, x in zip(range(len(c)), c) if label[k] != label[i]]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have labels, several of each in a batch, and hard pairs should count most without being all.",
        when_not="Labels are noisy: the hardest negatives are then mislabelled positives (SupCon).",
        points={"floor": 0},
        aliases=("MultiSimilarityLoss", "MS loss", "multi similarity"),
        ports={"pytorch_metric_learning.losses.MultiSimilarityLoss": {}},
        tags=("metric learning", "embedding", "retrieval", "labels"),
        cite=("Wang, Han, Huang, Dong & Scott 2019, arXiv:1904.06627",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("MultiSimilarity", "which examples meet", embedding=embedding, label=label)
        over = similarities(embedding) - self.base
        positive, negative = meetings(label, keep)
        far = log_sum(-self.alpha * over, positive, one=True) / self.alpha
        return far + log_sum(self.beta * over, negative, one=True) / self.beta
