"""Poisson: the loss of counts."""

import torch
from torch import Tensor

from ...cards import Card, Formula, NonNegative, Positive, Real, param
from ...core import Supervised


class Poisson(Supervised):
    """The negative log-likelihood of a count: rate - target log(rate).

    By default the prediction is the log of the rate, as a model emits it without a last activation:
    exp(prediction) - target · prediction. With `log_input=False` it is the rate itself, and must be positive.
    Passing one where the other belongs trains in silence (Keras wants the rate, torch its log), so look at it.

    The minimiser is the mean, whatever the distribution of the target: any target that is not negative will
    do, not only counts. With a log rate the mean is exp(prediction).

    Without the constant log(target!) the value may be negative, and only differences mean anything. With
    `full=True` that constant is added, exactly (torch adds Stirling's approximation, which is 0.041 too low
    for a target of 2); gradients are the same. The Poisson deviance is twice the excess of the loss
    over its value at rate = target.

    A log rate beyond 88 overflows float32: that is the loss itself, not its computation. Start from the log
    of the mean target, and offsets such as a log exposure go into the prediction.

    Shapes: prediction and target (*batch); target in counts, not negative; the loss in nats.

    >>> import torch, wald
    >>> wald.Poisson()(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 3.0]), reduction="none")
    tensor([1., 1.])
    >>> wald.Poisson(log_input=False, full=True)(torch.tensor([2.0]), torch.tensor([2.0]))
    tensor(1.3069)
    """

    log_input: bool = param(default=True, choices=(True, False), help="the prediction is the log of the rate")
    full: bool = param(default=False, choices=(False, True), help="add log(target!), so that the value is a likelihood")

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Real if loss.log_input else Positive, "target": NonNegative},
        formula=lambda loss: (
            Formula("exp(prediction) - target * prediction + lgamma(target + 1)")
            if loss.log_input and loss.full
            else Formula("exp(prediction) - target * prediction")
            if loss.log_input
            else Formula("prediction - (target * log(prediction) if target > 0 else 0)")
        ),
        elicits=lambda loss: "mean through log" if loss.log_input else "mean",
        convex=True,
        perfect_is_minimal=lambda loss: None if loss.log_input else True,
        smooth=3,
        slope=lambda loss: "exponential" if loss.log_input else "bounded",
        when="Counts, rates and other targets that are not negative, whose spread grows with their mean.",
        when_not="Targets may be negative (use Squared), or a few enormous counts should not rule (use Pinball).",
        aliases=(
            "PoissonNLLLoss",
            "poisson_nll_loss",
            "PoissonNLL",
            "count:poisson",
            "poisson regression",
            "poisson deviance",
        ),
        ports={
            "torch.nn.PoissonNLLLoss": {},
            "keras.losses.Poisson": {"log_input": False},
            "sklearn.linear_model.PoissonRegressor": {},
            "xgboost.count:poisson": {},
            "lightgbm.poisson": {},
            "catboost.Poisson": {},
            "scoringrules.logs_poisson": {"log_input": False, "full": True},
        },
        tags=("counts", "rates", "positive", "mean", "likelihood", "bregman"),
        cite=("Nelder & Wedderburn 1972, doi:10.2307/2344614",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.log_input:
            value = prediction.exp() - target * prediction
        else:
            # A rate may underflow to 0 where nothing is counted, and then has no log, nor needs one.
            counted = torch.where(target > 0, prediction, torch.ones_like(prediction))
            value = prediction - target * counted.log()
        return value + torch.lgamma(target + 1) if self.full else value
