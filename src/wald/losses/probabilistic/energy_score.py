"""The energy score: how far an ensemble of vectors is from what was observed, and from itself."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised
from ..pieces.distance import length


class EnergyScore(Supervised):
    """The energy score of an ensemble of vectors: CRPS where a forecast has several numbers at once.

    mean |x - y| - mean |x - x'| / 2 with Euclidean lengths, over the members x and all pairs of them. For vectors of
    one number it is CRPS. Distances of unlike quantities add up in it, so bring them to one scale first.

    `fair=False` takes all members² pairs, a member with itself included: the score of these very members. `fair=True`
    takes pairs of different ones only, which as an estimate for the law they were drawn from has no bias, and may be
    negative.

    It notices wrong means and spreads more than wrong correlations; VariogramScore looks at those. Two members that
    are equal have no direction between them, and a gradient of 0. Time and memory grow with members² · features.

    Shapes: prediction (*batch, members, features), target (*batch, features); the loss in the target's unit.

    Raises:
        ShapeError: there are no members, or only one and fair=True.

    >>> import torch, wald
    >>> members, seen = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]]), torch.tensor([[0.0, 0.0]])
    >>> wald.EnergyScore()(members, seen), wald.EnergyScore(fair=True)(members, seen)  # 5/2 - 5/4, 5/2 - 5/2
    (tensor(1.2500), tensor(0.))
    """

    fair: bool = param(default=False, choices=(False, True), help="pairs of different members only: no bias")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("members", "features"), "target": Real.of("features")},
        formula=Formula(
            "mean([distance(x, target) for x in prediction])"
            " - sum([distance(x, z) for x in prediction for z in prediction]) / 2 / (m * (m - 1) if fair else m * m)",
            m="len(prediction)",
        ),
        convex=False,
        bounded_below=True,
        slope="bounded",
        points={"perfect": 0},
        when="A sampler gives several joint forecasts of several numbers: wind as a vector, paths, fields.",
        when_not="There is one number (CRPS), or correlations are what matters (VariogramScore beside it).",
        aliases=("multivariate CRPS", "energy distance score", "es_ensemble", "energy loss"),
        ports={"scoringrules.es_ensemble": {}, "scoringrules.energy_score": {}},
        tags=("probabilistic", "forecasting", "ensemble", "samples", "multivariate", "weather", "proper", "score"),
        cite=("Gneiting & Raftery 2007, doi:10.1198/016214506000001437",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        members = prediction.shape[-2]
        if members < 1 + self.fair:
            raise ShapeError(
                f"EnergyScore: prediction {tuple(prediction.shape)} has {members} members; "
                + ("pairs of different ones need 2. Use fair=False." if members else "an ensemble has at least 1.")
            )
        away = length(prediction - target.unsqueeze(-2)).mean(-1)
        apart = length(prediction.unsqueeze(-2) - prediction.unsqueeze(-3)).sum((-1, -2))
        return away - apart / (2 * members * (members - self.fair))
