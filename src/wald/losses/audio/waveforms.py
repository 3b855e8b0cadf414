"""Errors of waveforms against the loudness of the truth: SI-SDR, SNR and ESR."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ...core.tensors import wide


class SISDR(Supervised):
    """How much louder the error is than the part of the sound that is right, in decibels; any volume is right.

    -10 log10(|a y|² / |a y - p|²) for the prediction p, the truth y, and a = p·y / |y|², the volume at which the
    truth is nearest to the prediction: a prediction that is right but for its volume is perfect. It is
    scale-invariant SDR, or SI-SNR, with the sign of a loss: -20 is 20 dB.

    `zero_mean=True`, the default and that of the paper, takes off the mean of both first; torchmetrics does not unless
    told. The prediction comes first here, as in torchmetrics and auraloss; SpeechBrain takes the truth first, and that
    is another number.

    A perfect prediction would cost -∞, so `eps`, in squared units of the waveform, is added to both energies. It caps
    the loss, at about 80 dB for energies near 1, and decides where the truth is silent: leave silence out by `mask`.
    As volume is free, so is silence: add SNR or an error of samples where volume counts.

    Shapes: prediction and target (*batch, samples).

    >>> import torch, wald
    >>> y, noise = torch.tensor([[1.0, -1.0, 1.0, -1.0]]), torch.tensor([[0.1, 0.1, -0.1, -0.1]])
    >>> wald.SISDR()(3 * (y + noise), y)  # energies of 9 and 0.09
    tensor(-20.0000)
    """

    zero_mean: bool = param(default=True, choices=(True, False), help="take off the mean of both waveforms first")
    eps: float = param(
        default=1e-8, above=0, quiet=True, help="added to both energies, in squared units of the waveform"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("samples"), "target": Real.of("samples")},
        formula=Formula(
            "10 * (log(sum([(a * y - x)**2 for x, y in both]) + eps) - log(sum([(a * y)**2 for x, y in both]) + eps))"
            " / log(10)",
            both="[(x - zero_mean * mean(prediction), y - zero_mean * mean(target))"
            " for x, y in zip(prediction, target)]",
            a="sum([x * y for x, y in both]) / (sum([y**2 for x, y in both]) + eps)",
        ),
        convex=False,
        denominator="the unmasked waveforms, each counted by its weight; not the samples",
        when="Speech is separated or cleaned, and its volume does not matter.",
        when_not="The volume counts (SNR), or targets may be silent (ESR of louder parts, Absolute).",
        points={"silence": 0},
        sizes={"samples": 16_000},
        aliases=("SI-SDR", "SI-SNR", "SISDRLoss", "scale-invariant SDR", "si_snr", "SISNR"),
        ports={"auraloss.time.SISDRLoss": {}},
        tags=("audio", "speech", "separation", "enhancement", "decibel", "scale-invariant"),
        cite=("Le Roux et al. 2019, arXiv:1811.02508",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        p, y = _centred(prediction, target, self.zero_mean)
        right = (p * y).sum(-1, keepdim=True) / (y.square().sum(-1, keepdim=True) + self.eps) * y
        return _decibels((right - p).square().sum(-1), right.square().sum(-1), self.eps).to(prediction.dtype)


class SNR(Supervised):
    """How much louder the error is than the sound itself, in decibels.

    -10 log10(|y|² / |y - p|²) for the prediction p and the truth y: signal-to-noise ratio with the sign of a loss, so
    that -20 is 20 dB. Volume counts, other than in SISDR, and silence costs 0. `eps`, in squared units of the
    waveform, is added to both energies; it caps the loss and decides where the truth is silent. `zero_mean=True`
    takes off the mean of both first.

    It is the log of ESR: 10 log10 of it, but for eps.

    Shapes: prediction and target (*batch, samples).

    >>> import torch, wald
    >>> y = torch.tensor([[1.0, -1.0, 1.0, -1.0]])
    >>> wald.SNR()(torch.stack([0.9 * y[0], 0 * y[0]]), y.expand(2, 4), reduction="none")
    tensor([-20.0000,   0.0000])
    """

    zero_mean: bool = param(default=False, choices=(False, True), help="take off the mean of both waveforms first")
    eps: float = param(
        default=1e-8, above=0, quiet=True, help="added to both energies, in squared units of the waveform"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("samples"), "target": Real.of("samples")},
        formula=Formula(
            "10 * (log(sum([(y - x)**2 for x, y in both]) + eps) - log(sum([y**2 for x, y in both]) + eps)) / log(10)",
            both="[(x - zero_mean * mean(prediction), y - zero_mean * mean(target))"
            " for x, y in zip(prediction, target)]",
        ),
        convex=False,
        perfect_is_minimal=True,
        slope="vanishing",
        denominator="the unmasked waveforms, each counted by its weight; not the samples",
        when="Waveforms are to agree in shape and volume, loud ones and soft ones alike.",
        when_not="The volume does not matter (SISDR), or targets may be silent (Absolute).",
        points={"collapse": 0},
        sizes={"samples": 16_000},
        aliases=("SNRLoss", "signal-to-noise ratio", "negative SNR"),
        ports={"auraloss.time.SNRLoss": {"zero_mean": True}},
        tags=("audio", "speech", "separation", "enhancement", "decibel"),
        cite=("Le Roux et al. 2019, arXiv:1811.02508",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        p, y = _centred(prediction, target, self.zero_mean)
        return _decibels((y - p).square().sum(-1), y.square().sum(-1), self.eps).to(prediction.dtype)


class ESR(Supervised):
    """The energy of the error as a share of the energy of the sound, and of its mean.

    Σ (y - p)² / (Σ y² + eps), the error-to-signal ratio of models of amplifiers and effects: 0 is perfect and 1 is
    silence. `dc` adds so much of mean(y - p)² / (mean y² + eps), the error of the mean, which ears do not hear and
    the rest of a chain of effects does. The weight of a soft passage is that of a loud one, and a silent one has far
    too much: `eps`, in squared units of the waveform, is all that holds it; leave silence out by `mask`.

    It is usual to filter both waveforms first as ears do (pre-emphasis: y[t] - 0.95 y[t-1], but not for the mean).

    Shapes: prediction and target (*batch, samples).

    >>> import torch, wald
    >>> y = torch.tensor([[1.0, -1.0, 1.0, -1.0]])
    >>> wald.ESR()(0.5 * y, y)
    tensor(0.2500)
    """

    dc: float = param(default=0.0, at_least=0, typical=(1.0,), help="how much the error of the mean counts")
    eps: float = param(default=1e-8, above=0, quiet=True, help="added to the energy, in squared units of the waveform")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("samples"), "target": Real.of("samples")},
        formula=Formula(
            "sum([x**2 for x in e]) / (sum([y**2 for y in target]) + eps)"
            " + dc * mean(e)**2 / (mean([y**2 for y in target]) + eps)",
            e="[y - x for x, y in zip(prediction, target)]",
        ),
        convex=True,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked waveforms, each counted by its weight; not the samples",
        when="An amplifier or an effect is modelled, with passages of every loudness.",
        when_not="Targets may be silent (Squared), or what is heard counts more than samples (MultiResolutionSTFT).",
        points={"perfect": 0, "collapse": 1, "floor": 0},
        sizes={"samples": 16_000},
        aliases=("ESRLoss", "error-to-signal ratio", "DCLoss", "normalised squared error of a waveform"),
        ports={"auraloss.time.ESRLoss": {}},
        tags=("audio", "amplifier", "effects", "waveform", "relative"),
        cite=("Wright et al. 2019, arXiv:1911.08922",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        off, y = wide(target - prediction), wide(target)
        value = off.square().sum(-1) / (y.square().sum(-1) + self.eps)
        if self.dc:
            value = value + self.dc * off.mean(-1).square() / (y.square().mean(-1) + self.eps)
        return value.to(prediction.dtype)


def _centred(prediction: Tensor, target: Tensor, zero_mean: bool) -> tuple[Tensor, Tensor]:
    """Both in float64, and without their means if that is wanted."""
    p, y = wide(prediction), wide(target)
    if not zero_mean:
        return p, y
    return p - p.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)


def _decibels(error: Tensor, sound: Tensor, eps: float) -> Tensor:
    """By how many decibels one energy exceeds another."""
    return 10 / math.log(10) * (torch.log(error + eps) - torch.log(sound + eps))
