"""Decoupled contrastive learning: NT-Xent without the positive in the denominator."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class DecoupledContrastive(Contrastive):
    """Two views of each example attract, all other views repel; neither waits for the other (DCL).

    NTXent without the positive in the denominator: of each view log Σ exp(s) over the 2 N - 2 views of other examples,
    less its score with its partner, s = cosine / temperature, and the mean of the two views of an example. A positive
    that is already near no longer quiets the negatives, so that small batches learn as well. **It goes below 0**, to
    about (least - 1) / temperature + log(2 N - 2).

    With `sigma`, DCLW: the attraction of example i is multiplied by 2 - N · softmax(cos_i / sigma), which is larger for
    views that are far apart; these weights have no gradient.

    A masked example is neither anchor nor negative. One example alone has nothing to repel, and costs minus its score.

    Shapes: first and second (N, features); exactly one batch axis, as it says who meets whom.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.DecoupledContrastive(temperature=1.0)(torch.eye(3), torch.eye(3))  # log 4 - 1
    tensor(0.3863)
    """

    temperature: float = param(default=0.1, above=0, typical=(0.5,), help="what cosines are divided by")
    sigma: float | None = param(
        default=None, above=0, help="how soon views that are far apart attract more, in cosines; None for alike"
    )

    card = Card(
        task="other",
        inputs={"first": Vector, "second": Vector},
        formula=Formula(
            "(logsumexp(a) + logsumexp(b)) / 2 - own if others else -own",
            own="cosine(first[i], second[i]) / temperature",
            others="first[:i] + first[i + 1:] + second[:i] + second[i + 1:]",
            a="[cosine(first[i], v) / temperature for v in others]",
            b="[cosine(second[i], v) / temperature for v in others]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have two views of each example, no labels, and small batches.",
        when_not="A value is to be read as a cross-entropy (NTXent), or the sides are of different kinds (InfoNCE).",
        points={"collapse": "log(2 * batch - 2)"},
        aliases=("DCL", "DCLLoss", "DCLW", "DCLWLoss", "decoupled contrastive"),
        ports={"lightly.loss.DCLLoss": {}, "lightly.loss.DCLWLoss": {"sigma": 0.5}},
        tags=("metric learning", "embedding", "contrastive", "self-supervised", "two views"),
        cite=("Yeh et al. 2021, arXiv:2110.06848",),
    )

    def per_example(self, first: Tensor, second: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("DecoupledContrastive", "which views compete", first=first, second=second)
        first, second = direction(first), direction(second)
        other = ~torch.eye(len(first), dtype=torch.bool, device=first.device)
        if keep is not None:
            other = other & keep
        views, others = torch.cat([first, second]), torch.cat([other, other], -1)
        repelled = sum(log_sum(view @ views.mT / self.temperature, others) for view in (first, second))
        own = (first * second).sum(-1)
        return 0.5 * repelled - self._attraction(own.detach(), keep) * own / self.temperature

    def _attraction(self, own: Tensor, keep: Tensor | None) -> Tensor:
        """How much each pair attracts, 1 on the mean."""
        if self.sigma is None:
            return torch.ones_like(own)
        kept = torch.ones_like(own, dtype=torch.bool) if keep is None else keep
        scores = own / self.sigma
        return 2 - kept.sum() * (scores - log_sum(scores, kept)).exp()
