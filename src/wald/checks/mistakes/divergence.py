"""Divergences of distributions and distillation, as they are known to go wrong: order, logs, temperature."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...losses import KLDivergence
from ...wrappers import Tempered
from .mistake import also_called, also_scaled, mistake, usual

also_called(Tempered, temperature=("temperature", "T", "temp", "tau", "t"))


def _distils(loss: Any) -> bool:
    return isinstance(loss.inner, KLDivergence) and loss.temperature != 1


for _temperature in (2.0, 3.0, 4.0, 5.0, 10.0, 20.0):
    usual(Tempered, {"temperature": _temperature})
also_scaled(Tempered, "multiplied by the temperature squared, as in distillation", lambda loss: loss.temperature**2)


def _logs(x: Tensor, space: str) -> Tensor:
    return {"logits": lambda: x.log_softmax(-1), "probabilities": x.log, "log_probabilities": lambda: x}[space]()


def _sides(loss: Any, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The log-probabilities of prediction and target."""
    return _logs(x, loss.prediction_space), _logs(y, loss.target_space)


def _forward(loss: Any) -> bool:
    return loss.direction == "forward"


@mistake(KLDivergence, when=_forward)
def arguments_swapped(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """This is KL(prediction || target), the other direction, which keeps to the likeliest classes."""
    p, t = _sides(loss, x, y)
    return (p.exp() * (p - t)).sum(-1)


@mistake(KLDivergence, when=_forward, telling=True)
def probabilities_where_their_logs_are_due(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The prediction's probabilities stand where their logs are due, so it may be negative and fits nothing."""
    p, t = _sides(loss, x, y)
    return (t.exp() * (t - p.exp())).sum(-1)


@mistake(KLDivergence, when=lambda loss: _forward(loss) and loss.prediction_space == "logits", telling=True)
def softmax_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Raw scores stand where log-probabilities are due, so it falls without limit as they grow."""
    _, t = _sides(loss, x, y)
    return (t.exp() * (t - x)).sum(-1)


@mistake(KLDivergence, when=_forward)
def softmax_applied_twice(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The prediction goes through a softmax twice, so nothing gets more than a small lead."""
    p, t = _sides(loss, x, y)
    return (t.exp() * (t - p.exp().log_softmax(-1))).sum(-1)


@mistake(KLDivergence, when=_forward, telling=True)
def logarithm_of_the_target_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target's probabilities stand where their logs are due: the gradient is right, and the value is none."""
    p, t = _sides(loss, x, y)
    return (t.exp() * (t.exp() - p)).sum(-1)


@mistake(KLDivergence, when=_forward)
def entropy_of_the_target_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """This is cross-entropy: the gradient is the same, and the value higher by the entropy of the target."""
    p, t = _sides(loss, x, y)
    return -(t.exp() * p).sum(-1)


@mistake(KLDivergence, when=_forward)
def only_the_likeliest_class_of_the_target(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target is cut to its likeliest class, so all else that it knows is lost."""
    p, t = _sides(loss, x, y)
    return -p.gather(-1, t.argmax(-1, keepdim=True)).squeeze(-1)


@mistake(KLDivergence, when=_forward)
def target_not_weighting(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The log-ratios are added without the target's probabilities as weights."""
    p, t = _sides(loss, x, y)
    return (t - p).sum(-1)


@mistake(KLDivergence, when=_forward, telling=True)
def weighted_by_the_prediction(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The log-ratio of target to prediction is weighted by the prediction: minus the other direction."""
    p, t = _sides(loss, x, y)
    return (p.exp() * (t - p)).sum(-1)


@mistake(KLDivergence, when=_forward)
def symmetrised(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Both directions are averaged: Jeffreys' divergence, not KL."""
    p, t = _sides(loss, x, y)
    return 0.5 * ((t.exp() - p.exp()) * (t - p)).sum(-1)


@mistake(KLDivergence, when=lambda loss: _forward(loss) and loss.target_space == "logits", telling=True)
def softmax_of_the_target_missing(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target's raw scores are exponentiated but not normalised."""
    p = _logs(x, loss.prediction_space)
    return (y.exp() * (y - p)).sum(-1)


@mistake(KLDivergence, when=lambda loss: _forward(loss) and loss.prediction_space == "probabilities", telling=True)
def softmax_of_probabilities(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Probabilities go through a softmax once more, so nothing gets more than a small lead."""
    _, t = _sides(loss, x, y)
    return (t.exp() * (t - x.log_softmax(-1))).sum(-1)


@mistake(KLDivergence, when=lambda loss: _forward(loss) and loss.target_space == "probabilities", telling=True)
def softmax_of_the_target_probabilities(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The target's probabilities go through a softmax once more, which flattens them."""
    return loss.per_example(x, y.softmax(-1))


@mistake(Tempered, when=_distils)
def only_the_student_tempered(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The temperature divides the student's scores and not the teacher's."""
    return loss.inner.per_example(x / loss.temperature, y)


@mistake(Tempered, when=_distils)
def temperature_multiplied(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Scores are multiplied by the temperature, which sharpens where it should smooth."""
    return loss.inner.per_example(x * loss.temperature, y)


@mistake(Tempered, when=_distils)
def temperature_without_effect(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """The temperature has no effect."""
    return loss.inner.per_example(x, y)


def _both_in_logits(loss: Any) -> bool:
    return _forward(loss) and loss.target_space == "logits" and loss.prediction_space == "logits"


def _distillation(temperature: float) -> None:
    def distillation_without_the_square(loss: Any, x: Tensor, y: Tensor) -> Tensor:
        return loss.per_example(x / temperature, y / temperature)

    def distillation(loss: Any, x: Tensor, y: Tensor) -> Tensor:
        return temperature**2 * loss.per_example(x / temperature, y / temperature)

    def temperature_of_the_student_alone(loss: Any, x: Tensor, y: Tensor) -> Tensor:
        return loss.per_example(x / temperature, y)

    def temperature_multiplied(loss: Any, x: Tensor, y: Tensor) -> Tensor:
        return loss.per_example(x * temperature, y * temperature)

    distillation_without_the_square.__doc__ = (
        f"Distillation at temperature {temperature:g} without the factor {temperature:g}² = {temperature**2:g}, so its "
        "gradient fades as the temperature grows."
    )
    distillation.__doc__ = f"Distillation at temperature {temperature:g}, multiplied by its square as it should be."
    temperature_of_the_student_alone.__doc__ = (
        f"The temperature {temperature:g} divides the student's scores and not the teacher's."
    )
    temperature_multiplied.__doc__ = (
        f"Scores are multiplied by the temperature {temperature:g}, which sharpens where it should smooth."
    )
    for formula in (distillation_without_the_square, temperature_of_the_student_alone, temperature_multiplied):
        mistake(KLDivergence, when=_both_in_logits)(formula)
    mistake(KLDivergence, when=_both_in_logits, harmless=True)(distillation)


for _temperature in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0):
    _distillation(_temperature)
