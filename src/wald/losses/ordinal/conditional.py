"""CORN: ordered classes, by the chance of going on beyond each, given that it was reached."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Logit, param
from ...core import Supervised
from ..pieces.softplus import softplus


class ConditionalOrdinal(Supervised):
    """Is it beyond the next threshold, given that it is beyond this one (CORN).

    Classes 0 < 1 < ... < levels - 1 are told apart by levels - 1 questions, of which one leads to the next: logit k
    is that of P(target > k | target >= k). An example is asked up to the first no: one of class 0 one question, one of
    the last class all. The sum of the cross-entropies of its questions is -log of the probability of its class, so the
    minimiser is the true distribution, and probabilities are in order whatever the logits: P(target > k) is a product
    of factors below 1. Ordinal (CORAL) asks every question of every example, and needs a shared score for that order.

    **The mean is over examples**, which makes it a likelihood. coral_pytorch divides by the number of questions
    that were asked in the batch: `average="questions"`, where a mean over batches is not that of the data.

    Shapes: prediction (*batch, levels - 1), in logits; target (*batch) class ids from 0 to levels - 1 of any integer
    type; the loss in nats.

    Raises:
        DomainError: an id is not one of the levels.
        ShapeError: prediction has not levels - 1 entries along its last axis.

    >>> import torch, wald
    >>> loss = wald.ConditionalOrdinal(levels=3)
    >>> loss(torch.zeros(3, 2), torch.arange(3), reduction="none")  # 1/2, 1/4 and 1/4
    tensor([0.6931, 1.3863, 1.3863])
    >>> loss.probabilities(torch.zeros(2))
    tensor([0.5000, 0.2500, 0.2500])
    """

    levels: int = param(convert=int, at_least=2, typical=(4,), help="how many ordered classes there are")
    average: Literal["examples", "questions"] = param(
        default="examples",
        choices=("examples", "questions"),
        quiet=True,
        help="what the mean is over: examples, or the questions that they are asked",
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Logit.of("thresholds", size=loss.levels - 1),
            "target": Domain(
                says="a class id", low=0, high=loss.levels - 1, integer=True, typical=(0, loss.levels - 1)
            ),
        },
        formula=Formula(
            "sum([softplus(-z) for z in prediction[:target]])"
            " + sum([softplus(z) for z in prediction[target:target + 1]])"
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight, or the questions that they are asked",
        share=lambda loss: Formula("min(target + 1, levels - 1)") if loss.average == "questions" else None,
        when="Classes have an order, a head of free logits is wanted, and so are probabilities in order.",
        when_not="Few examples reach the last classes (Ordinal asks all of them all), or there is no order.",
        points={"perfect": 0, "floor": 0},
        aliases=("CORN", "corn_loss", "CornLoss", "conditional ordinal", "continuation ratio", "sequential ordinal"),
        ports={
            "coral_pytorch.losses.CornLoss": {"average": "questions"},
            "coral_pytorch.losses.corn_loss": {"average": "questions"},
        },
        tags=("ordinal", "ordered classes", "classification", "ratings", "grades", "rank-consistent"),
        cite=("Shi, Cao & Raschka 2021, arXiv:2111.08851",),
    )

    def share(self, *inputs: Tensor) -> Tensor | None:
        if self.average == "examples":
            return None
        return (inputs[1] + 1).clamp(max=self.levels - 1).to(inputs[0].dtype)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        place, reached = torch.arange(self.levels - 1, device=prediction.device), target.unsqueeze(-1)
        cost = softplus(torch.where(reached > place, -prediction, prediction))
        return cost.masked_fill(reached < place, 0.0).sum(-1)

    def probabilities(self, prediction: Tensor) -> Tensor:
        """The probability of each class, (*batch, levels), from logits (*batch, levels - 1)."""
        beyond = (-softplus(-prediction)).cumsum(-1).exp()
        reached = torch.cat([torch.ones_like(beyond[..., :1]), beyond[..., :-1]], -1)
        return torch.cat([reached * (-prediction).sigmoid(), beyond[..., -1:]], -1)
