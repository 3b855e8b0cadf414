"""Log-normal CRPS: positive amounts and their spread, judged in the unit of the target."""

import torch
from torch import Tensor

from ...cards import Card, Formula, PlainParameters, Positive
from ...core import Supervised
from ..pieces.law import Law, scaled
from ..pieces.normal import log_normal_below


class LogNormalCRPS(Supervised, Law):
    """The continuous ranked probability score of a log-normal law: positive amounts, in the target's unit.

    y (2 Φ(z) - 1) - 2 exp(m + s² / 2) (Φ(z - s) - Φ(-s / √2)) for z = (log(y) - m) / s. The prediction holds m, the
    mean of the log of the target y, and its standard deviation s, positive: pass what the model emits through softplus.

    Large amounts rule, as their distances are large; LogNormalNLL judges by ratios. The mean of the law is
    exp(m + s² / 2): with s = 5 that is 270 000 times the median, and with s = 14 beyond single precision, as the loss
    then is. Start with a small s.

    Shapes: prediction (*batch, 2), the mean of the log first; target (*batch), positive; the loss in the target's unit.

    Raises:
        DomainError: a target is not positive, or a standard deviation is not.

    >>> import torch, wald
    >>> wald.LogNormalCRPS()(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([1.0, 3.0]), reduction="none")
    tensor([0.2674, 1.1965])
    """

    card = Card(
        task="regression",
        inputs={"prediction": PlainParameters.of("parameters", size=2), "target": Positive},
        formula=Formula(
            "target * (2 * below(z) - 1) - 2 * exp(m + s**2 / 2) * (below(z - s) - below(-s / sqrt(2)))",
            m="prediction[0]",
            s="prediction[1]",
            z="(log(target) - m) / s",
            below="lambda x: erfc(-x / sqrt(2)) / 2",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        points={"floor": 0},
        when="Positive amounts with a spread of their own, judged by distances in their unit.",
        when_not="Ratios matter, not distances (LogNormalNLL), or some targets are 0.",
        aliases=("CRPS of a log-normal law", "lognormal CRPS"),
        ports={"scoringrules.crps_lognormal": {}},
        tags=("probabilistic", "uncertainty", "forecasting", "positive", "amounts", "proper", "score"),
        cite=("Baran & Lerch 2015, doi:10.1002/qj.2521",),
    )

    link = "identity"
    positive = ("", "standard deviation")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        mean, log_std = self.parameters(prediction)
        std = log_std.exp()
        z = scaled(target.log() - mean, log_std)
        # A huge mean times a tiny share is taken as one exponential.
        log_mean = mean + 0.5 * std.square()
        shares = (log_mean + log_normal_below(z - std)).exp() - (log_mean + log_normal_below(-std * 0.5**0.5)).exp()
        return target * torch.erf(z * 0.5**0.5) - 2 * shares
