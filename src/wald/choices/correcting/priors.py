"""Taking back what weights or resampling did to the base rate, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
from typing import Any

import torch
from torch import Tensor

from ...core import Loss
from ..errors import ChoiceError
from .correction import Correction
from .one import Stationary, log_odds
from .rates import as_class_weight, as_rates, counted
from .recalibrating import axis_of, labels_of, undo_of
from .several import BySlopes
from .undo import Read, Undo
from .unlabelled import rates_of


def prior_correction(
    loss: Callable[..., Any] | None = None,
    *,
    trained: Any = None,
    actual: Any = None,
    class_weight: Any = None,
    weight: Any = None,
    target: Any = None,
    unlabelled: Any = None,
) -> Correction:
    """The shift of log-odds that takes a model from the base rate that it was trained for to the true one.

    A weight on the rare class, or a sample in which it is as common as the other, makes a model believe that it is
    common: with 0.1 % of frauds and a weight of 999 the average prediction is a half. The order of the rows is hardly
    changed, the probabilities are. The way back is exact: odds times (actual odds / trained odds), with no labels.

    What the model was trained with is said by any of these; several of them add up:

    - `loss`: its own weights (`pos_weight`, `class_weight`, counts, a prior), whatever they are called: the shift is
      measured. The raw scores of a loss with the prior inside, as LogitAdjusted, are meant for balanced classes and
      decide for the least balanced error; this gives the probabilities at the true rate.
    - `trained` and `actual`: the rate of yes, or one rate for each class, in the rows that were trained on (after
      over- or undersampling) and where the model is used.
    - `class_weight` as given to an estimator: "balanced" (then `target` too), or one number for each class; or
      `weight`, one for each training row, with `target`.
    - `unlabelled`: raw predictions on rows from where the model is used, when the actual rate is not known; with
      `trained`, or `target` to count it from. The rate under which these predictions are the likeliest is found by the
      expectation-maximisation of Saerens, Latinne & Decaestecker (2002). It assumes label shift: that only the rates
      of the classes changed and each class still looks the same; and that the predictions were calibrated before.

    Weights that belong to rows and not to classes have no such shift; with them this is right on average only.

    Returns:
        A `Correction`: raw predictions in, `.logits` and `.probabilities` out.

    Raises:
        ChoiceError: nothing was said of the training, the loss does more to probabilities than a shift (then
            `recalibration` is the way), or rates and classes do not fit together.

    >>> import torch, wald
    >>> from wald.choices import prior_correction
    >>> prior_correction(wald.BinaryCrossEntropy(pos_weight=9.0)).probabilities(torch.zeros(1))
    tensor([0.1000])
    >>> prior_correction(trained=0.5, actual=0.001).probabilities(torch.tensor([0.0, 6.9068]))
    tensor([0.0010, 0.5000])
    """
    if loss is None and trained is None and class_weight is None and weight is None and unlabelled is None:
        raise ChoiceError(
            "nothing was said of how the model was trained. Give its loss, as prior_correction(loss), the rates, as "
            "trained=0.5, actual=0.001, or the weights of the training rows, as weight=..., target=..."
        )
    found = _plain(trained, actual, class_weight, target, unlabelled) if loss is None else _of_loss(loss)
    for given, of in ((class_weight, _by_class), (weight, _by_row)):
        if given is not None:
            found = _moved(found, *of(given, target, found))
    if actual is not None and unlabelled is not None:
        raise ChoiceError("actual and unlabelled both say the rate where the model is used; give one of them.")
    if actual is not None or unlabelled is not None or trained is not None:
        found = _between(found, trained, actual, unlabelled, target, classes=_classes(found))
    return found


def _of_loss(loss: Callable[..., Any]) -> Correction:
    if not callable(loss) or isinstance(loss, type):
        raise ChoiceError(f"a loss is wanted, such as wald.BinaryCrossEntropy(pos_weight=9.0); got {loss!r}.")
    undo, shift = _shift_of(loss)
    name = loss if isinstance(loss, Loss) else getattr(loss, "__name__", type(loss).__name__)
    if max(map(abs, shift)) < 1e-9:
        says = f"{name} puts no weight on a class: its predictions are of the base rate that it was trained on."
    elif undo.several:
        told = ", ".join(f"{-one:+.3g}" for one in shift[:8]) + (", ..." if len(shift) > 8 else "")
        says = f"{name} adds {told} to the log-probabilities of the classes; this takes it back."
    else:
        times = ", ".join(f"{math.exp(-one):.4g}" for one in shift[:8])
        says = f"{name} multiplies the odds of yes by {times}; this divides by that again."
    if type(loss).__name__ == "LogitAdjusted" and max(map(abs, shift)) >= 1e-9:
        says += " Its raw scores are of balanced classes, and the likeliest by them has the least balanced error."
    shared = shift[0] if len(shift) == 1 else shift
    if isinstance(undo, Read) and undo.form == "logits" and max(map(abs, shift)) > 0:
        return Correction(undo=undo, shift=shared, says=says, axis=axis_of(loss))
    return Correction(undo=undo, says=says, axis=axis_of(loss))


def shift_of(loss: Callable[..., Any]) -> tuple[float, ...]:
    """What is added to the scores of a loss for log-odds of the true rate, one number for each class or label.

    Raises:
        ChoiceError: it does more to probabilities than a shift, or is no loss of classes.
    """
    return _shift_of(loss)[1]


def _shift_of(loss: Callable[..., Any]) -> tuple[Undo, tuple[float, ...]]:
    """How raw predictions are read, and what then leads back to log-odds, one number for each class or label.

    Where they are no logits, the reading includes the shift.
    """
    if isinstance(loss, Loss) and loss.card.proper is True:
        return undo_of(loss), (0.0,)
    several, classes, labels, number = _kind(loss)
    try:
        if several:
            raw = torch.randn(16, classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            found = BySlopes(loss, None, balanced=True).logits(raw) - raw
            gaps = found - found.mean(-1, keepdim=True)
        else:
            raw = torch.linspace(-6, 6, 25, dtype=torch.float64)[:, None].expand(-1, labels).contiguous()
            gaps = log_odds(loss, torch.sigmoid(raw) if number else raw) - raw
    except Exception:
        # Whatever it is that keeps it from having slopes, this says it better.
        undo_of(loss)
        raise
    # The sum of squares says as well that all are finite.
    if not float((gaps - gaps.mean(0)).square().sum()) < 1e-12:
        undo_of(loss)
        raise ChoiceError(_more_than_a_shift(loss))
    return undo_of(loss) if number else Read("logits", several), tuple(round(one, 14) for one in gaps.mean(0).tolist())


def _kind(loss: Callable[..., Any]) -> tuple[bool, int, int, bool]:
    """Whether a loss is of several classes, of how many, of how many labels, and whether it predicts a probability."""
    if isinstance(loss, Loss):
        first = loss.named_domains[0][1]
        if first.axes not in ((), ("labels",), ("classes",)) or (first.axes == ("classes",) and not first.logits):
            undo_of(loss)
            raise ChoiceError(_more_than_a_shift(loss))
        number = loss.card.task == "regression" or (first.low, first.high) == (0.0, 1.0)
        return first.axes == ("classes",), first.size or 3, labels_of(loss), number
    undo = undo_of(loss)
    if isinstance(undo, Stationary):
        return False, 0, 1, undo.probability
    return undo.several, undo.columns or 3, 1, False


def _more_than_a_shift(loss: Callable[..., Any]) -> str:
    name = loss if isinstance(loss, Loss) else getattr(loss, "__name__", type(loss).__name__)
    return (
        f"{name} does more to probabilities than to move their log-odds by a constant, so that no weight explains it. "
        f"wald.recalibration({name}) takes back all of it, weights included."
    )


def _by_class(given: Any, target: Any, found: Correction) -> tuple[Tensor, str]:
    weight = as_class_weight(given, target, _classes(found))
    told = ", ".join(f"{float(one):.4g}" for one in weight[:8])
    return -weight.log(), f"The classes were weighted {told}; this is taken back."


def _by_row(given: Any, target: Any, found: Correction) -> tuple[Tensor, str]:
    if target is None:
        raise ChoiceError("weight is one number for each training row, so their labels are needed too: target=...")
    mass, rows = counted(target, given, _classes(found)), counted(target, classes=_classes(found))
    mean = mass / rows
    told = ", ".join(f"{float(one):.4g}" for one in mean[:8])
    return -mean.log(), f"Rows of the classes were weighted {told} on average; this is taken back."


def _between(
    found: Correction, trained: Any, actual: Any, unlabelled: Any, target: Any, classes: int | None
) -> Correction:
    if trained is None and target is None:
        raise ChoiceError("the rate that the model was trained at is needed too: trained=0.5, or target=its labels.")
    if actual is None and unlabelled is None:
        raise ChoiceError("the rate where the model is used is needed too: actual=0.001, or unlabelled=predictions.")
    held = counted(target, classes=classes) if trained is None else None
    before = as_rates("trained", trained) if held is None else held / held.sum()
    if unlabelled is not None:
        after, told = rates_of(found, before, unlabelled)
    else:
        after, told = as_rates("actual", actual), ""
    if len(after) != len(before):
        raise ChoiceError(f"trained is of {len(before)} classes and actual of {len(after)}; give one rate for each.")
    shown = _shown(before, found.several), _shown(after, found.several)
    says = f"{told}Trained at a base rate of {shown[0]}, used at {shown[1]}: the log-odds move by the difference."
    return _moved(found, after.log() - before.log(), says)


def _moved(found: Correction, shift: Tensor, says: str) -> Correction:
    """With a further shift of the log-probability of each class."""
    if found.several:
        return found.moved(tuple(shift.tolist()), says)
    if len(shift) != 2:
        raise ChoiceError(
            f"the predictions are of a yes or no, and {len(shift)} classes were given; give two, no first."
        )
    return found.moved(float(shift[1] - shift[0]), says)


def _plain(trained: Any, actual: Any, class_weight: Any, target: Any, unlabelled: Any) -> Correction:
    """Logits as they are: of a yes or no a row, unless something speaks of several classes."""
    several = any(_ndim(rates) == 1 for rates in (trained, actual))
    if not several and class_weight is not None and not isinstance(class_weight, str):
        several = len(class_weight) > 2
    if not several and unlabelled is not None:
        several = _ndim(unlabelled) == 2
    if not several and target is not None:
        several = len(counted(target)) > 2
    return Correction(undo=Read("logits", several), says="", single=not several)


def _classes(found: Correction) -> int | None:
    """How many classes there are to be; None where any number will do."""
    if not found.several:
        return 2
    return len(found.shift) if isinstance(found.shift, tuple) else found.undo.columns


def _ndim(given: Any) -> int:
    """0 for a number, 1 for one for each, 2 for one for each of several rows."""
    if given is None:
        return 0
    found = getattr(given, "ndim", None)
    if found is not None:
        return int(found)
    if not hasattr(given, "__len__"):
        return 0
    return 1 + (0 if isinstance(given, Mapping) or not len(given) else _ndim(given[0]))


def _shown(rates: Tensor, by_class: bool) -> str:
    return ", ".join(f"{float(one):.4g}" for one in rates[:8]) if by_class else f"{float(rates[1]):.4g}"
