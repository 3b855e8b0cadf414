"""PNP: negatives that come before a positive are penalised."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import MEETINGS, Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import mean_of, meetings, only, similarities
from ..pieces.one_batch import one_batch


class PNP(Contrastive):
    """Penalises the negatives that come before a positive.

    Of each positive p of a query, r = Σ sigmoid((cos_n - cos_p) / temperature) over its negatives, how many come before
    it, and the mean over positives of a function of r, by which the `form`s differ:

    - "O": r itself;
    - "Iu": (1 + r) log(1 + r), and "Ib": (2 r - log(1 + 2 r)) / 4: the further back, the steeper (queries that are far
      from right lead);
    - "Ds": log(1 + r), and "Dq": r / (1 + r): the further back, the flatter, so that mislabelled positives pull
      little. The authors find "Dq" best.

    Smooth-AP in contrast counts positives, too, and so pushes one positive behind another. pytorch-metric-learning and
    the authors count the query among its own positives, with few negatives before it, and average over all queries:
    that is `itself=True`.

    It looks at N³ numbers at once. A query without positives costs 0 and counts in the mean.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who is ranked.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]])
    >>> wald.PNP(form="O")(embedding, torch.tensor([0, 1, 0, 1]), reduction="none")
    tensor([1., 2., 2., 1.])
    """

    form: str = param(default="Dq", choices=("Dq", "Ds", "O", "Iu", "Ib"), help="the function of how many come before")
    temperature: float = param(default=0.01, above=0, help="how far apart two cosines are told apart")
    itself: bool = param(default=False, typical=(True,), help="a query counts as its own first positive")

    card = Card(
        task="ranking",
        inputs={"embedding": Vector, "label": ClassId},
        formula=lambda loss: Formula(
            "mean([price(sum([before(n, p) for n in negatives(i)])) for p in hits]) if hits else 0",
            **MEETINGS,
            x="[unit(v) for v in embedding]",
            hits="positives(i) + ([i] if itself else [])",
            before="lambda n, p: sigmoid((dot(x[i], x[n]) - dot(x[i], x[p])) / temperature)",
            price={
                "O": "lambda r: r",
                "Iu": "lambda r: (1 + r) * log1p(r)",
                "Ib": "lambda r: (2 * r - log1p(2 * r)) / 4",
                "Ds": "lambda r: log1p(r)",
                "Dq": "lambda r: r / (1 + r)",
            }[loss.form],
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="Retrieval is judged by how early positives come, and some labels are wrong.",
        when_not="Batches are large, as it costs N³ (FastAP, MultiSimilarity).",
        points={"perfect": 0, "floor": 0},
        sizes={"batch": 256},
        aliases=("PNPLoss", "PNP loss", "penalizing negatives before positives"),
        ports={"pytorch_metric_learning.losses.PNPLoss": {"form": "O", "itself": True}},
        tags=("metric learning", "embedding", "retrieval", "average precision", "labels"),
        cite=("Li et al. 2021, arXiv:2102.04640",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("PNP", "who is ranked", embedding=embedding, label=label)
        alike = similarities(embedding)
        positive, negative = meetings(label, keep)
        hit = positive
        if self.itself:
            hit = positive | torch.eye(len(label), dtype=torch.bool, device=label.device)
        before = ((alike.unsqueeze(-2) - alike.unsqueeze(-1)) / self.temperature).sigmoid()
        values = self._priced(only(before, negative.unsqueeze(-2)).sum(-1))
        return mean_of(values, hit)

    def _priced(self, before: Tensor) -> Tensor:
        """What it costs that so many come before."""
        match self.form:
            case "O":
                return before
            case "Ds":
                return before.log1p()
            case "Dq":
                return before / (1 + before)
            case "Iu":
                return (1 + before) * before.log1p()
            case _:
                return (2 * before - (2 * before).log1p()) / 4
