"""Total variation distance between two categorical distributions."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution
from ..pieces.two_distributions import TwoDistributions


class TotalVariationDistance(Supervised, TwoDistributions):
    """The share of probability that one distribution has elsewhere than the other.

    Σ |p - t| / 2: from 0 to 1, and the largest difference that the two make in the probability of any event. It has a
    kink where a class agrees and no more than a bounded pull elsewhere: of labels it is 1 - p of the true class, so it
    forgives what is wrong for certain, and minimised over noisy labels it goes to the likeliest class, not to the
    distribution. Some code leaves the factor 1/2 out.

    It is no smoothness of images, which is `TotalVariation`.

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[0.5, 0.5, 0.0]])
    >>> wald.TotalVariationDistance(prediction_space="probabilities")(torch.tensor([[0.1, 0.5, 0.4]]), target)
    tensor(0.4000)
    >>> wald.TotalVariationDistance()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor(0.5000)
    """

    prediction_space: str = param(
        default="logits",
        choices=("logits", "log_probabilities", "probabilities"),
        quiet=True,
        help="what the prediction is given as",
    )
    target_space: str = param(
        default="probabilities",
        choices=("probabilities", "log_probabilities", "logits"),
        quiet=True,
        help="what the target is given as",
    )

    card = Card(
        task="multiclass",
        inputs=lambda loss: {
            name: {"logits": Logits, "log_probabilities": LogProbabilities, "probabilities": Probabilities}[space]
            for name, space in (("prediction", loss.prediction_space), ("target", loss.target_space))
        },
        formula=lambda loss: Formula(
            "sum([abs(a - b) for a, b in zip(p, t)]) / 2",
            **{
                name: {
                    "logits": f"softmax({side})",
                    "log_probabilities": f"[exp(x) for x in {side}]",
                    "probabilities": side,
                }[space]
                for name, side, space in (
                    ("p", "prediction", loss.prediction_space),
                    ("t", "target", loss.target_space),
                )
            },
        ),
        proper=False,
        convex=lambda loss: loss.prediction_space == "probabilities",
        perfect_is_minimal=True,
        smooth=0,
        slope=lambda loss: "bounded" if loss.prediction_space == "probabilities" else "vanishing",
        when="What matters is by how much any decision or event can differ, and outliers must not rule.",
        when_not="The model starts far from the target, where it learns nothing from logits (KLDivergence).",
        points={"perfect": 0, "floor": 0},
        aliases=("TVD", "TVDLoss", "statistical distance", "variational distance"),
        ports={
            "liger_kernel.transformers.LigerTVDLoss": {
                "prediction_space": "probabilities",
                "target_space": "probabilities",
            },
        },
        tags=("distribution", "soft targets", "distillation", "bounded", "robust", "divergence"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        return 0.5 * (prediction[0] - target[0]).abs().sum(-1)
