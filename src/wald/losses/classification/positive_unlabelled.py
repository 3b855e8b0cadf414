"""Learning from positives and unlabelled examples: unbiased and non-negative estimates of the risk."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Label, Logit, param
from ...core import Loss
from ..pieces.pairs import one_batch_of_scores
from ..pieces.softplus import softplus


class PositiveUnlabelled(Loss):
    """The risk of yes and no where only some of the yes are labelled, and nothing else.

    `label` is 1 for an example known to be positive and 0 for one of which nothing is known. With `prior`, the share of
    positives among the unlabelled, the cost of the negatives can be had without seeing one: it is the cost of all
    unlabelled as negatives, less what the positives among them add:
    prior · mean over positives of ℓ(z, yes) + [mean over unlabelled of ℓ(z, no) - prior · mean over positives of
    ℓ(z, no)].

    The bracket is a cost and cannot be below 0, but a flexible model makes its estimate negative and overfits.
    `nonnegative=True` (nnPU) stops it at 0, so that such a batch teaches by its positives alone; False (uPU) is the
    unbiased estimate. The authors' training also climbs where the bracket is negative; that is a step of the
    optimiser, not a loss.

    `surrogate="sigmoid"` is ℓ = sigmoid(-margin), of which the two costs of a score add to 1, as in the paper;
    "logistic" is the log loss, whose unbiased form has no least value.

    Examples meet within the batch. Each has its share: the mean over the examples is the risk of the batch. A batch
    without positives, or without unlabelled examples, leaves that mean out.

    Shapes: prediction and label (N,), the one batch axis; prediction in logits, label 0 or 1.

    Raises:
        DomainError: a label is not 0 or 1.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> loss = wald.PositiveUnlabelled(prior=0.5)
    >>> loss(torch.tensor([9.0, 0.0, -9.0]), torch.tensor([1, 0, 0]))  # the bracket is 1/4 - 1/2, so 0
    tensor(6.1697e-05)
    >>> wald.PositiveUnlabelled(prior=0.5, nonnegative=False)(torch.tensor([9.0, 0.0, -9.0]), torch.tensor([1, 0, 0]))
    tensor(-0.2498)
    """

    prior: float = param(
        convert=float, above=0, below=1, typical=(0.4,), help="the share of positives among the unlabelled examples"
    )
    nonnegative: bool = param(default=True, help="whether the estimated cost of the negatives stops at 0")
    surrogate: str = param(
        default="sigmoid", choices=("sigmoid", "logistic"), help="what a yes and a no cost: bounded, or the log loss"
    )

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "label": Label},
        formula=lambda loss: Formula(
            "n * (prior * cost(-z) / known if label[i] else 0) + ((n * no(z, label[i])) if there else 0)",
            z="prediction[i]",
            n="len(label)",
            known="max(sum(label), 1)",
            unknown="max(n - sum(label), 1)",
            cost="sigmoid" if loss.surrogate == "sigmoid" else "softplus",
            no="lambda z, y: -prior * cost(z) / known if y else cost(z) / unknown",
            there="not nonnegative or sum([no(z, y) for z, y in zip(prediction, label)]) > 0",
        ),
        coupling="coupled",
        convex=False,
        bounded_below=lambda loss: loss.nonnegative or loss.surrogate == "sigmoid",
        smooth=None,
        slope=None,
        denominator="the unmasked examples, each counted by its weight",
        when="Some positives are known, everything else is unlabelled, and their share can be guessed.",
        when_not="Negatives are known (BinaryCrossEntropy), or the known positives are not like the others.",
        points=lambda loss: {
            "chance": 0.5 if loss.surrogate == "sigmoid" else "log(2)",
            **({"floor": 0} if loss.nonnegative else {}),
        },
        aliases=("PU learning", "nnPU", "uPU", "PULoss", "nnPULoss", "positive-unlabeled", "PositiveUnlabeled"),
        tags=("classification", "binary", "positive-unlabelled", "semi-supervised", "missing labels", "weak labels"),
        cite=(
            "Kiryo et al. 2017, arXiv:1703.00593 (non-negative)",
            "du Plessis, Niu & Sugiyama 2014, Analysis of Learning from Positive and Unlabeled Data, NeurIPS",
        ),
    )

    def per_example(self, prediction: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("PositiveUnlabelled", prediction=prediction, label=label)
        there = torch.ones_like(prediction) if keep is None else keep.to(prediction.dtype)
        known = label.to(prediction.dtype) * there
        unknown = there - known
        size, positives, others = (x.sum(-1, keepdim=True).clamp(min=1) for x in (there, known, unknown))
        as_yes, as_no = self._cost(-prediction), self._cost(prediction)
        negative = unknown / others * as_no - self.prior * known / positives * as_no
        if self.nonnegative:
            negative = torch.where(negative.sum(-1, keepdim=True) > 0, negative, torch.zeros_like(negative))
        return size * (self.prior * known / positives * as_yes + negative)

    def _cost(self, score: Tensor) -> Tensor:
        return score.sigmoid() if self.surrogate == "sigmoid" else softplus(score)
