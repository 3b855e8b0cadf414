"""The kernel score: how unlike an ensemble and what was observed are, in the eyes of a Gaussian kernel."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised


class KernelScore(Supervised):
    """The Gaussian kernel score of an ensemble of vectors: only what is near counts.

    1/2 - mean k(x, y) + mean k(x, x') / 2 with k(x, y) = exp(-|x - y|² / (2 · bandwidth²)), over the members x and
    all pairs of them. As members are drawn more and more often it becomes half the squared maximum mean discrepancy
    between their law and the target, and lies between 0 and 1. Misses far beyond the bandwidth cost all the same, and
    have hardly any gradient: start from forecasts that are not far off, or widen the bandwidth.

    The bandwidth is in the unit of the target; others fix it at 1, which means little unless inputs are scaled.
    `fair=True` takes pairs of different members only, which has no bias, and may be negative.

    Shapes: prediction (*batch, members, features), target (*batch, features); for one number, features is 1. The
    loss has no unit.

    Raises:
        ShapeError: there are no members, or only one and fair=True.

    >>> import torch, wald
    >>> members, seen = torch.tensor([[[0.0], [1.0]]]), torch.tensor([[0.0]])
    >>> wald.KernelScore()(members, seen)  # with k = exp(-1/2): 1/2 - (1 + k) / 2 + (2 + 2 k) / 8
    tensor(0.0984)
    """

    bandwidth: float = param(default=1.0, above=0, typical=(3.0,), help="how far the kernel reaches, in target units")
    fair: bool = param(default=False, choices=(False, True), help="pairs of different members only: no bias")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("members", "features"), "target": Real.of("features")},
        formula=Formula(
            "0.5 - mean([k(x, target) for x in prediction])"
            " + (sum([k(x, z) for x in prediction for z in prediction]) - fair * m) / 2 / (m * (m - fair))",
            m="len(prediction)",
            k="lambda x, z: exp(-(distance(x, z) / bandwidth)**2 / 2)",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        points={"perfect": 0},
        when="Forecasts are samples, and misses far away should not count more than misses nearby.",
        when_not="Distances matter (EnergyScore, CRPS).",
        aliases=("Gaussian kernel score", "MMD score", "gksuv_ensemble"),
        ports={"scoringrules.gksmv_ensemble": {}, "scoringrules.gksuv_ensemble": {}},
        tags=("probabilistic", "forecasting", "ensemble", "samples", "multivariate", "kernel", "proper", "score"),
        cite=("Gneiting & Raftery 2007, doi:10.1198/016214506000001437",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        members = prediction.shape[-2]
        if members < 1 + self.fair:
            raise ShapeError(
                f"KernelScore: prediction {tuple(prediction.shape)} has {members} members; "
                + ("pairs of different ones need 2. Use fair=False." if members else "an ensemble has at least 1.")
            )
        like = self._kernel(prediction - target.unsqueeze(-2)).mean(-1)
        alike = self._kernel(prediction.unsqueeze(-2) - prediction.unsqueeze(-3)).sum((-1, -2))
        return 0.5 - like + (alike - self.fair * members) / (2 * members * (members - self.fair))

    def _kernel(self, difference: Tensor) -> Tensor:
        return (-0.5 * (difference / self.bandwidth).square().sum(-1)).exp()
