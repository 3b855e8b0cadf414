"""Barlow Twins: features of two views agree, each with its own kind, and with no other."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_features import centred
from ..pieces.one_batch import one_batch


class BarlowTwins(Contrastive):
    """The correlations of the features of two views are 1 with themselves and 0 with all others.

    Σ (1 - C_kk)² + redundancy · Σ over k != l of C_kl², with C the correlations over the batch of feature k of the
    first views and feature l of the second. No negatives and no moving teacher are needed: one point has no
    correlations. **One number for the whole batch**, given to each example alike; it grows with the number of
    features, and solo-learn multiplies it by 0.025.

    Standard deviations divide by N, as batch norm does, so that equal views correlate to exactly 1; MONAI and catalyst
    divide by N - 1 and then cannot reach 0. To every variance 1e-5 is added, as batch norm does (`eps`). A feature that
    never varies costs 1.

    Batches must be large beside the noise of a correlation, which is 1 / √N: N = 2 makes all of them ±1.

    Shapes: first and second (N, features); exactly one batch axis, over which features correlate.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    >>> wald.BarlowTwins(eps=0.0)(x, x)
    tensor(0.)
    >>> wald.BarlowTwins(redundancy=0.5, eps=0.0)(x, x.flip(-1))  # features exchanged: 2 + 2 / 2
    tensor(3.)
    """

    redundancy: float = param(
        default=0.005, at_least=0, typical=(1.0,), help="what correlations of different features count"
    )
    eps: float = param(default=1e-5, at_least=0, help="what is added to every variance")

    card = Card(
        task="other",
        inputs={"first": Vector, "second": Vector},
        formula=Formula(
            "sum([(1 - C[k][k])**2 for k in axes]) + "
            "redundancy * sum([C[k][l]**2 for k in axes for l in axes if k != l])",
            axes="range(len(first[0]))",
            a="[[v[k] for v in first] for k in axes]",
            b="[[v[k] for v in second] for k in axes]",
            u="[[x - mean(f) for x in f] for f in a]",
            w="[[x - mean(f) for x in f] for f in b]",
            C="[[mean([x * y for x, y in zip(f, g)]) / (sqrt(mean([x**2 for x in f]) + eps) * "
            "sqrt(mean([y**2 for y in g]) + eps) or 1) for g in w] for f in u]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        slope="bounded",
        when="You have two views of each example and no labels, and want no negatives.",
        when_not="Batches are small, or features few (NTXent, VICReg).",
        points={"perfect": 0, "floor": 0},
        aliases=("BarlowTwinsLoss", "Barlow Twins", "cross-correlation loss"),
        ports={"lightly.loss.BarlowTwinsLoss": {}},
        tags=("self-supervised", "embedding", "two views", "redundancy reduction"),
        cite=("Zbontar, Jing, Misra, LeCun & Deny 2021, arXiv:2103.03230",),
    )

    def per_example(self, first: Tensor, second: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("BarlowTwins", "over which features correlate", first=first, second=second)
        (a, rows), (b, _) = centred(first, keep), centred(second, keep)
        correlation = self._standard(a, rows).mT @ self._standard(b, rows) / rows
        own = torch.eye(first.shape[-1], dtype=torch.bool, device=first.device)
        costs = torch.where(own, (1 - correlation).square(), self.redundancy * correlation.square())
        return costs.sum().expand(first.shape[0])

    def _standard(self, x: Tensor, rows: Tensor) -> Tensor:
        """Centred features, divided by their standard deviation; a feature that never varies stays 0."""
        variance = x.square().sum(0) / rows + self.eps
        still = variance == 0
        return x / torch.where(still, torch.ones_like(variance), variance).sqrt()
