"""Amari's alpha divergence: a family from one Kullback-Leibler direction to the other."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution, divergence
from ..pieces.two_distributions import TwoDistributions


class AlphaDivergence(Supervised, TwoDistributions):
    """From KL(prediction || target) at alpha = 0 to KL(target || prediction) at alpha = 1.

    (1 - Σ t^alpha p^(1 - alpha)) / (alpha (1 - alpha)), and the limits themselves at 0 and 1, so that nothing jumps: a
    large alpha makes the model cover the target, a small one makes it pick a part. At 1/2 it is 4 times the squared
    `Hellinger` distance, and at 2 and -1 half of `ChiSquared`.

    **Libraries and papers count alpha in two ways**: Amari's own α goes from -1 to 1 and is 1 - 2 alpha or 2 alpha - 1,
    by the author. Here alpha is the power of the target. Between 0 and 1 the value is bounded, by 1 / (alpha
    (1 - alpha)), and a class that one side holds impossible does no harm; from 1 on it is infinite where the prediction
    has 0 and the target has not, and from 0 down the other way round.

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[0.8, 0.2]])
    >>> wald.AlphaDivergence(alpha=1.0)(torch.zeros(1, 2), target), wald.KLDivergence()(torch.zeros(1, 2), target)
    (tensor(0.1927), tensor(0.1927))
    >>> wald.AlphaDivergence()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))  # 4 (1 - √(1/2))
    tensor(1.1716)
    """

    alpha: float = param(default=0.5, typical=(1.0,), help="the power of the target")
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
            {
                0.0: "sum([a * log(a / b) for a, b in zip(p, t) if a > 0])",
                1.0: "sum([b * log(b / a) for a, b in zip(p, t) if b > 0])",
            }.get(loss.alpha, "(1 - sum([b**alpha * a ** (1 - alpha) for a, b in zip(p, t)])) / (alpha * (1 - alpha))"),
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
        convex=lambda loss: loss.prediction_space == "probabilities" or (loss.alpha == 1 or None),
        perfect_is_minimal=True,
        smooth=3,
        when="Neither direction of KLDivergence is right, and how much the model should cover is to be chosen.",
        when_not="There is no reason for an alpha: KLDivergence, or JensenShannon where a bound is wanted.",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "Amari alpha divergence",
            "alpha-divergence",
            "power divergence",
            "Cressie-Read",
            "Tsallis divergence",
        ),
        tags=("distribution", "soft targets", "divergence", "variational", "distillation"),
        cite=("Cichocki & Amari 2010, doi:10.3390/e12061532",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        alpha = self.alpha
        # The family is the same with both sides exchanged and 1 - alpha: the half is taken that is exact near its end.
        if alpha < 0.5:
            alpha, prediction, target = 1 - alpha, target, prediction
        if alpha == 1:
            return divergence(*target, prediction[1])
        share, logs = target
        log_ratio = (prediction[1] - logs).masked_fill(share == 0, 0.0)
        return (share * ((1 - alpha) * log_ratio).expm1()).sum(-1) / (alpha * (alpha - 1))
