"""Diffusion: a network predicts the noise, the clean data or the velocity, and noise levels are weighted."""

from __future__ import annotations

from collections.abc import Mapping
import math

from torch import Tensor
from torch.nn.functional import logsigmoid

from ...cards import Card, Domain, Formula, Real, param
from ...core import Loss
from ..pieces.softplus import softplus


class Denoising(Loss):
    """What a diffusion model pays for its prediction of the noise, the data or the velocity.

    The mean over the values of (prediction - target)², for x_t = α clean + σ noise with α² + σ² = 1. `predicts` names
    the target: "noise" is ε, "clean" is x0, "velocity" is α noise - σ clean. **Some code has the velocity with the
    other sign**; a model that was trained so is of that sign for ever.

    Every noise level counts the same here, for what is predicted; WeightedDenoising weights them, and how often a level
    is drawn is a weight, too. For a velocity give the log of the signal-to-noise ratio, as no level under- or overflows
    in it: log_snr = log α² - log σ² (of `alphas_cumprod`: a.log() - (-a).log1p()).

    Shapes: prediction, and clean or noise or both, (*batch, values); log_snr (*batch), for a velocity only. Images:
    `x.flatten(1)`.

    >>> import torch, wald
    >>> clean, noise, log_snr = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, -1.0]]), torch.tensor([0.0])
    >>> wald.Denoising()(torch.zeros(1, 2), noise)
    tensor(1.)
    >>> wald.Denoising(predicts="velocity")(torch.zeros(1, 2), clean, noise, log_snr)  # (1² + 3²) / 2 / 2
    tensor(2.5000)
    """

    predicts: str = param(
        default="noise", choices=("noise", "clean", "velocity"), help='"noise" ε, "clean" x0 or "velocity" α ε - σ x0'
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Real.of("values"),
            **({} if loss.predicts == "noise" else {"clean": Real.of("values")}),
            **({} if loss.predicts == "clean" else {"noise": Real.of("values")}),
            **(
                {"log_snr": Domain(says="the log of signal to noise", typical=(-4.0, 4.0))}
                if loss.predicts == "velocity"
                else {}
            ),
        },
        formula=lambda loss: (
            Formula(
                "mean([(p - (a * e - s * x))**2 for p, x, e in zip(prediction, clean, noise)])",
                a="sqrt(sigmoid(log_snr))",
                s="sqrt(sigmoid(-log_snr))",
            )
            if loss.predicts == "velocity"
            else Formula(f"mean([(p - t)**2 for p, t in zip(prediction, {loss.predicts})])")
        ),
        convex=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not the values",
        when="You train a diffusion model on x_t = α clean + σ noise.",
        when_not="Noise levels should not count alike (WeightedDenoising), the path is straight and its velocity is "
        "predicted (FlowMatching), or the score is (DenoisingScoreMatching).",
        points={"floor": 0},
        aliases=("DDPM", "diffusion loss", "epsilon prediction", "v-prediction", "x0 prediction", "simple loss"),
        tags=("generative", "diffusion", "denoising"),
        cite=("Ho, Jain & Abbeel 2020, arXiv:2006.11239", "Salimans & Ho 2022, arXiv:2202.00512 (velocity)"),
    )

    def per_example(self, prediction: Tensor, *known: Tensor) -> Tensor:
        target = known[0] if self.predicts != "velocity" else velocity(*known)
        return (prediction - target).square().mean(-1)


def velocity(clean: Tensor, noise: Tensor, log_snr: Tensor) -> Tensor:
    """α noise - σ clean."""
    signal, blur = ((0.5 * logsigmoid(x)).exp().unsqueeze(-1) for x in (log_snr, -log_snr))
    return signal * noise - blur * clean


#: The pivots of the papers: γ of min-SNR, 1, k of P2, and 1 / data deviation² of EDM at its 0.5.
PIVOTS: Mapping[str, float] = {"min_snr": 5.0, "truncated": 1.0, "p2": 1.0, "edm": 4.0}


class WeightedDenoising(Loss):
    """Denoising in which noise levels count by their signal-to-noise ratio (min-SNR, P2, EDM).

    weight · Denoising. The weights are the same whichever is predicted: written for the squared error of the noise, and
    carried over exactly by err(noise)² = SNR · err(clean)² = α² · err(velocity)². With pivot p:

    - "min_snr": min(1, p / SNR); for "clean" that is min(SNR, p), for "velocity" min(SNR, p) / (SNR + 1). The last is
      often written without the + 1, which is wrong for a velocity, and 0/0 where there is no signal; here it is never.
    - "truncated": max(1, p / SNR), for "clean" max(SNR, p).
    - "p2": 1 / (1 + SNR / p), which is P2 at γ = 1, times its k.
    - "edm": 1 + p / SNR, p = 1 / data deviation²: for "clean", with x_t = clean + σ noise, it is EDM's
      (σ² + s²) / (σ s)².

    `pivot` is the SNR where a weight bends; without one it is that of the paper: 5, 1, 1, and 4 for data of deviation
    0.5. The error of the noise, each level alike, is Denoising; so is each other target at its own uniform weight. How
    often a level is drawn multiplies its weight: a weight *and* draws of the same shape count twice.

    Shapes: prediction, and clean or noise or both, (*batch, values); log_snr (*batch), the log of α² / σ².

    >>> import torch, wald
    >>> noise, log_snr = torch.ones(2, 3), torch.tensor([20.0, 1.0]).log()
    >>> wald.WeightedDenoising()(torch.zeros(2, 3), noise, log_snr, reduction="none")  # 5 / 20, and 1
    tensor([0.2500, 1.0000])
    """

    predicts: str = param(
        default="noise", choices=("noise", "clean", "velocity"), help='"noise" ε, "clean" x0 or "velocity" α ε - σ x0'
    )
    weighting: str = param(
        default="min_snr", choices=("min_snr", "truncated", "p2", "edm"), help="how noise levels count"
    )
    pivot: float | None = param(default=None, above=0, typical=(1.5,), help="the SNR where the weight bends")

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Real.of("values"),
            **({} if loss.predicts == "noise" else {"clean": Real.of("values")}),
            **({} if loss.predicts == "clean" else {"noise": Real.of("values")}),
            "log_snr": Domain(says="the log of signal to noise", typical=(-4.0, 4.0)),
        },
        formula=lambda loss: Formula(
            "weight * rate * mean([(p - t)**2 for p, t in zip(prediction, target)])",
            snr="exp(log_snr)",
            bend=f"pivot or { ({'min_snr': 5, 'edm': 4}.get(loss.weighting, 1)) }",
            weight={
                "min_snr": "min(1, bend / snr)",
                "truncated": "max(1, bend / snr)",
                "p2": "1 / (1 + snr / bend)",
                "edm": "1 + bend / snr",
            }[loss.weighting],
            rate={"noise": "1", "clean": "snr", "velocity": "sigmoid(log_snr)"}[loss.predicts],
            target="[sqrt(sigmoid(log_snr)) * e - sqrt(sigmoid(-log_snr)) * x for x, e in zip(clean, noise)]"
            if loss.predicts == "velocity"
            else loss.predicts,
        ),
        convex=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not by that of its noise level",
        when="A diffusion model spends its effort on noise levels that do not matter, or they pull against each other.",
        when_not="The levels are balanced by how often they are drawn (Denoising).",
        points={"floor": 0},
        aliases=("min-SNR", "min-SNR-gamma", "P2 weighting", "EDM weighting", "truncated SNR", "SNR weighting"),
        tags=("generative", "diffusion", "denoising", "SNR", "weighting"),
        cite=(
            "Hang et al. 2023, arXiv:2303.09556 (min-SNR)",
            "Salimans & Ho 2022, arXiv:2202.00512 (truncated)",
            "Choi et al. 2022, arXiv:2204.00227 (P2)",
            "Karras et al. 2022, arXiv:2206.00364 (EDM)",
        ),
    )

    def per_example(self, prediction: Tensor, *known: Tensor) -> Tensor:
        log_snr = known[-1]
        target = known[0] if self.predicts != "velocity" else velocity(*known)
        return self._log_weight(log_snr).exp() * (prediction - target).square().mean(-1)

    def _log_weight(self, log_snr: Tensor) -> Tensor:
        """The log of the weight on the squared error of what is predicted."""
        below = math.log(PIVOTS[self.weighting] if self.pivot is None else self.pivot) - log_snr
        match self.weighting:
            case "min_snr":
                weight = below.clamp(max=0)
            case "truncated":
                weight = below.clamp(min=0)
            case "p2":
                weight = -softplus(-below)
            case _:
                weight = softplus(below)
        match self.predicts:
            case "noise":
                return weight
            case "clean":
                return weight + log_snr
            case _:
                return weight + logsigmoid(log_snr)
