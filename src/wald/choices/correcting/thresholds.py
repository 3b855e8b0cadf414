"""From costs to decisions: the score from which on a yes costs less, and the class that costs least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any

import torch
from torch import Tensor

from ...core import Loss
from ..costs import Costs
from ..errors import ChoiceError
from .arrays import as_numbers
from .correction import Correction
from .one import Stationary
from .recalibrating import recalibration
from .undo import Read


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Threshold:
    """From which raw score on a yes costs less than a no.

    Attributes:
        score: in the unit of the raw predictions; a tensor where rows or labels have their own.
        probability: the probability of yes that it stands for; likewise.
        says: the same in a sentence.
    """

    score: float | Tensor
    probability: float | Tensor
    says: str

    def decide(self, raw: Any) -> Tensor:
        """1 where a yes costs less, else 0; of the shape of `raw`."""
        given = as_numbers("raw", raw)
        score = self.score
        if isinstance(score, Tensor):
            if given.shape[-1:] != score.shape:
                raise ChoiceError(
                    f"there are {len(score)} thresholds, so raw ends with as many entries; got {tuple(given.shape)}."
                )
            score = score.to(given.device)
        return (given.double() >= score).long()

    def __repr__(self) -> str:
        return f"Threshold: {self.says}"


@dataclass(frozen=True, kw_only=True, repr=False)
class LeastCost:
    """Which of several decisions costs least on average: argmin over j of Σ_y p_y costs[y][j].

    Attributes:
        correction: from raw predictions to probabilities.
        costs: of each decision (column) for each true class (row).
        says: the same in a sentence.
    """

    correction: Correction
    costs: tuple[tuple[float, ...], ...]
    says: str

    def expected(self, raw: Any) -> Tensor:
        """What each decision would cost on average, (rows, decisions)."""
        chance = self.correction.probabilities(raw).movedim(self.correction.axis, -1)
        if chance.shape[-1] != len(self.costs):
            raise ChoiceError(
                f"costs has {len(self.costs)} rows, one for each true class, and raw is of {chance.shape[-1]} classes."
            )
        return chance @ chance.new_tensor(self.costs)

    def decide(self, raw: Any) -> Tensor:
        """The decision of least expected cost, (rows,); of equals the first."""
        return self.expected(raw).argmin(-1)

    def __repr__(self) -> str:
        return f"LeastCost: {self.says}"


def threshold(loss: Callable[..., Any] | Correction, costs: Any) -> Threshold | LeastCost:
    """The raw score from which on a yes costs less, after what the loss does to probabilities.

    A threshold of 0.5 is right only where both mistakes cost the same and the predictions are probabilities. Costs
    give the probability, (fp - tn) / (fp - tn + fn - tp); the loss gives the score that stands for it.

    Args:
        loss: what the model was trained with, or a `Correction` where more is known of how.
        costs: `Costs`, or a square of numbers, costs[true][decided].

    Returns:
        A `Threshold` with `.score`, `.probability` and `.decide(raw)`; for several classes a `LeastCost` rule, which
        has no single score and decides for the class of least expected cost.

    Raises:
        ChoiceError: the score of this loss does not stand for that probability, as with a hinge; or costs and classes
            do not fit together.

    >>> import wald
    >>> from wald.choices import Costs, threshold
    >>> threshold(wald.BinaryCrossEntropy(), Costs(false_negative=99.0, false_positive=1.0))
    Threshold: say yes from a score of -4.595 on, which stands for a probability of 0.01.
    >>> threshold(wald.BinaryCrossEntropy(pos_weight=99.0), Costs(false_negative=99.0)).score
    0.0
    """
    table = None if isinstance(costs, Costs) else _square(costs)
    if isinstance(loss, Correction):
        found = loss
    else:
        try:
            found = recalibration(loss, classes=None if table is None else len(table))
        except ChoiceError as error:
            return _by_sign(loss, costs if table is None else _binary(table), error)
    if found.several:
        return _of_classes(found, costs, table)
    if table is not None:
        costs = _binary(table)
    wanted = torch.as_tensor(costs.threshold, dtype=torch.float64)
    return _threshold(_scores(found, torch.logit(wanted)), wanted)


def _of_classes(found: Correction, costs: Any, table: tuple[tuple[float, ...], ...] | None) -> LeastCost:
    if table is None:
        if costs.each or found.undo.columns not in (None, 2):
            raise ChoiceError(
                "Costs is of a yes or no, and the loss is of several classes: give the cost of each decision for each "
                "class, costs[true][decided], as in [[0, 1], [100, 0]]."
            )
        table = (
            (costs.true_negative, costs.false_positive),
            (costs.false_negative, costs.true_positive),
        )
    if (
        (columns := found.undo.columns) is not None
        and isinstance(found.undo, Read | Stationary)
        and columns != len(table)
    ):
        raise ChoiceError(f"costs has {len(table)} rows, and the loss is of {columns} classes.")
    says = f"decide for the least expected cost of {len(table[0])} decisions, by the chances of {len(table)} classes."
    return LeastCost(correction=found, costs=table, says=says)


def _scores(found: Correction, logit: Tensor) -> Tensor:
    """The raw score at which the corrected log-odds are these."""
    shift = torch.as_tensor(found.shift, dtype=torch.float64)
    columns = len(shift) if shift.ndim else found.undo.columns
    if columns is not None and logit.ndim:
        raise ChoiceError("costs of each row go with one yes or no a row; here a row has several labels.")
    wanted = logit - shift
    if isinstance(found.undo, Read):
        return {"logits": wanted, "probabilities": torch.sigmoid(wanted)}.get(
            found.undo.form, torch.nn.functional.logsigmoid(wanted)
        )
    wanted = wanted.expand(columns) if columns is not None else wanted
    probability = isinstance(found.undo, Stationary) and found.undo.probability
    low, high = torch.full_like(wanted, -1.0), torch.full_like(wanted, 1.0)

    def logits(score: Tensor) -> Tensor:
        raw = torch.sigmoid(score) if probability else score
        return found.undo.logits(raw if columns is None or columns == 1 else raw[None]).reshape(score.shape)

    for _ in range(60):
        low = torch.where(logits(low) > wanted, 2 * low, low)
        high = torch.where(logits(high) < wanted, 2 * high, high)
    for _ in range(100):
        middle = (low + high) / 2
        below = logits(middle) < wanted
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return torch.sigmoid(high) if probability else high


def _threshold(score: Tensor, probability: Tensor) -> Threshold:
    if score.ndim == 0:
        # Minus zero, and the last digit of a bisection, are of no use to a reader.
        at = round(float(score), 12) + 0.0
        says = f"say yes from a score of {at:.4g} on, which stands for a probability of {float(probability):.4g}."
        return Threshold(score=at, probability=float(probability), says=says)
    between = f"between {float(score.min()):.4g} and {float(score.max()):.4g}"
    says = f"say yes from each one's own score on ({len(score)} of them, {between})."
    alike = probability.ndim == 0
    return Threshold(score=score, probability=float(probability) if alike else probability, says=says)


def _by_sign(loss: Any, costs: Costs, error: ChoiceError) -> Threshold:
    """A loss of which no probabilities can be read may still decide by its sign."""
    flips: Any = loss.card.threshold if isinstance(loss, Loss) else None
    if flips is None or loss.named_domains[0][1].bounded:
        raise error
    wanted = torch.as_tensor(costs.threshold, dtype=torch.float64)
    if wanted.ndim == 0 and math.isclose(float(wanted), flips, abs_tol=1e-9):
        return _threshold(torch.zeros((), dtype=torch.float64), wanted)
    asked = f"{float(wanted):.4g}" if wanted.ndim == 0 else "one for each row"
    raise ChoiceError(
        f"{loss}: its scores are above 0 from a chance of {flips:.4g} on, and stand for no other chance; these costs "
        f"ask for {asked}. Train it with weight=costs.weight(target), and the sign of its score is the decision; or "
        "train BinaryCrossEntropy() and move the threshold."
    )


def _square(costs: Any) -> tuple[tuple[float, ...], ...]:
    found = as_numbers("costs", costs)
    if found.ndim != 2 or found.shape[0] < 2 or found.shape[1] < 2 or not bool(found.isfinite().all()):
        raise ChoiceError(
            "costs is Costs(false_negative=..., false_positive=...), or a finite number for each true class (row) and "
            f"decision (column), as in [[0, 1], [100, 0]]; got shape {tuple(found.shape)}."
        )
    return tuple(tuple(row) for row in found.double().tolist())


def _binary(table: tuple[tuple[float, ...], ...]) -> Costs:
    if len(table) != 2 or len(table[0]) != 2:
        raise ChoiceError(f"costs has {len(table)} rows, and the loss is of a yes or no: [[tn, fp], [fn, tp]].")
    (tn, fp), (fn, tp) = table
    return Costs(false_negative=fn, false_positive=fp, true_positive=tp, true_negative=tn)
