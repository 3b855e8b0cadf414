"""QLIKE: how well a variance was forecast."""

from torch import Tensor

from ...cards import Card, Formula, Positive, Real, param
from ...core import Supervised
from ..pieces.exponential import above_tangent


class QLIKE(Supervised):
    """The loss of a forecast variance against a noisy measurement of it.

    For a variance h that was forecast and a realised variance y it is y / h - log(y / h) - 1: 0 where they agree, and
    least on average at the mean of y, whatever noise y has. With the squared error it is one of the few that rank
    forecasts rightly when only a proxy of the variance is seen. It depends on the ratio alone, so calm and wild days,
    and large and small stocks, count alike. Too low costs more than too high: half costs 0.31, double 0.19.

    By default the prediction is log h, which may be any number, so that a model needs no last activation. A day on
    which the measured variance is 0 has no ratio. There use Gamma, which is the same but for what does not depend on
    the forecast: y / h + log h. Squared returns are such a proxy, and a noisy one; realised variances from intraday
    returns tell far more.

    Shapes: prediction and target (*batch); the loss has no unit.

    Raises:
        DomainError: a target is not positive, or a prediction with `log_input=False`.

    >>> import torch, wald
    >>> wald.QLIKE(log_input=False)(torch.tensor([1.0, 2.0, 4.0]), torch.full((3,), 2.0), reduction="none")
    tensor([0.3069, 0.0000, 0.1931])
    """

    log_input: bool = param(
        default=True, choices=(True, False), help="whether the prediction is the logarithm of the variance"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Real if loss.log_input else Positive, "target": Positive},
        formula=lambda loss: Formula(
            "exp(z) - z - 1", z="log(target) - " + ("prediction" if loss.log_input else "log(prediction)")
        ),
        elicits=lambda loss: "mean through log" if loss.log_input else "mean",
        convex=lambda loss: loss.log_input,
        perfect_is_minimal=lambda loss: None if loss.log_input else True,
        smooth=3,
        slope=lambda loss: "exponential" if loss.log_input else None,
        when="Volatility is forecast, and what is measured is a proxy of it.",
        when_not="Measured variances may be 0 (use Gamma), or the whole law of returns is wanted (use GaussianNLL).",
        points={"perfect": 0, "floor": 0},
        aliases=("quasi-likelihood loss", "volatility loss", "QLIKELoss", "Patton loss"),
        tags=("volatility", "variance", "finance", "forecasting", "positive", "GARCH", "Itakura-Saito"),
        cite=("Patton 2011, doi:10.1016/j.jeconom.2010.03.034",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return above_tangent(target.log() - (prediction if self.log_input else prediction.log()))
