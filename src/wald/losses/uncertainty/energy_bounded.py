"""Energy bounds: the log-partition of known classes is large, that of outliers small."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class EnergyBounded(Supervised, OverClasses):
    """Cross-entropy, and energies on their side of two margins: low for classes, high for outliers.

    The energy of an example is E = -logsumexp(prediction). What belongs to a class costs its cross-entropy and `alpha`
    · max(0, E - margin_in)²; a target of -1 marks an outlier, which costs `alpha` · max(0, margin_out - E)². Afterwards
    a threshold between the margins tells outliers: their energy is higher. Cross-entropy alone knows differences of
    logits only, and this fixes their level.

    **The margins are of your logits**: they grow with their scale and with log(classes). The defaults are those of
    CIFAR-10 networks in the paper. Train without this term, look at the energies, and set margin_in near the mean of
    the known ones and margin_out near that of the outliers. Other texts have energies of the other sign.

    The mean is over the batch, so the part of outliers in it is a weight of its own. The paper, and pytorch-ood in its
    mean, average the costs of either kind over examples of that kind: sum the two means of `reduction="none"` for that.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or -1. `axis=1` for images.

    Raises:
        DomainError: an id is not a class and not -1. Where any negative id is an outlier, use target.clamp(min=-1).

    >>> import torch, wald
    >>> z = torch.tensor([[9.0, 0.0], [9.0, 0.0]])
    >>> wald.EnergyBounded()(z, torch.tensor([0, -1]), reduction="none")  # 0.1 · (23 - 9)² and 0.1 · (9 - 5)²
    tensor([19.5998,  1.6001])
    """

    margin_in: float = param(default=-23.0, typical=(-10.0,), help="above this energy a known example costs")
    margin_out: float = param(default=-5.0, typical=(-1.0,), help="below this energy an outlier costs")
    alpha: float = param(default=0.1, above=0, help="the weight of both margins")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="other",
        inputs={
            "prediction": Logits,
            "target": Domain(says="a class id, or -1 for an outlier", low=-1, integer=True, typical=(-1, 3)),
        },
        formula=Formula(
            "alpha * max(0, margin_out - E)**2 if target < 0"
            " else alpha * max(0, E - margin_in)**2 - log_softmax(prediction)[target]",
            E="-logsumexp(prediction)",
        ),
        convex=False,
        bounded_below=True,
        smooth=1,
        slope="linear",
        when="You have outliers for training, and one number should tell them afterwards.",
        when_not="There are no outliers to train with (CrossEntropy), or margins cannot be set (OutlierExposure).",
        points={"perfect": 0, "floor": 0},
        aliases=("energy regularised", "EnergyRegularizedLoss", "energy-bounded", "energy OOD", "energy fine-tuning"),
        ports={
            "pytorch_ood.loss.EnergyRegularizedLoss": {"margin_in": -25.0, "margin_out": -7.0},
        },
        tags=("classification", "out of distribution", "OOD", "outliers", "energy", "open set", "uncertainty"),
        cite=("Liu, Wang, Owens & Li 2020, arXiv:2010.03759",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin_in > self.margin_out:
            raise ValueError(
                f"EnergyBounded: margin_in is {self.margin_in:g} and margin_out {self.margin_out:g}, but known "
                "examples are to have the lower energy. Exchange the two."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        outlier, energy = target < 0, -prediction.logsumexp(-1)
        beyond = torch.where(outlier, self.margin_out - energy, energy - self.margin_in).relu()
        known = torch.where(outlier, torch.zeros_like(energy), cross_entropy(prediction, target.clamp(min=0)))
        return known + self.alpha * beyond.square()
