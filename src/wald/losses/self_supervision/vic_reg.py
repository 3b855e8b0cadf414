"""VICReg: views agree, every feature varies, and no two features vary together."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_features import centred
from ..pieces.one_batch import one_batch


class VICReg(Contrastive):
    """Two views agree, each feature has a deviation of 1 or more, and features do not vary together.

    Three terms: `invariance` times the mean squared difference of the views over rows and features; `variance` times
    the mean over features of max(0, 1 - √(their variance + eps)), and the mean of the two views; `covariance` times
    Σ over k != l of C_kl² / features, the sum of both views. Vectors are taken as they are, not at length 1: the
    deviation of 1 sets their scale.

    **Libraries differ by a half.** Here, in lightly and in pytorch-metric-learning the variance term is the mean of the
    two views; in solo-learn it is their sum: variance=50 gives that. Variances divide by N - 1.

    **One number for the whole batch**, given to each example alike, so that its gradient spreads over all. A batch of
    one has no variance: each feature then costs as much as one that never varies.

    Shapes: first and second (N, features); exactly one batch axis, over which features vary.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x = 2 * torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    >>> wald.VICReg()(x, x)  # they vary enough, and apart
    tensor(0.)
    >>> wald.VICReg(eps=0.0)(torch.ones(4, 2), torch.ones(4, 2))  # a collapse costs what `variance` is
    tensor(25.)
    """

    invariance: float = param(default=25.0, at_least=0, help="the weight of the difference of the views")
    variance: float = param(default=25.0, at_least=0, help="the weight of features that vary too little")
    covariance: float = param(
        default=1.0, at_least=0, typical=(25.0,), help="the weight of features that vary together"
    )
    eps: float = param(default=1e-4, at_least=0, help="what is added to every variance")

    card = Card(
        task="other",
        inputs={"first": Vector, "second": Vector},
        formula=Formula(
            "invariance * mean([(a - b)**2 for v, w in zip(first, second) for a, b in zip(v, w)])"
            " + variance * mean([max(0, 1 - sqrt(c[k][k] + eps)) for c in spreads for k in features])"
            " + covariance * sum([c[k][m]**2 for c in spreads for k, m in pairs]) / len(features)",
            features="range(len(first[0]))",
            pairs="[(k, m) for k in features for m in features if k != m]",
            spread="lambda a, b: sum([(x - mean(a)) * (y - mean(b)) for x, y in zip(a, b)]) / max(1, len(a) - 1)",
            spreads="[[[spread(a, b) for a in zip(*view)] for b in zip(*view)] for view in (first, second)]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        when="You have two views of each example, or of two kinds, and want neither negatives nor a teacher.",
        when_not="Embeddings are compared by cosine and batches are large (NTXent).",
        points={"perfect": 0, "floor": 0, "collapse": "variance * (1 - sqrt(eps))"},
        aliases=("VICRegLoss", "variance invariance covariance"),
        ports={
            "lightly.loss.VICRegLoss": {},
            "pytorch_metric_learning.losses.VICRegLoss": {},
        },
        tags=("self-supervised", "embedding", "two views", "redundancy reduction"),
        cite=("Bardes, Ponce & LeCun 2022, arXiv:2105.04906",),
    )

    def per_example(self, first: Tensor, second: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("VICReg", "over which features vary", first=first, second=second)
        difference = (first - second).square()
        if keep is not None:
            difference = torch.where(keep.unsqueeze(-1), difference, torch.zeros_like(difference))
        (a, rows), (b, _) = centred(first, keep), centred(second, keep)
        features = first.shape[-1]
        value = self.invariance * difference.sum() / (rows * features)
        for x in (a, b):
            covariance = x.mT @ x / (rows - 1).clamp(min=1)
            square = covariance.diagonal() + self.eps
            still = square == 0
            deviation = torch.where(still, torch.ones_like(square), square).sqrt()
            missing = 1 - torch.where(still, torch.zeros_like(deviation), deviation)
            together = covariance.square().sum() - covariance.diagonal().square().sum()
            value = value + 0.5 * self.variance * missing.relu().mean() + self.covariance * together / features
        return value.expand(first.shape[0])
