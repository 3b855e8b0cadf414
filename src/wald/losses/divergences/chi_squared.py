"""Chi-squared divergences between two categorical distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution
from ..pieces.two_distributions import TwoDistributions


class ChiSquared(Supervised, TwoDistributions):
    """Squared differences of probabilities, each in units of a probability.

    - "forward": Σ (t - p)² / p, Pearson's, of the target from the prediction: dear where the model gives too little;
    - "reverse": Σ (t - p)² / t, Neyman's: dear where the model gives what the target does not;
    - "symmetric": Σ (t - p)² / (t + p), at most 2: how histograms are compared (triangular discrimination).

    The first two are infinite where the divisor has a class at 0 and the other side has not. A class at 0 on both sides
    adds nothing. Some code halves the symmetric one. They are of shares, not of counts: the test statistic of n draws
    is n times "forward".

    Each side says in which space it comes, as in `KLDivergence`.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[1.0, 0.0]])
    >>> wald.ChiSquared()(torch.zeros(1, 2), target), wald.ChiSquared(kind="symmetric")(torch.zeros(1, 2), target)
    (tensor(1.), tensor(0.6667))
    """

    kind: str = param(
        default="forward", choices=("forward", "reverse", "symmetric"), help="whose probability is the unit"
    )
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
            "sum([(a - b) ** 2 / "
            + {"forward": "a", "reverse": "b", "symmetric": "(a + b)"}[loss.kind]
            + " for a, b in zip(p, t) if a + b > 0])",
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
        convex=lambda loss: loss.prediction_space == "probabilities" or None,
        # A sure prediction is the best one only of a target that is as sure.
        perfect_is_minimal=lambda loss: loss.target_space == "probabilities" or None,
        smooth=3,
        when='Histograms are compared, or a shortfall of the model must be dear ("forward").',
        when_not='Probabilities come near 0 and nothing bounds them from below: "symmetric", or Hellinger.',
        points={"perfect": 0, "floor": 0},
        aliases=("chi-square divergence", "Pearson chi-squared", "Neyman chi-squared", "triangular discrimination"),
        tags=("distribution", "soft targets", "divergence", "histogram"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(*self.distributions(prediction, target))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The distance where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        (p, log_p), (t, log_t) = prediction, target
        nothing = (p + t) == 0
        if self.kind == "symmetric":
            return ((t - p).square() / (p + t).masked_fill(nothing, 1.0)).sum(-1)
        unit, log = (log_p, log_t) if self.kind == "forward" else (log_t, log_p)
        unit, log = unit.masked_fill(nothing, 0.0), log.masked_fill(nothing, 0.0)
        # unit · (ratio - 1)², with the larger of the two taken out, so that no factor overflows before the value does.
        ratio = log - unit
        above = ratio > 0
        square = torch.where(above, -ratio, ratio).expm1().square()
        return (torch.where(above, 2 * log - unit, unit).exp() * square).sum(-1)
