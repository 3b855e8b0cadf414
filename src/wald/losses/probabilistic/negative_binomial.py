"""Negative binomial: the loss of counts that vary more than a Poisson law allows."""

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, NonNegative, Positive, Real, param
from ...core import Supervised
from ..pieces.gamma_function import rising
from ..pieces.softplus import softplus


class NegativeBinomial(Supervised):
    """The loss of counts whose variance is mean + dispersion · mean².

    (target + 1 / dispersion) log(1 + dispersion · m) - target log(m) for the mean m. By default the prediction is
    log m, as a model emits it without a last activation; with `log_input=False` it is m itself, and must be
    positive. Where a Poisson law lets the variance be no more than the mean, real counts mostly vary more. The
    minimiser is the mean all the same, as with Poisson, whatever the distribution of the target; what changes is
    which rows count how much: a miss of a large mean weighs less. With a dispersion near 0 it is Poisson.

    `dispersion` is the α of statistics (NB2): the squared coefficient of variation that is left when the mean is
    known. Others give its inverse, r = 1 / dispersion, and call it size or `total_count`. Estimate it as the mean
    of ((target - m)² - m) / m² over the rows.

    With `full=True` what no prediction changes is added, so that the value is -log of the probability of the
    count; gradients are the same.

    Shapes: prediction and target (*batch); target in counts, not negative; the loss in nats.

    >>> import torch, wald
    >>> wald.NegativeBinomial()(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 3.0]), reduction="none")
    tensor([0.6931, 2.7726])
    >>> wald.NegativeBinomial(dispersion=0.5, log_input=False, full=True)(torch.tensor([2.0]), torch.tensor([2.0]))
    tensor(1.6740)
    """

    dispersion: float = param(default=1.0, above=0, help="how far the variance exceeds the mean, as a share of mean²")
    log_input: bool = param(default=True, choices=(True, False), help="the prediction is the log of the mean")
    full: bool = param(
        default=False, choices=(False, True), help="add what no prediction changes, so that the value is a likelihood"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Real if loss.log_input else Positive, "target": NonNegative},
        formula=lambda loss: Formula(
            ("(target + r) * log1p(dispersion * m) - (target * log(m) if target > 0 else 0)")
            + " + lgamma(target + 1) + lgamma(r) - lgamma(target + r) + target * log(r)" * loss.full,
            r="1 / dispersion",
            m="exp(prediction)" if loss.log_input else "prediction",
        ),
        elicits=lambda loss: "mean through log" if loss.log_input else "mean",
        convex=lambda loss: loss.log_input,
        perfect_is_minimal=lambda loss: None if loss.log_input else True,
        smooth=3,
        slope=lambda loss: "bounded" if loss.log_input else "vanishing",
        when="Counts that vary more than their mean: visits, sales, defects.",
        when_not="The variance is about the mean (Poisson), or the targets are amounts and not counts (Tweedie).",
        aliases=(
            "NB",
            "NB2",
            "NegativeBinomialLoss",
            "NegativeBinomialDistributionLoss",
            "negative binomial likelihood",
            "negative binomial regression",
            "Poisson-gamma mixture",
            "overdispersed counts",
        ),
        tags=("counts", "overdispersion", "mean", "likelihood", "bregman", "positive"),
        cite=("Lawless 1987, doi:10.2307/3314912",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        size = 1 / self.dispersion
        if self.log_input:
            value = (target + size) * softplus(prediction + math.log(self.dispersion)) - target * prediction
        else:
            # A mean may underflow to 0 where nothing is counted, and then has no log, nor needs one.
            counted = torch.where(target > 0, prediction, torch.ones_like(prediction))
            value = (target + size) * (self.dispersion * prediction).log1p() - target * counted.log()
        return (
            value + torch.lgamma(target + 1) - rising(torch.full_like(target, math.log(size)), target)
            if self.full
            else value
        )
