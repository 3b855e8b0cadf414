"""Entropic optimal transport between two sets of points."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised
from ..pieces.distance import length


class Sinkhorn(Supervised):
    """What it costs to move one set of points onto another, with a little blur.

    The cost of moving x to y is |x - y|²/2 (`power=2`) or |x - y| (`power=1`), points of a set have equal shares, and
    the plan pays blur^power times its KL divergence from independence. `debiased=True` subtracts half of what each set
    costs against itself: the value is then 0 for equal sets, where the plain one shrinks the first set to its middle.
    A small blur is optimal transport itself, a large one the distance of means (power 2).

    **Costs and blurs differ between libraries.** This is geomloss: power is its p, and ε = blur^power. POT's `reg` is ε
    on the cost that it is given, often |x - y|² without the half, and its value leaves the entropy out. The blur is in
    the unit of the points; what is closer than it is not told apart.

    Sinkhorn's steps run `iterations` times, all at once for both sets, and their gradient is that of the steps; 50 are
    enough while the blur is about a tenth of the size of the sets or more, and a smaller one takes more. Memory grows
    with iterations · points · target points.

    Shapes: prediction (*batch, points, features), target (*batch, target points, features). Two sets without a batch
    axis are one example.

    Raises:
        ShapeError: a set is empty.

    >>> import torch, wald
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> wald.Sinkhorn()(x.flip(0), x + 1.0)  # the order is nothing; moved by √2: 2/2
    tensor(1.)
    """

    blur: float = param(default=0.5, above=0, help="the length below which points are not told apart, in their unit")
    power: int = param(default=2, choices=(2, 1), help="2: |x - y|²/2 is what a step costs; 1: |x - y|")
    debiased: bool = param(default=True, choices=(True, False), help="subtract what each set costs against itself")
    iterations: int = param(default=50, at_least=1, help="how many steps are taken")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("points", "features"), "target": Real.of("target_points", "features")},
        formula=lambda loss: Formula(
            "transport(prediction, target)" + (" - (itself(prediction) + itself(target)) / 2" if loss.debiased else ""),
            moved="lambda a, b: (distance(a, b) if power == 1 else distance(a, b)**2 / 2) / blur**power",
            cost="lambda x, y: [[moved(a, b) for b in y] for a in x]",
            least="lambda c, held: [log(len(held)) - logsumexp([h - x for x, h in zip(row, held)]) for row in c]",
            second="lambda c, back, n: least(back, least(c, second(c, back, n - 1)) if n > 1 else [0] * len(c))",
            both="lambda c, g: blur**power * (mean(least(c, g)) + mean(g))",
            transport="lambda x, y: both(cost(x, y), second(cost(x, y), cost(y, x), iterations))",
            **(
                {
                    "halfway": "lambda c, f: [(a + b) / 2 for a, b in zip(f, least(c, f))]",
                    "steps": "lambda c, n: halfway(c, steps(c, n - 1)) if n else [0] * len(c)",
                    "itself": "lambda x: both(cost(x, x), steps(cost(x, x), iterations + 1))",
                }
                if loss.debiased
                else {}
            ),
        ),
        convex=False,
        bounded_below=True,
        when="Two sets of points should come to lie on each other: clouds, particles, generated and real features.",
        when_not="Points are numbers (Wasserstein1D), or far more than some thousands (EnergyDistance, MMD).",
        points=lambda loss: {"perfect": 0, "floor": 0} if loss.debiased else {},
        sizes={"points": 64},
        aliases=("Sinkhorn divergence", "entropic OT", "SamplesLoss", "optimal transport", "Sinkhorn distance"),
        tags=("distribution", "samples", "optimal transport", "point cloud", "generative"),
        cite=("Cuturi 2013, arXiv:1306.0895", "Feydy et al. 2018, arXiv:1810.08278"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        for name, x in (("prediction", prediction), ("target", target)):
            if x.shape[-2] == 0:
                raise ShapeError(f"Sinkhorn: {name} {tuple(x.shape)} has no points; it is (*batch, points, features).")
        value = self._transport(prediction, target)
        if not self.debiased:
            return value
        return value - 0.5 * (self._itself(prediction) + self._itself(target))

    def _cost(self, x: Tensor, y: Tensor) -> Tensor:
        """What each step costs, in units of the entropy."""
        apart = x.unsqueeze(-2) - y.unsqueeze(-3)
        cost = length(apart) if self.power == 1 else 0.5 * apart.square().sum(-1)
        return cost / self.blur**self.power

    def _transport(self, x: Tensor, y: Tensor) -> Tensor:
        cost = self._cost(x, y)
        other = cost.mT
        # Potentials, in units of the entropy; the last step makes the plan's shares add up, so that their means are
        # the whole value.
        g = _softmin(other)
        f = _softmin(cost - g.unsqueeze(-2))
        for _ in range(self.iterations - 1):
            g = _softmin(other - f.unsqueeze(-2))
            f = _softmin(cost - g.unsqueeze(-2))
        return self.blur**self.power * (f.mean(-1) + g.mean(-1))

    def _itself(self, x: Tensor) -> Tensor:
        cost = self._cost(x, x)
        f = 0.5 * _softmin(cost)
        # A set against itself has one potential, which the mean of old and new finds in a few steps.
        for _ in range(self.iterations):
            f = 0.5 * (f + _softmin(cost - f.unsqueeze(-2)))
        return self.blur**self.power * (f.mean(-1) + _softmin(cost - f.unsqueeze(-2)).mean(-1))


def _softmin(cost: Tensor) -> Tensor:
    """-log of the mean of exp(-cost) along the last axis."""
    return math.log(cost.shape[-1]) - torch.logsumexp(-cost, -1)
