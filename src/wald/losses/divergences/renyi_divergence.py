"""Rényi divergence of any order between two categorical distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution
from ..pieces.two_distributions import TwoDistributions


class RenyiDivergence(Supervised, TwoDistributions):
    """KL with an order: small ones overlook what the model misses, large ones look at the worst.

    log(Σ t^order p^(1 - order)) / (order - 1), of the target from the prediction, in nats. It grows with the order. As
    the order goes to 1 it goes to KL(target || prediction), which is `KLDivergence()` and is refused here; at infinity
    it would be the log of the largest t / p. At 1/2 it is symmetric, and twice the Bhattacharyya distance. Above 1 it
    is infinite where the prediction holds impossible what the target does not; below 1 only where they share nothing.

    For the divergence of the prediction from the target exchange the two, with their spaces. Below 1 that is the order
    1 - order, scaled: order · D_(1 - order)(p || t) = (1 - order) · D_order(t || p).

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[1.0, 0.0]])
    >>> wald.RenyiDivergence(order=2.0)(torch.zeros(1, 2), target), wald.RenyiDivergence()(torch.zeros(1, 2), target)
    (tensor(0.6931), tensor(0.6931))
    """

    order: float = param(default=0.5, above=0, typical=(2.0,), help="the order, above 0 and not 1")
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
            "log(sum([a**order * b ** (1 - order) for a, b in zip(t, p)])) / (order - 1)",
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
        perfect_is_minimal=True,
        smooth=3,
        when="KL is right but for how much the classes that are missed should count: privacy, variational bounds.",
        when_not="There is no reason for an order: KLDivergence.",
        points={"perfect": 0, "floor": 0},
        aliases=("Renyi", "Rényi divergence", "Bhattacharyya distance", "Chernoff divergence"),
        tags=("distribution", "soft targets", "divergence", "variational", "privacy"),
        cite=("van Erven & Harremoës 2014, arXiv:1206.2459", "Li & Turner 2016, arXiv:1602.02311 (variational)"),
    )

    def __post_init__(self) -> None:
        if self.order == 1:
            raise ValueError("RenyiDivergence: order=1 is the limit KL(target || prediction). Use KLDivergence().")
        super().__post_init__()

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        order = self.order
        # Where no p goes with a t the term is 0 or infinite, and its logarithm must not be ∞ - ∞.
        impossible = target[0] == 0
        logs = order * target[1] + (1 - order) * prediction[1].masked_fill(impossible, 0.0)
        return logs.masked_fill(impossible, -torch.inf).logsumexp(-1) / (order - 1)
