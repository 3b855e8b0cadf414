"""Logit normalisation: cross-entropy of the direction of the scores, so that their length cannot grow."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.distance import direction
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class LogitNorm(Supervised, OverClasses):
    """Cross-entropy of scores brought to one length: being sure by size alone does not help.

    CrossEntropy of z / (temperature |z|). A network that has learned the data lowers cross-entropy further by making
    all scores longer, and is then sure of everything, what it has never seen included. Here only the direction of the
    scores counts, so the length stays free to say how familiar an input is.

    `temperature` decides how sure it can be at all: the least value is
    log(1 + (K - 1) e^(-g)) for K classes with the gap g = sqrt(K / (K - 1)) / temperature. At 1, the default of
    pytorch-ood, that is 1.06 for ten classes, and next to nothing can be learned; the paper has 0.04.

    Where all scores are 0 there is no direction: the value is that of chance, with a gradient of 0. A class with a
    score of -inf cannot occur and adds nothing to the length.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> loss, target = wald.LogitNorm(temperature=0.5), torch.tensor([0])
    >>> loss(torch.tensor([[3.0, 4.0]]), target), loss(torch.tensor([[30.0, 40.0]]), target)
    (tensor(0.9130), tensor(0.9130))
    """

    temperature: float = param(
        default=0.04, above=0, typical=(1.0,), help="one over the length that the scores are brought to"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=Formula(
            "-log_softmax([z / temperature / size for z in prediction])[target]",
            size="sqrt(sum([z**2 for z in prediction]))",
        ),
        elicits="unresolved",
        proper=False,
        symmetric=False,
        convex=False,
        perfect_is_minimal=None,
        smooth=None,
        slope="vanishing",
        when="What the model has never seen must be told by its scores, or it is too sure of itself.",
        when_not="The scores are read as probabilities: divide them by temperature and length first, as here.",
        points={
            "perfect": "log1p((classes - 1) * exp(-sqrt(classes / (classes - 1)) / temperature))",
            "chance": "log(classes)",
            "collapse": "log(classes)",
            "floor": "log1p((classes - 1) * exp(-sqrt(classes / (classes - 1)) / temperature))",
        },
        aliases=("logit normalisation", "logit normalization", "LogitNormLoss"),
        ports={"pytorch_ood.loss.LogitNorm": {"temperature": 1.0}},
        tags=("classification", "calibration", "overconfidence", "out of distribution", "OOD"),
        cite=("Wei et al. 2022, arXiv:2205.09310",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        lost = prediction == -torch.inf
        unit = direction(prediction.masked_fill(lost, 0.0))
        return cross_entropy((unit / self.temperature).masked_fill(lost, -torch.inf), target)
