"""Soft dynamic time warping: two series compared after the best stretching of time."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.alignment import softest_way, squared_differences


class SoftDTW(Supervised):
    """The cost of the best alignment of two series, made smooth: being early or late is forgiven.

    Every moment of one series is matched with moments of the other, in order, at the squared difference of their
    values. The soft minimum over all such alignments, -γ log Σ exp(-cost / γ) with γ = `gamma`, is the loss; as γ goes
    to 0 it is dynamic time warping. γ has the unit of the squared values: 0.01 to 1 for standardised series.

    The soft minimum lies below the least cost, so the loss is negative for series that agree, and a perfect forecast is
    not its minimum: a smoothed copy is. `divergence=True` takes off half of what each series costs against itself;
    it is then 0 for a perfect forecast and, as far as is known, never less.

    A forecast that says the right thing at the wrong time costs hardly anything. Where the time matters, use DILATE.
    The table has a place for each pair of moments, and as many steps that wait for each other as both series have
    moments: from some hundred moments on it is slow.

    Shapes: prediction (*batch, time) and target (*batch, moments), which may differ in length; in the target's unit,
    squared. The sum along the way, not its mean.

    >>> import torch, wald
    >>> late, bump = torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0])
    >>> wald.SoftDTW()(late, bump), wald.SoftDTW(gamma=0.001)(late, bump)
    (tensor(-3.3355), tensor(0.))
    >>> wald.SoftDTW(gamma=0.001, divergence=True)(bump, bump)
    tensor(0.)
    """

    gamma: float = param(default=1.0, above=0, typical=(0.1,), help="how soft the minimum is, in squared units")
    divergence: bool = param(
        default=False, choices=(False, True), help="take off what each costs against itself, so that equal costs 0"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("time"), "target": Real.of("moments")},
        formula=lambda loss: Formula(
            "least(prediction, target)"
            + (" - (least(prediction, prediction) + least(target, target)) / 2" if loss.divergence else ""),
            before="lambda a, b, i, j: ways(a, b, i - 1, j) + ways(a, b, i, j - 1) + ways(a, b, i - 1, j - 1)",
            ways="lambda a, b, i, j: [c + (a[i] - b[j])**2 for c in (before(a, b, i, j) if i or j else [0])]"
            " if i >= 0 and j >= 0 else []",
            least="lambda a, b: -gamma * logsumexp([-c / gamma for c in ways(a, b, len(a) - 1, len(b) - 1)])",
        ),
        convex=False,
        bounded_below=True,
        slope="linear",
        denominator="the unmasked series, each counted by its weight; not the moments",
        when="The shape of a series counts, and when exactly it comes does not.",
        when_not="Timing matters (use DILATE), or each moment is judged by itself (use Squared).",
        points=lambda loss: {"perfect": 0, "floor": 0} if loss.divergence else {},
        aliases=("soft-DTW", "SoftDTWLoss", "soft dynamic time warping", "DTW", "sdtw", "SoftDTWLossPyTorch"),
        ports={"tslearn.metrics.SoftDTWLossPyTorch": {}},
        tags=("time series", "forecasting", "alignment", "warping", "shape"),
        cite=("Cuturi & Blondel 2017, arXiv:1703.01541", "Blondel, Mensch & Vert 2021, arXiv:2010.08354"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        value = self._cost(prediction, target)
        if not self.divergence:
            return value
        return value - 0.5 * (self._cost(prediction, prediction) + self._cost(target, target))

    def _cost(self, a: Tensor, b: Tensor) -> Tensor:
        return softest_way(squared_differences(a, b), self.gamma)[0]
