"""Where a score is cut so that a metric of decisions is best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ChoiceError

#: (right yeses, wrong yeses, all that are yes, all that are no) → the metric, more is better.
Value = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

#: A share that is met exactly must not be missed by the last bit.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Tuning:
    """A metric of the four counts of decisions.

    Attributes:
        name: what it is called.
        value: what is to be as large as possible.
    """

    name: str
    value: Value

    def best(self, score: Tensor, target: Tensor, weight: Tensor | None = None) -> tuple[float, float]:
        """The score from which on to say yes, and the metric that this reaches.

        Every cut that separates rows is tried; rows with equal scores stay together. Of equally good cuts that with
        the fewest yeses is taken.

        Args:
            score: rising with the probability of yes, (rows,).
            target: 0 or 1, (rows,); or probabilities, for what is to be expected.
            weight: of each row.

        Raises:
            ChoiceError: there is nothing to tune on.
        """
        weight = torch.ones_like(score) if weight is None else weight
        if not len(score) or score.shape != target.shape or score.shape != weight.shape:
            raise ChoiceError(
                f"{self.name}: a threshold is tuned on rows with a score and a target each; got {tuple(score.shape)} "
                f"scores, {tuple(target.shape)} targets and {tuple(weight.shape)} weights."
            )
        if bool((score + target + weight).isnan().any()):
            raise ChoiceError(f"{self.name}: there is NaN among the scores, targets or weights; leave those rows out.")
        if bool((weight < 0).any()):
            raise ChoiceError(f"{self.name}: weights are not negative; got {float(weight.min()):g}.")
        yes, no = (weight * target).sum(), (weight * (1 - target)).sum()
        if not float(yes) or not float(no):
            raise ChoiceError(
                f"{self.name}: a threshold needs rows of both kinds; all {len(target)} are "
                f"{'no' if not float(yes) else 'yes'}."
            )
        order = score.argsort(descending=True, stable=True)
        sorted_score = score[order]
        right = torch.cat([score.new_zeros(1), (weight * target)[order].cumsum(0)])
        wrong = torch.cat([score.new_zeros(1), (weight * (1 - target))[order].cumsum(0)])
        ends = torch.cat([sorted_score[1:] != sorted_score[:-1], torch.tensor([True])])
        cuts = torch.cat([torch.tensor([0]), ends.nonzero()[:, 0] + 1])
        value = self.value(right[cuts], wrong[cuts], yes, no).nan_to_num(nan=-torch.inf)
        cut = int(cuts[int(value.argmax())])
        best = float(value.max())
        if cut == 0:
            return float(torch.nextafter(sorted_score[0], sorted_score.new_tensor(torch.inf))), best
        if cut == len(score):
            return float(sorted_score[-1]), best
        return float((sorted_score[cut - 1] + sorted_score[cut]) / 2), best


def f_beta(beta: float, right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """(1 + β²) TP / ((1 + β²) TP + β² FN + FP)."""
    square = beta**2
    return (1 + square) * right / (square * yes + right + wrong)


def jaccard(right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """TP / (TP + FN + FP)."""
    return right / (yes + wrong)


def balanced(right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """The mean of the shares of yes and of no that are told."""
    return (right / yes + 1 - wrong / no) / 2


def geometric(right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """The geometric mean of the same two shares."""
    return (right / yes * (1 - wrong / no)).clamp_min(0).sqrt()


def matthews(right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Matthews' correlation; 0 where every row is decided alike."""
    said, rest = right + wrong, yes + no - right - wrong
    spread = (said * rest * yes * no).clamp_min(0).sqrt()
    return torch.where(spread > 0, (right * (no - wrong) - wrong * (yes - right)) / spread.clamp_min(1e-300), 0.0)


def kappa(right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Cohen's kappa."""
    rows, said = yes + no, right + wrong
    agreed = (right + no - wrong) / rows
    chance = (said * yes + (rows - said) * no) / rows**2
    return (agreed - chance) / (1 - chance)


def recall_at_false_positives(limit: float, right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """The recall, where at most this share of the noes is taken for yes."""
    return torch.where(wrong / no <= limit + _ROUNDING, right / yes, -1.0)


def recall_at_precision(limit: float, right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """The recall, where at least this share of the yeses is right."""
    return torch.where(right >= limit * (right + wrong) - _ROUNDING, right / yes, -1.0)


def precision_at_recall(limit: float, right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """The precision, where at least this share of what is yes is found."""
    return torch.where(right / yes >= limit - _ROUNDING, right / (right + wrong).clamp_min(1e-300), -1.0)


def accuracy(right: Tensor, wrong: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """The share of right decisions."""
    return (right + no - wrong) / (yes + no)
