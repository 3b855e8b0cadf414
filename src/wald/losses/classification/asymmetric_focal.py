"""Asymmetric focal loss (ASL): easy negatives fade faster than easy positives, and the easiest count nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised
from ..pieces.softmax import spared
from ..pieces.softplus import softplus


class AsymmetricFocal(Supervised):
    """Focal loss with one exponent for positives and one for negatives.

    The asymmetric loss (ASL) of multi-label images, where most labels are absent from most images. A positive costs
    (1 - p)^gamma_pos · (-log p). A negative costs q^gamma_neg · (-log(1 - q)) with q = max(p - clip, 0): below a
    probability of `clip` it costs nothing and has no slope.

    Its minimiser is no probability, and it is no longer on the right side of one half either: with the defaults it
    says yes from a chance of about 13 % on (`card.threshold`). Every element is an example of its own; the reference
    code adds them all up (`reduction="sum"`).

    A soft target is the mean over labels drawn from it.

    Shapes: prediction and target (*batch), each element an example; prediction in logits, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].

    >>> import torch, wald
    >>> z, y = torch.tensor([2.0, 2.0, -3.0]), torch.tensor([1.0, 0.0, 0.0])
    >>> wald.AsymmetricFocal()(z, y, reduction="none")
    tensor([0.1269, 0.8464, 0.0000])
    >>> round(wald.AsymmetricFocal().card.threshold, 3)
    0.128
    """

    gamma_pos: float = param(
        default=0.0, at_least=0, typical=(1.0,), help="how fast an easy positive fades: the exponent of 1 - p"
    )
    gamma_neg: float = param(
        default=4.0, at_least=0, typical=(0.0,), help="how fast an easy negative fades: the exponent of p - clip"
    )
    clip: float = param(
        default=0.05,
        at_least=0,
        below=0.5,
        typical=(0.0,),
        help="taken from the probability of a negative; below it a negative costs nothing",
    )

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "target * (1 - p)**gamma_pos * softplus(-prediction) - (1 - target) * q**gamma_neg * log1p(-q)",
            p="sigmoid(prediction)",
            q="max(p - clip, 0)",
        ),
        elicits=lambda loss: "probability" if loss.gamma_pos == loss.gamma_neg == loss.clip == 0 else "unresolved",
        proper=lambda loss: loss.gamma_pos == loss.gamma_neg == loss.clip == 0,
        calibrated=lambda loss: loss.gamma_pos == loss.gamma_neg and loss.clip == 0,
        invertible=True,
        symmetric=False,
        # Where the slopes of both labels at p = 1/2 are in balance.
        threshold=lambda loss: Formula(
            "no / (yes + no)",
            yes="(1 + gamma_pos * log(2)) / 2**(gamma_pos + 1)",
            q="1 / 2 - clip",
            no="(q**gamma_neg / (1 - q) - gamma_neg * q**(gamma_neg - 1) * log1p(-q)) / 4",
        )(gamma_pos=loss.gamma_pos, gamma_neg=loss.gamma_neg, clip=loss.clip),
        convex=lambda loss: loss.gamma_pos == loss.gamma_neg == loss.clip == 0,
        perfect_is_minimal=True,
        smooth=lambda loss: 3 if loss.clip == 0 or loss.gamma_neg >= 3 else int(loss.gamma_neg),
        slope="bounded",
        when="Many labels, few of them true for any example, some missing; ranking or a tuned threshold decides.",
        when_not="Probabilities are wanted as they are (BinaryCrossEntropy), or positives are not rare.",
        points={"perfect": 0, "floor": 0},
        aliases=("ASL", "AsymmetricLoss", "asymmetric_loss", "AsymmetricLossMultiLabel"),
        ports={"timm.loss.AsymmetricLossMultiLabel": {"gamma_pos": 1.0}},
        tags=("classification", "multi-label", "imbalanced", "class imbalance", "focal", "missing labels"),
        cite=("Ridnik et al. 2021, arXiv:2009.14119",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        no = 1 - target
        yes = target * spared(softplus(-prediction), target)
        if self.gamma_pos:
            yes = yes * torch.exp(-self.gamma_pos * softplus(prediction))
        return yes + no * spared(self._negative(prediction), no)

    def _negative(self, logit: Tensor) -> Tensor:
        """What a negative costs."""
        if not self.clip:
            cost = softplus(logit)
            return torch.exp(-self.gamma_neg * softplus(-logit)) * cost if self.gamma_neg else cost
        # 1 - q is 1 - p plus what was clipped, or 1: never 0, so neither its log nor its slope runs away.
        left = ((-logit).sigmoid() + self.clip).clamp(max=1.0)
        cost = -left.log()
        return (1 - left) ** self.gamma_neg * cost if self.gamma_neg else cost
