"""KoLeo: no example lies close to its nearest neighbour, so that a batch fills the sphere."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import squared_distances
from ..pieces.distance import direction, length
from ..pieces.one_batch import one_batch


class KoLeo(Contrastive):
    """No example lies close to its nearest neighbour in the batch.

    -log(distance to the nearest other + eps), of vectors at length 1: up to a constant an estimate of the negative
    entropy of where embeddings lie (Kozachenko and Leonenko). **A term beside another loss**, at 0.1 in DINOv2, that
    keeps features from collapsing. Neighbours are sought in this batch; of several devices gather the vectors first.

    Two equal vectors cost -log eps, 18.4, and get no gradient, as there is no direction in which to part. One example
    alone costs 0.

    Shapes: embedding (N, features); exactly one batch axis, in which neighbours are sought.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.KoLeo()(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))  # -log 2
    tensor(-0.6931)
    """

    eps: float = param(default=1e-8, above=0, help="what is added to the distance")

    card = Card(
        task="other",
        inputs={"embedding": Vector},
        formula=Formula(
            "-log(min(d) + eps) if d else 0",
            x="[[a / (sqrt(dot(v, v)) or 1) for a in v] for v in embedding]",
            d="[distance(x[i], v) for v in x[:i] + x[i + 1:]]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        when="Beside a self-supervised loss, to spread a batch over the sphere.",
        when_not="Alone: it says nothing of what belongs together.",
        points={"collapse": "-log(eps)"},
        aliases=("KoLeoLoss", "Kozachenko-Leonenko", "KoLeo regulariser"),
        ports={"lightly.loss.KoLeoLoss": {}},
        tags=("self-supervised", "embedding", "entropy", "regulariser", "collapse"),
        cite=("Sablayrolles, Douze, Schmid & Jégou 2019, arXiv:1806.03198",),
    )

    def per_example(self, embedding: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("KoLeo", "in which neighbours are sought", embedding=embedding)
        if embedding.shape[0] == 0:
            return embedding.sum(-1)
        x = direction(embedding)
        other = ~torch.eye(len(x), dtype=torch.bool, device=x.device)
        if keep is not None:
            other = other & keep
        # The nearest is found by distances that rounding blurs; its own is then taken exactly.
        apart = squared_distances(x.detach())
        nearest = torch.where(other, apart, torch.full_like(apart, torch.inf)).argmin(-1)
        costs = -(length(x - x[nearest]) + self.eps).log()
        return torch.where(other.any(-1), costs, torch.zeros_like(costs))
