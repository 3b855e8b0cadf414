"""Cross-entropy that also pays for being sure: by the entropy of the prediction, or by its largest score."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.entropy import entropy
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class ConfidencePenalty(Supervised, OverClasses):
    """Cross-entropy less a part of the prediction's entropy: being sure costs.

    CE - strength H(p). A prediction that is nearly sure pays for it, so scores stay finite and probabilities softer.
    Label smoothing adds the divergence of the uniform distribution from the prediction; this adds that of the
    prediction from the uniform one, up to a constant, and it bends little where classes are told apart well.

    The value may be below 0, as the entropy is taken off: at chance it is (1 - strength) ln classes, at a sure and
    right prediction 0, and the least value lies between. A negative strength rewards being sure: Bootstrapping at
    beta is beta times this at strength = -(1 - beta) / beta; only strengths from 0 up are taken here.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> wald.ConfidencePenalty(strength=0.5)(torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0]))
    tensor(-0.0923)
    """

    strength: float = param(
        default=0.1, at_least=0, typical=(0.0,), help="how much of the entropy is taken off; 0 is cross-entropy"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula("-s[target] + strength * sum([exp(x) * x for x in s])", s="log_softmax(prediction)"),
        elicits=lambda loss: "unresolved" if loss.strength else "distribution",
        proper=lambda loss: loss.strength == 0,
        calibrated=True,
        invertible=True,
        symmetric=False,
        convex=lambda loss: loss.strength == 0,
        perfect_is_minimal=lambda loss: loss.strength == 0,
        smooth=3,
        slope="bounded",
        when="A model is too sure of itself, and label smoothing flattens classes that it tells apart well.",
        when_not="Probabilities are wanted as they are (CrossEntropy), or many labels are wrong.",
        points={"perfect": 0, "chance": "(1 - strength) * log(classes)"},
        aliases=("entropy regularised cross entropy", "entropy regularized cross entropy", "output penalty"),
        tags=("classification", "calibration", "overconfidence", "entropy", "regularisation", "label smoothing"),
        cite=("Pereyra et al. 2017, arXiv:1701.06548",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        return cross_entropy(prediction, target) - self.strength * entropy(prediction)


class MaxSup(Supervised, OverClasses):
    """Cross-entropy plus how far the largest score stands above their mean.

    Max suppression: CE + strength (max z - mean z). Label smoothing is CE + strength (z_y - mean z) with the score of
    the *true* class, so on an example that is wrong it pushes the true class down further. Taking the largest score
    instead keeps the model from being sure in both cases, and never works against the label.

    A class with a logit of -inf cannot occur and takes no part in the mean.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, right, wrong = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0]), torch.tensor([1])
    >>> wald.MaxSup()(logits, right), wald.CrossEntropy(label_smoothing=0.1)(logits, right)  # the same
    (tensor(0.3365), tensor(0.3365))
    >>> wald.MaxSup()(logits, wrong), wald.CrossEntropy(label_smoothing=0.1)(logits, wrong)
    (tensor(2.3365), tensor(2.1365))
    """

    strength: float = param(
        default=0.1, at_least=0, typical=(0.0,), help="the weight of the largest score; 0 is cross-entropy"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula("-log_softmax(prediction)[target] + strength * (max(prediction) - mean(prediction))"),
        elicits=lambda loss: "unresolved" if loss.strength else "distribution",
        proper=lambda loss: loss.strength == 0,
        # The largest scores are drawn together, so that the best ones may tie.
        calibrated=lambda loss: loss.strength == 0,
        symmetric=False,
        convex=True,
        perfect_is_minimal=lambda loss: loss.strength == 0,
        smooth=lambda loss: 0 if loss.strength else 3,
        slope="bounded",
        when="Label smoothing helps, but it confuses classes that are alike and makes mistakes surer.",
        when_not="Probabilities are wanted as they are (CrossEntropy).",
        points={"chance": "log(classes)", "floor": 0},
        aliases=("max suppression", "Max Sup", "maximum suppression regularization"),
        tags=("classification", "calibration", "overconfidence", "regularisation", "label smoothing"),
        cite=("Zhou et al. 2025, arXiv:2502.15798",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        possible = prediction != -float("inf")
        mean = prediction.masked_fill(~possible, 0.0).sum(-1) / possible.sum(-1)
        return cross_entropy(prediction, target) + self.strength * (prediction.amax(-1) - mean)
