"""Taylor cross-entropy: the first terms of the series of cross-entropy, which makes it bounded."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import below_infinity, classes_last, of_the_true_class


class TaylorCrossEntropy(Supervised, OverClasses):
    """The first terms of cross-entropy's series in 1 - p, so that a wrong label costs little.

    -log p = (1 - p) + (1 - p)²/2 + (1 - p)³/3 + … for the probability p of the true class, cut after `order` terms.
    One term is half the absolute error of probabilities (GeneralisedCrossEntropy at q = 1), which wrong labels do not
    move and which learns slowly; the more terms, the closer to CrossEntropy. The value is at most
    1 + 1/2 + … + 1/order, and its slope in the logits fades where an example is held impossible.

    Two terms are 1 - p + (1 - p)²/2. A soft target is the mean over labels drawn from it.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: order is not a whole number from 1 up.
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> wald.TaylorCrossEntropy(order=2)(logits, target)  # 1/2 + 1/8
    tensor(0.6250)
    >>> wald.TaylorCrossEntropy(order=30)(logits, target)  # ln 2
    tensor(0.6931)
    """

    order: int = param(default=2, at_least=1, at_most=100, typical=(6,), help="how many terms of the series are kept")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula("sum([rest**k / k for k in range(1, order + 1)])", rest="1 - softmax(prediction)[target]"),
        elicits=lambda loss: "mode" if loss.order == 1 else "unresolved",
        proper=False,
        calibrated=True,
        invertible=False,
        symmetric=lambda loss: loss.order == 1,
        convex=False,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        when="Many labels are wrong, and the likeliest class is what counts.",
        when_not="Labels are right (CrossEntropy learns faster), or probabilities are wanted.",
        points={
            "perfect": 0,
            "chance": "sum([(1 - 1 / classes)**k / k for k in range(1, order + 1)])",
            "worst": "sum([1 / k for k in range(1, order + 1)])",
            "floor": 0,
        },
        aliases=("TaylorCE", "Taylor CE", "TCE"),
        tags=("classification", "label noise", "wrong labels", "robust", "bounded"),
        cite=("Feng et al. 2020, Can Cross Entropy Loss Be Robust to Label Noise?, IJCAI",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        return of_the_true_class(self._cost, below_infinity(prediction), target)

    def _cost(self, log_odds: Tensor) -> Tensor:
        rest = (-log_odds).sigmoid()
        # By Horner, from the highest power down.
        value = rest / self.order
        for k in range(self.order - 1, 0, -1):
            value = rest * (value + 1 / k)
        return value
