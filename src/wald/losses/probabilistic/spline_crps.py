"""Spline CRPS: a whole distribution, whose quantile function is a chain of straight lines."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Formula, Parameters, Real, param
from ...core import Supervised
from ..pieces.softplus import softplus


class SplineCRPS(Supervised):
    """The CRPS of a distribution whose quantile function is a chain of straight lines (SQF).

    The quantile function begins at its lowest value, at level 0, and rises in `pieces` lines to its highest one, at
    level 1; both ends, the places of the knots and the slopes are predicted. So the distribution may have any shape,
    quantiles never cross, and the integral of twice the pinball loss over all levels is exact: no quantile is chosen
    beforehand, and nothing is drawn.

    The prediction holds, in this order, the lowest value, for each piece the number of which softplus is its slope, and
    for each piece the logit of how much of the range of levels it covers (a softmax over the pieces). `quantile` reads
    it. **The distribution ends at its first and last knot**: what lies beyond costs like an absolute error, and if
    tails matter a law with tails is better. A slope is a rise per level, in target units: scale the targets.

    GluonTS and others write slopes as absolute values or softplus of what the network emits; the integral is the same.

    Shapes: prediction (*batch, 1 + 2 * pieces); target (*batch); the loss in the target's unit.

    Raises:
        ShapeError: prediction has not 1 + 2 * pieces entries along its last axis.

    >>> import torch, wald
    >>> loss = wald.SplineCRPS(pieces=1)
    >>> uniform = torch.tensor([0.0, 0.5413, 0.0])  # from 0 on, of slope softplus(0.5413) = 1, in one piece
    >>> loss(uniform.expand(3, -1), torch.tensor([0.0, 0.5, 2.0]), reduction="none")  # 1/3, 1/12 and 1 + 1/3
    tensor([0.3333, 0.0833, 1.3333])
    >>> loss.quantile(uniform, torch.tensor([0.1, 0.9]))
    tensor([0.1000, 0.9000])
    """

    pieces: int = param(default=5, convert=int, at_least=1, typical=(2,), help="how many straight lines there are")

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Parameters.of("parameters", size=1 + 2 * loss.pieces), "target": Real},
        formula=Formula(
            "2 * sum([v * (above(a, b) - u * (a + b) / 2 - v * (a / 6 + b / 3))"
            " for v, u, a, b in zip(w, before(w), d, d[1:])])",
            w="softmax(prediction[pieces + 1:])",
            before="lambda x: [sum(x[:k]) for k in range(len(x))]",
            h="[softplus(s) * v for s, v in zip(prediction[1:], w)]",
            d="[prediction[0] - target + x for x in [*before(h), sum(h)]]",
            above="lambda a, b: (max(a, 0) + max(b, 0)) / 2 if a * b >= 0 else b**2 / (b - a) / 2",
        ),
        convex=False,
        bounded_below=True,
        smooth=1,
        slope="bounded",
        when="A whole distribution of any shape is wanted from one network, without crossing quantiles.",
        when_not="A law is known (GaussianCRPS), levels are fixed beforehand (QuantileCRPS), or tails matter most.",
        points={"perfect": 0, "floor": 0},
        aliases=("SQF", "spline quantile function", "piecewise linear quantile function", "PiecewiseLinearOutput"),
        tags=("quantile", "probabilistic", "forecasting", "distribution", "score", "CRPS"),
        cite=("Gasthaus et al. 2019, PMLR 89:1901-1910",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        low, rise, width = self._knots(prediction)
        start = (low - target).unsqueeze(-1)
        ends = torch.cat([start, start + rise.cumsum(-1)], -1)
        # How far the line is below the target at either end, and how far above.
        below, above = (-ends).relu(), ends.relu()
        short, long = below[..., :-1], above[..., 1:]
        total = short + long
        crossing = short / total.masked_fill(total == 0, 1.0)
        lower, upper = width * crossing, width * (1 - crossing)
        # Levels before the piece, and beyond it.
        before, beyond = width.cumsum(-1) - width, width.flip(-1).cumsum(-1).flip(-1) - width
        under = lower * (before * (short + below[..., 1:]) / 2 + lower * (short / 6 + below[..., 1:] / 3))
        over = upper * (beyond * (above[..., :-1] + long) / 2 + upper * (long / 6 + above[..., :-1] / 3))
        return 2 * (under + over).sum(-1)

    def quantile(self, prediction: Tensor, level: Tensor) -> Tensor:
        """The quantiles of the predicted distribution.

        Args:
            prediction: (*batch, 1 + 2 * pieces), as in the loss.
            level: (levels), between 0 and 1.

        Returns:
            (*batch, levels).
        """
        low, rise, width = self._knots(prediction)
        before = (width.cumsum(-1) - width).unsqueeze(-2)
        within = ((level.unsqueeze(-1) - before) / width.unsqueeze(-2)).clamp(0, 1)
        return low.unsqueeze(-1) + (within * rise.unsqueeze(-2)).sum(-1)

    def _knots(self, prediction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The lowest value, and of each piece how much it rises and how much of the range of levels it covers."""
        low, slope, logit = prediction.split([1, self.pieces, self.pieces], -1)
        width = F.softmax(logit, -1)
        return low.squeeze(-1), softplus(slope) * width, width
