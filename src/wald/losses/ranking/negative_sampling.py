"""One positive against several negatives: by logistic regression, and by how many negatives it fails to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss
from ..pieces.softplus import softplus


class NegativeSampling(Loss):
    """Logistic loss of one true item and of negatives that were drawn: word2vec, RotatE, knowledge graphs.

    softplus(-(positive + margin)) + Σ w softplus(negative + margin), all scores shifted by `margin`: for scores that
    are negative distances, a margin of 6 to 24 puts the border between true and false at that distance.

    The weights w are 1 / negatives, a mean. With `temperature` α above 0 they are softmax(α · negatives), not
    differentiated: the hardest negatives count most (self-adversarial, α = 1 in RotatE). `total=True` adds the
    negatives up, as word2vec does, and a margin of 0 is word2vec's. RotatE and PyKEEN halve the sum of both parts.

    The scores become log-odds of being true rather than drawn, and so depend on how negatives are drawn: SampledSoftmax
    and NoiseContrastive correct for that.

    Shapes: positive (*batch), negatives (*batch, negatives). A negative with score -inf is not there.

    >>> import torch, wald
    >>> wald.NegativeSampling()(torch.tensor([2.0]), torch.tensor([[0.0, 1.0]]))  # 0.1269 + (0.6931 + 1.3133) / 2
    tensor(1.1301)
    """

    margin: float = param(default=0.0, help="what all scores are shifted by, in units of the score")
    temperature: float = param(default=0.0, at_least=0, typical=(1.0,), help="how much hard negatives count; 0: alike")
    total: bool = param(default=False, quiet=True, help="add the negatives up instead of their mean (temperature 0)")

    card = Card(
        task="ranking",
        inputs={"positive": Real, "negatives": Real.of("negatives")},
        formula=Formula(
            "softplus(-positive - margin) + (total and len(negatives) or 1) * sum(part)",
            part="[w * softplus(z + margin) for w, z in zip(softmax([temperature * z for z in negatives]), negatives)]",
        ),
        convex=lambda loss: loss.temperature == 0 or None,
        bounded_below=True,
        slope="bounded",
        when="There are too many items to score them all, and one is true: embeddings of words, items or facts.",
        when_not="Scores must be probabilities over items (SampledSoftmax).",
        points={"floor": 0},
        aliases=("NSSA", "NSSALoss", "self-adversarial negative sampling", "RotatE loss", "SGNS", "NEG", "word2vec"),
        tags=("ranking", "recommendation", "knowledge graph", "embedding", "negatives", "word2vec", "pairwise"),
        cite=("Mikolov et al. 2013, arXiv:1310.4546", "Sun et al. 2019, arXiv:1902.10197 (self-adversarial)"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.total and self.temperature:
            raise ValueError(
                f"NegativeSampling: total=True adds the negatives up, and temperature={self.temperature:g} weighs "
                "them to a mean. Use temperature=0 with total=True."
            )

    def per_example(self, positive: Tensor, negatives: Tensor) -> Tensor:
        there = negatives != -torch.inf
        score = torch.where(there, negatives, torch.zeros_like(negatives))
        # One place more keeps a softmax of nothing defined.
        open_ = there | ~there.any(-1, keepdim=True)
        weight = (self.temperature * score.detach()).masked_fill(~open_, -torch.inf).softmax(-1)
        if self.total:
            weight = torch.ones_like(weight)
        costs = torch.where(there, weight * softplus(score + self.margin), torch.zeros_like(score))
        return softplus(-positive - self.margin) + costs.sum(-1)


class WARP(Loss):
    """The hinge of one true item against negatives, weighed by how far down the list it stands.

    (1 + 1/2 + … + 1/v) · mean of max(0, margin - (positive - negative)) over the v negatives that come within the
    margin. The weight is the rank of the true item among them, counted so that the top of the list matters most, and is
    not differentiated. LightFM and others draw negatives until one is within the margin, and estimate the rank by how
    long that took; here the negatives are given, so that nothing is random. Where they are a sample of the items,
    `scale` is how many items each of them stands for: the rank is then scale · v.

    Shapes: positive (*batch), negatives (*batch, negatives). A negative with score -inf is not there.

    >>> import torch, wald
    >>> wald.WARP()(torch.tensor([2.0]), torch.tensor([[0.0, 1.5, 2.5]]))  # (1 + 1/2) · (0.5 + 1.5) / 2
    tensor(1.5000)
    """

    margin: float = param(default=1.0, above=0, help="the lead beyond which a negative costs nothing")
    scale: float = param(default=1.0, at_least=1, quiet=True, help="how many items each negative stands for")

    card = Card(
        task="ranking",
        inputs={"positive": Real, "negatives": Real.of("negatives")},
        formula=Formula(
            "sum([1 / (1 + j) for j in range(len(over))]) * sum(over) / (len(over) or 1)",
            over="[margin - positive + z for z in negatives if margin - positive + z > 0]",
        ),
        convex=None,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        when="The first places of a recommendation count, and negatives are at hand.",
        when_not="A smooth loss or a chance is wanted (SampledSoftmax), or relevance is graded (LambdaRank).",
        points={"floor": 0},
        aliases=("WARP loss", "weighted approximate-rank pairwise", "WSABIE", "k-OS"),
        tags=("ranking", "recommendation", "hinge", "top", "negatives", "pairwise"),
        cite=("Weston, Bengio & Usunier 2011, IJCAI, WSABIE: Scaling up to large vocabulary image annotation",),
    )

    def per_example(self, positive: Tensor, negatives: Tensor) -> Tensor:
        there = negatives != -torch.inf
        lag = self.margin - (positive.unsqueeze(-1) - torch.where(there, negatives, torch.zeros_like(negatives)))
        over = there & (lag > 0)
        beaten_by = over.sum(-1)
        # The harmonic number of n is digamma(n + 1) + Euler's constant, of whole numbers and others.
        rank = (self.scale * beaten_by).to(lag.dtype)
        weight = torch.digamma(rank + 1) - torch.digamma(torch.ones_like(rank))
        total = torch.where(over, lag, torch.zeros_like(lag)).sum(-1)
        # NaN scores are no hinge that is won.
        total = total + torch.where(lag.isnan(), lag, torch.zeros_like(lag)).sum(-1)
        return weight * total / beaten_by.clamp(min=1)
