"""Alignment and uniformity: views of an example are near, and all examples fill the sphere evenly."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum, squared_distances
from ..pieces.distance import direction, length
from ..pieces.one_batch import one_batch


class AlignmentUniformity(Contrastive):
    """Two views of an example lie together, and the examples of a batch spread over the sphere.

    ||x - y||^power, plus `uniformity` times log mean exp(-sharpness · d²) over all pairs of different examples, the
    mean of both views; all vectors at length 1. **The logarithm of a mean**, not the mean of logarithms; no example is
    paired with itself. The two parts are what a contrastive loss with many negatives comes to.

    The uniform part is 0 if every vector is the same and about -2 · sharpness on an even sphere, so the value goes
    below 0. Sharpness is 2 in the paper, 1 in lightly. It belongs to the whole batch, and each example is given it.

    Shapes: first and second (N, features); exactly one batch axis, as it says who spreads.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> wald.AlignmentUniformity()(x, x)  # the squared distance 4, twice
    tensor(-8.)
    """

    power: float = param(default=2.0, at_least=1, typical=(1.0,), help="the power of the distance of two views")
    sharpness: float = param(
        default=2.0, above=0, help="how soon examples no longer repel, in 1 / squared distance; 2 in the paper"
    )
    uniformity: float = param(default=1.0, at_least=0, help="the weight of the second part")

    card = Card(
        task="other",
        inputs={"first": Vector, "second": Vector},
        formula=Formula(
            "distance(x[i], y[i])**power + uniformity * (spread_x + spread_y) / 2",
            x="[[a / (sqrt(dot(v, v)) or 1) for a in v] for v in first]",
            y="[[a / (sqrt(dot(v, v)) or 1) for a in v] for v in second]",
            n="len(x)",
            p="[-sharpness * distance(x[j], x[k])**2 for j in range(n) for k in range(n) if j != k]",
            q="[-sharpness * distance(y[j], y[k])**2 for j in range(n) for k in range(n) if j != k]",
            spread_x="logsumexp(p) - log(len(p)) if p else 0",
            spread_y="logsumexp(q) - log(len(q)) if q else 0",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have two views of each example, no labels, and want to see both parts of what is learned.",
        when_not="Labels are at hand (SupCon), or nearness of few negatives should rule (NTXent).",
        points={"collapse": 0},
        aliases=("HypersphereLoss", "alignment and uniformity", "uniformity loss", "hypersphere loss"),
        ports={"lightly.loss.hypersphere_loss.HypersphereLoss": {"sharpness": 1.0}},
        tags=("self-supervised", "embedding", "two views", "contrastive"),
        cite=("Wang & Isola 2020, arXiv:2005.10242",),
    )

    def per_example(self, first: Tensor, second: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("AlignmentUniformity", "who spreads", first=first, second=second)
        first, second = direction(first), direction(second)
        other = ~torch.eye(len(first), dtype=torch.bool, device=first.device)
        if keep is not None:
            other = other & keep & keep.unsqueeze(-1)
        pairs = other.sum().clamp(min=1).to(first.dtype)
        spread = [
            log_sum(-self.sharpness * squared_distances(x).flatten(-2), other.flatten(-2)) for x in (first, second)
        ]
        # Of no pairs the sum is given as 0, and so is the logarithm of their number.
        return length(first - second) ** self.power + self.uniformity * (0.5 * (spread[0] + spread[1]) - pairs.log())
