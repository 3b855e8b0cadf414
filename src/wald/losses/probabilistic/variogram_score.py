"""The variogram score: whether the numbers of a joint forecast differ from each other as they should."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised


class VariogramScore(Supervised):
    """The variogram score of an ensemble of vectors: do their entries differ from each other as they should?

    Σ (|y_i - y_j|^p - mean |x_i - x_j|^p)² over all pairs i, j of features, each pair taken in both orders, with the
    mean over the members x. It sees wrong correlations, which EnergyScore hardly notices.

    Only differences between features enter: a constant added to all of them changes nothing, so it is proper but not
    strictly so, and belongs beside a score that looks at each feature, such as CRPS. The square of the mean makes
    it an estimate whose bias shrinks with the number of members.

    Below `power` 1 a difference of exactly 0 has an infinite slope; its gradient is taken as 0. Time and memory grow
    with members · features².

    Shapes: prediction (*batch, members, features), target (*batch, features); the loss in the target's unit to the
    power 2 · `power`.

    Raises:
        ShapeError: there are no members.

    >>> import torch, wald
    >>> members, seen = torch.tensor([[[0.0, 4.0], [1.0, 2.0]]]), torch.tensor([[0.0, 1.0]])
    >>> wald.VariogramScore()(members, seen)  # 2 (1 - (2 + 1) / 2)²
    tensor(0.5000)
    """

    power: float = param(default=0.5, above=0, typical=(2.0,), help="what differences are raised to")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("members", "features"), "target": Real.of("features")},
        formula=Formula(
            "sum([(abs(target[i] - target[j])**power - mean([abs(x[i] - x[j])**power for x in prediction]))**2"
            " for i in range(n) for j in range(n)])",
            n="len(target)",
        ),
        convex=False,
        bounded_below=True,
        points={"perfect": 0},
        when="A sampler gives joint forecasts, and how their entries hang together matters.",
        when_not="The level of each entry matters too (add CRPS or EnergyScore).",
        sizes={"features": 16},
        aliases=("p-variogram score", "vs_ensemble"),
        ports={"scoringrules.vs_ensemble": {}, "scoringrules.variogram_score": {}},
        tags=("probabilistic", "forecasting", "ensemble", "samples", "multivariate", "correlation", "proper", "score"),
        cite=("Scheuerer & Hamill 2015, doi:10.1175/MWR-D-14-00269.1",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if not prediction.shape[-2]:
            raise ShapeError(f"VariogramScore: prediction {tuple(prediction.shape)} has no members.")
        return (self._variogram(target) - self._variogram(prediction).mean(-3)).square().sum((-1, -2))

    def _variogram(self, x: Tensor) -> Tensor:
        apart = (x.unsqueeze(-1) - x.unsqueeze(-2)).abs()
        nothing = apart == 0
        return torch.where(nothing, torch.zeros_like(apart), torch.where(nothing, 1.0, apart) ** self.power)
