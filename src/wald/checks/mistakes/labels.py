"""Losses of a yes or a no, as they are known to go wrong: BCE, hinge and squared hinge."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...losses import BinaryCrossEntropy, Hinge, SquaredHinge
from .mistake import also_called, also_scaled, mistake, usual

also_called(
    BinaryCrossEntropy,
    pos_weight=("pos_weight", "positive_weight", "weight_pos", "w_pos"),
    label_smoothing=("label_smoothing", "smoothing", "smooth", "ls"),
)
usual(
    BinaryCrossEntropy,
    {"pos_weight": 2.0},
    {"pos_weight": 3.0},
    {"pos_weight": 10.0},
    {"label_smoothing": 0.1},
    {"label_smoothing": 0.2},
)
for _kind in (Hinge, SquaredHinge):
    also_called(_kind, margin=("margin", "m", "gap"))
also_scaled(SquaredHinge, "half of it", lambda loss: 0.5)

softplus = torch.nn.functional.softplus


def _plain(loss: Any) -> bool:
    return loss.pos_weight == 1 and loss.label_smoothing == 0


def _weighted(loss: Any) -> bool:
    return not isinstance(loss.pos_weight, tuple) and loss.pos_weight != 1 and loss.label_smoothing == 0


def _smoothed(loss: Any) -> bool:
    return loss.label_smoothing > 0 and loss.pos_weight == 1


@mistake(BinaryCrossEntropy, telling=True)
def sigmoid_applied_twice(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """A sigmoid is taken of what is a sigmoid already, so no probability leaves the range from 0.5 to 0.73."""
    return loss.per_example(z.sigmoid(), y)


@mistake(BinaryCrossEntropy, when=_plain)
def term_of_the_negatives_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The term (1 - y) log(1 - p) is missing, so negatives cost nothing and yes is always right."""
    return y * softplus(-z)


@mistake(BinaryCrossEntropy, when=_plain)
def term_of_the_positives_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The term y log(p) is missing, so positives cost nothing and no is always right."""
    return (1 - y) * softplus(z)


@mistake(BinaryCrossEntropy, when=_plain, telling=True)
def terms_swapped(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The logs of p and 1 - p are swapped, so it teaches the opposite of the labels."""
    return y * softplus(z) + (1 - y) * softplus(-z)


@mistake(BinaryCrossEntropy, when=_weighted)
def pos_weight_on_the_negatives(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """pos_weight multiplies the negatives, so that what was to count more counts less."""
    return y * softplus(-z) + loss.pos_weight * (1 - y) * softplus(z)


@mistake(BinaryCrossEntropy, when=_weighted)
def pos_weight_on_both(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """pos_weight multiplies both labels, so it only rescales the loss."""
    return loss.pos_weight * (y * softplus(-z) + (1 - y) * softplus(z))


@mistake(BinaryCrossEntropy, when=_weighted)
def pos_weight_inverted(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Positives are divided by pos_weight, so that what was to count more counts less."""
    return y * softplus(-z) / loss.pos_weight + (1 - y) * softplus(z)


@mistake(BinaryCrossEntropy, when=_weighted)
def pos_weight_on_the_logit(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """pos_weight multiplies the logit of the positives and not their cost, so it sharpens and does not weigh."""
    return y * softplus(-loss.pos_weight * z) + (1 - y) * softplus(z)


@mistake(BinaryCrossEntropy, when=_plain, telling=True)
def labels_turned_into_signs(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Labels are turned into -1 and 1 for a formula that takes 0 and 1, so a negative is rewarded without limit."""
    return softplus(z) - (2 * y - 1) * z


@mistake(BinaryCrossEntropy, when=_plain, whole=True, telling=True)
def softmax_over_the_batch(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """A softmax over the examples of the batch stands where a sigmoid of each is due."""
    p = z.softmax(0)
    return -(y * p.log() + (1 - y) * (-p).log1p()).mean()


@mistake(BinaryCrossEntropy, when=_plain)
def logarithm_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The logarithm is missing: minus the probability of the label, whose gradient fades where it is most wrong."""
    return -(y * z.sigmoid() + (1 - y) * (-z).sigmoid())


@mistake(BinaryCrossEntropy, when=_smoothed)
def smoothing_towards_yes(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The smoothed target is y (1 - s) + s, so a yes stays sure and only a no is moved; half of s is due."""
    target = y * (1 - loss.label_smoothing) + loss.label_smoothing
    return target * softplus(-z) + (1 - target) * softplus(z)


@mistake(BinaryCrossEntropy, when=_smoothed)
def smoothing_towards_no(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The smoothed target is y (1 - s), so a no stays sure and only a yes is moved; s / 2 is to be added."""
    target = y * (1 - loss.label_smoothing)
    return target * softplus(-z) + (1 - target) * softplus(z)


@mistake(BinaryCrossEntropy, when=_smoothed)
def smoothing_not_halved(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Labels are moved by s and not by s / 2: to s and 1 - s, twice the smoothing."""
    target = y * (1 - 2 * loss.label_smoothing) + loss.label_smoothing
    return target * softplus(-z) + (1 - target) * softplus(z)


@mistake(BinaryCrossEntropy, when=_plain, telling=True)
def labels_of_plus_and_minus_one_half_used(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """softplus(-y z) is the formula for labels -1 and 1; given 0 and 1, a negative costs ln 2 and has no gradient."""
    return softplus(-y * z)


@mistake(BinaryCrossEntropy, when=_plain, telling=True)
def sign_of_the_linear_term(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """In softplus(z) - y z the target's term is added, so the lower the score the better, whatever the label."""
    return softplus(z) + y * z


@mistake(BinaryCrossEntropy, when=_plain)
def tanh_for_sigmoid(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The probability is (1 + tanh z) / 2, a sigmoid of twice the score, so every logit comes out halved."""
    return loss.per_example(2 * z, y)


def _bounded(probability: float) -> None:
    def probability_clamped(loss: Any, z: Tensor, y: Tensor) -> Tensor:
        p = z.sigmoid().clamp(probability, 1 - probability)
        return -(y * p.log() + (1 - y) * (1 - p).log())

    def constant_inside_the_logarithm(loss: Any, z: Tensor, y: Tensor) -> Tensor:
        p = z.sigmoid()
        return -(y * (p + probability).log() + (1 - y) * (1 - p + probability).log())

    probability_clamped.__doc__ = (
        f"The probability is clamped to [{probability:g}, {1 - probability:g}], so the loss is flat where it is most "
        "wrong, and has no gradient there."
    )
    constant_inside_the_logarithm.__doc__ = (
        f"{probability:g} is added inside the logarithm, which biases value and gradient wherever a probability is "
        "no larger than some hundred times that."
    )
    for formula in (probability_clamped, constant_inside_the_logarithm):
        mistake(BinaryCrossEntropy, when=_plain)(formula)


for _probability in (0.1, 0.05, 0.01, 1e-3, 1e-4):
    _bounded(_probability)


def _margins(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    return (2 * y - 1) * z


def _power(loss: Any, x: Tensor) -> Tensor:
    return x.square() if isinstance(loss, SquaredHinge) else x


@mistake(Hinge)
def nothing_held_at_zero(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The clamp at zero is missing, so examples beyond the margin go on being rewarded without limit."""
    return loss.margin - _margins(loss, z, y)


@mistake(SquaredHinge)
def squared_before_the_clamp(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The clamp at zero is missing, so examples that are right beyond the margin are punished for it."""
    return (loss.margin - _margins(loss, z, y)).square()


@mistake(Hinge)
def margin_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The margin is missing: the perceptron's loss, for which a score of zero is right for every label."""
    return (-_margins(loss, z, y)).clamp(min=0)


@mistake(SquaredHinge)
def margin_missing_(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The margin is missing, so a score of zero is right for every label."""
    return (-_margins(loss, z, y)).clamp(min=0).square()


@mistake(Hinge, SquaredHinge)
def side_of_the_margin_reversed(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The sign is reversed: the score is added to the margin, so it teaches the opposite of the labels."""
    return _power(loss, (loss.margin + _margins(loss, z, y)).clamp(min=0))


@mistake(Hinge, SquaredHinge, telling=True)
def labels_of_zero_and_one(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """max(0, margin - y z) is the formula for labels -1 and 1; given 0 and 1, a negative has no gradient."""
    return _power(loss, (loss.margin - y * z).clamp(min=0))


@mistake(Hinge)
def squared(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The hinge is squared: that is SquaredHinge, whose slope grows with the error."""
    return (loss.margin - _margins(loss, z, y)).clamp(min=0).square()


@mistake(SquaredHinge)
def square_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The hinge is not squared: that is Hinge."""
    return (loss.margin - _margins(loss, z, y)).clamp(min=0)


@mistake(Hinge, telling=True)
def sigmoid_before_the_margin(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """A sigmoid is taken of the score, which then never reaches the margin on the side of no."""
    return (loss.margin - _margins(loss, z.sigmoid(), y)).clamp(min=0)


@mistake(Hinge)
def only_positives(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Negatives cost nothing, so yes is always right."""
    return y * (loss.margin - z).clamp(min=0)
