"""Errors of images and of depth: in decibels, up to scale, and by frequency."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, NonNegative, Positive, Real, param
from ...core import Supervised
from ..pieces.powers import raised, ratio


class PSNR(Supervised):
    """Minus the peak signal-to-noise ratio of an image, in decibels: the log of its mean squared error.

    -10 log10(data_range² / (mse + floor · data_range²)), the mean squared error over the pixels of each image by
    itself. Each image is pulled by its relative error, where Squared is about the worst images. `data_range` is the
    difference between white and black; it adds a constant and no slope. Without `floor` a perfect image is at minus
    infinity; at 1e-8 it is -80 dB.

    Kornia takes the mean over the batch before the log, and has no floor: on one image both agree.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W).

    Raises:
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.PSNR()(torch.full((1, 1, 4, 4), 0.1), torch.zeros(1, 1, 4, 4))  # the error is a tenth of the range: 20 dB
    tensor(-20.0000)
    """

    data_range: float = param(default=1.0, above=0, typical=(255.0,), help="the difference between white and black")
    floor: float = param(
        default=1e-8, at_least=0, quiet=True, help="the least mean squared error, of the squared range"
    )

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=Formula(
            "10 / log(10) * log(mean([(a - b)**2 for p, t in zip(prediction, target) for q, s in zip(p, t)"
            " for a, b in zip(q, s)]) / data_range**2 + floor)"
        ),
        convex=False,
        bounded_below=lambda loss: loss.floor > 0,
        perfect_is_minimal=True,
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="You are judged by the mean PSNR of images of very different difficulty.",
        when_not="Images should look right (SSIM), or some are already nearly perfect: they pull hardest (Squared).",
        points={"perfect": "10 * log(floor) / log(10)", "floor": "10 * log(floor) / log(10)"},
        aliases=("PSNRLoss", "psnr_loss", "negative PSNR"),
        ports={"kornia.losses.PSNRLoss": {"floor": 0.0}},
        tags=("image", "restoration", "decibel"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        squares = ((prediction - target) / self.data_range).square().mean((-3, -2, -1))
        return (10 / math.log(10)) * (squares + self.floor).log()


class ScaleInvariantLog(Supervised):
    """Errors of the logs of depths, with a share of their common part forgiven (SILog).

    With d = log prediction - log target over the pixels of a map: mean(d²) - forgiven · mean(d)². At 1 it is
    the variance of d, and a map that is wrong by one factor everywhere costs nothing; at 0 the mean squared log error.
    It is worked out as the variance plus (1 - forgiven) mean(d)², which rounding cannot make negative. `root=True`
    takes the square root, with no slope at 0; `scale` multiplies: Eigen's loss is forgiven=0.5; BTS and its kin have
    0.85, the root, and 10.

    A target of 0 marks a pixel without a known depth, and is left out; a map without any known one costs 0.

    Shapes: prediction (*batch, pixels), depths above 0, and target (*batch, pixels), depths or 0; `flatten(1)` of (N,
    1, H, W).

    Raises:
        DomainError: a predicted depth is 0 or less; have the network emit exp or softplus.
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> depth = torch.tensor([[1.0, 2.0, 4.0, 0.0]])
    >>> wald.ScaleInvariantLog(forgiven=1.0)(3 * depth + 0.01 * (depth == 0), depth)
    tensor(0.)
    """

    forgiven: float = param(
        default=0.5, at_least=0, at_most=1, typical=(0.85,), help="the share of the common error forgiven"
    )
    root: bool = param(default=False, choices=(False, True), quiet=True, help="the square root")
    scale: float = param(default=1.0, above=0, quiet=True, help="what the whole is multiplied by")

    card = Card(
        task="other",
        inputs={"prediction": Positive.of("pixels"), "target": NonNegative.of("pixels")},
        formula=Formula(
            "scale * (sqrt(value) if root else value)",
            d="[log(a) - log(b) for a, b in zip(prediction, target) if b]",
            value="mean([(a - mean(d))**2 for a in d]) + (1 - forgiven) * mean(d)**2",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        denominator="the unmasked examples (maps), each counted by its weight; not the pixels",
        when="Depth from one picture, whose scale cannot be known for sure.",
        when_not="Scale is known (SquaredLog, Absolute).",
        points={"perfect": 0, "floor": 0},
        aliases=("SILog", "SiLogLoss", "SILogLoss", "Eigen depth loss"),
        ports={"mmseg.models.losses.SiLogLoss": {"root": True}},
        tags=("depth", "image", "log", "scale-invariant"),
        cite=("Eigen, Puhrsch & Fergus 2014, arXiv:1406.2283",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        known = target != 0
        one = torch.ones_like(target)
        apart = torch.where(known, prediction, one).log() - torch.where(known, target, one).log()
        count = known.to(apart.dtype).sum(-1)
        mean = ratio(apart.sum(-1), count)
        spread = torch.where(known, apart - mean.unsqueeze(-1), torch.zeros_like(apart))
        value = ratio(spread.square().sum(-1), count) + (1 - self.forgiven) * mean.square()
        return self.scale * (raised(value, 0.5) if self.root else value)


class FocalFrequency(Supervised):
    """Squared errors of the spectrum of an image, in which frequencies that are far off count more.

    With F the two-dimensional Fourier transform of each channel (orthonormal) and e = |F prediction - F target|: the
    mean of w e², w = e^alpha divided by its largest over the frequencies of a channel. Without the weight it would be
    Squared, by Parseval. Frequencies that a network finds hard, often the high ones, are not drowned by those that it
    has learned. Of a perfect channel e is 0 everywhere, and so is the loss, where the package of the paper divides 0 by
    0 and covers it up.

    The paper holds w constant in the gradient: `fixed_weight=True`. It is off here so that the gradient is that of the
    value.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W).

    Raises:
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> checks = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    >>> wald.FocalFrequency()(checks, torch.zeros(1, 1, 2, 2))  # two of four frequencies are off, by 1
    tensor(0.5000)
    """

    alpha: float = param(
        default=1.0, at_least=0, typical=(2.0,), help="how much more a frequency counts that is far off"
    )
    fixed_weight: bool = param(default=False, quiet=True, help="whether the weight is a constant in the gradient")

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=Formula(
            "mean([(s / (max(c) or 1))**(alpha / 2) * s for c in squares for s in c])",
            off="[[[a - b for a, b in zip(q, s)] for q, s in zip(p, t)] for p, t in zip(prediction, target)]",
            spectrum="lambda c: [z for column in zip(*[fourier(row) for row in c]) for z in fourier(column)]",
            squares="[[abs(z)**2 / (len(c) * len(c[0])) for z in spectrum(c)] for c in off]",
        ),
        bounded_below=True,
        perfect_is_minimal=True,
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Beside a loss of pixels, where generated images lack texture, or show a grid.",
        when_not="Pixels matter where they are (Squared, SSIM).",
        points={"perfect": 0, "floor": 0},
        aliases=("FFL", "FocalFrequencyLoss"),
        tags=("image", "restoration", "frequency", "generative"),
        cite=("Jiang et al. 2020, arXiv:2012.12821",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = prediction - target
        # Not every library of transforms takes a batch of nothing.
        spectrum = torch.fft.fft2(error, norm="ortho") if error.numel() else error.to(torch.complex64)
        squares = (spectrum.real.square() + spectrum.imag.square()).to(error.dtype)
        basis = squares.detach() if self.fixed_weight else squares
        largest = basis.amax((-2, -1), keepdim=True).expand_as(basis)
        return (raised(ratio(basis, largest), self.alpha / 2) * squares).mean((-3, -2, -1))
