"""Games of a critic and a generator in which real and generated examples are compared, or anchored."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Generative
from ..pieces.softplus import softplus


class RelativisticGAN(Generative):
    """A critic finds real examples more real than generated ones, each against the other's average.

    With r = real - mean(fake) and f = fake - mean(real):

    - "cross_entropy": softplus(-r) + softplus(f), the relativistic average GAN (RaGAN);
    - "least_squares": (r - 1)² + (f + 1)²;
    - "hinge": max(0, 1 - r) + max(0, 1 + f).

    **The generator's loss is the same with the two exchanged**: `loss(fake, real)`; then real scores have a gradient
    for it as well, which is right. Both parts are summed; some code halves them. Means are over the batch, so that
    examples meet. Where each real example meets just its own generated one (RpGAN), it is GANGenerator() of real -
    fake.

    Shapes: real and fake (N,); scores without a sigmoid. Scores of patches: `real.flatten()`.

    Raises:
        ShapeError: real and fake have different shapes.

    >>> import torch, wald
    >>> wald.RelativisticGAN()(torch.zeros(2), torch.zeros(2))  # 2 log 2: it cannot tell
    tensor(1.3863)
    >>> wald.RelativisticGAN(kind="hinge")(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.0]))
    tensor(0.)
    """

    kind: str = param(
        default="cross_entropy", choices=("cross_entropy", "least_squares", "hinge"), help="which game is played"
    )

    card = Card(
        task="other",
        inputs={"real": Real, "fake": Real},
        formula=lambda loss: Formula(
            {
                "cross_entropy": "softplus(-r) + softplus(f)",
                "least_squares": "(r - 1)**2 + (f + 1)**2",
                "hinge": "max(0, 1 - r) + max(0, 1 + f)",
            }[loss.kind],
            r="real[i] - mean(fake)",
            f="fake[i] - mean(real)",
        ),
        convex=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.kind == "hinge" else 3,
        slope=lambda loss: "linear" if loss.kind == "least_squares" else "bounded",
        denominator="the unmasked pairs of a real and a generated example, each counted by its weight",
        when="A discriminator that knows real from fake for certain has stopped teaching the generator.",
        when_not="Scores should mean something alone (GANDiscriminator).",
        points=lambda loss: {
            "chance": {"cross_entropy": "2 * log(2)", "least_squares": 2, "hinge": 2}[loss.kind],
            "floor": 0,
        },
        aliases=("RaGAN", "relativistic average GAN", "RaLSGAN", "RaHingeGAN", "relativistic GAN"),
        ports={"tensorflow_gan.losses.relativistic_discriminator_loss": {}},
        tags=("adversarial", "generative", "GAN", "critic"),
        cite=("Jolicoeur-Martineau 2018, arXiv:1807.00734",),
    )

    def per_example(self, real: Tensor, fake: Tensor, *, keep: Tensor | None = None) -> Tensor:
        r, f = real - _mean(fake, keep), fake - _mean(real, keep)
        match self.kind:
            case "least_squares":
                return (r - 1).square() + (f + 1).square()
            case "hinge":
                return (1 - r).clamp(min=0) + (1 + f).clamp(min=0)
            case _:
                return softplus(-r) + softplus(f)


class EnergyGAN(Generative):
    """A critic gives real examples a low energy, and generated ones at least a margin (EBGAN).

    real + max(0, margin - fake), where the energy of an example is the error with which the critic, an autoencoder,
    rebuilds it: lower is more real, the other way round than scores. The generator pays its energy, fake. Of boundary
    equilibrium GANs (BEGAN) the critic pays real - k fake: that is `GANDiscriminator(kind="wasserstein")(k * fake,
    real)`, with k moved by the caller: k = (k + 0.001 (0.75 real.mean() - fake.mean())).clamp(0, 1).

    Shapes: real and fake (*batch), as many of one as of the other.

    >>> import torch, wald
    >>> wald.EnergyGAN(margin=10.0)(torch.tensor([0.5, 0.5]), torch.tensor([4.0, 12.0]), reduction="none")
    tensor([6.5000, 0.5000])
    """

    margin: float = param(default=1.0, above=0, typical=(10.0,), help="the energy from which an example is fake enough")

    card = Card(
        task="other",
        inputs={"real": Real, "fake": Real},
        formula=Formula("real + max(0, margin - fake)"),
        convex=True,
        bounded_below=False,
        smooth=0,
        slope="bounded",
        denominator="the unmasked pairs of a real and a generated example, each counted by its weight",
        when="The critic is an autoencoder, and its error says how real an example is.",
        when_not="The critic gives scores, higher for real ones (GANDiscriminator).",
        points={"perfect": 0, "collapse": "margin"},
        aliases=("EBGAN", "energy-based GAN", "energy based discriminator loss"),
        ports={"torchgan.losses.EnergyBasedDiscriminatorLoss": {"margin": 80.0}},
        tags=("adversarial", "generative", "GAN", "energy", "autoencoder"),
        cite=("Zhao, Mathieu & LeCun 2016, arXiv:1609.03126", "Berthelot et al. 2017, arXiv:1703.10717 (BEGAN)"),
    )

    def per_example(self, real: Tensor, fake: Tensor) -> Tensor:
        return real + (self.margin - fake).clamp(min=0)


class LeCam(Generative):
    """A discriminator's scores stay near the running averages of the other side (few examples).

    (real - fake_average)² + (fake - real_average)²: a term beside GANDiscriminator that keeps a discriminator from
    learning a small data set by heart. The averages are those of earlier scores, with a decay of 0.99, kept by the
    caller without a gradient and given to each example, `average.expand_as(real)`. Weights of 0.01 to 0.5, larger for
    smaller data, once the averages have settled. The authors' code takes the positive part of each difference,
    with the second turned: `one_sided` is max(0, real - fake_average)² + max(0, real_average - fake)².

    Shapes: real, fake, real_average and fake_average (*batch).

    >>> import torch, wald
    >>> one, zero = torch.ones(1), torch.zeros(1)
    >>> wald.LeCam()(one, zero, real_average=one, fake_average=-one)  # 2² + 1²
    tensor(5.)
    """

    one_sided: bool = param(default=False, choices=(False, True), help="only scores that stand too far apart cost")

    card = Card(
        task="other",
        inputs={"real": Real, "fake": Real, "real_average": Real, "fake_average": Real},
        formula=lambda loss: Formula(
            "max(0, real - fake_average)**2 + max(0, real_average - fake)**2"
            if loss.one_sided
            else "(real - fake_average)**2 + (fake - real_average)**2"
        ),
        convex=True,
        smooth=lambda loss: 1 if loss.one_sided else 3,
        slope="linear",
        denominator="the unmasked pairs of a real and a generated example, each counted by its weight",
        when="You train an adversarial pair on few examples.",
        when_not="Data is plenty: it only slows the discriminator down.",
        points={"floor": 0},
        aliases=("LeCam regularization", "LeCam divergence", "EMA-anchored discriminator penalty"),
        tags=("adversarial", "generative", "GAN", "regulariser", "few examples"),
        cite=("Tseng et al. 2021, arXiv:2104.03310",),
    )

    def per_example(self, real: Tensor, fake: Tensor, real_average: Tensor, fake_average: Tensor) -> Tensor:
        above, below = real - fake_average, real_average - fake
        if self.one_sided:
            above, below = above.clamp(min=0), below.clamp(min=0)
        return above.square() + below.square()


def _mean(x: Tensor, keep: Tensor | None) -> Tensor:
    """The mean over the examples that are kept; 0 of none."""
    if keep is None:
        return x.sum() / max(1, x.numel())
    return torch.where(keep, x, torch.zeros_like(x)).sum() / keep.sum().clamp(min=1)
