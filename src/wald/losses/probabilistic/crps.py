"""CRPS: how far an ensemble of forecasts is from what was observed, and from itself."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss, ShapeError, Supervised
from ..pieces.ties import runs


class CRPS(Supervised):
    """The continuous ranked probability score of an ensemble: near the target, and no narrower than it should be.

    mean |x - y| - mean |x - x'| / 2 over the members x of the ensemble and all pairs of them. It is the area between
    the step function of the ensemble and the step at the target, squared, in the target's unit; for one member it is
    the absolute error. A forecast that is too sure of itself earns little by the second term.

    `fair=False` takes all members² pairs, a member with itself included: the score of these very members. As an
    estimate for the law they were drawn from it is too large, by less the more members there are, and training with
    few of them draws the ensemble together. `fair=True` takes the members (members - 1) pairs of different ones,
    which has no bias, and is what ensembles of models or of dropout are trained by.

    Members are sorted, and each counts by its rank: time m log m and memory m, where all pairs take m². Every term
    of the sum is positive, so nothing cancels. Members that are equal have the same gradient, and one that is equal to
    the target has none.

    Shapes: prediction (*batch, members), in any order; target (*batch); the loss in the target's unit.

    Raises:
        ShapeError: there are no members, or only one and fair=True.

    >>> import torch, wald
    >>> members, seen = torch.tensor([[0.0, 1.0, 4.0]]), torch.tensor([1.0])
    >>> wald.CRPS()(members, seen), wald.CRPS(fair=True)(members, seen)  # 4/3 - 8/9, 4/3 - 4/3
    (tensor(0.4444), tensor(0.))
    """

    fair: bool = param(default=False, choices=(False, True), help="pairs of different members only: no bias")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("members"), "target": Real},
        formula=Formula(
            "mean([abs(x - target) for x in prediction])"
            " - sum([abs(x - z) for x in prediction for z in prediction]) / 2 / (m * (m - 1) if fair else m * m)",
            m="len(prediction)",
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        when="A model or a sampler gives several forecasts, and their spread should tell the uncertainty.",
        when_not="A distribution is predicted by its parameters (GaussianNLL) or its quantiles (Pinball, Interval).",
        aliases=(
            "continuous ranked probability score",
            "ensemble CRPS",
            "crps_ensemble",
            "CRPSLoss",
            "fair CRPS",
            "empirical CRPS",
            "energy score in one dimension",
        ),
        points={"perfect": 0},
        ports={"scoringrules.crps_ensemble": {}},
        tags=("probabilistic", "forecasting", "ensemble", "samples", "weather", "uncertainty", "proper", "score"),
        cite=(
            "Matheson & Winkler 1976, doi:10.1287/mnsc.22.10.1087",
            "Gneiting & Raftery 2007, doi:10.1198/016214506000001437",
            "Ferro 2014, doi:10.1002/qj.2270 (fair scores)",
            "Zamo & Naveau 2018, doi:10.1007/s11004-017-9709-7 (estimators)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return ensemble_crps(self, prediction, target, fair=self.fair)


def ensemble_crps(loss: Loss, prediction: Tensor, target: Tensor, *, fair: bool) -> Tensor:
    """The score of each ensemble; `loss` is who asks, for the message."""
    members = prediction.shape[-1]
    if members < 1 + fair:
        raise ShapeError(
            f"{type(loss).__name__}: prediction {tuple(prediction.shape)} has {members} members; "
            + ("pairs of different ones need 2. Use fair=False." if members else "an ensemble has at least 1.")
        )
    ordered = (prediction - target.unsqueeze(-1)).sort(-1).values
    first, last = runs(ordered.detach())
    return (ordered.abs() * ranked_share(ordered, first + last, fair=fair)).sum(-1)


def ranked_share(ordered: Tensor, twice: Tensor, *, fair: bool) -> Tensor:
    """What each member's distance from the target counts, by how many members lie farther out on its side of it.

    Args:
        ordered: the members less the target, ascending.
        twice: twice the rank of each, from 0, equal members ranked in the middle.
        fair: whether a member meets itself.
    """
    members, alone = ordered.shape[-1], not fair
    pairs = members * (members - fair)
    below, above = (x.to(ordered.dtype) / pairs for x in (twice + alone, 2 * (members - 1) - twice + alone))
    return torch.where(ordered < 0, below, above)
