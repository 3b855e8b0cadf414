"""Ordered classes by their thresholds: is it beyond the first, the second, ...?"""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Logit, param
from ...core import Supervised
from ..pieces.softplus import softplus


class Ordinal(Supervised):
    """Logistic loss of the questions whether an ordered class is beyond each threshold.

    Classes 0 < 1 < ... < levels - 1 are asked for by levels - 1 yes-or-no questions: is it above 0, above 1, ...?
    Logit k is that of P(target > k), and the loss is the mean of the binary cross-entropies. Being off by two classes
    answers two questions wrongly, so it costs about twice as much as being off by one: what plain cross-entropy
    does not know.

    Its minimiser is the true distribution of the classes, by its cumulative probabilities; `probabilities` gives
    those of the classes. The number of logits above 0 is the median class, the decision of least absolute error.

    Nothing in the loss makes the logits fall from threshold to threshold, as true ones do. A head of one shared score
    and levels - 1 biases gives logits in the same order for every example (CORAL), and training puts the biases in
    theirs. With free logits `probabilities` takes one that rises down to the one before. CumulativeLink has thresholds
    that rise by construction, and the likelihood of the class instead of its questions.

    Shapes: prediction (*batch, levels - 1), in logits; target (*batch) class ids from 0 to levels - 1 of any integer
    type; the loss in nats.

    Raises:
        DomainError: an id is not one of the levels.
        ShapeError: prediction has not levels - 1 entries along its last axis.

    >>> import torch, wald
    >>> loss = wald.Ordinal(levels=4)
    >>> loss(torch.tensor([[3.0, 0.0, -3.0]] * 4), torch.arange(4), reduction="none")
    tensor([1.2634, 0.2634, 0.2634, 1.2634])
    >>> loss.probabilities(torch.tensor([3.0, 0.0, -3.0]))
    tensor([0.0474, 0.4526, 0.4526, 0.0474])
    """

    levels: int = param(convert=int, at_least=2, typical=(4,), help="how many ordered classes there are")

    average: bool = param(
        default=True,
        typical=(False,),
        help="the mean of the questions; False for their sum, which CORAL's authors take",
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
            "(sum([softplus(-z) for z in prediction[:target]]) + sum([softplus(z) for z in prediction[target:]]))"
            " / (levels - 1 if average else 1)"
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; not the thresholds",
        when="Classes have an order (stages, grades, ratings), far off is worse than near, probabilities are wanted.",
        when_not="The steps between classes are known as numbers (Squared), or there is no order (CrossEntropy).",
        points={"perfect": 0, "chance": "log(2) * (1 if average else levels - 1)", "floor": 0},
        aliases=(
            "CORAL",
            "ordinal regression",
            "all-threshold",
            "LogisticAT",
            "extended binary classification",
        ),
        ports={
            "coral_pytorch.losses.CoralLoss": {"average": False},
            "coral_pytorch.losses.coral_loss": {"average": False},
            "mord.LogisticAT": {"average": False},
        },
        tags=("ordinal", "ordered classes", "classification", "ratings", "grades", "rank-consistent"),
        cite=(
            "Frank & Hall 2001, doi:10.1007/3-540-44795-4_13 (thresholds as binary questions)",
            "Cao, Mirjalili & Raschka 2020, arXiv:1901.07884 (CORAL)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        beyond = self._beyond(prediction, target)
        answers = softplus(torch.where(beyond, -prediction, prediction))
        return answers.mean(-1) if self.average else answers.sum(-1)

    def probabilities(self, prediction: Tensor) -> Tensor:
        """The probability of each class, (*batch, levels), from logits (*batch, levels - 1).

        A logit that exceeds the one before is taken down to it, so that no probability is negative.
        """
        logit = prediction.cummin(-1).values
        above, below = logit.sigmoid(), (-logit).sigmoid()
        # 1 - P(above) and P(above the one before) - P(above), each in the form that keeps its digits.
        return torch.cat([below[..., :1], above[..., :-1] - above[..., 1:], above[..., -1:]], -1)

    def _beyond(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Whether the class is above each threshold."""
        return target.unsqueeze(-1) > torch.arange(self.levels - 1, device=prediction.device)
