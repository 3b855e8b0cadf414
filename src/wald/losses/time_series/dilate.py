"""DILATE: a forecast judged by its shape and by its timing."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.alignment import softest_way, squared_differences


class DILATE(Supervised):
    """Shape and timing of a forecast: what it costs to align, and how far in time.

    alpha · (soft-DTW of the two series) + (1 - alpha) · (mean over alignments of Σ (i - j)² / time²), where i and j are
    the moments that are matched, and alignments count by how cheap they are. The first part forgives a peak that comes
    late, the second says how late it is. At alpha 1 it is SoftDTW.

    The first part has the unit of the squared values and the second none: standardise the series, or alpha means
    nothing. The first is below 0 for series that agree, so the value has no floor at 0 (see SoftDTW), and adds up along
    the way: its weight grows with the length.

    Shapes: prediction and target (*batch, time), of the same length.

    >>> import torch, wald
    >>> target = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0])
    >>> near, far = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0])
    >>> wald.DILATE()(torch.stack([near, far]), target.expand(2, 5), reduction="none")
    tensor([0.0840, 0.2800])
    """

    alpha: float = param(default=0.5, at_least=0, at_most=1, typical=(0.0,), help="how much the shape counts")
    gamma: float = param(default=0.01, above=0, typical=(1.0,), help="how soft the minimum is, in squared units")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("time"), "target": Real.of("time")},
        formula=Formula(
            "-alpha * gamma * logsumexp(leads) + (1 - alpha) * dot(softmax(leads), strays) / len(target)**2",
            before="lambda i, j: ways(i - 1, j) + ways(i, j - 1) + ways(i - 1, j - 1)",
            ways="lambda i, j: [(c + (prediction[i] - target[j])**2, d + (i - j)**2)"
            " for c, d in (before(i, j) if i or j else [(0, 0)])] if i >= 0 and j >= 0 else []",
            leads="[-c / gamma for c, d in ways(len(prediction) - 1, len(target) - 1)]",
            strays="[d for c, d in ways(len(prediction) - 1, len(target) - 1)]",
        ),
        convex=False,
        bounded_below=True,
        denominator="the unmasked series, each counted by its weight; not the moments",
        when="Sudden changes are forecast: ramps, peaks, steps; and both their form and their moment count.",
        when_not="Each moment is judged by itself (use Squared), or timing does not matter (use SoftDTW).",
        aliases=("DILATELoss", "dilate_loss", "shape and time distortion loss"),
        tags=("time series", "forecasting", "alignment", "warping", "shape", "timing"),
        cite=("Le Guen & Thome 2019, arXiv:1909.09020",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        size = prediction.shape[-1]
        moments = torch.arange(size, device=prediction.device, dtype=prediction.dtype) / max(size, 1)
        apart = squared_differences(moments, moments).expand(*prediction.shape, size)
        # The mean over alignments is how fast the soft minimum changes as distance in time is added to the costs.
        shape, time = softest_way(squared_differences(prediction, target), self.gamma, apart)
        assert time is not None  # noqa: S101  (it is asked for)
        return self.alpha * shape + (1 - self.alpha) * time
