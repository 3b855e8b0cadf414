"""One-sided errors: targets of which only a bound is known."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import Loss


class OneSided(Loss):
    """The error against targets of which some are only bounds, "< 5" or "> 100".

    `side` says what each target is: 0 for a measured value, 1 for a lower bound (the truth is above it), -1 for an
    upper bound (the truth is below it). A prediction on the allowed side of a bound costs nothing; all others cost
    their squared or absolute error.

    A bound that is kept costs 0 and still counts in the mean, as in chemprop. This is no likelihood: it knows nothing
    of how far beyond its bound a target is likely to be, so predictions for censored rows end up anywhere beyond it.

    Shapes: prediction, target and side (*batch); in the target's unit, or its square. chemprop's masks become
    side = gt_mask.long() - lt_mask.long().

    Raises:
        DomainError: a side is none of -1, 0 and 1.

    >>> import torch, wald
    >>> prediction, target = torch.tensor([3.0, 3.0, 3.0]), torch.tensor([5.0, 5.0, 5.0])
    >>> wald.OneSided()(prediction, target, torch.tensor([0, 1, -1]), reduction="none")
    tensor([4., 4., 0.])
    """

    error: Literal["squared", "absolute"] = param(
        default="squared", choices=("squared", "absolute"), help="what an error beyond a bound costs"
    )

    card = Card(
        task="regression",
        inputs={
            "prediction": Real,
            "target": Real,
            "side": Domain(says="-1, 0 or 1", low=-1, high=1, integer=True, typical=(-1, 1)),
        },
        formula=lambda loss: Formula(
            "0 if side * r > 0 else " + ("r**2" if loss.error == "squared" else "abs(r)"), r="prediction - target"
        ),
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 1 if loss.error == "squared" else 0,
        slope=lambda loss: "linear" if loss.error == "squared" else "bounded",
        when='Some measurements read "below 5" or "above 100": assays, detection limits, capped answers.',
        when_not="Times until an event (use Cox), or the law beyond the bound is known: then its likelihood says more.",
        points={"perfect": 0, "floor": 0},
        aliases=("BoundedMSE", "BoundedMAE", "bounded loss", "censored regression", "inequality loss"),
        ports={
            "chemprop.nn.metrics.BoundedMSE": {},
            "chemprop.nn.metrics.BoundedMAE": {"error": "absolute"},
        },
        tags=("censored", "bounds", "detection limit", "chemistry"),
        cite=("Heid et al. 2024, doi:10.1021/acs.jcim.3c01250 (chemprop)",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, side: Tensor) -> Tensor:
        residual = prediction - target
        wrong = torch.where(side * residual > 0, torch.zeros_like(residual), residual)
        return wrong.square() if self.error == "squared" else wrong.abs()
