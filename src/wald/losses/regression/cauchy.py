"""Cauchy: the logarithm of the squared error, so that no error pulls for long."""

from math import sqrt

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.log_square import log1p_square


class Cauchy(Supervised):
    """The logarithm of one plus the squared error: outliers pull less the farther they are.

    log(1 + (r / c)² / 2) for r = prediction - target and c = `scale`: about (r / c)² / 2 near the target, and twice the
    logarithm of the error far from it. The pull is strongest at |r| = 1.41 c and falls like 2 / |r| beyond, so an
    outlier hardly matters, and a model that starts far away hardly moves: warm it up with Huber, or begin with a large
    `scale`.

    It has no unit and is no multiple of c²; it is Barron's general loss at alpha 0. Other texts leave out the half
    (use scale = theirs / √2), or multiply by c² / 2 as SciPy's least_squares does. Up to a constant it is the negative
    log-likelihood of a Cauchy distribution of the width √2 c.

    Targets in two heaps have a minimum in each, so the result depends on where training began.

    Shapes: prediction and target (*batch); `scale` in the target's unit, the loss has none.

    >>> import torch, wald
    >>> wald.Cauchy()(torch.tensor([1.0, 1e30]), torch.zeros(2), reduction="none")
    tensor([  0.4055, 137.4620])
    """

    scale: float = param(
        default=1.0, above=0, typical=(0.5,), help="the size of an error that is still ordinary, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("log1p(x**2 / 2)", x="(prediction - target) / scale"),
        elicits="m-functional",
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Many targets are simply wrong, and the model already starts near the rest.",
        when_not="Errors are large at the start, or large errors are what must be avoided (use Huber).",
        points={"perfect": 0, "floor": 0},
        aliases=("CauchyLoss", "cauchy_loss", "Lorentzian", "log-quadratic", "log-square"),
        ports={"kornia.losses.CauchyLoss": {}},
        tags=("robust", "outliers", "redescending", "non-convex", "heavy tails"),
        cite=("Black & Anandan 1996, doi:10.1006/cviu.1996.0006", "Barron 2019, arXiv:1701.03077"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return log1p_square((prediction - target) / (sqrt(2) * self.scale))
