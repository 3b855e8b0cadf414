"""Losses over classes, as they are known to go wrong: cross-entropy, its costs, the next token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core import constant
from ...losses import CostSensitiveCrossEntropy, CrossEntropy, NextToken
from .mistake import also_called, mistake, usual

for _kind in (CrossEntropy, NextToken):
    also_called(_kind, label_smoothing=("label_smoothing", "smoothing", "epsilon", "eps_ls", "smooth"))
usual(CrossEntropy, {"label_smoothing": 0.1}, {"label_smoothing": 0.2}, {"label_smoothing": 0.05})
usual(NextToken, {"shift": True}, {"shift": False}, {"shift": True, "label_smoothing": 0.1})


def _hot(z: Tensor, y: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(y, z.shape[-1]).to(z.dtype)


def _own(x: Tensor, y: Tensor) -> Tensor:
    """The entry of the true class."""
    return x.gather(-1, y.unsqueeze(-1)).squeeze(-1)


def _plain(loss: Any) -> bool:
    return loss.class_weight is None and loss.label_smoothing == 0 and loss.z_loss == 0


def _smoothed(loss: Any) -> bool:
    return loss.label_smoothing > 0 and loss.class_weight is None and loss.z_loss == 0


def _weighted(loss: Any) -> bool:
    return loss.class_weight is not None and loss.label_smoothing == 0


@mistake(CrossEntropy, when=lambda loss: loss.class_weight is None, telling=True)
def softmax_applied_twice(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Scores go through a softmax before a loss that takes one itself, so nothing gets more than a small lead."""
    return loss.per_example(z.softmax(-1), y)


@mistake(CrossEntropy, when=_plain)
def logarithm_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The logarithm is missing: minus the probability of the class, whose gradient fades where it is most wrong."""
    return -_own(z.softmax(-1), y)


@mistake(CrossEntropy, when=_plain)
def softmax_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Minus the score of the class: nothing normalises the scores, so it falls without limit."""
    return -_own(z, y)


@mistake(CrossEntropy, when=_plain)
def largest_score_for_the_sum(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The largest score stands in for the log of the sum of exponentials, so an example that is right pulls no more."""
    return z.amax(-1) - _own(z, y)


@mistake(CrossEntropy, when=_plain)
def sigmoid_for_softmax(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Each class goes through a sigmoid of its own, summed: classes do not compete."""
    return torch.nn.functional.binary_cross_entropy_with_logits(z, _hot(z, y), reduction="none").sum(-1)


@mistake(CrossEntropy, when=_plain)
def sigmoid_for_softmax_averaged(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Each class goes through a sigmoid of its own, averaged: classes do not compete."""
    return torch.nn.functional.binary_cross_entropy_with_logits(z, _hot(z, y), reduction="none").mean(-1)


@mistake(CrossEntropy, when=_plain)
def sigmoid_of_the_own_class_alone(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Minus the log of the sigmoid of the true class's score: the scores of the other classes have no effect."""
    return torch.nn.functional.softplus(-_own(z, y))


@mistake(CrossEntropy, when=_plain, telling=True)
def class_off_by_one(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The class after the true one is asked for: ids that begin at 1, or a background class counted twice."""
    return loss.per_example(z, (y + 1) % z.shape[-1])


@mistake(CrossEntropy, when=_plain, telling=True)
def class_off_by_one_downwards(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The class before the true one is asked for: one was subtracted from ids that begin at 0."""
    return loss.per_example(z, (y - 1) % z.shape[-1])


@mistake(CrossEntropy, when=_plain)
def predicted_class_for_the_true_one(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The likeliest class takes the place of the target, so it only grows surer of what it says."""
    return loss.per_example(z, z.argmax(-1))


@mistake(CrossEntropy, when=_plain)
def squared_error_of_probabilities(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The squared error of the probabilities: the Brier score, not cross-entropy."""
    return (z.softmax(-1) - _hot(z, y)).square().sum(-1)


@mistake(CrossEntropy, when=_plain)
def exponential_of_the_own_class_not_in_the_sum(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The true class is left out of the sum of exponentials, so it falls without limit."""
    others = z.masked_fill(_hot(z, y) == 1, -torch.inf)
    return others.logsumexp(-1) - _own(z, y)


def _biased(constant_added: float) -> None:
    def constant_inside_the_logarithm(loss: Any, z: Tensor, y: Tensor) -> Tensor:
        return -(_own(z.softmax(-1), y) + constant_added).log()

    constant_inside_the_logarithm.__doc__ = (
        f"{constant_added:g} is added inside the logarithm, which biases value and gradient wherever a probability is "
        "no larger than some hundred times that."
    )
    mistake(CrossEntropy, when=_plain)(constant_inside_the_logarithm)


for _constant in (0.1, 0.01, 1e-3, 1e-4):
    _biased(_constant)


@mistake(CrossEntropy, when=_plain, whole=True, telling=True)
def softmax_over_the_batch(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The softmax runs over the examples of the batch and not over the classes."""
    return -_own(z.log_softmax(0), y).mean()


@mistake(CrossEntropy, when=_smoothed)
def smoothing_over_the_wrong_classes_alone(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The smoothing is spread over the K - 1 wrong classes, which is K / (K - 1) of the smoothing that it says."""
    hot, e = _hot(z, y), loss.label_smoothing
    target = hot * (1 - e) + (1 - hot) * e / (z.shape[-1] - 1)
    return -(target * z.log_softmax(-1)).sum(-1)


@mistake(CrossEntropy, when=_smoothed, telling=True)
def smoothing_on_the_wrong_class(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """1 - eps is shared by the wrong classes and eps goes to the true one: reversed."""
    hot, e = _hot(z, y), loss.label_smoothing
    target = hot * e + (1 - hot) * (1 - e) / (z.shape[-1] - 1)
    return -(target * z.log_softmax(-1)).sum(-1)


@mistake(CrossEntropy, when=_smoothed, telling=True)
def smoothing_not_shared_out(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Every wrong class gets all of eps, so that the target adds up to more than one."""
    hot, e = _hot(z, y), loss.label_smoothing
    return -((hot * (1 - e) + (1 - hot) * e) * z.log_softmax(-1)).sum(-1)


@mistake(CrossEntropy, when=_smoothed, telling=True)
def smoothing_added_only(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Eps / K is added to a target that still gives the true class 1, so it adds up to more than one."""
    e = loss.label_smoothing
    return -((_hot(z, y) + e / z.shape[-1]) * z.log_softmax(-1)).sum(-1)


@mistake(CrossEntropy, when=_smoothed, telling=True)
def smoothing_summed_over_the_classes(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The uniform part is summed over the classes and not averaged, K times too strong."""
    log, e = z.log_softmax(-1), loss.label_smoothing
    return -(1 - e) * _own(log, y) - e * log.sum(-1)


@mistake(CrossEntropy, when=_smoothed)
def smoothing_of_the_scores(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The probabilities that are predicted are smoothed and not the target, so being sure costs less."""
    p, e = z.softmax(-1), loss.label_smoothing
    return -_own(p * (1 - e) + e / z.shape[-1], y).log()


@mistake(CrossEntropy, when=_smoothed, telling=True)
def smoothing_of_the_raw_scores(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The uniform part is the mean of the raw scores and not of their log-probabilities."""
    log, e = z.log_softmax(-1), loss.label_smoothing
    return -(1 - e) * _own(log, y) - e * z.mean(-1)


@mistake(CrossEntropy, when=_weighted)
def weights_not_divided_by_their_sum(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Class weights multiply the values and the sum is divided by the number of examples, not by their weights."""
    return constant(loss.class_weight, z)[y] * loss.replace(class_weight=None).per_example(z, y)


@mistake(CrossEntropy, when=_weighted, telling=True)
def weights_of_the_predicted_class(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Each example gets the weight of the class that it was given, and not of the class that it is."""
    return constant(loss.class_weight, z)[z.argmax(-1)] * loss.replace(class_weight=None).per_example(z, y)


@mistake(CrossEntropy, when=_weighted)
def weights_on_the_scores(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The class weights multiply the scores and not the values, so they sharpen some classes."""
    return loss.replace(class_weight=None).per_example(z * constant(loss.class_weight, z), y)


@mistake(CostSensitiveCrossEntropy)
def costs_transposed(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Rows and columns of the costs are swapped: the true class picks a column."""
    turned = tuple(zip(*loss.costs, strict=True))
    return loss.replace(costs=turned).per_example(z, y)


@mistake(CostSensitiveCrossEntropy, telling=True)
def costs_for_savings(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Each decision is a target to the degree to which it costs, where it should be what it saves: reversed."""
    costs = constant(tuple(c for row in loss.costs for c in row), z).reshape(len(loss.costs), -1)
    return -(costs[y] * z.log_softmax(-1)).sum(-1)


@mistake(CostSensitiveCrossEntropy, telling=True)
def largest_cost_of_all_rows(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """What a decision saves is counted from the largest cost of all, and not from the largest of its row."""
    costs = constant(tuple(c for row in loss.costs for c in row), z).reshape(len(loss.costs), -1)
    return -((costs.amax() - costs)[y] * z.log_softmax(-1)).sum(-1)


@mistake(CostSensitiveCrossEntropy)
def expected_cost(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The expected cost of the predicted distribution: another loss, whose gradient fades where it is most wrong."""
    costs = constant(tuple(c for row in loss.costs for c in row), z).reshape(len(loss.costs), -1)
    return (costs[y] * z.softmax(-1)).sum(-1)


def _tokens(z: Tensor, y: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(z.flatten(0, -2), y.flatten(), reduction="none").reshape(y.shape)


@mistake(NextToken, when=lambda loss: loss.shift)
def shift_missing(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Each position is held against its own token, which the model has just read: it learns to copy."""
    return _tokens(z, y)


@mistake(NextToken, when=lambda loss: not loss.shift)
def shifted_again(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Targets that already hold the next token are shifted once more: it learns the token after the next."""
    return _tokens(z[..., :-1, :], y[..., 1:])


@mistake(NextToken, when=lambda loss: loss.shift, telling=True)
def shifted_twice(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Shifted by two positions: it learns the token after the next."""
    return _tokens(z[..., :-2, :], y[..., 2:])


@mistake(NextToken, telling=True)
def shifted_the_wrong_way(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Each position is held against the token before it, which the model has read: it learns to look back."""
    return _tokens(z[..., 1:, :], y[..., :-1])


@mistake(NextToken, telling=True)
def shifted_round(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """The text is rolled round, so that the last position is to predict the first token."""
    return _tokens(z, y.roll(-1, -1))


@mistake(NextToken, when=lambda loss: loss.shift, telling=True)
def softmax_applied_twice_(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Scores go through a softmax before a loss that takes one itself."""
    return loss.per_example(z.softmax(-1), y)


@mistake(NextToken, when=lambda loss: loss.shift)
def positions_not_averaged(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    """Tokens are summed within a sequence and averaged over sequences, so long ones count more."""
    return loss.per_example(z, y).sum(-1)
