"""Margin ranking: what was chosen should score higher than what was rejected, by a margin."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Preference


class MarginRanking(Preference):
    """The hinge of two scores: the chosen one should lead the rejected one by a margin.

    max(0, margin - (chosen - rejected)). A pair that leads by the margin costs nothing and teaches nothing. The margin
    is in units of the score. torch's default is 0, and that is won by constant scores: where a model gives every
    item the same score, the loss is 0 already. Here it is 1.

    torch takes (input1, input2, target) with a target of +1 where the first should win, and -1 where the second should.
    Say it by the order instead: `MarginRanking()(chosen, rejected)`.

    Shapes: chosen and rejected (*batch), the scores of the two items of a pair.

    >>> import torch, wald
    >>> wald.MarginRanking()(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.5000, 0.0000])
    """

    margin: float = param(default=1.0, at_least=0, help="the lead beyond which a pair costs nothing; 0 is torch's")

    card = Card(
        task="pairwise",
        inputs={"chosen": Real, "rejected": Real},
        formula=Formula("max(0, margin - (chosen - rejected))"),
        convex=True,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        denominator="the unmasked pairs, each counted by its weight",
        when="Pairs say which of two items comes first, and pairs that are well apart should teach nothing.",
        when_not="The chance that one is preferred is wanted (BradleyTerry), or whole lists are there (RankNet).",
        points={"collapse": "margin", "floor": 0},
        aliases=("MarginRankingLoss", "margin_ranking_loss", "pairwise hinge of two scores", "BPR-max margin"),
        ports={
            "torch.nn.MarginRankingLoss": {"margin": 0.0},
            "torch.nn.functional.margin_ranking_loss": {"margin": 0.0},
            "pykeen.losses.MarginRankingLoss": {},
        },
        tags=("ranking", "pairwise", "hinge", "margin", "preference", "recommendation", "knowledge graph"),
        cite=("Joachims 2002, doi:10.1145/775047.775067 (ranking SVM)",),
    )

    def per_example(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        return torch.relu(self.margin - (chosen - rejected))
