"""Neighbourhood components: a soft nearest neighbour has the right label."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum, meetings, only, squared_distances
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class NCA(Contrastive):
    """A neighbour drawn by exp(-d² / temperature) has the right label.

    -log of the probability that it has: log Σ exp(-d² / T) over all others, less the same over those of the label.
    Unlike SupCon, one near positive is enough, so that a class may lie in several clumps; with proxies in place of
    examples it is ProxySoftmax. Also known as the soft nearest neighbour loss.

    Squared distances of vectors of length 1 are at most 4, so that at temperature 1, pytorch-metric-learning's
    default, even a perfect batch costs much: 0.05 to 0.2 is usual. Goldberger et al. maximise the probability itself
    as well as its logarithm; this is the logarithm.

    An example that is alone with its label costs 0 and counts in the mean; pytorch-metric-learning leaves it out, and
    also those whose probability has rounded to 0, the very ones that need it. To average over the others only, pass
    their number as `normalizer`.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> wald.NCA(temperature=1.0)(embedding, torch.tensor([0, 0, 1, 1]))  # log(1 + 2 exp(-2))
    tensor(0.2395)
    """

    temperature: float = param(
        default=0.1, above=0, typical=(1.0,), help="what squared distances are divided by; 1 / scale elsewhere"
    )
    normalise: bool = param(default=True, help="vectors are brought to length 1")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "logsumexp(s) - logsumexp(own) if own else 0",
            x="[[a / sqrt(dot(v, v)) for a in v] if normalise and dot(v, v) > 0 else v for v in embedding]",
            s="[-distance(x[i], v)**2 / temperature for v in x[:i] + x[i + 1:]]",
            own="[y for y, c in zip(s, label[:i] + label[i + 1:]) if c == label[i]]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.normalise else 3,
        slope=lambda loss: "bounded" if loss.normalise else "linear",
        when="Neighbours vote afterwards, and classes may lie in several places.",
        when_not="Batches rarely hold two of a label (ProxySoftmax), or all of a class should come together (SupCon).",
        points={"perfect": 0, "floor": 0},
        aliases=("NCALoss", "NeighbourhoodComponents", "soft nearest neighbour", "SoftNearestNeighborLoss", "SNNL"),
        ports={"pytorch_metric_learning.losses.NCALoss": {"temperature": 1.0}},
        tags=("metric learning", "embedding", "nearest neighbours", "labels"),
        cite=("Goldberger, Roweis, Hinton & Salakhutdinov 2004", "Frosst, Papernot & Hinton 2019, arXiv:1902.01889"),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("NCA", "which examples meet", embedding=embedding, label=label)
        scores = -squared_distances(direction(embedding) if self.normalise else embedding) / self.temperature
        positive, negative = meetings(label, keep)
        return only(log_sum(scores, positive | negative) - log_sum(scores, positive), positive.any(-1))
