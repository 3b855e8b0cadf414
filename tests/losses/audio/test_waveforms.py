"""Losses of waveforms: against torchmetrics, auraloss, torch.stft and their definitions."""

from __future__ import annotations

from importlib import import_module
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import wald

from ...catalogue import leaf
from ..parity.case import Case, attribute, mean, of_port


def waves(rows: int = 3, samples: int = 400, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A prediction that is near a target of noise."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(rows, samples, generator=generator, dtype=torch.float64)
    return target + 0.5 * torch.randn(rows, samples, generator=generator, dtype=torch.float64), target


def agree(loss: wald.Loss, theirs: Any, inputs: tuple[Tensor, Tensor], tolerance: float = 1e-6) -> None:
    """The same value and gradient."""
    mine, other = leaf(inputs[0]), leaf(inputs[0])
    value, wanted = loss(mine, inputs[1]), theirs(other, inputs[1])
    torch.testing.assert_close(value, wanted, rtol=tolerance, atol=tolerance)
    value.backward()
    wanted.backward()
    torch.testing.assert_close(mine.grad, other.grad, rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("zero_mean", [True, False])
def test_si_sdr_is_a_projection(zero_mean: bool) -> None:
    def by_hand(p: Tensor, y: Tensor) -> Tensor:
        if zero_mean:
            p, y = p - p.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
        unit = y / y.norm(dim=-1, keepdim=True)
        right = (p * unit).sum(-1, keepdim=True) * unit
        return (-20 * torch.log10(right.norm(dim=-1) / (p - right).norm(dim=-1))).mean()

    agree(wald.SISDR(zero_mean=zero_mean), by_hand, waves())


def test_volume_counts_in_snr_alone() -> None:
    p, y = waves()
    torch.testing.assert_close(wald.SISDR()(3 * p, y), wald.SISDR()(p, y))
    assert (wald.SNR()(3 * p, y) - wald.SNR()(p, y)).item() > 6
    assert wald.SNR()(0 * p, y).item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(
        wald.SNR()(p, y, reduction="none"), 10 * torch.log10(wald.ESR()(p, y, reduction="none")), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", ["SISDR", "SNR", "ESR", "STFT", "MultiResolutionSTFT"])
def test_silence_and_perfection_are_finite(name: str) -> None:
    loss, (_, y) = wald.get(name)(), waves(1, 600)
    silent = torch.zeros_like(y)
    for p, target in ((y, y), (silent, y), (y, silent), (silent, silent), (1e4 * y, y)):
        x = p.float().requires_grad_()
        value = loss(x, target.float())
        (slope,) = torch.autograd.grad(value, x)
        assert value.isfinite()
        assert slope.isfinite().all()
    assert loss(y, y) < min(loss(0.5 * y + 0.1 * y.flip(-1), y), 1e-6 + abs(loss(silent, y)))


def test_esr_and_the_error_of_the_mean() -> None:
    p, y = waves()
    dc = ((y - p).mean(-1) ** 2 / (y**2).mean(-1)).mean()
    torch.testing.assert_close(wald.ESR(dc=2.0)(p, y) - wald.ESR()(p, y), 2 * dc)


def stft_by_torch(p: Tensor, y: Tensor, fft: int, hop: int, window: int) -> Tensor:
    """The definition on one waveform, by torch.stft."""
    hann = torch.hann_window(window, dtype=p.dtype)
    a, b = (
        torch.stft(x, fft, hop, window, hann, return_complex=True).abs().square().clamp(min=1e-8).sqrt() for x in (p, y)
    )
    return (a - b).norm() / b.norm() + (a.log() - b.log()).abs().mean()


@pytest.mark.parametrize(("fft", "hop", "window"), [(64, 16, 64), (64, 25, 40), (33, 7, 20)])
def test_stft_is_that_of_torch(fft: int, hop: int, window: int) -> None:
    def by_torch(p: Tensor, y: Tensor) -> Tensor:
        return torch.stack([stft_by_torch(a, b, fft, hop, window) for a, b in zip(p, y, strict=True)]).mean()

    agree(wald.STFT(fft=fft, hop=hop, window=window), by_torch, waves())
    both = wald.MultiResolutionSTFT(resolutions=[(fft, hop, window), (16, 4, 16)])
    p, y = waves()
    parts = [wald.STFT(fft=f, hop=h, window=w)(p, y) for f, h, w in both.resolutions]
    torch.testing.assert_close(both(p, y), sum(parts, torch.zeros(())) / 2)


def test_edges_and_what_is_wrong() -> None:
    p, y = waves(3, 600)
    assert wald.STFT()(p, y) != wald.STFT(edges="zeros")(p, y)
    short = p[:, :100], y[:, :100]
    assert wald.STFT()(*short) == wald.STFT(edges="zeros")(*short)
    with pytest.raises(ValueError, match="edges must be one of 'mirror', 'zeros', got 'none'"):
        wald.STFT(edges="none")  # pyright: ignore[reportArgumentType]
    for loss in (wald.STFT(), wald.MultiResolutionSTFT()):
        with pytest.raises(wald.ShapeError, match="has no samples"):
            loss(torch.zeros(2, 0), torch.zeros(2, 0))


PORTS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("ESR", "auraloss.time.ESRLoss", {}, {}),
    ("SISDR", "auraloss.time.SISDRLoss", {}, {}),
    ("SNR", "auraloss.time.SNRLoss", {}, {}),
    ("STFT", "auraloss.freq.STFTLoss", {"fft": 64, "hop": 16}, {"fft_size": 64, "hop_size": 16, "win_length": 64}),
    ("STFT", "auraloss.freq.STFTLoss", {}, {}),
    ("MultiResolutionSTFT", "auraloss.freq.MultiResolutionSTFTLoss", {}, {}),
]  # fmt: skip


def _case(name: str, port: str, ours: dict[str, Any], theirs: dict[str, Any]) -> Case:
    p, y = (x.float() for x in waves(1, 3000))

    def of_auraloss(p: Tensor) -> Tensor:
        return attribute(port)(**theirs)(p.unsqueeze(1), y.unsqueeze(1))

    return of_port(port, of_auraloss, p, y, how=mean, within=2e-3 if "freq" in port else 2e-5, **ours)


def _metric(loss: wald.Loss, name: str, **fields: Any) -> Case:
    """torchmetrics gives what is better when larger: ours with a minus."""
    p, y = waves()
    full = f"torchmetrics.functional.audio.{name}"
    return Case(
        loss=type(loss).__name__,
        name=full,
        fields=fields,
        ours=lambda p: loss(p, y),
        theirs=lambda p: -attribute(full)(p, y, **fields).mean(),
        at=p,
    )


CASES: list[Case] = [
    *(_case(*row) for row in PORTS),
    *(
        _metric(kind(zero_mean=zero_mean), name, zero_mean=zero_mean)
        for kind, name in (
            (wald.SISDR, "scale_invariant_signal_distortion_ratio"),
            (wald.SNR, "signal_noise_ratio"),
        )
        for zero_mean in (True, False)
    ),
]


@pytest.mark.peers
def test_one_ratio_for_the_batch_is_another_loss() -> None:
    """auraloss 0.4 takes the norms over the batch: a loud example hides a soft one that is wrong."""
    pytest.importorskip("auraloss", reason="shows what auraloss computes")
    made = import_module("auraloss").freq.STFTLoss(w_log_mag=0.0)
    _, y = waves(2, 3000)
    y[0] *= 100
    p = y * torch.tensor([[1.0], [2.0]])
    assert made(p.float().unsqueeze(1), y.float().unsqueeze(1)).item() < 0.02
    assert wald.STFT(like="auraloss", log=0.0)(p, y).item() == pytest.approx(0.5, abs=1e-3)


def test_a_wrong_order_of_arguments_is_another_number() -> None:
    p, y = waves(1)
    assert abs(wald.SISDR()(p + y, y).item() - wald.SISDR()(y, p + y).item()) < 1e-6
    assert wald.SNR()(p + y, y).item() - wald.SNR()(y, p + y).item() > math.log(2)
