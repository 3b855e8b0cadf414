"""Smoothed: a loss of softened labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..cards import param
from ..core import Supervised
from ._wrapper import OuterCard, Wrapper, around, inherited, kept_if_true, supervised


def _of_labels(value: Any) -> Supervised:
    loss = supervised(value)
    (_, prediction), (_, target) = loss.named_domains
    classes = target.normalised == "linear" or (target.integer and "classes" in prediction.axes)
    if classes or (target.low, target.high, target.integer) == (0.0, 1.0, False):
        return loss
    raise TypeError(
        f"the target of {type(loss).__name__} is {target.says}, and only labels can be smoothed: 0 and 1, class ids, "
        "or probabilities of classes"
    )


def _plain(loss: Any) -> bool:
    return loss.amount == 0


def _proper(loss: Any) -> bool:
    return loss.inner.card.proper is True


def _formula(loss: Any) -> Any:
    target = loss.inner.named_domains[1][1]
    if target.integer:
        return f"(1 - amount) * [{loss.inner.card.formula}] + amount * [its mean over all classes as target]"
    soft = "[(1 - amount) * t + amount / len(target) for t in target]"
    plain = "[(1 - amount) * t + amount / 2 for t in target]" if target.axes else "(1 - amount) * target + amount / 2"
    return around(loss, "{inner}", target=soft if target.normalised else plain)


class Smoothed(Wrapper, kw_only=False):
    """The inner loss of labels of which a share `amount` is spread evenly over all labels.

    A binary target y becomes (1 - amount) y + amount / 2; a class becomes (1 - amount) on itself and amount / K on
    each of the K classes, its own among them, as in torch and Keras (others spread over the K - 1 wrong ones).
    Classes whose logit is -inf are out of the game and get no share. A loss that takes ids only costs what it
    would cost on average if the label were redrawn, evenly, with probability `amount`; this takes K evaluations.

    The best prediction is no longer the probability p but the smoothed one: scores stay finite, decisions stay,
    and probabilities must be read as (p - amount / K) / (1 - amount).

    Shapes: those of the inner loss. Ignored targets and class weights count as they do in the inner loss, by the
    label before it is smoothed.

    Raises:
        TypeError: the targets of the inner loss are not labels.

    >>> import torch, wald
    >>> logit, yes = torch.tensor([2.0]), torch.tensor([1.0])
    >>> wald.Smoothed(wald.BinaryCrossEntropy(), 0.2)(logit, yes)
    tensor(0.3269)
    >>> wald.BinaryCrossEntropy()(logit, 0.9 * yes)
    tensor(0.3269)
    """

    inner: Supervised = param(convert=_of_labels, help="the loss of the smoothed labels")
    amount: float = param(
        default=0.1, at_least=0, below=1, typical=(0.0, 0.5), help="the share of a label that goes to all labels evenly"
    )

    card = OuterCard(
        formula=_formula,
        elicits=inherited("elicits", when=_plain),
        proper=lambda loss: loss.inner.card.proper if _plain(loss) else False if _proper(loss) else None,
        calibrated=lambda loss: loss.inner.card.calibrated if _plain(loss) else _proper(loss) or None,
        invertible=lambda loss: loss.inner.card.invertible if _plain(loss) else _proper(loss) or None,
        symmetric=inherited("symmetric", when=_plain),
        threshold=inherited("threshold", when=lambda loss: _plain(loss) or loss.inner.card.threshold == 0.5),
        convex=lambda loss: loss.inner.card.convex if _plain(loss) else kept_if_true("convex")(loss),
        bounded_below=inherited("bounded_below"),
        perfect_is_minimal=inherited("perfect_is_minimal", when=_plain),
        smooth=inherited("smooth"),
        slope=inherited("slope"),
        when="Labels are noisy, or a classifier grows overconfident and you judge it by its decisions.",
        when_not="You need probabilities as they come out, or distil a student from the model. Where a loss has a "
        "field label_smoothing, that is the same without making soft targets.",
        aliases=("label smoothing", "LabelSmoothing", "label_smoothing"),
        tags=("regularisation", "label noise", "calibration", "overconfidence", "wrapper"),
        cite=("Szegedy et al. 2016, arXiv:1512.00567", "Müller, Kornblith & Hinton 2019, arXiv:1906.02629"),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        domain = self.inner.named_domains[1][1]
        if not (domain.integer or domain.normalised):
            return self.inner.per_example(prediction, (1 - self.amount) * target + self.amount / 2, **how)
        allowed = (prediction != -torch.inf).to(prediction.dtype)
        even = allowed / allowed.sum(-1, keepdim=True).clamp(min=1)
        if domain.integer and not target.is_floating_point():
            ids = torch.arange(prediction.shape[-1], device=target.device)
            if not domain.soft:
                return self._redrawn(prediction, target, ids, even, how)
            target = (target.unsqueeze(-1) == ids).to(prediction.dtype)
        return self.inner.per_example(prediction, (1 - self.amount) * target + self.amount * even, **how)

    def _redrawn(
        self, prediction: Tensor, target: Tensor, ids: Tensor, even: Tensor, how: dict[str, Tensor | None]
    ) -> Tensor:
        """The expected loss if the label is redrawn from `even` with probability `amount`."""
        given = self.inner.per_example(prediction, target, **how)
        other = torch.vmap(lambda k: self.inner.per_example(prediction, k.expand(target.shape), **how), out_dims=-1)(
            ids
        )
        other = torch.where(even > 0, other, torch.zeros_like(other))
        return (1 - self.amount) * given + self.amount * (even * other).sum(-1)
