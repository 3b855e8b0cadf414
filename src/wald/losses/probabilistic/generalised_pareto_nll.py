"""Generalised Pareto negative log-likelihood: by how much a threshold was exceeded."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, NonNegative, Parameters, PlainParameters, param
from ...core import Supervised
from ..pieces.law import Law, logarithmic


class GeneralisedParetoNLL(Supervised, Law):
    """Negative log-likelihood of a generalised Pareto law: by how much a high threshold was exceeded.

    log(s) + (1 / ξ + 1) log(1 + ξ · target / s). The target is what is left above a threshold that you choose, and
    only the rows that exceed it take part. The prediction holds the logs of the scale s and of the shape ξ; with
    `link="identity"` the numbers themselves.

    The shape is positive, for tails that fall as a power, such as losses and floods: the mean is finite below ξ = 1,
    the variance below 1/2. As ξ goes to 0 it becomes the exponential law of mean s. A negative shape, for targets with
    an upper end, is left out: the end would move with the prediction, and targets beyond it have no likelihood and no
    gradient.

    Shapes: prediction (*batch, 2), the scale first; target (*batch), not negative; the loss in nats.

    Raises:
        DomainError: a target is negative, or with `link="identity"` a scale or a shape is not positive.

    >>> import torch, wald
    >>> loss = wald.GeneralisedParetoNLL(link="identity")
    >>> loss(torch.tensor([[1.0, 0.5], [2.0, 0.5]]), torch.tensor([2.0, 0.0]), reduction="none")
    tensor([2.0794, 0.6931])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how scale and shape are written: as logs, or as they are"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": NonNegative,
        },
        formula=lambda loss: Formula(
            "log(s) + (1 / x + 1) * log1p(x * target / s)",
            s="exp(prediction[0])" if loss.link == "log" else "prediction[0]",
            x="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        convex=False,
        bounded_below=False,
        smooth=3,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        when="The size of what goes beyond a high threshold: losses, floods, delays.",
        when_not="All targets are modelled, not only the highest (StudentTNLL, LogNormalNLL).",
        aliases=("GPD", "GeneralizedParetoNLL", "generalised Pareto likelihood", "peaks over threshold", "POT"),
        ports={"torch.distributions.GeneralizedPareto": {"link": "identity"}},
        tags=("extremes", "tail", "likelihood", "heavy tails", "threshold", "insurance", "probabilistic"),
        cite=("Pickands 1975, doi:10.1214/aos/1176343003",),
    )

    positive = ("scale", "shape")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        log_scale, log_shape = self.parameters(prediction)
        once, by_shape = logarithmic(target, log_scale, log_shape, 1)
        return log_scale + once + by_shape
