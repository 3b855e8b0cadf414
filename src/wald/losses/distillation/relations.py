"""Relational distillation: the distances and angles of a batch are those that the teacher sees."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, Vector, param
from ...core import Supervised
from ..pieces.batch_pairs import mean_of, only, similarities
from ..pieces.distance import direction, length
from ..pieces.one_batch import one_batch


def _huber(x: Tensor, delta: float) -> Tensor:
    near = x.abs().clamp(max=delta)
    return near * (x.abs() - 0.5 * near)


def _pairs(x: Tensor, keep: Tensor | None) -> Tensor:
    """Which pairs of rows there are, a row with itself among them."""
    kept = torch.ones_like(x[:, 0], dtype=torch.bool) if keep is None else keep
    return kept & kept.unsqueeze(-1)


class RelationalDistance(Supervised):
    """The distances within a batch are in the same proportions as the teacher's (RKD-D).

    The mean over all pairs of Huber(d(x_i, x_j) - d(t_i, t_j)), each d divided by the mean of all distances of its side
    that are not 0, so that scales and widths of the two may differ. Pairs of an example with itself count in the outer
    mean, with 0, as in the authors' code. **The target is held fixed.** The authors weigh it 25 for metric learning.

    Shapes: prediction (N, features) and target (N, target features), vectors of the same examples.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x = torch.tensor([[0.0], [1.0], [3.0]])
    >>> wald.RelationalDistance()(5 * x, x), wald.RelationalDistance()(x.square(), x)
    (tensor(0.), tensor(0.0247))
    """

    delta: float = param(default=1.0, above=0, typical=(0.1,), help="from which difference on it grows linearly")

    card = Card(
        task="other",
        inputs={"prediction": Vector, "target": Real.of("target_features")},
        formula=Formula(
            "mean([h(distance(prediction[i], z) / a - distance(target[i], w) / b)"
            " for z, w in zip(prediction, target)])",
            h="lambda r: r**2 / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)",
            m="lambda d: sum(d) / (sum([1 for x in d if x > 0]) or 1) or 1",
            a="m([distance(x, z) for x in prediction for z in prediction])",
            b="m([distance(x, z) for x in target for z in target])",
        ),
        convex=False,
        coupling="coupled",
        when="A student's embeddings should be arranged as a teacher's, of other scale or width.",
        when_not="Both have the same space (Squared), or only similarity counts (SimilarityPreserving).",
        points={"perfect": 0, "floor": 0},
        aliases=("RKD distance", "RKD-D", "RkdDistance", "RKDLoss", "relational knowledge distillation"),
        tags=("distillation", "teacher", "student", "embedding", "metric learning"),
        cite=("Park et al. 2019, arXiv:1904.05068",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("RelationalDistance", "whose distances are compared", prediction=prediction, target=target)
        pairs = _pairs(prediction, keep)
        own, wanted = (self._proportions(x, pairs) for x in (prediction, target.detach()))
        return mean_of(_huber(own - wanted, self.delta), pairs)

    def _proportions(self, x: Tensor, pairs: Tensor) -> Tensor:
        """Distances of all pairs, divided by the mean of those that are not 0."""
        apart = only(length(x.unsqueeze(1) - x), pairs)
        total, count = apart.sum(), (apart > 0).sum().clamp(min=1)
        return apart * (count / torch.where(total > 0, total, torch.ones_like(total)))


class RelationalAngle(Supervised):
    """The angles within all triples of a batch are those that the teacher sees (RKD-A).

    The mean over all triples of Huber(cos at j of i and k - the same of the teacher). Triples in which points coincide
    have a cosine of 0 and count, as in the authors' code. **Memory and time grow with N³**, times the features. **The
    target is held fixed.** The authors weigh it 50, and RelationalDistance 25, for metric learning.

    Shapes: prediction (N, features) and target (N, target features), vectors of the same examples.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> corner, line = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0], [1.0], [2.0]])
    >>> wald.RelationalAngle()(corner, line)
    tensor(0.1296)
    """

    delta: float = param(default=1.0, above=0, typical=(0.1,), help="from which difference on it grows linearly")

    card = Card(
        task="other",
        inputs={"prediction": Vector, "target": Real.of("target_features")},
        formula=Formula(
            "mean([h(angle(prediction, i, j, k) - angle(target, i, j, k)) for j in rows for k in rows])",
            h="lambda r: r**2 / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)",
            angle="lambda s, i, j, k: cosine([a - b for a, b in zip(s[i], s[j])], [a - b for a, b in zip(s[k], s[j])])",
            rows="range(len(prediction))",
        ),
        convex=False,
        coupling="coupled",
        when="A student's embeddings should have the shape of a teacher's, whatever their scale.",
        when_not="The batch is large: N³ triples (RelationalDistance).",
        points={"perfect": 0, "floor": 0},
        sizes={"batch": 256},
        aliases=("RKD angle", "RKD-A", "RKdAngle", "relational angles"),
        tags=("distillation", "teacher", "student", "embedding", "metric learning"),
        cite=("Park et al. 2019, arXiv:1904.05068",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("RelationalAngle", "whose angles are compared", prediction=prediction, target=target)
        pairs = _pairs(prediction, keep)
        own, wanted = (self._angles(x) for x in (prediction, target.detach()))
        # Laid out with the vertex first; an example pays for the triples of which it is an end.
        triples = pairs.unsqueeze(0) & pairs.unsqueeze(-1)
        each = only(_huber(own - wanted, self.delta), triples)
        return each.sum((0, 2)) / triples.sum((0, 2)).clamp(min=1)

    def _angles(self, x: Tensor) -> Tensor:
        sides = direction(x - x.unsqueeze(1))
        return sides @ sides.mT


class SimilarityPreserving(Supervised):
    """Who is similar to whom in a batch is what the teacher says (SPKD).

    Σ (G - T)² / N², where G and T are the products of all rows of each side, every row of them at length 1. It asks
    nothing of single features, so widths may differ. **The target is held fixed.** Flatten maps first: `x.flatten(1)`.
    The authors weigh it 3000.

    Shapes: prediction (N, features) and target (N, target features), of the same examples.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x, t = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> wald.SimilarityPreserving()(3 * t, t), wald.SimilarityPreserving()(x, t)
    (tensor(0.), tensor(0.2929))
    """

    card = Card(
        task="other",
        inputs={"prediction": Vector, "target": Real.of("target_features")},
        formula=Formula(
            "sum([(a - b) ** 2 for a, b in zip(row(prediction), row(target))]) / len(prediction)",
            unit="lambda v: [x / (sqrt(dot(v, v)) or 1) for x in v]",
            row="lambda s: unit([dot(s[i], z) for z in s])",
        ),
        convex=False,
        coupling="coupled",
        when="A student's features should tell examples apart as a teacher's do, of another width.",
        when_not="Distances matter (RelationalDistance), or the batch is a handful.",
        points={"perfect": 0, "floor": 0},
        aliases=("SPKD", "SP", "SPKDLoss", "similarity-preserving knowledge distillation"),
        tags=("distillation", "teacher", "student", "embedding", "features"),
        cite=("Tung & Mori 2019, arXiv:1907.09682",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("SimilarityPreserving", "who is compared with whom", prediction=prediction, target=target)
        pairs = _pairs(prediction, keep)
        own, wanted = (direction(only(similarities(x, normalise=False), pairs)) for x in (prediction, target.detach()))
        return mean_of((own - wanted).square(), pairs)
