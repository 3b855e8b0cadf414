"""The two sides of adversarial training: a discriminator that tells real from fake, a generator that fools it."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Generative, Loss, ShapeError
from ..pieces.softplus import softplus


class GANDiscriminator(Generative):
    """What a discriminator pays for its scores of one real and one generated example.

    `kind` names the game; scores are untransformed: no sigmoid, no tanh.

    - "non_saturating", "minimax": softplus(-real) + softplus(fake), cross-entropy of real against fake.
    - "least_squares": ((real - 1)² + fake²) / 2; the factor 1/2 is the paper's, MONAI has none.
    - "hinge": max(0, 1 - real) + max(0, 1 + fake).
    - "wasserstein": fake - real, which has no floor; the critic must be held Lipschitz by other means.

    A discriminator that cannot tell pays 2 ln 2 = 1.386, 1/4, 2 and 0. That is where training should drift to,
    so a falling discriminator loss is no sign of a better generator.

    Shapes: real and fake (*batch), as many of one as of the other. Detach the generated images first. Train
    the generator on `GANGenerator` of the same kind.

    Raises:
        ShapeError: real and fake have different shapes.

    >>> import torch, wald
    >>> wald.GANDiscriminator(kind="hinge")(torch.tensor([0.5, 2.0]), torch.tensor([-3.0, 0.0]), reduction="none")
    tensor([0.5000, 1.0000])
    """

    kind: str = param(
        default="non_saturating",
        choices=("non_saturating", "minimax", "least_squares", "hinge", "wasserstein"),
        help="which game is played",
    )

    card = Card(
        task="other",
        inputs={"real": Real, "fake": Real},
        formula=lambda loss: {
            "non_saturating": Formula("softplus(-real) + softplus(fake)"),
            "minimax": Formula("softplus(-real) + softplus(fake)"),
            "least_squares": Formula("((real - 1)**2 + fake**2) / 2"),
            "hinge": Formula("max(0, 1 - real) + max(0, 1 + fake)"),
            "wasserstein": Formula("fake - real"),
        }[loss.kind],
        convex=True,
        bounded_below=lambda loss: loss.kind != "wasserstein",
        smooth=lambda loss: 0 if loss.kind == "hinge" else 3,
        slope=lambda loss: "linear" if loss.kind == "least_squares" else "bounded",
        denominator="the unmasked pairs of a real and a generated example, each counted by its weight",
        when="You train the discriminator, or critic, of an adversarial pair.",
        when_not="You train the generator (use GANGenerator), or have labels for both (use BinaryCrossEntropy).",
        points=lambda loss: {
            "non_saturating": {"chance": "2 * log(2)", "floor": 0},
            "minimax": {"chance": "2 * log(2)", "floor": 0},
            "least_squares": {"chance": 0.25, "floor": 0},
            "hinge": {"chance": 2, "floor": 0},
            "wasserstein": {"chance": 0},
        }[loss.kind],
        ports={
            "torchgan.losses.MinimaxDiscriminatorLoss": {"kind": "minimax"},
            "torchgan.losses.LeastSquaresDiscriminatorLoss": {"kind": "least_squares"},
            "torchgan.losses.WassersteinDiscriminatorLoss": {"kind": "wasserstein"},
            "tensorflow_gan.losses.least_squares_discriminator_loss": {"kind": "least_squares"},
            "tensorflow_gan.losses.wasserstein_discriminator_loss": {"kind": "wasserstein"},
        },
        aliases=("discriminator loss", "critic loss", "LSGAN discriminator", "WGAN critic", "hinge GAN discriminator"),
        tags=("adversarial", "generative", "critic", "GAN", "LSGAN", "WGAN", "geometric GAN"),
        cite=(
            "Goodfellow et al. 2014, arXiv:1406.2661",
            "Mao et al. 2016, arXiv:1611.04076 (least squares)",
            "Lim & Ye 2017, arXiv:1705.02894 (hinge)",
            "Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875 (Wasserstein)",
        ),
    )

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        """The inputs as they are, once there are as many real as generated examples."""
        if len(inputs) == 2 and inputs[0].shape != inputs[1].shape:
            real, fake = (tuple(x.shape) for x in inputs)
            raise ShapeError(
                f"GANDiscriminator: real {real} and fake {fake} differ. An example is one real and one generated "
                "item, so that one mean weighs both sides equally; with more of one the balance would shift. "
                "Generate as many as you have real ones, or cut the larger: n = min(len(real), len(fake)), "
                "then real[:n] and fake[:n]."
            )
        return self, inputs, weight, mask

    def per_example(self, real: Tensor, fake: Tensor) -> Tensor:
        match self.kind:
            case "least_squares":
                return 0.5 * ((real - 1).square() + fake.square())
            case "hinge":
                return (1 - real).clamp(min=0) + (1 + fake).clamp(min=0)
            case "wasserstein":
                return fake - real
            case _:
                return softplus(-real) + softplus(fake)


class GANGenerator(Generative):
    """What a generator pays for the score that the discriminator gives to its example.

    `kind` names the game; scores are untransformed: no sigmoid, no tanh.

    - "non_saturating": softplus(-fake), which pulls hardest while the discriminator is sure that it is fake.
    - "minimax": -softplus(fake), the other side of the discriminator's loss. Its pull vanishes just there.
    - "least_squares": (fake - 1)² / 2.
    - "hinge", "wasserstein": -fake.

    "minimax", "hinge" and "wasserstein" have no floor. The number says how the generator stands against the
    discriminator of the moment, not how good its examples are.

    Shapes: fake (*batch). The discriminator is not detached here, only not updated.

    >>> import torch, wald
    >>> wald.GANGenerator(kind="least_squares")(torch.tensor([0.0, 1.0]), reduction="none")
    tensor([0.5000, 0.0000])
    """

    kind: str = param(
        default="non_saturating",
        choices=("non_saturating", "minimax", "least_squares", "hinge", "wasserstein"),
        help="which game is played",
    )

    card = Card(
        task="other",
        inputs={"fake": Real},
        formula=lambda loss: {
            "non_saturating": Formula("softplus(-fake)"),
            "minimax": Formula("-softplus(fake)"),
            "least_squares": Formula("(fake - 1)**2 / 2"),
            "hinge": Formula("-fake"),
            "wasserstein": Formula("-fake"),
        }[loss.kind],
        convex=lambda loss: loss.kind != "minimax",
        bounded_below=lambda loss: loss.kind in ("non_saturating", "least_squares"),
        smooth=3,
        slope=lambda loss: {"minimax": "vanishing", "least_squares": "linear"}.get(loss.kind, "bounded"),
        denominator="the unmasked generated examples, each counted by its weight",
        when="You train the generator of an adversarial pair, against a GANDiscriminator of the same kind.",
        when_not="You need a number that falls as examples get better: no loss of this kind is one.",
        points=lambda loss: {
            "non_saturating": {"chance": "log(2)", "floor": 0},
            "minimax": {"chance": "-log(2)"},
            "least_squares": {"chance": 0.125, "floor": 0},
        }.get(loss.kind, {"chance": 0}),
        ports={
            "torchgan.losses.MinimaxGeneratorLoss": {},
            "torchgan.losses.LeastSquaresGeneratorLoss": {"kind": "least_squares"},
            "torchgan.losses.WassersteinGeneratorLoss": {"kind": "wasserstein"},
            "tensorflow_gan.losses.modified_generator_loss": {},
            "tensorflow_gan.losses.least_squares_generator_loss": {"kind": "least_squares"},
            "tensorflow_gan.losses.wasserstein_generator_loss": {"kind": "wasserstein"},
        },
        aliases=("generator loss", "LSGAN generator", "WGAN generator", "hinge GAN generator"),
        tags=("adversarial", "generative", "GAN", "LSGAN", "WGAN"),
        cite=(
            "Goodfellow et al. 2014, arXiv:1406.2661",
            "Mao et al. 2016, arXiv:1611.04076 (least squares)",
            "Lim & Ye 2017, arXiv:1705.02894 (hinge)",
            "Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875 (Wasserstein)",
        ),
    )

    def per_example(self, fake: Tensor) -> Tensor:
        match self.kind:
            case "non_saturating":
                return softplus(-fake)
            case "minimax":
                return -softplus(fake)
            case "least_squares":
                return 0.5 * (fake - 1).square()
            case _:
                return -fake
