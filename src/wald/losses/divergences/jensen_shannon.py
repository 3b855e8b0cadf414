"""Jensen-Shannon divergence between two categorical distributions, with a weight for each side."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, LogProbabilities, Probabilities, param
from ...core import Supervised
from ..pieces.spaces import Distribution, distribution, divergence


class JensenShannon(Supervised):
    """How far two distributions are from the mixture of both: bounded, however little they share.

    beta KL(target || m) + (1 - beta) KL(prediction || m), with the mixture m = beta target + (1 - beta) prediction:
    the generalised divergence of GKD, where the target is the teacher. At beta = 1/2 it is symmetric and at most
    ln 2. It is never more than the entropy of the coin beta, so a class that one side holds impossible costs a
    bounded amount, and a model that is far off gets little slope.

    beta leads from one KLDivergence to the other, but only after scaling: as beta goes to 0, value / beta goes to
    KL(target || prediction), and as it goes to 1, value / (1 - beta) goes to KL(prediction || target). The value
    itself goes to 0 at both ends. Libraries that take beta = 0 and 1 to be the two divergences jump there; here beta
    is strictly between, and the ends are `KLDivergence()` and `KLDivergence(direction="reverse")`. Some texts give
    beta to the other side.

    Each side says in which space it comes, as in `KLDivergence`. Heatmaps of keypoints (DSNT) are distributions over
    pixels: `heatmap.flatten(-2)` of each, with prediction_space="probabilities" if they add up to 1 already.

    Shapes: prediction and target (*batch, classes).

    Raises:
        DomainError: the rows of a side are not what its space says.

    >>> import torch, wald
    >>> target = torch.tensor([[1.0, 0.0]])
    >>> wald.JensenShannon(prediction_space="probabilities")(torch.tensor([[0.0, 1.0]]), target)  # ln 2
    tensor(0.6931)
    >>> wald.JensenShannon()(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    tensor(0.)
    """

    beta: float = param(
        default=0.5, above=0, below=1, typical=(0.1, 0.9), help="the weight of the target, in the mixture and outside"
    )
    prediction_space: str = param(
        default="logits",
        choices=("logits", "log_probabilities", "probabilities"),
        quiet=True,
        help="what the prediction is given as",
    )
    target_space: str = param(
        default="probabilities",
        choices=("probabilities", "log_probabilities", "logits"),
        quiet=True,
        help="what the target is given as",
    )

    card = Card(
        task="multiclass",
        inputs=lambda loss: {
            name: {"logits": Logits, "log_probabilities": LogProbabilities, "probabilities": Probabilities}[space]
            for name, space in (("prediction", loss.prediction_space), ("target", loss.target_space))
        },
        formula=lambda loss: Formula(
            "beta * sum(a * log(a / b) for a, b in zip(t, m) if a > 0)"
            " + (1 - beta) * sum(a * log(a / b) for a, b in zip(p, m) if a > 0)",
            **{
                name: {
                    "logits": f"softmax({side})",
                    "log_probabilities": f"[exp(x) for x in {side}]",
                    "probabilities": side,
                }[space]
                for name, side, space in (
                    ("p", "prediction", loss.prediction_space),
                    ("t", "target", loss.target_space),
                )
            },
            m="[beta * a + (1 - beta) * b for a, b in zip(t, p)]",
        ),
        elicits="unresolved",
        proper=False,
        calibrated=True,
        invertible=True,
        symmetric=False,
        convex=lambda loss: loss.prediction_space == "probabilities",
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "unbounded" if loss.prediction_space == "probabilities" else "vanishing",
        when="You distil one model into another and neither direction of KLDivergence is right: one covers too much, "
        "the other too little.",
        when_not="The model starts far from the target, where the slope is small, or the target is one class "
        "(CrossEntropy).",
        aliases=("JSD", "JS divergence", "generalised JSD", "generalized JSD", "GKD", "GKDLoss", "JSDLoss", "DSNT"),
        points={"perfect": 0, "floor": 0},
        ports={"kornia.losses.js_div_loss_2d": {"prediction_space": "probabilities"}},
        tags=("distillation", "distribution", "soft targets", "bounded", "divergence", "language model", "heatmap"),
        cite=(
            "Lin 1991, doi:10.1109/18.61115",
            "Agarwal et al. 2023, arXiv:2306.13649 (GKD)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.between(distribution(prediction, self.prediction_space), distribution(target, self.target_space))

    def between(self, prediction: Distribution, target: Distribution) -> Tensor:
        """The divergence where both sides are known as probabilities and as their logarithms, (*batch, classes)."""
        mixture = self.beta * target[0] + (1 - self.beta) * prediction[0]
        logs = mixture.masked_fill(mixture == 0, 1.0).log()
        return self.beta * divergence(*target, logs) + (1 - self.beta) * divergence(*prediction, logs)
