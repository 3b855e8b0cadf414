"""Linex: exponential on one side of the target, linear on the other."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.exponential import above_tangent


class Linex(Supervised):
    """Linear-exponential: one side of the target costs exponentially, the other linearly.

    (exp(a r) - a r - 1) / a² for r = prediction - target and a = `steepness`: near the target half the squared
    error, beyond 1 / a exponential on the dear side and about |r| / a on the other. With a positive steepness too
    high is the dear side (a dam that is filled too far, a building valued too high), with a negative one too low.
    Unlike Pinball and Expectile, which weigh the sides by a fixed ratio, here the ratio grows with the error.

    Its minimiser is -log(mean(exp(-a · target))) / a: for normal targets their mean less a · variance / 2. It hears
    the whole tail on the cheap side's far end, so one wild target there can move it far.

    `steepness` has the inverse of the target's unit: at 1, an error of 1 unit is where the sides part. Scale it by
    the spread of the target. An error beyond 88 / a overflows float32: that is the loss itself.

    Shapes: prediction and target (*batch); the loss in the target's unit, squared.

    Raises:
        ValueError: the steepness is 0, where it is half the squared error.

    >>> import torch, wald
    >>> wald.Linex(steepness=2.0)(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([1.0973, 0.2838])
    """

    steepness: float = param(
        default=1.0,
        typical=(-0.5,),
        help="how fast the dear side grows, per unit of the target; positive makes too high the dear side",
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("(exp(x) - x - 1) / steepness**2", x="steepness * (prediction - target)"),
        elicits="m-functional",
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="exponential",
        when="A large miss on one side is a catastrophe, on the other a nuisance.",
        when_not="The sides cost in a fixed ratio (use Pinball), or targets have heavy tails, which overflow it.",
        points={"perfect": 0, "floor": 0},
        aliases=("LINEX", "LinexLoss", "linear-exponential", "linex error", "asymmetric exponential loss"),
        tags=("asymmetric", "exponential", "risk", "safety"),
        cite=("Zellner 1986, doi:10.1080/01621459.1986.10478289",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steepness == 0:
            raise ValueError(
                "Linex: steepness is 0, where both sides cost the same and nothing is divided by 0. As it tends to 0 "
                "the loss tends to half the squared error: use Squared(), or a steepness such as 1 / the standard "
                "deviation of the target."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        x = self.steepness * (prediction - target)
        # As a product: the compiler refuses a power of a negative number that it holds open.
        return above_tangent(x) / (self.steepness * self.steepness)
