"""Mutual information of two images: registration where nothing ties one brightness to the other."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class MutualInformation(Supervised):
    """Minus what the brightness of one image tells about that of the other, in nats: registration across modalities.

    -Σ p(a, b) log(p(a, b) / (p(a) p(b))), with the shares p of pixels in bins of brightness. So that it has a slope,
    a pixel counts in several bins (Parzen windows):

    - kernel="gaussian": by exp(-d² / (2 sigma²)), d the distance to a bin in bins, made to add up to 1. Both images are
      taken to lie in [0, 1], and what is outside counts as the end, without a slope.
    - "b-spline": by a cubic spline in the prediction and whole in the nearest bin of the target (Mattes), each between
      its own least and highest brightness, with two bins of margin; the brightest bin is wider, as in ITK and MONAI.
      The target has no slope.

    Places do not count, so the pixels of both may be shuffled alike, and any one-to-one change of brightness costs only
    what bins blur. An image that is the same all over has no information: 0 is the worst value and log(bins) the best
    that there could be, less by what the kernel blurs. **MONAI's b-splines take the range of the whole batch**, so that
    images change each other's value; here each image has its own.

    It takes pixels times bins of memory: draw pixels of a large volume at random, the same of both.

    Shapes: prediction and target (*batch, pixels): `x.flatten(1)` of images (N, 1, H, W) and volumes.

    Raises:
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> image = torch.linspace(0, 1, 100).reshape(1, 100)
    >>> loss = wald.MutualInformation()
    >>> loss(1 - image, image) < loss(image.roll(30, -1), image) < loss(image.sin(), torch.zeros(1, 100))
    tensor(True)
    """

    kernel: Literal["gaussian", "b-spline"] = param(
        default="gaussian", choices=("gaussian", "b-spline"), help="how a pixel is spread over bins"
    )
    bins: int = param(default=23, at_least=5, typical=(8,), help="how many bins of brightness")
    sigma: float = param(default=0.5, above=0, typical=(1.0,), help="the width of a Gaussian, in bins")
    smooth: float = param(
        default=0.0, at_least=0, quiet=True, help="added to both shares, and to their ratio, before the logarithm"
    )

    card = Card(
        task="other",
        inputs={"prediction": Real.of("pixels"), "target": Real.of("pixels")},
        formula=lambda loss: Formula(
            "-sum([q * log((q + smooth) / (m + smooth) + smooth) for q, m in cells if q > 0])",
            share="lambda v: [k / sum(v) for k in v]",
            gauss="lambda xs: [share([exp(-((min(1, max(0, x)) * (bins - 1) - b) / sigma)**2 / 2)"
            " for b in range(bins)]) for x in xs]",
            place="lambda x, xs: min(bins - 3, max(2, (x - min(xs)) / ((max(xs) - min(xs)) or 1) * (bins - 4) + 2))",
            cubic="lambda d: (4 - 6 * d**2 + 3 * d**3) / 6 if d < 1 else max(0, 2 - d)**3 / 6",
            box="lambda d: 1 if d < 0.5 else 0.5 if d == 0.5 else 0",
            split="lambda xs, part: [[part(abs(b - place(x, xs))) for b in range(bins)] for x in xs]",
            a="gauss(prediction)" if loss.kernel == "gaussian" else "split(prediction, cubic)",
            b="gauss(target)" if loss.kernel == "gaussian" else "split(target, box)",
            cells="[(mean([x * y for x, y in zip(u, v)]), mean(u) * mean(v)) for u in zip(*a) for v in zip(*b)]",
        ),
        convex=False,
        bounded_below=True,
        denominator="the unmasked images, each counted by its weight; not the pixels",
        when="Images of different kinds are to be brought into register: a scan by one method onto one by another.",
        when_not="Both are of one kind (Squared, SSIM), or related by a line window by window (LocalCrossCorrelation).",
        points={"chance": 0, "collapse": 0, "floor": "-log(bins)"},
        aliases=("GlobalMutualInformationLoss", "Mattes mutual information", "Parzen mutual information", "MI loss"),
        ports={"monai.losses.GlobalMutualInformationLoss": {"smooth": 1e-7}},
        tags=("image", "registration", "medical", "information", "histogram"),
        cite=(
            "Viola & Wells 1997, doi:10.1023/A:1007958904918",
            "Mattes et al. 2003, doi:10.1109/TMI.2003.809072",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.kernel == "gaussian":
            own, true = (_gaussian(x, self.bins, self.sigma) for x in (prediction, target))
        else:
            own, true = _cubic(_places(prediction, self.bins), self.bins), _box(_places(target, self.bins), self.bins)
        together = own.mT @ true / max(1, prediction.shape[-1])
        # A cell that nothing is in adds nothing; one that holds next to nothing has no second derivative worth having.
        some = together > torch.finfo(together.dtype).tiny ** 0.4
        there = torch.where(some, together, torch.ones_like(together))
        of_own, of_true = (
            torch.where(some, share, torch.ones_like(share))
            for share in torch.broadcast_tensors(own.mean(-2).unsqueeze(-1), true.mean(-2).unsqueeze(-2))
        )
        if self.smooth:
            told = ((there + self.smooth) / (of_own * of_true + self.smooth) + self.smooth).log()
        else:
            told = there.log() - of_own.log() - of_true.log()
        return -(together * torch.where(some, told, torch.zeros_like(told))).sum((-2, -1))


def _distances(places: Tensor, bins: int) -> Tensor:
    """How far each pixel is from each bin, in bins: (*batch, pixels, bins)."""
    return places.unsqueeze(-1) - torch.arange(bins, device=places.device, dtype=places.dtype)


def _gaussian(x: Tensor, bins: int, sigma: float) -> Tensor:
    # As a softmax: far from all bins of a narrow kernel, shares would be 0 of 0.
    return (-_distances(x.clamp(0, 1) * (bins - 1), bins).square() / (2 * sigma**2)).softmax(-1)


def _places(x: Tensor, bins: int) -> Tensor:
    """Where each pixel lies among the bins, from the third to the last but two."""
    if not x.shape[-1]:
        return x
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    width = torch.where(high > low, high - low, torch.ones_like(low))
    return ((x - low) / width * (bins - 4) + 2).clamp(2, bins - 3)


def _cubic(places: Tensor, bins: int) -> Tensor:
    d = _distances(places, bins).abs()
    return torch.where(d < 1, (4 - 6 * d.square() + 3 * d**3) / 6, (2 - d).relu() ** 3 / 6)


def _box(places: Tensor, bins: int) -> Tensor:
    d = _distances(places.detach(), bins).abs()
    return (d < 0.5).to(d.dtype) + (d == 0.5).to(d.dtype) / 2 + 0 * d  # a comparison would hide what is NaN
