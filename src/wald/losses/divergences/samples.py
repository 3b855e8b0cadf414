"""How far two samples are apart: each example is a sample and one to compare it with."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, numbers, param
from ...core import ShapeError, Supervised
from ..pieces.distance import length


class Wasserstein1D(Supervised):
    """How far the numbers of one sample must be moved to become the other's, in order.

    mean |x_(k) - y_(k)|^order over the ranks k of both samples, sorted. At order 1 that is the Wasserstein distance, in
    the unit of the samples; at order 2 it is the **square** of the 2-Wasserstein distance, as roots have a kink where
    samples agree. Along directions drawn at random it is the sliced distance: `loss((x @ v).mT, (y @ v).mT)` for
    vectors x, y (N, features) and directions v (features, slices) of length 1; the mean over the batch is over slices.

    Both samples have the same size; draw from the larger one, or repeat both to their common multiple, for others. As
    an estimate of the distance of the laws it is too large in small samples.

    Shapes: prediction and target (*batch, samples).

    >>> import torch, wald
    >>> wald.Wasserstein1D()(torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 0.0]]))  # 0 stays, 1 becomes 3
    tensor(1.)
    >>> wald.Wasserstein1D(order=2)(torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 0.0]]))
    tensor(2.)
    """

    order: int = param(default=1, choices=(1, 2), help="the power of the distance that is moved")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("samples"), "target": Real.of("samples")},
        formula=Formula("mean([abs(a - b)**order for a, b in zip(sorted(prediction), sorted(target))])"),
        convex=False,
        perfect_is_minimal=True,
        smooth=0,
        slope=lambda loss: "bounded" if loss.order == 1 else "linear",
        when="Two sets of numbers should have the same distribution, and which number is whose does not matter.",
        when_not="Numbers are paired (Absolute, Squared), or points have several coordinates (Sinkhorn, or slices).",
        points={"perfect": 0, "floor": 0},
        aliases=("wasserstein_distance", "WassersteinDistance", "emd 1d", "sliced Wasserstein", "sorted L1"),
        ports={"scipy.stats.wasserstein_distance": {}},
        tags=("distribution", "samples", "optimal transport", "two-sample", "generative"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        apart = prediction.sort(-1).values - target.sort(-1).values
        return (apart.abs() if self.order == 1 else apart.square()).mean(-1)


class EnergyDistance(Supervised):
    """How far two samples of vectors are apart, beyond how far each is from itself.

    2 mean |x - y| - mean |x - x'| - mean |y - y'|, in the unit of the vectors; of laws, 0 if and only if they agree. It
    needs no bandwidth. **SciPy's is its root**, and geomloss's `SamplesLoss("energy")` is half of it.

    `unbiased=False` takes all pairs, a vector with itself included: never negative, too large in small samples.
    `unbiased=True` leaves those out, and may be negative. Of one target vector it is twice `EnergyScore`.

    Shapes: prediction (*batch, samples, features), target (*batch, target samples, features).

    Raises:
        ShapeError: a sample is empty, or unbiased=True and it has one vector.

    >>> import torch, wald
    >>> x, y = torch.tensor([[[0.0], [2.0]]]), torch.tensor([[[1.0], [1.0]]])
    >>> wald.EnergyDistance()(x, y), wald.EnergyDistance(unbiased=True)(x, y)  # 2 - 1 - 0, 2 - 2 - 0
    (tensor(1.), tensor(0.))
    """

    unbiased: bool = param(default=False, choices=(False, True), help="pairs of different vectors only")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("samples", "features"), "target": Real.of("target_samples", "features")},
        formula=Formula(
            "2 * mean([distance(x, y) for x in prediction for y in target])"
            " - sum([distance(x, y) for x in prediction for y in prediction]) / (n * (n - 1 if unbiased else n))"
            " - sum([distance(x, y) for x in target for y in target]) / (m * (m - 1 if unbiased else m))",
            n="len(prediction)",
            m="len(target)",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=None,
        slope="bounded",
        when="What a model draws should have the law of what was seen, and no bandwidth is known.",
        when_not="There is one observation for each forecast (EnergyScore).",
        points=lambda loss: {} if loss.unbiased else {"perfect": 0, "floor": 0},
        aliases=("energy distance", "Cramer distance of vectors", "energy statistic"),
        tags=("distribution", "samples", "two-sample", "generative", "domain adaptation"),
        cite=("Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        enough("EnergyDistance", prediction, target, unbiased=self.unbiased)
        own, others = (_inside(_distances(x, x), 0.0, unbiased=self.unbiased) for x in (prediction, target))
        return 2 * _distances(prediction, target).mean((-1, -2)) - own - others


class MMD(Supervised):
    """Maximum mean discrepancy: how far two samples are apart in the eyes of a Gaussian kernel.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y): the **square** of the discrepancy. k(x, y) is the mean over the
    bandwidths σ of exp(-|x - y|² / (2 σ²)); libraries that write exp(-γ |x - y|²) have γ = 1 / (2 σ²), and those that
    add kernels up have as many times the value as kernels. geomloss's `SamplesLoss("gaussian")` is half of it.

    Bandwidths are in the unit of the vectors, and decide what is seen: take about the distance between typical vectors,
    and halves and doubles of it. The median of the distances in a batch will do, computed without a gradient and held
    fixed. `unbiased=True` leaves out pairs of a vector with itself; the value may then be negative.

    Shapes: prediction (*batch, samples, features), target (*batch, target samples, features). Two batches of features
    are one example: `loss(x[None], y[None])`, or `loss(x, y)` as they are, without a batch axis.

    Raises:
        ShapeError: a sample is empty, or unbiased=True and it has one vector.

    >>> import torch, wald
    >>> x, y = torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]])
    >>> wald.MMD()(x, y)  # 2 - 2 exp(-1/2)
    tensor(0.7869)
    """

    bandwidths: tuple[float, ...] = param(
        default=(1.0,), convert=numbers, typical=((0.5, 2.0),), help="widths σ of the kernels, in the vectors' unit"
    )
    unbiased: bool = param(default=False, choices=(False, True), help="pairs of different vectors only")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("samples", "features"), "target": Real.of("target_samples", "features")},
        formula=Formula(
            "mean([(sum([exp(-distance(x, y) ** 2 / (2 * w**2)) for x in prediction for y in prediction]) - e * n)"
            " / (n * (n - e))"
            " + (sum([exp(-distance(x, y) ** 2 / (2 * w**2)) for x in target for y in target]) - e * m) / (m * (m - e))"
            " - 2 * mean([exp(-distance(x, y) ** 2 / (2 * w**2)) for x in prediction for y in target])"
            " for w in bandwidths])",
            n="len(prediction)",
            m="len(target)",
            e="1 if unbiased else 0",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        when="Two sets of features should have one law: domain adaptation, generative models, fair representations.",
        when_not="No bandwidth is known (EnergyDistance), or samples start far apart, where kernels see nothing.",
        points=lambda loss: {} if loss.unbiased else {"perfect": 0, "floor": 0},
        aliases=("maximum mean discrepancy", "MMDLoss", "kernel two-sample", "multi-kernel MMD", "MK-MMD"),
        tags=("distribution", "samples", "two-sample", "kernel", "generative", "domain adaptation"),
        cite=("Gretton et al. 2012, JMLR 13:723-773",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bandwidths or min(self.bandwidths) <= 0:
            raise ValueError(f"MMD: bandwidths are positive numbers, one or more; got {self.bandwidths}. Use (1.0,).")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        enough("MMD", prediction, target, unbiased=self.unbiased)
        own, others = (_inside(self._kernel(x, x), 1.0, unbiased=self.unbiased) for x in (prediction, target))
        return own + others - 2 * self._kernel(prediction, target).mean((-1, -2))

    def _kernel(self, x: Tensor, y: Tensor) -> Tensor:
        square = (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1)
        return torch.stack([(square / (-2 * w * w)).exp() for w in self.bandwidths]).mean(0)


def enough(loss: str, prediction: Tensor, target: Tensor, *, unbiased: bool) -> None:
    """Raise unless both samples have the vectors that their pairs are made of.

    Raises:
        ShapeError: a sample is empty, or unbiased and of one vector.
    """
    for name, x in (("prediction", prediction), ("target", target)):
        if x.shape[-2] < 1 + unbiased:
            raise ShapeError(
                f"{loss}: {name} {tuple(x.shape)} is (*batch, samples, features) with {x.shape[-2]} vectors; "
                + ("pairs of different ones need 2. Use unbiased=False." if x.shape[-2] else "it needs 1 or more.")
            )


def _inside(each: Tensor, alone: float, *, unbiased: bool) -> Tensor:
    """The mean over all pairs of one sample, in which each vector has the value `alone` with itself."""
    n = each.shape[-1]
    return (each.sum((-1, -2)) - n * alone) / (n * (n - 1)) if unbiased else each.mean((-1, -2))


def _distances(x: Tensor, y: Tensor) -> Tensor:
    return length(x.unsqueeze(-2) - y.unsqueeze(-3))
