"""Early-learning regularisation: cross-entropy that holds on to what the model believed before it saw labels twice."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, Probabilities, param
from ...core import Loss
from ..pieces.softmax import cross_entropy, not_ignored


class EarlyLearning(Loss):
    """Cross-entropy plus log(1 - agreement with what the model believed earlier).

    A network learns from right labels first and learns wrong ones by heart later. ELR keeps for each example a
    running mean of its past predictions, `memory`, and adds strength · log(1 - p · memory), which falls as prediction
    and memory agree; its slope outweighs that of a label that contradicts them. The loss is a function: the memory is
    an input, without a gradient, and its owner moves it: memory = 0.7 memory + 0.3 p.detach(), one row for each
    example of the data set. Begin with the first prediction; the authors begin with zeros, whose rows add up to less
    than 1 for some epochs.

    Where both are sure of one class the logarithm would run to minus infinity. Probabilities are therefore kept within
    [clip, 1 - clip], beyond which there is no slope: the term is never below strength · log(clip).

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; memory (*batch, classes) probabilities.

    Raises:
        DomainError: the rows of prediction look like probabilities, an id is not a class, or the rows of
            memory are no probabilities.
        ShapeError: the inputs do not line up.

    >>> import torch, wald
    >>> logits, target, memory = torch.zeros(1, 2), torch.tensor([0]), torch.tensor([[0.9, 0.1]])
    >>> wald.EarlyLearning()(logits, target, memory)  # ln 2 + 3 ln(1/2)
    tensor(-1.3863)
    """

    strength: float = param(default=3.0, at_least=0, help="the weight of agreeing with the memory")
    clip: float = param(
        default=1e-4, above=0, below=0.5, quiet=True, help="how close to 0 and 1 a probability is looked at"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")

    card = Card(
        task="multiclass",
        inputs={
            "prediction": Logits,
            "target": ClassTarget,
            "memory": Probabilities.of("classes"),
        },
        formula=Formula(
            "-log_softmax(prediction)[target] + strength * log(1 - sum([min(max(p, clip), 1 - clip) * m"
            " for p, m in zip(softmax(prediction), memory)]))"
        ),
        elicits="unresolved",
        symmetric=False,
        convex=lambda loss: loss.strength == 0,
        bounded_below=True,
        slope="bounded",
        when="Many labels are wrong, and rows can be told apart from epoch to epoch.",
        when_not="Each example is seen once, or labels are right (CrossEntropy).",
        points={"chance": "log(classes) + strength * log(1 - 1 / classes)", "floor": "strength * log(clip)"},
        aliases=("ELR", "early learning regularization", "early-learning regularisation", "ELRLoss"),
        tags=("classification", "label noise", "wrong labels", "self-training", "regularisation"),
        cite=("Liu et al. 2020, arXiv:2007.00151",),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return not_ignored(inputs[1], self.ignore_index)

    def per_example(self, prediction: Tensor, target: Tensor, memory: Tensor) -> Tensor:
        p = prediction.softmax(-1).clamp(self.clip, 1 - self.clip)
        agreement = (p * memory).sum(-1)
        return cross_entropy(prediction, target) + self.strength * torch.log1p(-agreement)
