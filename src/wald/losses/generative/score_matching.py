"""Score matching: the gradient of a log-density, learned from noise or from projections."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Domain, Formula, Positive, Real, param
from ...core import Loss


class DenoisingScoreMatching(Loss):
    """The score of noisy data, learned from the noise that was added.

    For x̃ = x + deviation · noise, with noise of variance 1, the best score is -noise / deviation on average, and the
    loss ½ Σ (deviation · score + noise)² over the values. That is weighted by the variance of the noise, so that
    all levels cost alike; `weighting="none"` is ½ Σ (score + noise / deviation)², which the least noise rules.

    It is a sum over the values, as in the papers, and its floor is not 0: noise cannot be told exactly from data. A
    network that predicts the noise itself has score = -prediction / deviation, and for it this is values / 2 times
    Denoising.

    Shapes: score and noise (*batch, values), deviation (*batch). Images: `x.flatten(1)`.

    >>> import torch, wald
    >>> wald.DenoisingScoreMatching()(torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 1.0]]), torch.tensor([0.5]))
    tensor(0.6250)
    """

    weighting: str = param(
        default="variance", choices=("variance", "none"), help="whether a level counts by the variance of its noise"
    )

    card = Card(
        task="other",
        inputs={
            "score": Domain(says="the gradient of a log-density", axes=("values",)),
            "noise": Real.of("values"),
            "deviation": Positive,
        },
        formula=lambda loss: Formula(
            "sum([(deviation * s + e)**2 for s, e in zip(score, noise)]) / 2"
            if loss.weighting == "variance"
            else "sum([(s + e / deviation)**2 for s, e in zip(score, noise)]) / 2"
        ),
        convex=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not the values",
        when="A network gives the score at many levels of noise.",
        when_not="It predicts the noise, the data or the velocity (Denoising), or no noise is wanted "
        "(SlicedScoreMatching).",
        points={"floor": 0},
        aliases=("DSM", "denoising score matching", "NCSN loss", "score-based loss"),
        tags=("generative", "score matching", "diffusion", "energy"),
        cite=("Vincent 2011, doi:10.1162/NECO_a_00142", "Song & Ermon 2019, arXiv:1907.05600"),
    )

    def per_example(self, score: Tensor, noise: Tensor, deviation: Tensor) -> Tensor:
        deviation = deviation.unsqueeze(-1)
        off = deviation * score + noise if self.weighting == "variance" else score + noise / deviation
        return 0.5 * off.square().sum(-1)


class SlicedScoreMatching(Loss):
    """The score of data as it is, learned along random directions.

    v · ∂(v · score)/∂x + ½ (v · score)² for a random direction v of variance 1. `reduced_variance` takes ½ ||score||²
    for the second part, its mean over v. The derivative along v is given, from `torch.func.jvp(model, (x,), (v,))[1]`
    or `torch.autograd.grad((score * v).sum(), x, create_graph=True)[0]`; both give `change`, whose product with v is
    taken here. The value goes below 0, without a floor.

    Shapes: score, direction and change (*batch, values).

    >>> import torch, wald
    >>> x, v = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, -1.0]])
    >>> score, change = torch.func.jvp(lambda x: -x, (x,), (v,))  # that of the standard normal
    >>> wald.SlicedScoreMatching()(score, v, change)  # -2 + 4 / 2
    tensor(0.)
    """

    reduced_variance: bool = param(
        default=False, choices=(False, True), help="take the mean over directions where it is known"
    )

    card = Card(
        task="other",
        inputs={
            "score": Domain(says="the gradient of a log-density", axes=("values",)),
            "direction": Real.of("values"),
            "change": Real.of("values"),
        },
        formula=lambda loss: Formula(
            f"dot(direction, change) + {'dot(score, score)' if loss.reduced_variance else 'dot(direction, score)**2'}"
            " / 2"
        ),
        convex=True,
        bounded_below=False,
        smooth=3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not the values",
        when="You learn an energy or a score without adding noise.",
        when_not="Noise at many levels is wanted (DenoisingScoreMatching); one level is then never enough.",
        aliases=("SSM", "sliced score matching", "SSM-VR"),
        tags=("generative", "score matching", "energy", "Jacobian"),
        cite=("Song, Garg, Shi & Ermon 2019, arXiv:1905.07088",),
    )

    def per_example(self, score: Tensor, direction: Tensor, change: Tensor) -> Tensor:
        size = score.square().sum(-1) if self.reduced_variance else (direction * score).sum(-1).square()
        return (direction * change).sum(-1) + 0.5 * size
