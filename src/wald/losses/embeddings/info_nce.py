"""InfoNCE: each query must pick its own key out of all keys of the batch."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive, ShapeError
from ..pieces.distance import direction


class InfoNCE(Contrastive):
    """Each query picks its own key out of all the keys of the batch.

    Cross-entropy of picking the right one: query i belongs to key i, and every other key is a negative.
    -log softmax(s)_ii with the scores s_ij = cos(query_i, key_j) / temperature. With `normalise=False` the
    scores are plain products; with `temperature=1` besides, `wald.LearnedScale` learns a temperature. With
    `symmetric=True` keys also pick queries, and an example costs the mean of both directions: CLIP's loss.

    Chance costs log N for a batch of N, and one pair alone costs 0. What it learns depends on N, so
    **accumulating gradients over small batches is not one large batch**: each sees its own negatives only.
    Two equal keys in a batch are negatives of each other; leave out repeats with `mask`. A masked pair is
    neither a query nor a negative.

    CLIP, multiple negatives ranking (`scale` is 1 / temperature) and InfoNCE are this loss, and so is N-pairs: with
    `normalise=False, temperature=1` the paper's, to which it adds a price on lengths. NT-Xent of SimCLR is a
    relative, not this: it also takes the other queries as negatives, and leaves a vector's score with itself out.

    Shapes: query and key (N, features); exactly one batch axis, as it says who meets whom.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> apart = torch.eye(3)
    >>> wald.InfoNCE(temperature=1.0)(apart, apart)  # log(e + 2) - 1
    tensor(0.5514)
    >>> wald.InfoNCE()(torch.ones(3, 2), torch.ones(3, 2))  # all the same: log 3
    tensor(1.0986)
    """

    temperature: float = param(
        default=0.1,
        above=0,
        typical=(0.05, 1.0),
        help="what scores are divided by; small looks at the hardest negatives",
    )
    normalise: bool = param(default=True, typical=(False,), help="scores are cosines, not plain products")
    symmetric: bool = param(default=False, typical=(True,), help="keys also pick queries, in equal shares")

    card = Card(
        task="other",
        inputs={"query": Vector, "key": Vector},
        formula=lambda loss: Formula(
            "(logsumexp(s) + logsumexp(r)) / 2 - s[i]" if loss.symmetric else "logsumexp(s) - s[i]",
            s=f"[{'cosine' if loss.normalise else 'dot'}(query[i], k) / temperature for k in key]",
            **(
                {"r": f"[{'cosine' if loss.normalise else 'dot'}(q, key[i]) / temperature for q in query]"}
                if loss.symmetric
                else {}
            ),
        ),
        convex=lambda loss: False if loss.normalise else None,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.normalise else 3,
        slope="bounded",
        when="You have pairs that belong together and no labelled negatives, and batches large enough to hold them.",
        when_not="Batches are small or full of near repeats, which then count as negatives.",
        points={"chance": "log(batch)", "collapse": "log(batch)", "floor": 0},
        aliases=(
            "InfoNCELoss",
            "CLIP",
            "CLIPLoss",
            "MultipleNegativesRankingLoss",
            "MNRL",
            "in-batch softmax",
            "NPairs",
            "N-pairs",
            "multi-class N-pair",
            "MultipleNegativesRanking",
        ),
        ports={
            "sentence_transformers.losses.MultipleNegativesRankingLoss": {"temperature": 0.05},
            "sentence_transformers.losses.MultipleNegativesSymmetricRankingLoss": {
                "temperature": 0.05,
                "symmetric": True,
            },
            "pytorch_metric_learning.losses.NPairsLoss": {"temperature": 1.0},
            "info_nce.InfoNCE": {},
            "open_clip.ClipLoss": {"symmetric": True, "temperature": 0.07},
        },
        tags=("metric learning", "embedding", "contrastive", "self-supervised", "retrieval", "NT-Xent", "SimCLR"),
        cite=(
            "van den Oord, Li & Vinyals 2018, arXiv:1807.03748",
            "Henderson et al. 2017, arXiv:1705.00652 (multiple negatives ranking)",
            "Radford et al. 2021, arXiv:2103.00020 (CLIP)",
        ),
    )

    def per_example(self, query: Tensor, key: Tensor, *, keep: Tensor | None = None) -> Tensor:
        if query.ndim != 2:
            raise ShapeError(
                f"InfoNCE: query {tuple(query.shape)} must be (N, features), as the one batch axis says which keys "
                "compete. Use query.flatten(0, -2) and key.flatten(0, -2) if all of them do, or "
                "torch.vmap(loss)(query, key) for separate batches."
            )
        if self.normalise:
            query, key = direction(query), direction(key)
        scores = (query / self.temperature) @ key.mT
        values = _picked(scores, keep)
        return 0.5 * (values + _picked(scores.mT, keep)) if self.symmetric else values


def _picked(scores: Tensor, keep: Tensor | None) -> Tensor:
    """What each row pays for picking its entry on the diagonal out of the columns that are kept."""
    column = torch.arange(len(scores), device=scores.device)
    if keep is not None:
        # Its own column stays, so that a row that is left out has a finite value and gradient too.
        possible = keep | (column == column.unsqueeze(-1))
        scores = torch.where(possible, scores, torch.full_like(scores, -torch.inf))
    return cross_entropy(scores, column, reduction="none")
