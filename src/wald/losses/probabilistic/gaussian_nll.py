"""Gaussian negative log-likelihood: a mean and how far to trust it."""

import math
from typing import Literal

from torch import Tensor

from ...cards import Card, Domain, Formula, Parameters, Real, param
from ...core import DomainError, Supervised


class GaussianNLL(Supervised):
    """Gaussian negative log-likelihood: a mean and how far to trust it.

    (log v + (target - mean)² / v) / 2 for the variance v, with log(2 π) / 2 added by `full=True`. The
    prediction holds the mean and, by default, the log of the variance, which may be any number; `scale` says
    what else the second one is. Its minimiser is the mean and the variance, whatever the distribution of the
    target; log v makes a wide guess expensive, so a model cannot hide behind it.

    Negative values are normal: a density may be above 1, and at v = 1e-4 a perfect mean is worth -4.6. There
    is no least value for one example, as the variance may shrink on a target that is hit exactly; memorised
    targets drive it there. Where the variance is large the mean learns slowly, its gradient being
    (mean - target) / v.

    Shapes: prediction (*batch, 2), the mean first; target (*batch); the loss in nats.

    Raises:
        DomainError: with `scale="variance"`, a variance is not positive. It is looked for where that needs no
            synchronisation. torch refuses negative ones and computes those below `eps` as if they were `eps`;
            here nothing is clamped.

    >>> import torch, wald
    >>> wald.GaussianNLL()(torch.tensor([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([3.0, 3.0]), reduction="none")
    tensor([2.0000, 1.2707])
    """

    scale: Literal["log_variance", "variance", "log_std"] = param(
        default="log_variance",
        choices=("log_variance", "variance", "log_std"),
        help="what the second entry of the prediction is",
    )
    full: bool = param(
        default=False, choices=(False, True), help="add log(2 pi) / 2, so that the value is a likelihood"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            # A masked prediction becomes a mean and a variance of 1, and 1 has a log.
            "prediction": Domain(
                says="a mean and a variance", axes=("parameters",), size=2, typical=(0.1, 4.0), safe=1.0
            )
            if loss.scale == "variance"
            else Parameters.of("parameters", size=2),
            "target": Real,
        },
        formula=lambda loss: (
            Formula(
                "(log(v) + (target - m)**2 / v) / 2" + " + log(2 * pi) / 2" * loss.full,
                m="prediction[0]",
                v="prediction[1]",
            )
            if loss.scale == "variance"
            else Formula(
                "s + ((target - m) * exp(-s))**2 / 2" + " + log(2 * pi) / 2" * loss.full,
                m="prediction[0]",
                s="prediction[1] / 2",
            )
            if loss.scale == "log_variance"
            else Formula(
                "s + ((target - m) * exp(-s))**2 / 2" + " + log(2 * pi) / 2" * loss.full,
                m="prediction[0]",
                s="prediction[1]",
            )
        ),
        elicits=lambda loss: {
            "log_variance": "mean, variance through log",
            "variance": "mean, variance",
            "log_std": "mean, standard deviation through log",
        }[loss.scale],
        convex=False,
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "linear" if loss.scale == "variance" else "exponential",
        when="Some targets are noisier than others, and you want to know which.",
        when_not="The noise has heavy tails, or you only need the mean (use Squared).",
        aliases=(
            "GaussianNLLLoss",
            "gaussian_nll_loss",
            "NormalNLL",
            "RMSEWithUncertainty",
            "mean-variance estimation",
            "heteroscedastic regression",
        ),
        ports={
            "torch.nn.GaussianNLLLoss": {"scale": "variance"},
            "catboost.RMSEWithUncertainty": {"scale": "log_std"},
        },
        tags=("uncertainty", "likelihood", "heteroscedastic", "variance", "probabilistic", "log score"),
        cite=("Nix & Weigend 1994, doi:10.1109/ICNN.1994.374138", "Seitzer et al. 2022, arXiv:2203.09168"),
    )

    def refuse(self, *inputs: Tensor) -> None:
        variance = inputs[0][..., 1]
        wrong = variance[variance <= 0]
        if self.scale == "variance" and wrong.numel():
            raise DomainError(
                f"GaussianNLL: {wrong.numel()} of {variance.numel()} variances are not positive (one is {wrong[0]:g}), "
                "and the second entry of the prediction is read as a variance. Let the model emit its log and use "
                'GaussianNLL(scale="log_variance"), or pass it through softplus.'
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        mean, spread = prediction.unbind(-1)
        if self.scale == "variance":
            spread = spread.log()
        log_std = spread if self.scale == "log_std" else 0.5 * spread
        # Dividing before squaring doubles the range of variances that can be computed with, in the gradient too.
        value = log_std + 0.5 * ((target - mean) * (-log_std).exp()).square()
        return value + 0.5 * math.log(2 * math.pi) if self.full else value
