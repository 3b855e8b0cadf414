"""CoSENT and AnglE: pairs are ordered by their scores as they are by judged similarity."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Formula, Real, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class CoSENT(Contrastive):
    """Pairs judged more similar score higher than pairs judged less similar (CoSENT, AnglE).

    log(1 + Σ exp(scale (score_j - score_i))) over all couples of pairs with similarity_i > similarity_j: only the
    order of the judgements counts, not their numbers. **One number for the whole batch**, given to each pair alike and
    not divided by the number of couples, so that a larger batch costs more: log(1 + couples) once all scores are the
    same.

    `score="cosine"` is CoSENT. With "angle" it is AnglE's, |Σ cosine and sine parts| of the two vectors read as
    complex numbers, first half real and second half imaginary (an odd last feature gets a partner 0), which does not
    flatten out as cosines near 1 do.

    Shapes: first and second (N, features), similarity (N,) any real numbers; exactly one batch axis, as it says
    which pairs are ordered.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> first, second = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> wald.CoSENT(scale=1.0)(first, second, torch.tensor([5.0, 1.0]))  # the right order: log(1 + 1/e)
    tensor(0.3133)
    >>> wald.CoSENT(scale=1.0)(first, second, torch.tensor([1.0, 5.0]))  # the wrong one: log(1 + e)
    tensor(1.3133)
    """

    scale: float = param(default=20.0, above=0, typical=(1.0,), help="what scores are multiplied by; 1 / temperature")
    score: str = param(default="cosine", choices=("cosine", "angle"), help="how alike two vectors are")

    card = Card(
        task="pairwise",
        inputs={"first": Vector, "second": Vector, "similarity": Real},
        formula=lambda loss: Formula(
            "log1p(sum([exp(scale * (t - s)) for s, x in pairs for t, y in pairs if x > y]))",
            **(
                {"score": "[cosine(v, w) for v, w in zip(first, second)]"}
                if loss.score == "cosine"
                else {
                    "whole": "lambda v: unit(v) + [0] * (len(v) % 2)",
                    "halves": "lambda v: (whole(v)[:len(whole(v)) // 2], whole(v)[len(whole(v)) // 2:])",
                    "cross": "lambda a, b, c, d: dot(b, c) - dot(a, d)",
                    "angle": "lambda v, w: abs(cosine(v, w) + cross(*halves(v), *halves(w)))",
                    "score": "[angle(v, w) for v, w in zip(first, second)]",
                }
            ),
            pairs="[*zip(score, similarity)]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="bounded",
        when="Similarity of pairs was graded, and you are judged by rank correlation.",
        when_not="The grades themselves should be met (Squared of a cosine), or pairs are only same or different.",
        points={"floor": 0},
        aliases=("CoSENTLoss", "AnglELoss", "AnglE", "angle optimised", "cosine sentence"),
        ports={
            "sentence_transformers.losses.CoSENTLoss": {},
            "sentence_transformers.losses.AnglELoss": {"score": "angle"},
        },
        tags=("metric learning", "embedding", "sentence", "similarity", "ranking"),
        cite=("Li & Li 2023, arXiv:2309.12871 (AnglE)", "Su 2022 (CoSENT)"),
    )

    def per_example(self, first: Tensor, second: Tensor, similarity: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("CoSENT", "which pairs are ordered", first=first, second=second, similarity=similarity)
        first, second = direction(first), direction(second)
        score = (first * second).sum(-1)
        if self.score == "angle":
            score = (score + _sine(first, second)).abs()
        lead = self.scale * (score - score.unsqueeze(-1))
        above = similarity.unsqueeze(-1) > similarity
        if keep is not None:
            above = above & keep & keep.unsqueeze(-1)
        value = log_sum(lead.flatten(-2), above.flatten(-2), one=True)
        # A comparison with NaN is false, which would hide it.
        return torch.where(similarity.isnan().any(), torch.nan, value).expand(similarity.shape)


def _sine(first: Tensor, second: Tensor) -> Tensor:
    """The imaginary part of the product of the one with the other turned round, both read as complex numbers."""
    odd = first.shape[-1] % 2
    (a, b), (c, d) = (F.pad(x, (0, odd)).chunk(2, -1) if odd else x.chunk(2, -1) for x in (first, second))
    return (b * c - a * d).sum(-1)
