"""Prototypes of SwAV and MSN: learned directions that a batch is to share evenly."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...losses.self_supervision.swav import sinkhorn
from .rows import directions_at_random, products, refuse_count, refuse_vectors, unit


class Prototypes(nn.Module):
    """Learned directions without labels: gives the scores of embeddings with them, and codes that share them evenly.

    For SwAV and MSN. Scores are cosines as long as the vectors have length 1: **call `update()` after each step of the
    optimiser**, which brings them back to it. SwAV holds them fixed during the first epoch:
    `prototypes.requires_grad_(False)`.

    Unlike Proxies they belong to no label, and their length is restored after the step, not inside the formula.

    Args:
        count: how many prototypes, several times the classes that one expects.
        features: the length of an embedding.
        seed: of the random directions in which they begin.

    Attributes:
        vectors: (prototypes, features), parameters.

    Raises:
        ValueError: a count is not a whole number from 1 on.

    >>> import torch, wald
    >>> prototypes, first, second = wald.Prototypes(10, features=4), torch.randn(8, 4), torch.randn(8, 4)
    >>> scores, others = prototypes(first), prototypes(second)
    >>> loss = wald.SwAV()
    >>> swapped = (loss(scores, prototypes.codes(others)) + loss(others, prototypes.codes(scores))) / 2
    >>> swapped.backward()
    >>> prototypes.update()  # after optimiser.step()
    """

    def __init__(self, count: int, features: int, *, seed: int = 0) -> None:
        super().__init__()
        refuse_count("Prototypes", count=count, features=features)
        self.vectors = nn.Parameter(directions_at_random(count, features, seed=seed))

    def forward(self, embedding: Tensor) -> Tensor:
        """The scores of embeddings, which are brought to length 1: (*batch, prototypes).

        Raises:
            DtypeError: `embedding` is not of floats.
            ShapeError: it has another number of features.
        """
        refuse_vectors("Prototypes", "embedding", embedding, self.vectors.shape[-1])
        return products(unit(embedding), self.vectors)

    def codes(
        self,
        scores: Tensor,
        *,
        others: Tensor | None = None,
        epsilon: float = 0.05,
        iterations: int = 3,
        keep: Tensor | None = None,
    ) -> Tensor:
        """Codes of a batch, which use all prototypes alike, by Sinkhorn's iteration; they have no gradient.

        Args:
            scores: (N, prototypes), of this batch.
            others: (M, prototypes), scores that take part in the sharing and get no code: those of a queue,
                `prototypes(queue.vectors)`, or of other processes.
            epsilon: small makes codes hard, and slow to share evenly.
            iterations: how often; 3 is usual.
            keep: (N,) which rows of the batch take part.

        Returns:
            (N, prototypes), rows that add up to 1.
        """
        if others is None:
            return sinkhorn(scores, epsilon=epsilon, iterations=iterations, keep=keep)
        if keep is not None:
            keep = torch.cat([keep, keep.new_ones(len(others))])
        every = torch.cat([scores.detach(), others.detach().to(scores.dtype)])
        return sinkhorn(every, epsilon=epsilon, iterations=iterations, keep=keep)[: len(scores)]

    @torch.no_grad()
    def update(self) -> None:
        """Bring the vectors back to length 1; call it after each step of the optimiser."""
        self.vectors.copy_(unit(self.vectors))

    def extra_repr(self) -> str:
        """The sizes, for `print`."""
        return ", ".join(map(str, self.vectors.shape))
