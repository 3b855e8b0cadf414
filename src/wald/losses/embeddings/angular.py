"""The angular loss: the angle at the negative of a triangle with a pair of one label stays small."""

from __future__ import annotations

import math

from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum, meetings, only, over_all, similarities
from ..pieces.one_batch import one_batch


class Angular(Contrastive):
    """The angle at which a negative sees a pair of one label is at most `angle`.

    Of each pair (i, p) of one label log(1 + Σ exp(4 t (x_i + x_p)·x_n - 2 (1 + t) x_i·x_p)) over all negatives n, with
    t = tan² angle and vectors of length 1. **The angle is in degrees**, 36 to 55 in the paper. An angle does not
    depend on how far classes are apart, which a margin in distances does. The mean over the batch is the mean over
    the pairs.

    The "angular" margins of other libraries are ArcFace and CosFace, which are unrelated. The authors add it to
    N-pairs (InfoNCE); on its own it trains, too. pytorch-metric-learning brings pairs to length 1 but not negatives:
    give it vectors of length 1, and the two agree.

    It looks at N³ numbers at once. A batch without pairs or without negatives costs 0.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> wald.Angular(angle=45.0)(embedding, torch.tensor([0, 0, 1]))  # log(1 + exp(-4))
    tensor(0.0181)
    """

    angle: float = param(
        default=40.0, above=0, below=90, typical=(50.0,), help="the largest angle at a negative, in degrees"
    )

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=Formula(
            "sum([softplus(logsumexp([lead(p, n) for n in negatives(i)])) for p in positives(i) if negatives(i)])"
            " * len(x) / (pairs or 1)",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            slack="(sin(angle * pi / 180) / cos(angle * pi / 180))**2",
            lead="lambda p, n: 4 * slack * (dot(x[i], x[n]) + dot(x[p], x[n])) - 2 * (1 + slack) * dot(x[i], x[p])",
            pairs="sum([len(positives(a)) for a in range(len(x)) if negatives(a)])",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="You have labels, several of each in a batch, and classes that vary in how wide they are.",
        when_not="Batches are large: it costs N³ (SupCon, MultiSimilarity).",
        points={"floor": 0},
        sizes={"batch": 256},
        aliases=("AngularLoss", "angular triplet"),
        ports={"pytorch_metric_learning.losses.AngularLoss": {}},
        tags=("metric learning", "embedding", "retrieval", "labels"),
        cite=("Wang, Zhou, Wen, Liu & Lin 2017, arXiv:1708.01682",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("Angular", "which examples meet", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        slack = math.tan(math.radians(self.angle)) ** 2
        scores = 4 * slack * (alike.unsqueeze(-2) + alike.unsqueeze(-3)) - 2 * (1 + slack) * alike.unsqueeze(-1)
        costs = log_sum(scores, negative.unsqueeze(-2).expand(scores.shape), one=True)
        counted = positive & negative.any(-1, keepdim=True)
        return over_all(only(costs, counted).sum(-1), counted.sum(-1), keep)
