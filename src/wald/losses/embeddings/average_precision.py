"""Average precision of each example as a query, with ranks made soft: FastAP by a histogram, Smooth-AP by a sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import mean_of, meetings, only, similarities, squared_distances
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class FastAP(Contrastive):
    """One minus the average precision of each query, ranked by a histogram of distances.

    Squared distances of vectors of length 1 lie in [0, 4]; `bins` soft bins between count the positives h and all
    examples H of a query, and the precision of a bin is (positives up to it) / (all up to it). The value is
    1 - Σ h · (Σ h up to here) / (Σ H up to here) / positives. It takes N² · bins, where Smooth-AP takes N³, and ranks
    no finer than its bins: examples of one bin are tied.

    A query without positives costs 0 and counts in the mean; pytorch-metric-learning leaves it out: pass the number of
    others as `normalizer`. Even a perfect batch does not cost exactly 0 where positives and negatives share a bin.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who is ranked.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    >>> wald.FastAP()(embedding, torch.tensor([0, 0, 1, 1]))
    tensor(0.)
    >>> wald.FastAP()(embedding, torch.tensor([0, 1, 0, 1]))  # the positive comes last of three
    tensor(0.6667)
    """

    bins: int = param(default=10, at_least=1, typical=(20,), help="how many, between the squared distances 0 and 4")

    card = Card(
        task="ranking",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "1 - sum([h * precision(b + 1) for b, h in zip(range(bins + 1), found) if h]) / len(positives(i))"
            " if positives(i) else 0",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            tent="lambda k, b: max(0, 1 - abs(distance(x[i], x[k])**2 * bins / 4 - b))",
            found="[sum([tent(k, b) for k in positives(i)]) for b in range(bins + 1)]",
            other="[sum([tent(k, b) for k in negatives(i)]) for b in range(bins + 1)]",
            precision="lambda n: sum(found[:n]) / sum(found[:n] + other[:n])",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="Retrieval is judged by average precision, and batches hold several of each label.",
        when_not="Fine differences at the top count: one bin ties them (SmoothAP).",
        points={"perfect": 0, "floor": 0},
        aliases=("FastAPLoss", "fast average precision"),
        ports={"pytorch_metric_learning.losses.FastAPLoss": {}},
        tags=("metric learning", "embedding", "retrieval", "average precision", "labels"),
        cite=("Cakir, He, Xia, Kulis & Sclaroff 2019 (CVPR)",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("FastAP", "who is ranked", embedding=embedding, label=label)
        apart = squared_distances(direction(embedding))
        positive, negative = meetings(label, keep)
        width = 4 / self.bins
        centre = torch.arange(self.bins + 1, dtype=apart.dtype, device=apart.device) * width
        in_bin = (1 - (apart.unsqueeze(-1) - centre).abs() / width).relu()
        hits = only(in_bin, positive.unsqueeze(-1)).sum(-2)
        found = hits.cumsum(-1)
        seen = found + only(in_bin, negative.unsqueeze(-1)).sum(-2).cumsum(-1)
        some = seen > 0
        precision = only(found, some) / torch.where(some, seen, torch.ones_like(seen))
        count = positive.sum(-1)
        return only(1 - (hits * precision).sum(-1) / count.clamp(min=1), count > 0)


class SmoothAP(Contrastive):
    """One minus the average precision of each query, with sigmoids in place of ranks.

    Of each positive p of a query, (1 + positives before it) / (1 + all before it), where j is before p to the degree
    sigmoid((cos_j - cos_p) / temperature); the value is 1 minus their mean. At 0.01 a cosine difference of 0.02 is
    nearly a full rank, and pairs further apart than that have no gradient any more.

    Labels may be of any number and order. pytorch-metric-learning 2.9 needs equally many of each, sorted, and
    **groups rows wrongly unless there are as many labels as examples of each**: perfectly separated embeddings then
    cost 0.3 there. Like the authors' code it counts the query among its own hits, at rank 1, which makes the value
    smaller: that is `itself=True`.

    It looks at N³ numbers at once. A query without positives costs 0 and counts in the mean.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who is ranked.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]])
    >>> wald.SmoothAP()(embedding, torch.tensor([0, 0, 1, 1]))
    tensor(0.)
    >>> wald.SmoothAP()(embedding, torch.tensor([0, 1, 0, 1]), reduction="none")
    tensor([0.5000, 0.6667, 0.6667, 0.5000])
    """

    temperature: float = param(
        default=0.01, above=0, typical=(0.1,), help="how far apart two cosines are told apart, in units of the cosine"
    )
    itself: bool = param(default=False, typical=(True,), help="a query counts as its own first hit")

    card = Card(
        task="ranking",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "1 - mean([(1 + ahead(p, hits)) / (1 + ahead(p, hits) + ahead(p, negatives(i))) for p in hits])"
            " if positives(i) else 0",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            hits="positives(i) + ([i] if itself else [])",
            before="lambda j, p: sigmoid((dot(x[i], x[j]) - dot(x[i], x[p])) / temperature)",
            ahead="lambda p, who: sum([before(j, p) for j in who if j != p])",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="Retrieval is judged by average precision, and batches hold several of each label.",
        when_not="Batches are large, as it costs N³ (FastAP), or embeddings begin far from right (SupCon first).",
        points={"perfect": 0, "floor": 0},
        sizes={"batch": 256},
        aliases=("SmoothAPLoss", "Smooth-AP", "smooth average precision"),
        ports={"pytorch_metric_learning.losses.SmoothAPLoss": {"itself": True}},
        tags=("metric learning", "embedding", "retrieval", "average precision", "labels"),
        cite=("Brown, Xie, Kalogeiton & Zisserman 2020, arXiv:2007.12163",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("SmoothAP", "who is ranked", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        oneself = torch.eye(len(label), dtype=torch.bool, device=label.device)
        some = positive.any(-1)
        hit = positive | oneself if self.itself else positive
        before = ((alike.unsqueeze(-2) - alike.unsqueeze(-1)) / self.temperature).sigmoid()
        hits = 1 + only(before, hit.unsqueeze(-2) & ~oneself).sum(-1)
        precision = hits / (hits + only(before, negative.unsqueeze(-2)).sum(-1))
        return only(1 - mean_of(precision, hit), some)
