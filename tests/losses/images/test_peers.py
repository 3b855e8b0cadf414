"""Losses of images against Kornia, MONAI, piq, pytorch-msssim and torchmetrics, in value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

import wald

pytestmark = pytest.mark.peers


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


@pytest.mark.parametrize(("port", "scale", "theirs", "read"), SIMILARITY, ids=[row[0] for row in SIMILARITY])
def test_similarity(port: str, scale: float, theirs: Callable[..., Tensor], read: Callable[[Tensor], Tensor]) -> None:
    """Coverage §6.16: kornia (1 - s) / 2, monai and piq 1 - s, pytorch-msssim s, of ranges 1 and 255."""
    pytest.importorskip(port.partition(".")[0], reason="compares with this library")
    x, y = pictures(0, scale=scale)
    ours, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    value, wanted = wald.SSIM(like=port)(ours, y), read(theirs(other, y))
    torch.testing.assert_close(value, wanted.to(value.dtype), rtol=1e-5, atol=1e-6)
    value.backward()
    wanted.backward()
    torch.testing.assert_close(ours.grad, other.grad, rtol=1e-3, atol=1e-7)


def test_a_wrong_range_is_another_loss() -> None:
    x, y = pictures(0)
    assert wald.SSIM(data_range=255.0)(x, y).item() != pytest.approx(wald.SSIM()(x, y).item(), rel=0.1)


def test_several_scales() -> None:
    peer = pytest.importorskip("pytorch_msssim", reason="compares with pytorch-msssim")
    x, y = pictures(0, size=(176, 181), scale=255.0)
    ours, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    value, wanted = wald.MultiScaleSSIM(like="pytorch_msssim")(ours, y), 1 - peer.MS_SSIM()(other, y)
    torch.testing.assert_close(value, wanted, rtol=1e-5, atol=1e-6)
    value.backward()
    wanted.backward()
    torch.testing.assert_close(ours.grad, other.grad, rtol=1e-3, atol=1e-9)


VARIATION: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("kornia.losses.TotalVariation", lambda x: made("kornia.losses", "TotalVariation")(x).sum(1).mean()),
    ("piq.TVLoss", made("piq", "TVLoss")),
    ("torchmetrics.image.TotalVariation", lambda x: made("torchmetrics.image", "TotalVariation")(x.float()) / len(x)),
]


@pytest.mark.parametrize(("port", "theirs"), VARIATION, ids=[row[0] for row in VARIATION])
def test_variation(port: str, theirs: Callable[[Tensor], Tensor]) -> None:
    pytest.importorskip(port.partition(".")[0], reason="compares with this library")
    x, _ = pictures(1)
    value, wanted = wald.TotalVariation(like=port)(x), theirs(x)
    torch.testing.assert_close(value.float(), wanted.float(), rtol=1e-5, atol=1e-5)


def test_kornia_of_depth_and_decibels() -> None:
    losses = pytest.importorskip("kornia.losses", reason="compares with Kornia")
    x, y = pictures(2)
    depth = x[:, :1].clone().requires_grad_()
    value = wald.EdgeAwareSmoothness(like="kornia")(depth.squeeze(1), y)
    wanted = losses.inverse_depth_smoothness_loss(depth, y)
    torch.testing.assert_close(value, wanted)
    torch.testing.assert_close(torch.autograd.grad(value, depth), torch.autograd.grad(wanted, depth))
    # Kornia takes the mean over the batch before the log, so one image is compared.
    torch.testing.assert_close(wald.PSNR(like="kornia")(x[:1], y[:1]), losses.psnr_loss(x[:1], y[:1], 1.0))


def test_local_correlation_of_monai_inside_the_border() -> None:
    losses = pytest.importorskip("monai.losses", reason="compares with MONAI")
    x, y = pictures(3)
    maps = losses.LocalNormalizedCrossCorrelationLoss(spatial_dims=2, kernel_size=3, reduction="none")(x, y)
    # It adds up nine products where ours is a mean: the ratio is the same, its floor of 1e-5 a ninth.
    value = wald.LocalCrossCorrelation(window=3, floor=1e-5 / 9)(x, y)
    torch.testing.assert_close(value, maps[..., 1:-1, 1:-1].mean())
