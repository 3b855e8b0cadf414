"""Jeffreys divergence: both directions of Kullback-Leibler together."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution, divergence
from ..pieces.two_distributions import TwoDistributions


class Jeffreys(Supervised, TwoDistributions):
    """KL in both directions, added up: it covers what the target does, and nothing else.

    KL(target || prediction) + KL(prediction || target) = Σ (p - t) (log p - log t). **It is the sum**, as Jeffreys had
    it; "symmetric KL" in code is often the mean, which is half as much, and some divides by the classes too. Both
    parts are whole divergences: torchtune's symmetric loss adds a forward part without the target's entropy to a
    reverse part with it, and the minimum of that is not at the target.

    It is infinite where one side holds impossible what the other does not; `JensenShannon` is the bounded one.

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[0.8, 0.2]])
    >>> wald.Jeffreys()(torch.zeros(1, 2), target)  # 0.3 log 4
    tensor(0.4159)
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
            "sum([(a - b) * (log(a) - log(b)) for a, b in zip(p, t)])",
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
        elicits="unresolved",
        convex=lambda loss: loss.prediction_space == "probabilities",
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "unbounded" if loss.prediction_space == "probabilities" else "bounded",
        when="Neither side is the true one: two views, two annotators, two passes with dropout.",
        when_not="The target may have exact zeros (JensenShannon), or is what the model should cover (KLDivergence).",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "symmetric KL",
            "symmetrised KL",
            "symmetrized KL",
            "J-divergence",
            "PSI",
            "population stability index",
        ),
        tags=("distribution", "soft targets", "symmetric", "divergence", "distillation"),
        cite=("Jeffreys 1946, doi:10.1098/rspa.1946.0056",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        return divergence(*prediction, target[1]) + divergence(*target, prediction[1])
