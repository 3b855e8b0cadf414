"""Laplace CRPS: a median and a spread, judged in the unit of the target."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Parameters, PlainParameters, Real, param
from ...core import Supervised
from ..pieces.law import Law, scaled


class LaplaceCRPS(Supervised, Law):
    """The continuous ranked probability score of a Laplace law: a median and a spread, in the target's unit.

    |e| + b exp(-|e| / b) - 3 b / 4 for the error e = target - m. The prediction holds the location m and the log of
    the scale b; with `link="identity"` b itself. Far from the target it is the absolute error less 3 b / 4, and near
    it a parabola. The standard deviation of the law is b √2.

    Shapes: prediction (*batch, 2), the location first; target (*batch); the loss in the target's unit.

    Raises:
        DomainError: with `link="identity"`, a scale is not positive.

    >>> import torch, wald
    >>> wald.LaplaceCRPS()(torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([0.0, 2.0]), reduction="none")
    tensor([0.2500, 1.3853])
    """

    link: Literal["log", "identity"] = param(
        default="log", choices=("log", "identity"), help="how the scale is written: its log, or the number itself"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": (Parameters if loss.link == "log" else PlainParameters).of("parameters", size=2),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "e + b * exp(-e / b) - 0.75 * b",
            e="abs(target - prediction[0])",
            b="exp(prediction[1])" if loss.link == "log" else "prediction[1]",
        ),
        elicits="distribution",
        convex=lambda loss: loss.link == "identity",
        bounded_below=True,
        smooth=2,
        slope=lambda loss: "exponential" if loss.link == "log" else None,
        points={"floor": 0},
        when="A median and a spread are predicted, for noise with heavier tails than normal.",
        when_not="You have draws and no parameters (CRPS), or want a likelihood (LaplaceNLL).",
        aliases=("CRPS of a Laplace law", "Laplacian CRPS"),
        ports={"scoringrules.crps_laplace": {"link": "identity"}},
        tags=("probabilistic", "uncertainty", "forecasting", "proper", "score", "robust", "median"),
        cite=("Jordan, Krüger & Lerch 2019, doi:10.18637/jss.v090.i12 (closed forms)",),
    )

    positive = ("", "scale")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        location, log_scale = self.parameters(prediction)
        error = target - location
        return error.abs() + log_scale.exp() * ((-scaled(error, log_scale).abs()).exp() - 0.75)
