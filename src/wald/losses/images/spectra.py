"""Spectra of images and series: how strong each frequency is, wherever it lies."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.powers import raised


class SpectralAmplitude(Supervised):
    """Errors of the strength of each frequency of an image: texture, wherever it lies.

    With the Fourier transform F over channels, height and width, orthonormal: the mean over frequencies of
    ||F prediction| - |F target||^power. Phases do not count, so an image and the same one rolled along an axis are
    alike: use it beside a loss that sees places. `across_channels=False` transforms each channel by itself.

    `phase="kept"` is |F prediction - F target| instead (FreDF), which sees places too: at power 2 that is the mean
    squared error, by Parseval, and at power 1 another loss of the same errors, of which each frequency is one. The
    strength has a kink where it is 0, and there a slope of 0.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W). A series (*batch, time) is
    `x[..., None, None, :]`.

    Raises:
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> x = torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]])
    >>> wald.SpectralAmplitude()(x, x.roll(1, -1)), wald.SpectralAmplitude()(x, 0 * x)  # four frequencies of 1/2
    (tensor(0.), tensor(0.2500))
    """

    power: float = param(
        default=2.0, at_least=1, typical=(1.0,), help="1 for absolute errors of strengths, 2 for squared"
    )
    phase: Literal["lost", "kept"] = param(
        default="lost", choices=("lost", "kept"), help="whether strengths alone are compared"
    )
    across_channels: bool = param(default=True, quiet=True, help="whether channels are an axis of the transform")

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("planes", "height", "width"),
            "target": Real.of("planes", "height", "width"),
        },
        formula=lambda loss: Formula(
            "mean([abs(abs(a) - abs(b))**power for a, b in zip(p, t)])"
            if loss.phase == "lost"
            else "mean([abs(a - b)**power for a, b in zip(p, t)])",
            plane="lambda c: [*zip(*[fourier(column) for column in zip(*[fourier(row) for row in c])])]",
            flat="lambda x: [[z / sqrt(len(x[0]) * len(x[0][0])) for row in plane(c) for z in row] for c in x]",
            whole="lambda x: [z / sqrt(len(x)) for pixel in zip(*flat(x)) for z in fourier(pixel)]"
            if loss.across_channels
            else "lambda x: [z for pixel in zip(*flat(x)) for z in pixel]",
            p="whole(prediction)",
            t="whole(target)",
        ),
        convex=lambda loss: loss.phase == "kept",
        bounded_below=True,
        perfect_is_minimal=True,
        denominator="the unmasked examples (images), each counted by its weight; not the frequencies",
        when="Beside a loss of places, where generated sound or images lack texture.",
        when_not="Alone: it does not see where things are.",
        points={"perfect": 0, "floor": 0},
        aliases=("JukeboxLoss", "spectral loss", "Fourier amplitude loss", "FreDF", "frequency loss"),
        ports={"monai.losses.JukeboxLoss": {}},
        tags=("image", "series", "frequency", "generative", "texture", "forecasting"),
        cite=("Dhariwal et al. 2020, arXiv:2005.00341 (Jukebox)", "Wang et al. 2024, arXiv:2402.02399 (FreDF)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        axes = (-3, -2, -1) if self.across_channels else (-2, -1)
        if self.phase == "kept":
            off = _strength(prediction - target, axes)
        else:
            off = (_strength(prediction, axes) - _strength(target, axes)).abs()
        return raised(off, self.power).mean((-3, -2, -1))


def _strength(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    # Not every library of transforms takes a batch of nothing.
    spectrum = torch.fft.fftn(x, dim=axes, norm="ortho") if x.numel() else x.to(torch.complex64)
    return raised((spectrum.real.square() + spectrum.imag.square()).to(x.dtype), 0.5)
