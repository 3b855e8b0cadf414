"""Hellinger distance between two categorical distributions."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.powers import raised
from ..pieces.spaces import Distribution
from ..pieces.two_distributions import TwoDistributions


class Hellinger(Supervised, TwoDistributions):
    """How far the roots of two distributions are apart: bounded, symmetric, kind to zeros.

    The squared distance Σ (√p - √t)² / 2 = 1 - Σ √(p t), between 0 and 1; `squared=False` is its root, which is a
    metric, and has a kink where both sides agree. As a loss the square is the better one, and the default. Σ √(p t) is
    the Bhattacharyya coefficient; its negative logarithm is half of `RenyiDivergence(order=0.5)`.

    A class that one side holds impossible costs no more than what the other gives it. Twice as much is also called by
    this name; the value here is never above 1.

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> wald.Hellinger()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))  # 1 - √(1/2)
    tensor(0.2929)
    >>> wald.Hellinger(squared=False)(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor(0.5412)
    """

    squared: bool = param(default=True, choices=(True, False), help="the square, or the distance itself")
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
            "sqrt(sum([(sqrt(a) - sqrt(b)) ** 2 for a, b in zip(p, t)]) / 2) ** (1 + squared)",
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
        convex=lambda loss: loss.squared and loss.prediction_space == "probabilities",
        perfect_is_minimal=True,
        smooth=lambda loss: 3 if loss.squared else 0,
        slope=lambda loss: "unbounded" if loss.prediction_space == "probabilities" else "vanishing",
        when="Both sides are distributions in which some classes may be impossible, and a bound is wanted.",
        when_not="The target is one class (CrossEntropy), or the model starts far off, where its slope is small.",
        points={"perfect": 0, "floor": 0},
        aliases=("Hellinger distance", "squared Hellinger", "Bhattacharyya coefficient", "Matusita distance"),
        tags=("distribution", "soft targets", "bounded", "symmetric", "divergence"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        # Logarithms are halved, so that the root of a probability of 0 has no infinite slope.
        square = 0.5 * ((0.5 * prediction[1]).exp() - (0.5 * target[1]).exp()).square().sum(-1)
        return square if self.squared else raised(square, 0.5)
