"""Which inverse a loss has, and the correction that it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...audits.models.wanted import Wanted, wanted_by_trial, wanted_of
from ...core import Loss, Supervised
from ..errors import ChoiceError
from .correction import Correction
from .one import NotInvertible, inverse_of_one
from .several import inverse_of_several
from .undo import Read, Undo

_INSTEAD = (
    "Train a loss of which they can be read, such as BinaryCrossEntropy or CrossEntropy, or learn a map from scores "
    "to probabilities on rows that were not trained on (scikit-learn's CalibratedClassifierCV does that)."
)


def recalibration(loss: Callable[..., Any], *, classes: int | None = None) -> Correction:
    """The correction that takes back whatever a loss does to probabilities, without a single label.

    Many losses are least not at the true probability but at some other number, the same for every problem: focal pulls
    towards one half, a weight pushes the odds, label smoothing stays away from certainty, squared hinge predicts a
    margin. This inverts that map. It follows from the slopes of the loss, exactly, and is held against its values
    before it is given out: what has no inverse, as the hinge, is refused with the reason.

    It is right for a model that fits well. What under- or overfitting does to probabilities it cannot know; that takes
    labelled rows. Scores beyond what the loss can be the best for (a squared hinge beyond its margin) go on rising,
    slowly, from a chance of a millionth, so that their order is kept.

    Args:
        loss: of yes and no, on scores or probabilities, or of several classes; one of wald's, or any function
            (prediction, target) that torch can differentiate. A regression loss is taken as one of a target of 0
            and 1.
        classes: how many classes there are, for a loss that does not say it.

    Raises:
        ChoiceError: the loss has no inverse, or is of something else than classes.

    >>> import torch, wald
    >>> from wald.choices import recalibration
    >>> corrected = recalibration(wald.Focal(gamma=2))
    >>> raw = torch.tensor([-2.0, 0.0, 2.0])
    >>> corrected.probabilities(raw)
    tensor([0.0045, 0.5000, 0.9955])
    >>> torch.sigmoid(raw)
    tensor([0.1192, 0.5000, 0.8808])
    """
    undo = undo_of(loss, classes)
    name = loss if isinstance(loss, Loss) else getattr(loss, "__name__", type(loss).__name__)
    if isinstance(undo, Read):
        says = f"{name} is least at the true probability itself: its predictions are only written as probabilities."
    else:
        says = (
            f"Takes back what {name} does to probabilities, by the inverse of its best score for each "
            f"{'distribution of the classes' if undo.several else 'chance'}."
        )
    return Correction(undo=undo, says=says, axis=axis_of(loss))


def undo_of(loss: Callable[..., Any], classes: int | None = None) -> Undo:
    """The inverse of a loss.

    Raises:
        ChoiceError: it has none; with the reason.
    """
    if isinstance(loss, type):
        raise ChoiceError(f"{loss.__name__} is a class, and a loss is wanted; write {loss.__name__}().")
    if not isinstance(loss, Loss):
        return _foreign(loss, classes)
    if not isinstance(loss, Supervised) or len(loss.named_domains) != 2:
        inputs = ", ".join(name for name, _ in loss.named_domains)
        raise ChoiceError(f"{loss} is a loss of {inputs}, not of a prediction and the class that was observed.")
    if (own := getattr(loss, "probabilities", None)) is not None:
        return Told(loss, own(torch.zeros(1, loss.named_domains[0][1].size or 1)).shape[-1])
    (_, first), (_, target) = loss.named_domains
    wanted = wanted_of(loss, classes or 2)
    if wanted is not None and loss.card.proper is True and wanted.form != "margins":
        return Read(wanted.form, wanted.by_class)
    if first.axes == ("classes",) and first.logits and target.integer:
        return _inverted(loss, lambda: inverse_of_several(loss, first.size or classes))
    probability = (first.low, first.high) == (0.0, 1.0)
    if first.axes not in ((), ("labels",)) or (first.bounded and not probability) or first.normalised:
        shown = f"{first.says}, {first.interval}" + (f" for each of the {first.axes[-1]}" if first.axes else "")
        raise ChoiceError(f"{loss} predicts {shown}: nothing from which the probability of a class could be read.")
    if target.low > 0 or (target.open_low and target.low == 0):
        raise ChoiceError(f"{loss} takes no target of 0 ({target.says}), so it is no loss of yes and no.")
    return _inverted(loss, lambda: inverse_of_one(loss, probability=probability, labels=labels_of(loss)))


@dataclass(frozen=True)
class Told(Undo):
    """What a loss says itself of its probabilities.

    Attributes:
        loss: has a method `probabilities`.
        classes: how many it tells.
    """

    loss: Loss
    classes: int

    @property
    def several(self) -> bool:
        """Classes compete."""
        return True

    @property
    def columns(self) -> int | None:
        """As many as the loss takes."""
        return self.loss.named_domains[0][1].size

    def logits(self, raw: Tensor) -> Tensor:
        """The logarithms of the probabilities."""
        told: Any = self.loss
        return told.probabilities(raw).clamp_min(torch.finfo(raw.dtype).tiny).log()


def axis_of(loss: object) -> int:
    """Where the classes lie in what a loss takes."""
    return int(getattr(loss, "axis", -1)) if isinstance(loss, Loss) else -1


def labels_of(loss: Loss) -> int:
    """How many entries of a row have fields of their own; 1 where all are treated alike."""
    size = loss.named_domains[0][1].size
    several = (len(value) for name in ("pos_weight", "alpha") if isinstance(value := getattr(loss, name, None), tuple))
    return max((size or 1, *several))


def _foreign(loss: Callable[..., Any], classes: int | None) -> Undo:
    if not callable(loss):
        raise ChoiceError(f"a loss is wanted, such as wald.Focal(gamma=2); got {loss!r}.")
    many = classes or 2
    wanted: Wanted | None = wanted_of(loss, many) or wanted_by_trial(loss, many)
    if wanted is None:
        raise ChoiceError(
            "this loss does not say what predictions it takes, and none that were tried are right for it. Give it as "
            "a function (prediction, target) of a logit or probability a row, or of logits (rows, classes) with "
            "classes=..."
        )
    if wanted.by_class:
        return _inverted(loss, lambda: inverse_of_several(loss, classes))
    return _inverted(loss, lambda: inverse_of_one(loss, probability=wanted.form == "probabilities"))


def _inverted(loss: Callable[..., Any], find: Callable[[], Undo]) -> Undo:
    name = loss if isinstance(loss, Loss) else getattr(loss, "__name__", type(loss).__name__)
    try:
        return find()
    except NotInvertible as error:
        raise ChoiceError(f"{name}: {error}; probabilities cannot be worked out of its scores. {_INSTEAD}") from None
    except (ValueError, TypeError, RuntimeError, IndexError) as error:
        raise ChoiceError(f"{name}: its slopes could not be looked at: {error}. {_INSTEAD}") from error
