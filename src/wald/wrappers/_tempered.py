"""Tempered: a loss of the scores divided by a temperature."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..cards import param
from ..core import Supervised
from ._wrapper import OuterCard, Wrapper, around, inherited, supervised


def _of_scores(value: Any) -> Supervised:
    loss = supervised(value)
    domain = loss.named_domains[0][1]
    if domain.normalised or {abs(domain.low), abs(domain.high)} - {0.0, float("inf")}:
        raise TypeError(
            f"{type(loss).__name__} reads its prediction as {domain.says}, {domain.interval}, and divided by a "
            "temperature it would leave that range; a loss of scores or logits can be tempered"
        )
    return loss


def _plain(loss: Any) -> bool:
    return loss.temperature == 1


class Tempered(Wrapper, kw_only=False):
    """The inner loss of prediction / temperature: above 1 it smooths the scores, below 1 it sharpens them.

    Trained with a fixed temperature, a model learns scores that are `temperature` times larger, so divide by it
    where probabilities are read off. On a held-out set, the temperature with the least cross-entropy is the
    calibration of Guo et al. The order of scores, and so every decision, stays.

    The gradient in the prediction is 1 / temperature of the inner one; distillation multiplies by temperature².

    Shapes: those of the inner loss.

    Raises:
        TypeError: the prediction of the inner loss lies in a range that division by a temperature leaves.

    >>> import torch, wald
    >>> loss = wald.Tempered(wald.Squared(), 2.0)
    >>> loss(torch.tensor([6.0]), torch.tensor([1.0]))
    tensor(4.)
    """

    inner: Supervised = param(convert=_of_scores, help="the loss of the tempered scores")
    temperature: float = param(default=1.0, above=0, typical=(0.5, 2.0), help="what the scores are divided by")

    card = OuterCard(
        formula=lambda loss: around(
            loss,
            "{inner}",
            prediction="[x / temperature for x in prediction]"
            if loss.inner.named_domains[0][1].axes
            else "prediction / temperature",
        ),
        elicits=inherited("elicits", when=_plain),
        proper=inherited("proper", when=_plain),
        calibrated=inherited("calibrated"),
        invertible=inherited("invertible"),
        symmetric=inherited("symmetric"),
        threshold=inherited("threshold"),
        convex=inherited("convex"),
        bounded_below=inherited("bounded_below"),
        perfect_is_minimal=inherited("perfect_is_minimal", when=_plain),
        smooth=inherited("smooth"),
        slope=inherited("slope"),
        when="Scores are too sharp or too flat for the loss: distillation, calibration on held-out data.",
        when_not="You want a model that is calibrated as it stands: its scores are off by the temperature.",
        aliases=("temperature scaling", "temperature"),
        tags=("calibration", "distillation", "softmax", "wrapper"),
        cite=("Hinton, Vinyals & Dean 2015, arXiv:1503.02531", "Guo et al. 2017, arXiv:1706.04599"),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        return self.inner.per_example(prediction / self.temperature, target, **how)
