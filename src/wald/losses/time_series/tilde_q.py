"""TILDE-Q: a forecast judged by its form, whatever its level, phase and size."""

from math import sqrt

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.distance import direction


class TildeQ(Supervised):
    """A forecast judged by its form: shifts, delays and sizes are forgiven in part.

    alpha · level + (1 - alpha) · phase + gamma · size, each of them for one series of length T:

    - level: Σ |1/T - softmax(prediction - target)|, which is 0 where the error is the same at every moment: a forecast
      that is too high throughout costs nothing here.
    - phase: in the Fourier transforms, the mean error at the dominant frequencies of the target (its mean, the √T
      strongest and all whose power is above T), and the mean size of the prediction at the others, which should be
      noise; both over √T.
    - size: the mean |difference| of the target's correlation with itself and with the prediction, at every lag, both
      series divided by their length: 0 where the prediction is the target times a positive factor.

    Which frequencies are dominant is read from the target, series by series; the authors' code takes their share over
    the whole batch, which is the same wherever all series have as many. Frequencies come in pairs that are equally
    strong, and both of a pair are taken. A power of T as the border supposes standardised series.

    A perfect forecast does not cost 0: noise that the target has and the forecast repeats is counted. At alpha 1 and
    gamma 0 the level of the forecast is not learned at all.

    Shapes: prediction and target (*batch, time).

    >>> import torch, wald
    >>> target = torch.tensor([0.0, 1.0, 0.0, -1.0])
    >>> wald.TildeQ(alpha=1.0, gamma=0.0)(torch.stack([target + 3, 2 * target]), target.expand(2, 4), reduction="none")
    tensor([0.0000, 0.5689])
    """

    alpha: float = param(default=0.5, at_least=0, at_most=1, typical=(1.0,), help="how much the level's part counts")
    gamma: float = param(default=0.01, at_least=0, typical=(1.0,), help="how much the size's part counts")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("time"), "target": Real.of("time")},
        formula=Formula(
            "alpha * level + (1 - alpha) * phase + gamma * size",
            level="sum([abs(1 / len(target) - x) for x in softmax([a - b for a, b in zip(prediction, target)])])",
            power="[abs(z)**2 for z in fourier(target)]",
            strong="lambda x: x > len(target) or (1 + sum([y > x for y in power]))**2 <= len(target)",
            leads="[k == 0 or strong(power[k]) for k in range(len(power))]",
            over="lambda v, yes: mean([abs(z) for z, d in zip(v, leads) if d == yes] or [0])",
            error="[a - b for a, b in zip(fourier(prediction), fourier(target))]",
            phase="(over(error, True) + over(fourier(prediction), False)) / sqrt(len(target))",
            lags="range(1 - len(target), len(target))",
            meet="lambda a, b, lag: sum([a[t + lag] * x for t, x in zip(range(len(b)), b) if 0 <= t + lag < len(a)])",
            off="[a - b for a, b in zip(unit(target), unit(prediction))]",
            size="mean([abs(meet(unit(target), off, lag)) for lag in lags])",
        ),
        convex=False,
        smooth=0,
        slope="bounded",
        denominator="the unmasked series, each counted by its weight; not the moments",
        when="Long forecasts of seasonal series, whose form should be right even where level or phase is not.",
        when_not="The level must be right (use Squared), or timing must (use DILATE).",
        points={"floor": 0},
        aliases=("TILDE-Q", "TILDEQ", "tildeq_loss", "transformation invariant loss with distance equilibrium"),
        tags=("time series", "forecasting", "shape", "Fourier", "invariance"),
        cite=("Lee et al. 2022, arXiv:2210.15050",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if not prediction.numel():
            return (prediction - target).sum(-1)  # a Fourier transform of nothing is refused
        level = (1 / max(prediction.shape[-1], 1) - (prediction - target).softmax(-1)).abs().sum(-1)
        value = self.alpha * level + (1 - self.alpha) * _phase(prediction, target)
        return value + self.gamma * _size(prediction, target) if self.gamma else value


def _phase(prediction: Tensor, target: Tensor) -> Tensor:
    size = prediction.shape[-1]
    ours, theirs = torch.fft.fft(prediction), torch.fft.fft(target)
    power = theirs.real.square() + theirs.imag.square()
    border = power.topk(max(1, int(sqrt(size))), -1).values[..., -1:]
    first = torch.arange(size, device=power.device) == 0
    dominant = (power >= border) | (power > size) | first
    error = _mean(_modulus(ours - theirs), dominant)
    noise = _mean(_modulus(ours), ~dominant)
    return (error + noise) / sqrt(size)


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, values, 0.0).sum(-1) / chosen.sum(-1).clamp(min=1)


def _modulus(z: Tensor) -> Tensor:
    """The size of complex numbers, with a slope of 0 at 0."""
    square = z.real.square() + z.imag.square()
    nothing = square == 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, square).sqrt())


def _size(prediction: Tensor, target: Tensor) -> Tensor:
    return (_correlation(target, target) - _correlation(target, prediction)).abs().mean(-1)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """The products of two directions at every lag, from far behind to far ahead."""
    size = a.shape[-1]
    padded = 2 * size
    a, b = (F.pad(direction(x), (0, padded - size)) for x in (a, b))
    products = torch.fft.irfft(torch.fft.rfft(a) * torch.fft.rfft(b).conj(), n=padded)
    return torch.cat([products[..., padded - size + 1 :], products[..., :size]], -1)
