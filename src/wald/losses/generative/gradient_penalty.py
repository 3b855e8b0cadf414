"""Penalties on gradients: how a critic is held smooth, and a generator even."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, NonNegative, Real, param
from ...core import Loss, ShapeError
from ..pieces.distance import length


class GradientPenalty(Loss):
    """How far the length of an example's gradient is from what it should be (WGAN-GP, R1, R2).

    (||gradient|| - target)², or only where it is longer with `one_sided`. The length is that of **each example's own
    gradient**; one length for a whole batch, as torchgan 0.1 takes it, is √batch too long.

    - WGAN-GP: target 1, at points between real and generated examples, weight 10.
    - R1, R2: target 0, which is ||gradient||², at real (R1) or generated (R2) examples. The papers have γ/2 before it,
      so the weight of a Term is γ/2; a penalty that is taken only every k steps is weighted by k.
    - DRAGAN: target 1, around real examples.
    - Double backpropagation, Jacobian penalties: target 0, with the gradient of the loss, or of v · outputs for a
      random v of length 1, times the number of outputs.

    Take it from the sum of the scores, so that examples do not share it, and with a graph:
    `(g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)`, then `GradientPenalty()(g.flatten(1))`. Without
    create_graph it trains nothing. Batch norm in the critic mixes examples, and their gradients with them.

    Shapes: gradient (batch, values).

    Raises:
        ShapeError: gradient has more than two axes, so that it is not clear which belong to an example.

    >>> import torch, wald
    >>> gradient = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    >>> wald.GradientPenalty()(gradient, reduction="none")
    tensor([16.,  0.])
    >>> wald.GradientPenalty(target=0.0)(gradient, reduction="none")
    tensor([25.,  1.])
    """

    target: float = param(default=1.0, at_least=0, typical=(0.0,), help="how long a gradient should be; 0 for R1, R2")
    one_sided: bool = param(default=False, choices=(False, True), help="only longer gradients cost")

    card = Card(
        task="other",
        inputs={"gradient": Real.of("values")},
        formula=lambda loss: Formula(
            "max(0, r)**2" if loss.one_sided else "r**2", r="sqrt(dot(gradient, gradient)) - target"
        ),
        convex=lambda loss: loss.one_sided or loss.target == 0,
        smooth=lambda loss: 3 if loss.target == 0 else 1 if loss.one_sided else 0,
        slope="linear",
        when="A critic must be Lipschitz, or a model must not turn sharply at its examples.",
        when_not="The length should follow its own average (PathLength).",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "WGAN-GP",
            "gradient penalty",
            "R1",
            "R2",
            "R1 penalty",
            "DRAGAN",
            "zero-centred gradient penalty",
            "JacobianPenalty",
            "double backpropagation",
            "input gradient penalty",
        ),
        ports={"tensorflow_gan.losses.wasserstein_gradient_penalty": {}},
        tags=("generative", "GAN", "adversarial", "penalty", "Lipschitz", "Jacobian", "robustness"),
        cite=(
            "Gulrajani et al. 2017, arXiv:1704.00028",
            "Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406 (R1, R2)",
            "Kodali et al. 2017, arXiv:1705.07215 (DRAGAN)",
        ),
    )

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        """The inputs as they are, once it is clear which axes belong to an example."""
        _flat(self, *inputs[:1])
        return self, inputs, weight, mask

    def per_example(self, gradient: Tensor) -> Tensor:
        if self.target == 0:
            return gradient.square().sum(-1)
        off = length(gradient) - self.target
        return (off.clamp(min=0) if self.one_sided else off).square()


class PathLength(Loss):
    """How far a generator's path length is from its running average (StyleGAN2).

    (||gradient|| - average)², with the gradient of (images · y).sum() by the latents, y normal noise over √(pixels).
    The average is the caller's and has no gradient: average = average + 0.01 (length.mean().detach() - average),
    given to each example: `average.expand(len(gradient))`. Taken every k steps, weight it by k.

    With several latents to an image (layers) StyleGAN2 takes the square root of the *mean* over layers of the squared
    lengths: give gradient / √layers, flattened.

    Shapes: gradient (batch, values), average (batch).

    Raises:
        ShapeError: gradient has more than two axes.

    >>> import torch, wald
    >>> wald.PathLength()(torch.tensor([[3.0, 4.0]]), torch.tensor([2.0]))
    tensor(9.)
    """

    card = Card(
        task="other",
        inputs={"gradient": Real.of("values"), "average": NonNegative},
        formula=Formula("(sqrt(dot(gradient, gradient)) - average)**2"),
        convex=False,
        smooth=0,
        slope="linear",
        when="Equal steps in the latents of a generator should move images equally far.",
        when_not="The length that is wanted is known (GradientPenalty).",
        points={"perfect": 0, "floor": 0},
        aliases=("path length regularization", "PPL regulariser", "path length penalty"),
        tags=("generative", "GAN", "StyleGAN", "penalty", "Jacobian"),
        cite=("Karras et al. 2019, arXiv:1912.04958",),
    )

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        """The inputs as they are, once it is clear which axes belong to an example."""
        _flat(self, *inputs[:1])
        return self, inputs, weight, mask

    def per_example(self, gradient: Tensor, average: Tensor) -> Tensor:
        return (length(gradient) - average).square()


def _flat(loss: Loss, *inputs: Tensor) -> None:
    """Raise for a gradient with more axes than a batch and its values: rows of images would pass as examples."""
    for gradient in inputs:
        if isinstance(gradient, Tensor) and gradient.ndim > 2:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ShapeError(
                f"{type(loss).__name__}: gradient {tuple(gradient.shape)} has {gradient.ndim} axes, and the length of "
                "an example's gradient is taken over all but the first. Use gradient.flatten(1)."
            )
