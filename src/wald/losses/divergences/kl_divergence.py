"""Kullback-Leibler divergence between two categorical distributions, each in the space it comes in."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution, distribution, divergence


class KLDivergence(Supervised):
    """How many nats are lost by one distribution standing in for another.

    "forward" is KL(target || prediction) = Σ t (log t - log p): cross-entropy less the entropy of the target, so
    its gradient is that of CrossEntropy. It covers every class that the target holds possible. "reverse" is
    KL(prediction || target): it keeps to the likeliest classes, and is infinite where the prediction holds
    possible what the target does not.

    Each side says in which space it comes; what does not sum to one there is refused, so that a forgotten log
    cannot give a negative divergence. 0 log 0 is 0, with a finite gradient.

    The value of an example is the sum over its classes, so the mean is torch's `reduction="batchmean"`; torch's
    own "mean" divides by the classes too, and Keras takes (target, prediction).

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[0.5, 0.5, 0.0]])
    >>> wald.KLDivergence()(torch.zeros(1, 3), target)
    tensor(0.4055)
    >>> wald.KLDivergence(prediction_space="probabilities")(target, target)
    tensor(0.)
    """

    direction: str = param(
        default="forward",
        choices=("forward", "reverse"),
        quiet=True,
        help='"forward" is KL(target || prediction), "reverse" is KL(prediction || target)',
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
            f"sum(a * log(a / b) for a, b in zip({'t, p' if loss.direction == 'forward' else 'p, t'}) if a > 0)",
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
        elicits=lambda loss: "distribution" if loss.direction == "forward" else "unresolved",
        proper=lambda loss: True if loss.direction == "forward" else None,
        calibrated=lambda loss: True if loss.direction == "forward" else None,
        invertible=lambda loss: True if loss.direction == "forward" else None,
        symmetric=False,
        # Reverse in logits bends both ways, as in log-probabilities; p log p is convex in p itself.
        convex=lambda loss: loss.direction == "forward" or loss.prediction_space == "probabilities",
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "unbounded" if loss.prediction_space == "probabilities" else "bounded",
        when="The target is a whole distribution: a teacher, annotators who disagree, a prior.",
        when_not="The target is one class (CrossEntropy gives the same gradient), or either side may be exactly 0 "
        "where the other is not.",
        aliases=(
            "KL",
            "KLDiv",
            "kl_div",
            "KLD",
            "Kullback-Leibler",
            "kullback_leibler_divergence",
            "relative entropy",
            "kl_divergence_with_log_targets",
        ),
        points={"perfect": 0, "floor": 0},
        ports={
            "kornia.losses.kl_div_loss_2d": {"prediction_space": "probabilities"},
            "torch.nn.KLDivLoss": {"prediction_space": "log_probabilities"},
            "torch.nn.functional.kl_div": {"prediction_space": "log_probabilities"},
            "keras.losses.KLDivergence": {"prediction_space": "probabilities"},
            "optax.losses.kl_divergence": {"prediction_space": "log_probabilities"},
            "optax.losses.kl_divergence_with_log_targets": {
                "prediction_space": "log_probabilities",
                "target_space": "log_probabilities",
            },
        },
        tags=("distillation", "distribution", "soft targets", "forward KL", "reverse KL", "variational"),
        cite=("Kullback & Leibler 1951, doi:10.1214/aoms/1177729694",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(distribution(prediction, self.prediction_space), distribution(target, self.target_space))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The divergence where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        own, other = (target, prediction) if self.direction == "forward" else (prediction, target)
        return divergence(*own, other[1])
