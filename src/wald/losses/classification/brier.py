"""The Brier score: the squared error of probabilities, from logits."""

from __future__ import annotations

from torch import Tensor

from ...cards import BinaryTarget, Card, ClassTarget, Formula, Logit, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, log_odds, not_ignored


class Brier(Supervised, OverClasses):
    """Squared error between probability and outcome: proper, and bounded.

    (p - target)² with p = sigmoid(prediction), or over classes the sum of (p_k - target_k)² with the softmax.
    Of two classes the sum counts each error twice: kind "multiclass" is then 2 times kind "binary". Its minimiser is
    the true probability, as that of cross-entropy, but one sure mistake costs 1 at most: it does not chase wrong
    labels, and does not mind a probability of 0.01 where 0.001 is right. As a score it is how far probabilities are
    off; as a loss of logits it stalls where a prediction is sure and wrong, as its slope fades there.

    A soft target is the mean over labels drawn from it; (p - target)² itself is less by target (1 - target), which no
    prediction changes.

    Shapes: kind "binary": prediction and target (*batch), each element an example, target 0, 1 or between. Kind
    "multiclass": prediction (*batch, classes), target (*batch) class ids or (*batch, classes) probabilities as floats;
    `axis=1` for images (N, C, H, W). Prediction in logits.

    >>> import torch, wald
    >>> wald.Brier()(torch.tensor([0.0, 4.0]), torch.tensor([1.0, 0.0]), reduction="none")
    tensor([0.2500, 0.9644])
    >>> wald.Brier(kind="multiclass")(torch.zeros(1, 4), torch.tensor([2]))
    tensor(0.7500)
    """

    kind: str = param(
        default="binary",
        choices=("binary", "multiclass"),
        quiet=True,
        help="sigmoid of each element, or softmax over classes along an axis",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the target that marks what to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task=lambda loss: loss.kind,
        inputs=lambda loss: (
            {"prediction": Logit, "target": BinaryTarget}
            if loss.kind == "binary"
            else {"prediction": Logits, "target": ClassTarget}
        ),
        formula=lambda loss: (
            Formula("target * (1 - p)**2 + (1 - target) * p**2", p="sigmoid(prediction)")
            if loss.kind == "binary"
            else Formula("sum([q**2 for q in p]) - 2 * p[target] + 1", p="softmax(prediction)")
        ),
        elicits=lambda loss: "probability" if loss.kind == "binary" else "distribution",
        proper=True,
        calibrated=True,
        invertible=True,
        symmetric=False,
        threshold=lambda loss: 0.5 if loss.kind == "binary" else None,
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Probabilities are judged by their squared error, or some labels are wrong.",
        when_not="Rare events, whose probability must be right to a factor (BinaryCrossEntropy).",
        points=lambda loss: (
            {"perfect": 0, "chance": 0.25, "floor": 0}
            if loss.kind == "binary"
            else {"perfect": 0, "chance": "1 - 1 / classes", "floor": 0}
        ),
        aliases=(
            "BrierScore",
            "brier_score_loss",
            "quadratic score",
            "squared probability error",
            "quadratic scoring rule",
        ),
        tags=("classification", "probabilities", "proper", "calibration", "score", "bounded"),
        cite=(
            "Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
            "Gneiting & Raftery 2007, doi:10.1198/016214506000001437",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "binary" and self.axis != -1:
            raise ValueError('Brier: kind="binary" takes every element as an example and has no axis.')

    def kept(self, *inputs: Tensor) -> Tensor | None:
        target = inputs[1]
        return target != self.ignore_index if self.kind == "binary" else not_ignored(target, self.ignore_index)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.kind == "binary":
            return (1 - target) * prediction.sigmoid().square() + target * (-prediction).sigmoid().square()
        prediction, target = classes_last(self, self.axis, prediction, target)
        p = prediction.softmax(-1)
        if target.is_floating_point():
            # 1 - p by the log-odds, which keep its digits where p is close to 1.
            rest = (-log_odds(prediction)).sigmoid()
            return (target * rest.square() + (1 - target) * p.square()).sum(-1)
        others = p.scatter(-1, target.unsqueeze(-1), 0.0)
        return others.square().sum(-1) + others.sum(-1).square()
