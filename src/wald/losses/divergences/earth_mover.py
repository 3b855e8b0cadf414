"""Earth mover's distance between two distributions over classes that stand in a line."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.powers import raised
from ..pieces.spaces import Distribution
from ..pieces.two_distributions import TwoDistributions


class EarthMover(Supervised, TwoDistributions):
    """How far probability must be moved along classes that stand in a line.

    With F and G the sums of both sides up to each class: Σ |F_k - G_k| at order 1, the Wasserstein distance where
    neighbours are 1 apart, and √(mean (F_k - G_k)²) at order 2, mean over all classes, as NIMA trains with. **Order 2
    is not the 2-Wasserstein distance**; it is the root of what `RankedProbability` has, so divided by classes and
    rooted for each example. `per_class=True` divides order 1 by the classes too.

    For distributions over unequal steps give `RankedProbability` weights, or samples to `Wasserstein1D`.

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes), in their order.

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> first, third = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    >>> wald.EarthMover(prediction_space="probabilities")(first, third)  # all of it moves by two classes
    tensor(2.)
    >>> wald.EarthMover(order=2, prediction_space="probabilities")(first, third)  # √(2/3)
    tensor(0.8165)
    """

    order: int = param(default=1, at_least=1, at_most=2, help="1: the distance; 2: root of the mean square of the sums")
    per_class: bool = param(default=False, typical=(True,), help="at order 1, divide by the classes")
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
        task="other",
        inputs=lambda loss: {
            name: {"logits": Logits, "log_probabilities": LogProbabilities, "probabilities": Probabilities}[space]
            for name, space in (("prediction", loss.prediction_space), ("target", loss.target_space))
        },
        formula=lambda loss: Formula(
            "sum([abs(x) for x in d]) / (len(d) if per_class else 1)"
            if loss.order == 1
            else "sqrt(mean([x**2 for x in d]))",
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
            d="[sum(p[: k + 1]) - sum(t[: k + 1]) for k in range(len(p))]",
        ),
        convex=lambda loss: loss.prediction_space == "probabilities",
        perfect_is_minimal=True,
        smooth=0,
        slope=lambda loss: "bounded" if loss.prediction_space == "probabilities" else "vanishing",
        when="Classes are ordered (ratings, ages, bins), targets are distributions, and near misses should cost less.",
        when_not="Targets are single classes (RankedProbability is proper), or classes have no order (KLDivergence).",
        points={"perfect": 0, "floor": 0},
        aliases=("EMD", "earth mover distance", "Wasserstein of histograms", "NIMA loss", "CDF distance"),
        tags=("distribution", "ordinal", "histogram", "optimal transport", "soft targets"),
        cite=("Talebi & Milanfar 2017, arXiv:1709.05424 (NIMA)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        apart = (prediction[0] - target[0]).cumsum(-1)
        if self.order == 2:
            return raised(apart.square().mean(-1), 0.5)
        # Both sums end at 1: what is left there is rounding.
        moved = apart[..., :-1].abs().sum(-1)
        return moved / apart.shape[-1] if self.per_class else moved
