"""Weibull negative log-likelihood: waiting times that were all seen to end."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Domain, Formula, PlainParameters, Positive, param
from ...core import Supervised
from ..pieces.law import Law


class WeibullNLL(Supervised, Law):
    """Negative log-likelihood of a Weibull law: waiting times that were all seen to end.

    (target / λ)^k - log(k / λ) - (k - 1) log(target / λ) for the scale λ and the shape k, whose logs the prediction
    holds; with `link="identity"` the numbers themselves. A shape below 1 is a hazard that falls with time, above 1
    one that rises; 1 is the exponential law. λ is the time by which 63 % have ended, whatever the shape.

    Where some times were cut off before the end, use WeibullSurvival, which is this loss for those that were not.

    Shapes: prediction (*batch, 2), the scale first; target (*batch), positive; the loss in nats.

    Raises:
        DomainError: a target is not positive, or with `link="identity"` a scale or a shape is not.

    >>> import torch, wald
    >>> loss = wald.WeibullNLL(link="identity")
    >>> loss(torch.tensor([[1.0, 1.0], [2.0, 3.0]]), torch.tensor([3.0, 2.0]), reduction="none")
    tensor([3.0000, 0.5945])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how scale and shape are written: as logs, or as they are"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            # Exponentials of exponentials: at logs of 3 ordinary times would already leave half precision.
            "prediction": Domain(says="parameters of a distribution", axes=("parameters",), size=2, typical=(-1.0, 1.0))
            if loss.link == "log"
            else PlainParameters.of("parameters", size=2),
            "target": Positive,
        },
        formula=lambda loss: Formula(
            "(target / c)**k - log(k / c) - (k - 1) * log(target / c)",
            c="exp(prediction[0])" if loss.link == "log" else "prediction[0]",
            k="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        elicits=lambda loss: "distribution" if loss.link == "log" else None,
        convex=False,
        bounded_below=False,
        smooth=3,
        when="Lifetimes, wind speeds, times to failure, all of them seen to the end.",
        when_not="Some times are censored (WeibullSurvival), or some targets are 0.",
        aliases=("Weibull likelihood", "Weibull distribution NLL"),
        ports={"torch.distributions.Weibull": {"link": "identity"}},
        tags=("uncertainty", "likelihood", "positive", "lifetimes", "hazard", "probabilistic", "log score"),
    )

    positive = ("scale", "shape")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        log_scale, log_shape = self.parameters(prediction)
        log_target = target.log()
        hazard = log_shape.exp() * (log_target - log_scale)
        return log_target - log_shape - hazard + hazard.exp()
