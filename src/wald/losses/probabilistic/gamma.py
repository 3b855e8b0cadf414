"""Gamma: the loss of positive amounts whose spread grows in step with their mean."""

from torch import Tensor

from ...cards import Card, Formula, Positive, Real, param
from ...core import Supervised


class Gamma(Supervised):
    """The loss of positive amounts: log(mean) + target / mean.

    By default the prediction is the log of the mean, as a model emits it without a last activation:
    prediction + target · exp(-prediction). With `log_input=False` it is the mean itself, and must be positive.

    It judges by ratios: twice the target costs the same whether the target is 1 or 1000, so large amounts do not
    rule as they do in the squared error. The minimiser is the mean, whatever the distribution of the target; with
    a log mean that is exp(prediction).

    It is the negative log-likelihood of a gamma law, divided by its shape and without what no prediction changes;
    at shape 1, the exponential law, nothing is left out. The gamma deviance is twice the excess of the loss over
    its value at mean = target, 1 + log(target).

    A target of 0 is refused: no mean would be small enough for it, and the loss has no least value. Amounts with
    zeros are what Tweedie is for. A log mean below -88 overflows float32: that is the loss itself, not its
    computation. Start from the log of the mean target.

    Shapes: prediction and target (*batch); target positive, in any unit; the loss in nats.

    >>> import torch, wald
    >>> wald.Gamma()(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 3.0]), reduction="none")
    tensor([1., 3.])
    >>> wald.Gamma(log_input=False)(torch.tensor([2.0]), torch.tensor([2.0]))
    tensor(1.6931)
    """

    log_input: bool = param(default=True, choices=(True, False), help="the prediction is the log of the mean")

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Real if loss.log_input else Positive, "target": Positive},
        formula=lambda loss: (
            Formula("prediction + target * exp(-prediction)")
            if loss.log_input
            else Formula("log(prediction) + target / prediction")
        ),
        elicits=lambda loss: "mean through log" if loss.log_input else "mean",
        convex=lambda loss: loss.log_input,
        perfect_is_minimal=lambda loss: None if loss.log_input else True,
        smooth=3,
        slope=lambda loss: "exponential" if loss.log_input else "vanishing",
        when="Claims, durations, prices: positive targets whose spread is a steady share of their mean.",
        when_not="Some targets are 0 (use Tweedie), or only the sizes of errors count, not their ratios (use Squared).",
        aliases=(
            "GammaLoss",
            "reg:gamma",
            "gamma regression",
            "gamma deviance",
            "mean_gamma_deviance",
            "HalfGammaLoss",
            "gamma-deviance",
            "exponential likelihood",
        ),
        ports={
            "sklearn.linear_model.GammaRegressor": {},
            "xgboost.reg:gamma": {},
            "lightgbm.gamma": {},
        },
        tags=("positive", "amounts", "mean", "likelihood", "bregman", "relative", "insurance", "durations"),
        cite=("Nelder & Wedderburn 1972, doi:10.2307/2344614",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.log_input:
            return prediction + target * (-prediction).exp()
        return prediction.log() + target / prediction
