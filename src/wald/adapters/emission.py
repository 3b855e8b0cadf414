"""What a model must emit for a loss: how many numbers a row, and how free numbers become what the loss takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..audits.metrics.forms import Form
from ..audits.models.wanted import Wanted, wanted_by_trial, wanted_of
from ..cards import Domain
from ..core import Loss
from ..losses import FisslerZiegel, GaussianNLL

#: How a free number becomes an entry of the prediction.
Way = Literal["as it is", "sigmoid", "log sigmoid", "softmax", "log softmax", "exp above"]

#: The same for the second of two parameters.
Second = Literal["as it is", "exp", "minus exp"]


@dataclass(frozen=True)
class Emission:
    """From the free numbers of a model, (rows, outputs), to the prediction that a loss takes.

    Attributes:
        outputs: how many free numbers there are for each row.
        flat: whether the loss takes one number a row, (rows,), and not (rows, outputs).
        form: how the prediction is written.
        way: how a free number becomes an entry of it.
        floor: above which the entries of "exp above" live.
        second: how the second of two parameters is emitted, where it has a sign.
        said: how the second of two parameters is told in the unit of the target.
        point: whether the first of two parameters alone is what is predicted.
        measured: for each output whether it is counted in the unit of the target.
    """

    outputs: int
    flat: bool
    form: Form
    way: Way = "as it is"
    floor: float = 0.0
    second: Second = "as it is"
    said: Second = "as it is"
    point: bool = False
    measured: tuple[bool, ...] = (False,)

    def emit(self, score: Tensor) -> Tensor:
        """The prediction, as the loss takes it: score (rows, outputs)."""
        match self.way:
            case "as it is":
                found = score
            case "sigmoid":
                found = torch.sigmoid(score)
            case "log sigmoid":
                found = functional.logsigmoid(score)
            case "softmax":
                found = score.softmax(-1)
            case "log softmax":
                found = score.log_softmax(-1)
            case "exp above":
                found = self.floor + score.exp()
        found = _with_second(found, self.second)
        return found[:, 0] if self.flat else found

    def natural(self, raw: Tensor) -> Tensor:
        """A prediction of numbers in the unit of the target: (rows,), or (rows, columns)."""
        if self.point:
            return raw[:, 0]
        match self.form:
            case "log-numbers":
                return raw.exp()
            case "logits":
                return torch.sigmoid(raw)
            case _:
                return _with_second(raw, self.said)


def emission_for_classes(loss: Callable[..., Any], classes: int) -> Emission:
    """What a classifier emits.

    Raises:
        ValueError: the loss is not for this number of classes, or nothing says what it takes.
    """
    wanted = wanted_of(loss, classes) if isinstance(loss, Loss) or _is_torch(loss) else wanted_by_trial(loss, classes)
    if wanted is None:
        raise ValueError(
            f"{loss}: it costs neither logits nor probabilities less where they are right, as tried on {classes} "
            "classes, so nothing says what a model should emit for it. Wrap it so that it takes logits."
        )
    axes = _first(loss).axes if isinstance(loss, Loss) else ()
    if isinstance(loss, Loss) and axes and axes != ("classes",):
        return _thresholds(loss, classes)
    if not wanted.by_class and classes != 2:
        raise ValueError(
            f"{loss} takes one number a row, for two classes; y has {classes} classes. Use a loss of several classes, "
            "such as wald.CrossEntropy(), or wrap this model in sklearn.multiclass.OneVsRestClassifier."
        )
    size = _first(loss).size if isinstance(loss, Loss) else None
    if wanted.by_class and size is not None and size != classes:
        raise ValueError(
            f"{loss} is for {size} classes, and y has {classes}. Give one number for each of the {classes} classes."
        )
    outputs = classes if wanted.by_class else 1
    return Emission(outputs, not wanted.by_class, wanted.form, _way(wanted), measured=(False,) * outputs)


def emission_for_numbers(loss: Callable[..., Any]) -> Emission:
    """What a regressor emits.

    Raises:
        ValueError: the loss does not predict numbers.
    """
    wanted = wanted_of(loss, 0) or Wanted("numbers")
    if not isinstance(loss, Loss):
        return Emission(1, True, "numbers", measured=(True,))
    first, name = _first(loss), type(loss).__name__
    if wanted.by_class or first.axes == ("classes",) or wanted.form == "margins" or loss.named_domains[1][1].integer:
        raise ValueError(f"{loss} predicts classes, and a regressor numbers. Use LossClassifier({name}()).")
    outputs = 1
    if first.axes:
        if len(first.axes) > 1 or first.size is None:
            raise ValueError(
                f"{loss} takes predictions with the axes {', '.join(first.axes)}, which no table of features gives. "
                "Use a loss of one number a row, such as wald.Squared(), or of several levels, such as wald.Pinball."
            )
        outputs = first.size
    form = "log-numbers" if _through_log(loss) else wanted.form
    way: Way = "as it is"
    if (first.low, first.high) == (0.0, 1.0):
        way = "sigmoid"
    elif first.low > -torch.inf:
        way = "exp above"
    unit = form == "numbers" and way == "as it is"
    if isinstance(loss, GaussianNLL):
        second: Second = "exp" if loss.scale == "variance" else "as it is"
        return Emission(2, False, form, second=second, point=True, measured=(True, False))
    if isinstance(loss, FisslerZiegel):
        size: Second = "minus exp" if loss.level <= 0.5 else "exp"
        told = loss.shortfall == "number"
        return Emission(2, False, form, second=size if told else "as it is", said="as it is" if told else size,
                        measured=(True, False))  # fmt: skip
    return Emission(
        outputs,
        not first.axes,
        form,
        way,
        floor=max(first.low, -1e300),
        measured=(unit,) * outputs,
    )


def _with_second(pair: Tensor, way: Second) -> Tensor:
    """Two parameters of which the second is passed through: (rows, 2)."""
    if way == "as it is":
        return pair
    sign = -1.0 if way == "minus exp" else 1.0
    return torch.stack([pair[:, 0], sign * pair[:, 1].exp()], -1)


def _thresholds(loss: Loss, classes: int) -> Emission:
    """One logit for each border between neighbouring classes."""
    first = _first(loss)
    if first.axes not in (("thresholds",), ("levels",)) or not first.logits:
        raise ValueError(
            f"{loss} takes predictions with the axes {', '.join(first.axes)}, and a classifier has one row of scores "
            "for each row of features. Use a loss of classes, such as wald.CrossEntropy()."
        )
    if first.size is not None and first.size != classes - 1:
        raise ValueError(f"{loss} is for {first.size + 1} ordered classes, and y has {classes}.")
    return Emission(classes - 1, False, "logits", measured=(False,) * (classes - 1))


def _way(wanted: Wanted) -> Way:
    match wanted.form:
        case "probabilities":
            return "softmax" if wanted.by_class else "sigmoid"
        case "log-probabilities":
            return "log softmax" if wanted.by_class else "log sigmoid"
        case _:
            return "as it is"


def _first(loss: Loss) -> Domain:
    return loss.named_domains[0][1]


def _through_log(loss: Loss) -> bool:
    return getattr(loss, "log_input", False) is True


def _is_torch(loss: object) -> bool:
    place = str(getattr(loss, "__module__", ""))
    return place.startswith("torch.") or type(loss).__module__.startswith("torch.")
