"""Losses of images against Kornia, MONAI, piq, pytorch-msssim and torchmetrics, in value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

import wald

from ..parity.case import Case, mean, of_port


def pictures(seed: int, size: tuple[int, int] = (24, 19), scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.rand(2, 3, *size, generator=generator, dtype=torch.float64)
    x = (y + 0.2 * torch.randn(y.shape, generator=generator, dtype=torch.float64)).clamp(0, 1)
    return scale * x, scale * y


def made(module: str, name: str, *given: Any, **fields: Any) -> Callable[..., Tensor]:
    return lambda *x: getattr(import_module(module), name)(*given, **fields)(*x)


#: The port, fields of ours beside its own, what the library computes, and what it returns in terms of our loss.
SIMILARITY: list[tuple[str, float, Callable[..., Tensor], Callable[[Tensor], Tensor]]] = [
    ("monai.losses.SSIMLoss", 1.0, made("monai.losses", "SSIMLoss", 2), lambda s: s),
    ("piq.SSIMLoss", 1.0, made("piq", "SSIMLoss"), lambda s: s),
    ("kornia.losses.ssim_loss", 1.0, made("kornia.losses", "SSIMLoss", 11), lambda s: s),
    ("pytorch_msssim.SSIM", 255.0, made("pytorch_msssim", "SSIM"), lambda s: 1 - s),
]


def _similar(port: str, scale: float, theirs: Callable[..., Tensor], read: Callable[[Tensor], Tensor]) -> Case:
    """Coverage §6.16: kornia (1 - s) / 2, monai and piq 1 - s, pytorch-msssim s, of ranges 1 and 255."""
    x, y = pictures(0, scale=scale)
    return of_port(port, lambda x: read(theirs(x, y)), x, y, how=mean, within=1e-4)


def test_a_wrong_range_is_another_loss() -> None:
    x, y = pictures(0)
    assert wald.SSIM(data_range=255.0)(x, y).item() != pytest.approx(wald.SSIM()(x, y).item(), rel=0.1)


def _several_scales() -> Case:
    x, y = pictures(0, size=(176, 181), scale=255.0)
    theirs = made("pytorch_msssim", "MS_SSIM")
    return of_port("pytorch_msssim.MS_SSIM", lambda x: 1 - theirs(x, y), x, y, how=mean, within=1e-4)


VARIATION: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("kornia.losses.TotalVariation", lambda x: made("kornia.losses", "TotalVariation")(x).sum(1).mean()),
    ("piq.TVLoss", made("piq", "TVLoss")),
    ("torchmetrics.image.TotalVariation", lambda x: made("torchmetrics.image", "TotalVariation")(x.float()) / len(x)),
]


def _varied(port: str, theirs: Callable[[Tensor], Tensor]) -> Case:
    x, _ = pictures(1)
    return of_port(port, theirs, x, how=mean, within=1e-4)


def _depth_and_decibels() -> list[Case]:
    x, y = pictures(2)
    depth = x[:, :1].clone()
    smooth = made("kornia.losses", "InverseDepthSmoothnessLoss")
    # Kornia takes the mean over the batch before the log, so one image is compared.
    decibels = made("kornia.losses", "PSNRLoss", 1.0)
    return [
        of_port(
            "kornia.losses.InverseDepthSmoothnessLoss",
            lambda d: smooth(d, y),
            depth,
            how=lambda loss, d: loss(d.squeeze(1), y),
        ),
        of_port("kornia.losses.PSNRLoss", lambda x: decibels(x, y[:1]), x[:1], y[:1], how=mean),
    ]


def _local_correlation() -> Case:
    x, y = pictures(3)

    def theirs(x: Tensor) -> Tensor:
        maps = made("monai.losses", "LocalNormalizedCrossCorrelationLoss", 2, kernel_size=3, reduction="none")(x, y)
        return maps[..., 1:-1, 1:-1].mean()

    # It adds up nine products where ours is a mean: the ratio is the same, its floor of 1e-5 a ninth.
    return Case(
        loss="LocalCrossCorrelation",
        name="monai.losses.LocalNormalizedCrossCorrelationLoss",
        ours=lambda x: wald.LocalCrossCorrelation(window=3, floor=1e-5 / 9)(x, y),
        theirs=theirs,
        at=x,
    )


def _spectral() -> Case:
    x, y = pictures(4)
    theirs = made("monai.losses", "JukeboxLoss", 2)
    return of_port("monai.losses.JukeboxLoss", lambda x: theirs(x, y), x, y, how=mean)


def _field(space: int) -> Tensor:
    generator = torch.Generator().manual_seed(space)
    return torch.randn(2, space, *(5, 7, 4)[:space], generator=generator, dtype=torch.float64)


def _deformed(name: str, space: int, relative: bool) -> Case:
    theirs = made("monai.losses", name, normalize=relative)
    return of_port(f"monai.losses.{name}", theirs, _field(space), how=mean, space=space, relative=relative)


def _information(kernel: str) -> Case:
    # MONAI takes the range of b-splines from the whole batch, so one image is compared.
    x, y = (each[:1] for each in pictures(5, size=(9, 8)))
    monai = made("monai.losses", "GlobalMutualInformationLoss", kernel_type=kernel)
    return of_port(
        "monai.losses.GlobalMutualInformationLoss",
        lambda x: monai(x.reshape(1, 1, 24, 9), y.reshape(1, 1, 24, 9)),
        x.reshape(1, -1),
        y.reshape(1, -1),
        how=mean,
        within=2e-5,
        kernel=kernel,
    )


def _edges(channels: int, size: tuple[int, int], scale: float) -> Case:
    x, y = (each[:, :channels] for each in pictures(6, size=size, scale=scale))
    theirs = made("piq", "GMSDLoss", data_range=scale)
    return of_port("piq.GMSDLoss", lambda x: theirs(x, y), x, y, how=mean, within=5e-5, data_range=scale)


CASES: list[Case] = [
    *(_information(kernel) for kernel in ("gaussian", "b-spline")),
    *(_edges(*row) for row in ((3, (24, 20), 1.0), (1, (17, 22), 1.0), (3, (15, 13), 255.0))),
    _spectral(),
    *(
        _deformed(name, space, relative)
        for name in ("BendingEnergyLoss", "DiffusionLoss")
        for space in (1, 2, 3)
        for relative in (False, True)
    ),
    *(_similar(*row) for row in SIMILARITY),
    _several_scales(),
    *(_varied(*row) for row in VARIATION),
    *_depth_and_decibels(),
    _local_correlation(),
]
