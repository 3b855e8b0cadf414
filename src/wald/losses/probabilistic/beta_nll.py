"""BetaNLL: a Gaussian likelihood in which certain rows do not drown the others."""

from torch import Tensor

from ...cards import Card, Formula, Parameters, Positive, Real, param
from ...core import Loss


class BetaNLL(Loss):
    """Gaussian negative log-likelihood in which each row counts by its variance to the power `beta`.

    variance^beta · (log v + (target - mean)² / v) / 2. In GaussianNLL the mean learns by its error over v, so rows
    that are given a large variance, often because they have not been learned yet, stop being learned. At `beta` = 1
    the mean learns as with the squared error, at 0 it is GaussianNLL; 0.5 is what its authors advise.

    The weight is a weight and must have no gradient: it is given as an input of its own, the variance of the
    prediction after `.detach()`. With a gradient in it the loss would be another one, whose variances are wrong. What
    is minimal is then a point where the gradient is 0, not a least value: do not compare values of different beta.

    Shapes: prediction (*batch, 2), the mean and the log of the variance; target (*batch); variance (*batch), positive.

    Raises:
        DomainError: a variance is not positive.

    >>> import torch, wald
    >>> prediction, target = torch.tensor([[1.0, 2.0]]), torch.tensor([3.0])
    >>> wald.BetaNLL()(prediction, target, prediction[..., 1].exp().detach())  # e · (2 + 4 / e²) / 2
    tensor(3.4540)
    """

    beta: float = param(default=0.5, at_least=0, at_most=1, help="0 for GaussianNLL, 1 to learn means as Squared does")

    card = Card(
        task="other",
        inputs={"prediction": Parameters.of("parameters", size=2), "target": Real, "variance": Positive},
        formula=Formula(
            "variance**beta * (prediction[1] + (target - prediction[0])**2 * exp(-prediction[1])) / 2",
        ),
        convex=False,
        bounded_below=False,
        smooth=3,
        slope="exponential",
        when="GaussianNLL leaves some rows unlearned and calls them noisy.",
        when_not="A likelihood is to be reported (GaussianNLL).",
        aliases=("beta-NLL", "β-NLL", "variance-weighted Gaussian NLL"),
        tags=("uncertainty", "likelihood", "heteroscedastic", "variance", "probabilistic", "weighted"),
        cite=("Seitzer et al. 2022, arXiv:2203.09168",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        mean, log_variance = prediction.unbind(-1)
        root = (-0.5 * log_variance).exp()
        return variance**self.beta * 0.5 * (log_variance + ((target - mean) * root).square())
