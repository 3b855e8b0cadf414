"""The bi-tempered logistic loss: a logarithm that is bounded, and a softmax with heavy tails."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy, over_labels, spared
from ..pieces.tempered import tempered_log_softmax


class BiTempered(Supervised, OverClasses):
    """Cross-entropy with a bounded logarithm (t1) and a heavy-tailed softmax (t2).

    The Bregman divergence -log_t1 p_y - (1 - Σ p_k^(2 - t1)) / (2 - t1) of the true class y from the tempered softmax
    p = exp_t2(z - λ), with log_t(x) = (x^(1 - t) - 1) / (1 - t). t1 below 1 bounds what one example can cost, at
    1/(1 - t1) and no more, so that far outliers stop pulling. t2 above 1 gives classes that are far behind more
    probability, so that labels that are wrong near the border between two classes pull less. At t1 = t2 = 1 it is
    CrossEntropy. Both are near 1 in practice.

    λ, by which the probabilities add to 1, is found to rounding, and the gradient is that of the exact value. The
    authors' code takes 5 steps of a fixed-point iteration, or 20 of bisection for t2 below 1: close to the same, less
    so with many classes. Decide by the largest score as ever; for probabilities use `loss.probabilities(z)`, not the
    softmax.

    `label_smoothing` spreads that share of the target evenly over all classes. A soft target is the mean over labels
    drawn from it; the divergence from the soft target itself is less by a term that no prediction changes.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: t1 is above t2, where the slope has no bound.
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[2.0, 0.0, -1.0], [-20.0, 9.0, 0.0]]), torch.tensor([0, 0])
    >>> wald.BiTempered()(logits, target, reduction="none")
    tensor([0.1600, 4.2607])
    >>> wald.BiTempered(t1=1.0, t2=1.0)(logits, target, reduction="none")
    tensor([ 0.1698, 29.0001])
    """

    t1: float = param(
        default=0.8,
        at_least=0,
        at_most=1,
        typical=(1.0,),
        help="the temperature of the logarithm: below 1 it is bounded",
    )
    t2: float = param(
        default=1.2, at_least=0, at_most=4, typical=(1.0,), help="the temperature of the softmax: above 1, heavy tails"
    )
    label_smoothing: float = param(
        default=0.0, at_least=0, below=1, quiet=True, help="the share of the target spread evenly over all classes"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=lambda loss: (
            Formula("-log_softmax(prediction)[target]")
            if loss.t1 == loss.t2 == 1
            else Formula(
                "surprise + (sum([x**(2 - t1) for x in p]) - 1) / (2 - t1)",
                **(
                    {"p": "softmax(prediction)"}
                    if loss.t2 == 1
                    else {
                        "tempered": "lambda at: [max(0, 1 + (1 - t2) * (z - at))**(1 / (1 - t2)) for z in prediction]",
                        "top": "max(prediction)",
                        "most": "top + (1 - len(prediction)**(t2 - 1)) / (1 - t2)",
                        "p": "tempered(solve(lambda at: sum(tempered(at)) - 1, top, most))",
                    }
                ),
                surprise="-log(p[target]) if t1 == 1 else (1 - p[target]**(1 - t1)) / (1 - t1)",
            )
        ),
        elicits=lambda loss: "distribution" if loss.t2 == 1 and loss.label_smoothing == 0 else "unresolved",
        proper=lambda loss: loss.label_smoothing == 0 if loss.t2 == 1 else False,
        calibrated=True,
        invertible=lambda loss: loss.t2 >= 1 and loss.label_smoothing == 0,
        symmetric=False,
        convex=lambda loss: loss.t1 == loss.t2,
        perfect_is_minimal=lambda loss: loss.label_smoothing == 0,
        smooth=lambda loss: 3 if loss.t2 >= 1 else None,
        slope=lambda loss: "bounded" if loss.t1 == loss.t2 else "vanishing",
        when="Some labels are wrong, far from where they belong (t1) or near a border between classes (t2).",
        when_not="Labels are right (CrossEntropy), or two more numbers cannot be chosen (GeneralisedCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("bi-tempered logistic", "BiTemperedLogistic", "BiTemperedLogisticLoss", "tempered cross entropy"),
        tags=("classification", "label noise", "wrong labels", "robust", "bounded", "Bregman", "heavy tails"),
        cite=("Amid et al. 2019, arXiv:1906.03361",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t1 > self.t2:
            raise ValueError(
                f"BiTempered: t1 must not be above t2, got t1={self.t1:g} and t2={self.t2:g}: where a class has a "
                "probability near 0 the slope would have no bound. Use t1 <= 1 <= t2, as in t1=0.8 and t2=1.2."
            )

    def probabilities(self, prediction: Tensor) -> Tensor:
        """The tempered softmax of scores (*batch, classes): what this loss takes the probabilities to be."""
        return tempered_log_softmax(prediction, self.t2).exp()

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        if self.t1 == self.t2 == 1:
            return cross_entropy(prediction, target, label_smoothing=self.label_smoothing)
        logs = tempered_log_softmax(prediction, self.t2)
        each = self._surprise(logs)
        value = over_labels(each, target)
        if self.label_smoothing:
            evenly = spared(each, (prediction != -torch.inf).to(each)).mean(-1)
            value = torch.lerp(value, evenly, self.label_smoothing)
        power = 2 - self.t1
        return value + ((power * logs).exp().sum(-1) - 1) / power

    def _surprise(self, logs: Tensor) -> Tensor:
        """Minus log_t1 of a probability, from its logarithm."""
        return -torch.expm1((1 - self.t1) * logs) / (1 - self.t1) if self.t1 < 1 else -logs
