"""Errors of spectra: waveforms as ears hear them, by how loud each frequency is at each time."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised


class STFT(Supervised):
    """How loud each frequency is at each time: two errors of a spectrogram, large parts and small ones.

    Of the magnitudes P and Y of the short-time Fourier transforms, `convergence` · ‖P - Y‖ / ‖Y‖, which is about the
    loud parts, plus `log` · mean |log P - log Y|, which is about the soft ones. Phase is not looked at, so a waveform
    and its negative agree: add an error of samples where that matters.

    The ratio of norms is that of each waveform. auraloss takes one ratio for the whole batch (version 0.4), where loud
    examples decide; for one waveform at a time they agree. `linear` adds the mean of |P - Y|.

    A window of `window` samples is moved by `hop`, and filled up with zeros to `fft`. The waveform is continued by
    its mirror image at both ends, as everyone does, or, where it is shorter than half of `fft`, and with
    `edges="zeros"` always, by zeros. `eps` is the smallest power, the square of a magnitude, that is told from
    silence, in squared units of the waveform.

    Shapes: prediction and target (*batch, samples).

    Raises:
        ShapeError: there are no samples.

    >>> import torch, wald
    >>> y = torch.sin(torch.arange(4096) / 10).unsqueeze(0)
    >>> wald.STFT(log=0.0)(0.9 * y, y)
    tensor(0.1000)
    """

    fft: int = param(default=1024, at_least=2, typical=(4,), help="how many samples are transformed at once")
    hop: int = param(default=256, at_least=1, typical=(2,), quiet=True, help="by how many samples the window moves")
    window: int = param(
        default=1024, at_least=1, quiet=True, help="how many samples are looked at; more than fft is fft"
    )
    convergence: float = param(
        default=1.0, at_least=0, quiet=True, help="the weight of the relative error of the loud parts"
    )
    log: float = param(default=1.0, at_least=0, quiet=True, help="the weight of the error of log-magnitudes")
    linear: float = param(default=0.0, at_least=0, quiet=True, help="the weight of the error of magnitudes")
    edges: str = param(default="mirror", quiet=True, help="how the waveform is continued at both ends: mirror or zeros")
    eps: float = param(default=1e-8, above=0, quiet=True, help="the smallest power, in squared units of the waveform")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("samples"), "target": Real.of("samples")},
        formula=Formula(
            "convergence * (sqrt(distance(p, y)**2 + eps**2) - eps) / sqrt(dot(y, y))"
            " + log * mean([abs(ln(a / b)) for a, b in zip(p, y)]) + linear * mean([abs(a - b) for a, b in zip(p, y)])",
            half="fft // 2",
            long="min(window, fft)",
            hann="[(1 - cos(2 * pi * k / long)) / 2 for k in range(long)]",
            taper="[0] * ((fft - long) // 2) + hann + [0] * (fft - long - (fft - long) // 2)",
            mirrored="lambda x: [x[len(x) - 1 - abs(len(x) - 1 - abs(k))] for k in range(-half, len(x) + half)]",
            framed="lambda x: mirrored(x) if edges == 'mirror' and len(x) > half else [0] * half + x + [0] * half",
            frames="lambda x: [[a * b for a, b in zip(x[t:t + fft], taper)] for t in range(0, len(x) - fft + 1, hop)]",
            loud="lambda x: [sqrt(max(eps, abs(z)**2)) for f in frames(framed(x)) for z in fourier(f)[:half + 1]]",
            p="loud(prediction)",
            y="loud(target)",
        ),
        convex=False,
        bounded_below=True,
        denominator="the unmasked waveforms, each counted by its weight; not the samples",
        when="Speech or music is synthesised, and is to sound right.",
        when_not="The waveform itself counts (SISDR, ESR), or one resolution is not enough (MultiResolutionSTFT).",
        points={"perfect": 0, "floor": 0},
        sizes={"samples": 16_000},
        aliases=("STFTLoss", "spectral convergence", "log STFT magnitude", "spectrogram loss"),
        ports={"auraloss.freq.STFTLoss": {}},
        tags=("audio", "speech", "vocoder", "spectrogram", "Fourier", "music"),
        cite=("Arık et al. 2019, arXiv:1808.06719", "Yamamoto et al. 2020, arXiv:1910.11480"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.edges not in ("mirror", "zeros"):
            raise ValueError(f"STFT: edges must be one of 'mirror', 'zeros', got {self.edges!r}")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if target.shape[-1] == 0:
            raise ShapeError(f"STFT: target {tuple(target.shape)} has no samples. Leave empty waveforms out.")
        if target.numel() == 0:
            return prediction.sum(-1)
        p, y = (
            magnitudes(x, self.fft, self.hop, self.window, mirror=self.edges == "mirror", eps=self.eps)
            for x in (prediction, target)
        )
        value = spectral_error(p, y, self.convergence, self.log, self.eps)
        return value + self.linear * (p - y).abs().mean((-2, -1)) if self.linear else value


class MultiResolutionSTFT(Supervised):
    """The mean of STFT at several resolutions: short windows for when, long ones for which frequency.

    `resolutions` are triples of how many samples are transformed, by how many the window moves, and how long it is.
    With one alone a model learns to please that window and leaves artefacts between its frames. The default is that
    of Parallel WaveGAN, for 24 kHz: windows of 50, 25 and 10 ms.

    Shapes: prediction and target (*batch, samples).

    Raises:
        ShapeError: there are no samples.

    >>> import torch, wald
    >>> y = torch.sin(torch.arange(4096) / 10).unsqueeze(0)
    >>> wald.MultiResolutionSTFT(log=0.0)(0.9 * y, y)
    tensor(0.1000)
    """

    resolutions: tuple[tuple[int, int, int], ...] = param(
        default=((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)),
        typical=(((4, 2, 4), (2, 1, 2)),),
        convert=lambda given: tuple(tuple(int(x) for x in each) for each in given),
        help="for each resolution: the samples transformed, the hop, and the window, in samples",
    )
    convergence: float = param(
        default=1.0, at_least=0, quiet=True, help="the weight of the relative error of the loud parts"
    )
    log: float = param(default=1.0, at_least=0, quiet=True, help="the weight of the error of log-magnitudes")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("samples"), "target": Real.of("samples")},
        formula=Formula(
            "mean([error(loud(prediction, *each), loud(target, *each)) for each in resolutions])",
            part="lambda p, y: (sqrt(distance(p, y)**2 + 1e-16) - 1e-8) / sqrt(dot(y, y))",
            error="lambda p, y: convergence * part(p, y) + log * mean([abs(ln(a / b)) for a, b in zip(p, y)])",
            hann="lambda n: [(1 - cos(2 * pi * k / n)) / 2 for k in range(n)]",
            padded="lambda v, n: [0] * ((n - len(v)) // 2) + v + [0] * (n - len(v) - (n - len(v)) // 2)",
            mirrored="lambda x, half: [x[len(x) - 1 - abs(len(x) - 1 - abs(k))] for k in range(-half, len(x) + half)]",
            framed="lambda x, half: mirrored(x, half) if len(x) > half else [0] * half + x + [0] * half",
            spectra="lambda x, n, hop, taper: [fourier([a * b for a, b in zip(x[t:t + n], taper)])[:n // 2 + 1]"
            " for t in range(0, len(x) - n + 1, hop)]",
            frames="lambda x, n, hop, window: spectra(framed(x, n // 2), n, hop, padded(hann(min(window, n)), n))",
            loud="lambda x, n, hop, window: [sqrt(max(1e-8, abs(z)**2)) for f in frames(x, n, hop, window) for z in f]",
        ),
        convex=False,
        bounded_below=True,
        denominator="the unmasked waveforms, each counted by its weight; not the samples",
        when="Speech or music is synthesised, and is to sound right.",
        when_not="The waveform itself counts (SISDR, ESR).",
        points={"perfect": 0, "floor": 0},
        sizes={"samples": 16_000},
        aliases=("MultiResolutionSTFTLoss", "MRSTFT", "multi-resolution STFT", "multi-scale spectral loss"),
        ports={"auraloss.freq.MultiResolutionSTFTLoss": {}},
        tags=("audio", "speech", "vocoder", "spectrogram", "Fourier", "music"),
        cite=("Yamamoto et al. 2020, arXiv:1910.11480",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if target.shape[-1] == 0:
            raise ShapeError(f"MultiResolutionSTFT: target {tuple(target.shape)} has no samples. Leave them out.")
        if target.numel() == 0:
            return prediction.sum(-1)
        values = [
            spectral_error(
                magnitudes(prediction, fft, hop, window),
                magnitudes(target, fft, hop, window),
                self.convergence,
                self.log,
            )
            for fft, hop, window in self.resolutions
        ]
        return torch.stack(values).mean(0)


def magnitudes(x: Tensor, fft: int, hop: int, window: int, *, mirror: bool = True, eps: float = 1e-8) -> Tensor:
    """How loud each frequency is at each time, (*batch, frames, frequencies); the fields are those of STFT."""
    half, length = fft // 2, min(window, fft)
    # By its places, as torch's own padding needs one batch axis and no more.
    place = torch.arange(-half, x.shape[-1] + half, device=x.device)
    if mirror and x.shape[-1] > half:
        last = x.shape[-1] - 1
        padded = x[..., last - (last - place.abs()).abs()]
    else:
        padded = F.pad(x, (half, half))
    begins = torch.arange(0, padded.shape[-1] - fft + 1, hop, device=x.device)
    left = (fft - length) // 2
    taper = F.pad(torch.hann_window(length, dtype=x.dtype, device=x.device), (left, fft - length - left))
    spectrum = torch.fft.rfft(padded[..., begins.unsqueeze(-1) + torch.arange(fft, device=x.device)] * taper)
    power = spectrum.real.square() + spectrum.imag.square()
    return power.clamp(min=eps).sqrt()


def spectral_error(p: Tensor, y: Tensor, convergence: float, log: float, eps: float = 1e-8) -> Tensor:
    """The error of the loud parts, and that of the soft ones."""
    value = torch.zeros_like(p[..., 0, 0])
    if convergence:
        # Without the smallest of powers its slope at 0 has no limit.
        off = ((p - y).square().sum((-2, -1)) + eps**2).sqrt() - eps
        value = value + convergence * off / y.square().sum((-2, -1)).sqrt()
    return value + log * (p.log() - y.log()).abs().mean((-2, -1)) if log else value
