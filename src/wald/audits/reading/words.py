"""What is given by name, or in another form: the loss, recorded predictions and the metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from ...checks import resolve
from ...losses import BinaryCrossEntropy, CrossEntropy
from ..errors import CaseError
from ..metrics import Metric, metric_of
from ..metrics.forms import Form, converted, one_column, two_columns
from ..models import Estimator, Wanted
from .rows import Rows, as_tensor
from .state import Reading

if TYPE_CHECKING:
    from ..case import Case

#: Rows by which a model is tried.
_FEW = 64


def loss_of(given: Any, classes: int) -> Callable[..., Tensor]:
    """The loss, from a name, a class, a function of scikit-learn or itself.

    Raises:
        CaseError: no loss is known by this name, or it cannot be called.
    """
    name: str | None = given if isinstance(given, str) else None
    if not isinstance(given, type) and str(getattr(given, "__module__", "")).startswith("sklearn.metrics"):
        # Its functions take arrays, and the target first.
        name = str(getattr(given, "__name__", given))
    if name is None and not isinstance(given, type):
        if not callable(given):
            raise CaseError(f"loss is a callable (prediction, target), or the name of one; got {type(given).__name__}.")
        return cast(Callable[..., Tensor], given)
    try:
        found = resolve(name or given, pairs=True).loss
    except ValueError as error:
        raise CaseError(f"loss: {error}") from None
    # "log loss" is a name of both, and what it means depends on the classes.
    if name is not None and classes > 2 and found == BinaryCrossEntropy():
        return CrossEntropy()
    return found


def prediction_of(case: Case, wanted: Wanted | None) -> Tensor | None:
    """Recorded predictions as the loss takes them."""
    if case.prediction is None:
        return None
    return as_said(as_tensor("prediction", case.prediction).detach().cpu(), case.prediction_is, wanted)


def as_said(prediction: Tensor, said: Form | None, wanted: Wanted | None) -> Tensor:
    """Recorded predictions as the loss takes them, where their form was told.

    Raises:
        CaseError: nothing says what the loss takes.
    """
    if said is None:
        return prediction
    if wanted is None:
        raise CaseError(
            f"prediction_is={said!r} cannot be followed: nothing says what the loss takes. Give the prediction as the "
            "loss takes it, and leave prediction_is out."
        )
    found = prediction if prediction.is_floating_point() else prediction.double()
    found = converted(found if wanted.by_class else one_column(found, said), said, wanted.form)
    return two_columns(found, wanted.form) if wanted.by_class else found


def metric_read(
    case: Case, reading: Reading, model: Any, wanted: Wanted | None, test: Rows, prediction: Tensor | None
) -> Metric:
    """The metric, which knows in what form the predictions come."""

    def example() -> tuple[Tensor, Tensor]:
        from ..evidence import run

        inputs, targets = test[0][:_FEW], test[1][:_FEW]
        return (run(model, inputs) if prediction is None else prediction[:_FEW]), targets

    found = metric_of(case.metric, lower_is_better=case.lower_is_better, classes=reading.classes, example=example)
    known = isinstance(model, Estimator) or (wanted is not None and wanted.form not in ("numbers", "margins"))
    given = wanted.form if wanted is not None and known else None
    return found if found.given == given else replace(found, given=given)
