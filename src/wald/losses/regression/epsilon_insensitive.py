"""Epsilon-insensitive errors: nothing within a tube around the target, as in support vector regression."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class EpsilonInsensitive(Supervised):
    """The absolute error beyond `epsilon`: what is that near costs nothing.

    max(0, |prediction - target| - epsilon). Within the tube of ± epsilon there is neither cost nor gradient, so
    predictions stop at its edge: a support vector machine leaves out all rows inside it. Its minimiser is a middle of
    the targets, often a whole interval of them; at epsilon 0 it is the median.

    Shapes: prediction and target (*batch); `epsilon` and the loss in the target's unit.

    >>> import torch, wald
    >>> wald.EpsilonInsensitive(epsilon=0.5)(torch.tensor([0.25, 2.0]), torch.zeros(2), reduction="none")
    tensor([0.0000, 1.5000])
    """

    epsilon: float = param(
        default=0.1, at_least=0, typical=(1.0,), help="how far off costs nothing yet, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("max(0, abs(prediction - target) - epsilon)"),
        elicits=lambda loss: "m-functional" if loss.epsilon else "median",
        convex=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="bounded",
        when="Errors below a tolerance do not matter: rounding, quantised sensors, support vector regression.",
        when_not="Small errors matter (use Absolute), or the mean is wanted (use Squared).",
        points={"perfect": 0, "floor": 0},
        aliases=("epsilon_insensitive", "SVR loss", "tube loss", "dead-zone loss", "epsilon-insensitive L1"),
        ports={"sklearn.svm.SVR": {"epsilon": 0.1}, "sklearn.epsilon_insensitive": {"epsilon": 0.1}},
        tags=("robust", "tolerance", "support vector machine", "sparse"),
        cite=("Vapnik 1995, doi:10.1007/978-1-4757-2440-0",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return torch.relu((prediction - target).abs() - self.epsilon)


class SquaredEpsilonInsensitive(Supervised):
    """The squared error beyond `epsilon`: what is that near costs nothing.

    max(0, |prediction - target| - epsilon)². It is not halved, as in scikit-learn. Within the tube of ± epsilon there
    is neither cost nor gradient, and the slope begins at 0 on its edge. At epsilon 0 it is the squared error, and its
    minimiser the mean.

    Shapes: prediction and target (*batch); `epsilon` in the target's unit, the loss in its square.

    >>> import torch, wald
    >>> wald.SquaredEpsilonInsensitive(epsilon=0.5)(torch.tensor([0.25, 2.0]), torch.zeros(2), reduction="none")
    tensor([0.0000, 2.2500])
    """

    epsilon: float = param(
        default=0.1, at_least=0, typical=(1.0,), help="how far off costs nothing yet, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("max(0, abs(prediction - target) - epsilon)**2"),
        elicits=lambda loss: "m-functional" if loss.epsilon else "mean",
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 1 if loss.epsilon else 3,
        slope="linear",
        when="Errors below a tolerance do not matter, and large ones cost more than in proportion.",
        when_not="Some targets are wild (use EpsilonInsensitive or Huber), or small errors matter (use Squared).",
        points={"perfect": 0, "floor": 0},
        aliases=("squared_epsilon_insensitive", "L2-SVR", "squared tube loss", "epsilon-insensitive L2"),
        ports={"sklearn.squared_epsilon_insensitive": {"epsilon": 0.1}},
        tags=("tolerance", "support vector machine", "sparse"),
        cite=("Vapnik 1995, doi:10.1007/978-1-4757-2440-0",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        residual = prediction - target
        if self.epsilon == 0:
            return residual.square()
        return (residual - residual.clamp(-self.epsilon, self.epsilon)).square()
