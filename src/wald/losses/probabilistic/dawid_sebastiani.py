"""Dawid-Sebastiani: an ensemble judged by its mean and variance alone."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised


class DawidSebastiani(Supervised):
    """The Dawid-Sebastiani score of an ensemble: a surprise measured by its mean and variance alone.

    log(v) + (target - mean)² / v for the mean and the variance v of the members. It is twice GaussianNLL of them: no
    matter how the members are spread, only these two count, and a law is judged right if it has both right.

    The variance divides by members - 1; `bias=True` divides by members. Members that are all equal have no variance, so
    `least_variance` is added to it; with 0, the score as others have it, such an ensemble costs infinitely much and has
    no gradient. For a joint forecast of several numbers give the mean and the factor
    of the covariance to MultivariateGaussianNLL, twice which it is; with no more members than numbers the covariance
    of an ensemble cannot be inverted.

    Shapes: prediction (*batch, members), target (*batch); the loss in nats, twice over.

    Raises:
        ShapeError: there are fewer than two members.

    >>> import torch, wald
    >>> wald.DawidSebastiani()(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([3.0]))  # log(1) + 2² / 1
    tensor(4.0000)
    """

    bias: bool = param(default=False, choices=(False, True), help="divide the variance by members, not members - 1")
    least_variance: float = param(
        default=1e-6, at_least=0, help="what is added to the variance, in target units squared"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("members"), "target": Real},
        formula=Formula(
            "log(v) + (target - m)**2 / v",
            m="mean(prediction)",
            v="sum([(x - m)**2 for x in prediction]) / (len(prediction) - (not bias)) + least_variance",
        ),
        convex=False,
        bounded_below=lambda loss: loss.least_variance > 0,
        when="Ensembles are compared by mean and spread, and small ones at that.",
        when_not="Their shape matters (CRPS), or a mean and a variance are predicted themselves (GaussianNLL).",
        points=lambda loss: (
            {"perfect": "log(least_variance)", "floor": "log(least_variance)"} if loss.least_variance else {}
        ),
        aliases=("DSS", "Dawid-Sebastiani score", "dssuv_ensemble"),
        ports={"scoringrules.dssuv_ensemble": {"least_variance": 0.0}},
        tags=("probabilistic", "forecasting", "ensemble", "samples", "variance", "proper", "score"),
        cite=("Dawid & Sebastiani 1999, doi:10.1214/aos/1018031101",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.shape[-1] < 2:
            raise ShapeError(
                f"DawidSebastiani: prediction {tuple(prediction.shape)} has {prediction.shape[-1]} members, and a "
                "variance needs 2. For one forecast use Squared."
            )
        mean = prediction.mean(-1, keepdim=True)
        square = (prediction - mean).square().sum(-1) / (prediction.shape[-1] - (not self.bias)) + self.least_variance
        none = square == 0
        variance = torch.where(none, torch.ones_like(square), square)
        value = variance.log() + (target - mean.squeeze(-1)).square() / variance
        return torch.where(none, torch.inf, value)
