"""Tukey's biweight: beyond a threshold an error costs the same, whatever its size."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class Tukey(Supervised):
    """Squared near the target, constant beyond `threshold`: outliers get no gradient at all.

    c² / 6 · (1 - (1 - (r / c)²)³) for |r| ≤ c and c² / 6 beyond, for r = prediction - target and c = `threshold`:
    about r² / 2 near the target. The pull is strongest at |r| = 0.45 c and is exactly 0 from c on, so a prediction that
    starts farther away never moves: warm up with Huber. The usual 4.685 is for errors in units of their robust standard
    deviation (1.4826 times the median absolute deviation); it keeps 95 % of the mean's efficiency for normal errors.

    neuralforecast's TukeyLoss (3.3.0) leaves out the outer "1 -" for small errors: it is highest for a perfect
    prediction, 0 at the threshold and high again beyond, so minimising it drives errors to the threshold.

    Shapes: prediction and target (*batch); `threshold` in the target's unit, the loss in its square.

    >>> import torch, wald
    >>> wald.Tukey(threshold=3.0)(torch.tensor([0.0, 1.0, 3.0, 1e6]), torch.zeros(4), reduction="none")
    tensor([0.0000, 0.4465, 1.5000, 1.5000])
    """

    threshold: float = param(
        default=4.685, above=0, typical=(1.0,), help="from which error on nothing pulls, in the target's unit"
    )

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("threshold**2 / 6 * (1 - (1 - u)**3)", u="min(((prediction - target) / threshold)**2, 1)"),
        elicits="m-functional",
        convex=False,
        perfect_is_minimal=True,
        smooth=2,
        slope="vanishing",
        when="Wrong targets must not count at all, errors have a known scale, and the model starts near the rest.",
        when_not="Errors are large at the start, or large errors are what must be avoided (use Huber).",
        points={"perfect": 0, "floor": 0, "far_off": "threshold**2 / 6"},
        aliases=("TukeyLoss", "bisquare", "biweight", "Tukey biweight", "Tukey bisquare"),
        tags=("robust", "outliers", "redescending", "non-convex", "bounded"),
        cite=("Beaton & Tukey 1974, doi:10.1080/00401706.1974.10489171",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        u = ((prediction - target) / self.threshold).clamp(-1, 1).square()
        # 1 - (1 - u)³ multiplied out: nothing cancels for small errors.
        return self.threshold * self.threshold / 6 * u * (3 - 3 * u + u.square())
