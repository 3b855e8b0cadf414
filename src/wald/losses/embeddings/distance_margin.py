"""The margin loss: positives inside a boundary, negatives outside, by a margin; the boundary can be learned."""

from __future__ import annotations

from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Positive, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import distances, meetings, only, over_all
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class DistanceMargin(Contrastive):
    """Positives lie inside a boundary and negatives outside, by a margin (margin loss).

    A positive costs max(0, d - boundary + margin), a negative max(0, boundary - d + margin). `boundary` is an input, so
    that it may be learned, by `wald.LearnedBoundary`: one number for all, torch.full_like(label, 1.2,
    dtype=torch.float) or beta.expand(len(label)), or one a class, beta[label]. Only ratios of distances matter to a
    triplet; here a single threshold must serve all classes.

    In a batch every triplet counts once, with both its pairs: an anchor's positives together weigh as much as its
    negatives. **The mean is over the pairs of triplets that cost something**, as in the authors' code and in
    pytorch-metric-learning; `average="all"` takes all of them, which fades as pairs become easy. The paper draws
    negatives by distance: `wald.miners.distance_weights` gives those probabilities, to draw pairs for ContrastivePair
    or triplets for Triplet.

    The authors keep a learned boundary from growing by a price, nu times the boundary: add it to the objective.

    Shapes: embedding (N, features), label (N,) class ids, boundary (N,); exactly one batch axis, as it says who meets
    whom. Distances are Euclidean, of vectors of length 1.

    Raises:
        DomainError: a label is negative, or a boundary is not positive.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding, label = torch.tensor([[0.0], [1.0], [1.3]]), torch.tensor([0, 0, 1])
    >>> loss = wald.DistanceMargin(normalise=False)
    >>> loss(embedding, label, torch.full((3,), 1.0))  # the pairs cost 0.2, 0, 0.2 and 0.9
    tensor(0.4333)
    """

    margin: float = param(default=0.2, at_least=0, help="how far from the boundary a pair costs nothing")
    average: str = param(
        default="violating", choices=("violating", "all"), help="what the mean is over: pairs that cost, or all"
    )
    normalise: bool = param(default=True, typical=(False,), help="vectors are brought to length 1")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId, "boundary": Positive},
        formula=Formula(
            "sum(costs(i)) * len(x) / (sum([c > 0 or average == 'all' for a in range(len(x)) for c in costs(a)]) or 1)",
            **MEETINGS,
            x="[unit(v) for v in embedding] if normalise else embedding",
            beyond="lambda a, b: distance(x[a], x[b]) - boundary[a]",
            triplets="lambda a: [(p, n) for p in positives(a) for n in negatives(a)]",
            costs="lambda a: [max(0, c + margin) for p, n in triplets(a) for c in (beyond(a, p), -beyond(a, n))]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.average == "all" else None,
        slope="bounded",
        when="You have labels, and one threshold on the distance must tell same from different afterwards.",
        when_not="Only the order of distances matters (BatchTriplet, SupCon).",
        points={"perfect": 0, "floor": 0},
        aliases=("MarginLoss", "margin based loss", "distance weighted margin", "beta margin"),
        ports={"pytorch_metric_learning.losses.MarginLoss": {}},
        tags=("metric learning", "embedding", "retrieval", "labels", "verification"),
        cite=("Wu, Manmatha, Smola & Krähenbühl 2017, arXiv:1706.07567",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, boundary: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("DistanceMargin", "which examples meet", embedding=embedding, label=label, boundary=boundary)
        apart = distances(direction(embedding) if self.normalise else embedding)
        positive, negative = meetings(label, keep)
        beyond = apart - boundary.unsqueeze(-1)
        inside = only((beyond + self.margin).relu(), positive)
        outside = only((self.margin - beyond).relu(), negative)
        # A triplet holds one of each, so that each positive stands in as many as there are negatives.
        positives, negatives = (meets.sum(-1).to(apart.dtype) for meets in (positive, negative))
        counted = (inside > 0, outside > 0) if self.average == "violating" else (positive, negative)
        costs = negatives * inside.sum(-1) + positives * outside.sum(-1)
        counts = negatives * counted[0].sum(-1) + positives * counted[1].sum(-1)
        return over_all(costs, counts, keep)
