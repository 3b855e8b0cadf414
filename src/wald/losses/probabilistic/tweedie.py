"""Tweedie: the loss of amounts of which many are 0."""

import torch
from torch import Tensor

from ...cards import Card, Formula, NonNegative, Positive, Real, param
from ...core import Supervised


class Tweedie(Supervised):
    """The loss of amounts with many zeros, whose variance grows as mean^power.

    m^(2 - power) / (2 - power) - target · m^(1 - power) / (1 - power) for the mean m. By default the prediction
    is log m, as a model emits it without a last activation; with `log_input=False` it is m itself, and must be
    positive. Between 1 and 2 it fits sums of a random number of random amounts, such as claims in a year or rain
    in a day: a heap at 0 and a long right tail, in one model. The minimiser is the mean for every power; the
    power only says which targets count how much.

    Where the formula divides by 0 it is that of the law itself: `power=1` is Poisson, `power=2` is Gamma, to the
    last digit; close to 1 and 2 values are large, as little is divided by, and gradients are not. 3 is the inverse
    Gaussian law, and 0 half the squared error, less target² / 2. No law has a power between 0 and 1. From 2 on, a
    target of 0 has no best mean and is refused.

    The Tweedie deviance is twice the excess of the loss over its value at m = target; libraries that report a
    "Tweedie loss" report one or the other. Values at different powers cannot be compared: choose the power by
    the variance (fit log variance of groups on their log mean) or by a metric that does not depend on it.

    Shapes: prediction and target (*batch); the loss in the target's unit to the power 2 - `power`.

    Raises:
        ValueError: a power below 0 or between 0 and 1.

    >>> import torch, wald
    >>> wald.Tweedie()(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 3.0]), reduction="none")
    tensor([2., 8.])
    >>> wald.Tweedie(power=1.9, log_input=False)(torch.tensor([2.0]), torch.tensor([2.0]))
    tensor(11.9086)
    """

    power: float = param(
        default=1.5,
        at_least=0,
        typical=(1.0, 2.0),
        help="the variance of the target is proportional to mean^power",
    )
    log_input: bool = param(default=True, choices=(True, False), help="the prediction is the log of the mean")

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": Real if loss.log_input else Positive,
            "target": Positive if loss.power >= 2 else NonNegative,
        },
        formula=lambda loss: (
            Formula(
                "m - (target * log(m) if target > 0 else 0)", m="exp(prediction)" if loss.log_input else "prediction"
            )
            if loss.power == 1
            else Formula("log(m) + target / m", m="exp(prediction)" if loss.log_input else "prediction")
            if loss.power == 2
            else Formula(
                "m**(2 - power) / (2 - power) - target * m**(1 - power) / (1 - power)",
                m="exp(prediction)" if loss.log_input else "prediction",
            )
        ),
        elicits=lambda loss: "mean through log" if loss.log_input else "mean",
        convex=lambda loss: 1 <= loss.power <= 2 if loss.log_input else loss.power <= 1,
        perfect_is_minimal=lambda loss: None if loss.log_input else True,
        smooth=3,
        slope=lambda loss: (
            "exponential"
            if loss.log_input
            else "bounded"
            if loss.power == 1
            else "vanishing"
            if loss.power > 1
            else "linear"
        ),
        when="Amounts that are often 0 and sometimes large: claims, rain, sales of slow goods.",
        when_not="Targets are counts (use Poisson or NegativeBinomial), never 0 (use Gamma), or below 0 (use Squared).",
        aliases=(
            "TweedieLoss",
            "reg:tweedie",
            "tweedie deviance",
            "tweedie regression",
            "mean_tweedie_deviance",
            "tweedie-nloglik",
            "HalfTweedieLoss",
            "compound Poisson-gamma",
            "inverse Gaussian deviance",
        ),
        ports={
            "xgboost.reg:tweedie": {},
            "lightgbm.tweedie": {},
            "catboost.Tweedie": {},
        },
        tags=("amounts", "zeros", "zero-inflated", "mean", "likelihood", "bregman", "insurance", "positive"),
        cite=("Jørgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.power < 1:
            raise ValueError(
                f"Tweedie: power is {self.power:g}, and no distribution has a variance of mean^power for a power "
                "between 0 and 1. Amounts with zeros want one between 1 and 2, such as Tweedie(power=1.5); counts "
                "Poisson(), and a variance that does not grow Squared()."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        up, down = 2 - self.power, 1 - self.power
        if up == 0:
            return (
                prediction + target * (-prediction).exp() if self.log_input else prediction.log() + target / prediction
            )
        # A mean may underflow to 0 where the target is 0, and then has no log and no inverse, nor needs one.
        counted = torch.where(target > 0, prediction, torch.ones_like(prediction))
        if down == 0:
            return prediction.exp() - target * prediction if self.log_input else prediction - target * counted.log()
        if self.log_input:
            return (up * prediction).exp() / up - target * (down * counted).exp() / down
        return prediction.pow(up) / up - target * counted.pow(down) / down
