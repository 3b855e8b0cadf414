"""The model: a function of tensors that emits what the loss takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import CaseError
from ..models import Estimator, Foreign, HuggingFace, Wanted, wanted_by_trial, wanted_of
from ..models.hugging_face import is_hugging_face
from .rows import as_tensor
from .state import Reading, many_classes

#: Rows by which a model is tried.
_FEW = 64


def model_of(reading: Reading, loss: Callable[..., Any]) -> tuple[Any, Wanted | None]:
    """The model as a function of tensors, and what the loss takes; None for a loss that does not say.

    Raises:
        CaseError: nothing shows what the loss takes, or the model refuses the test rows.
    """
    given = cast(Any, reading.case.model)
    many = many_classes(reading)
    if given is None or isinstance(given, HuggingFace) or not (reading.source or isinstance(given, Estimator)):
        wanted = wanted_of(loss, many)
        if isinstance(given, HuggingFace):
            return (given if wanted in (None, given.wanted) else HuggingFace(given.original, wanted)), wanted
        if is_hugging_face(given):
            return HuggingFace(cast(nn.Module, given), wanted), wanted
        if given is not None and not isinstance(given, nn.Module | Foreign) and callable(given):
            return _function(reading, given), wanted
        return given, wanted
    classes = given.source.classes if isinstance(given, Estimator) else reading.source.classes if reading.source else ()
    wanted = wanted_of(loss, len(classes)) or wanted_by_trial(loss, len(classes))
    if wanted is None:
        raise CaseError(
            f"nothing shows whether the loss takes logits or probabilities: on right and wrong predictions of "
            f"{len(classes)} classes it raises, or is no smaller where they are right. Give Case(prediction=...) as "
            "the loss takes it."
        )
    inputs = reading.splits["test"][0]
    if isinstance(given, Estimator):
        return given.emitting(wanted, inputs), wanted
    assert reading.source is not None  # noqa: S101
    first = as_tensor("test inputs", inputs)[:_FEW]
    try:
        sample = first.detach().cpu().numpy() if reading.codec is None else reading.codec.decode(first)
        return Estimator(reading.source, wanted, reading.codec, sample), wanted
    except CaseError:
        raise
    except Exception as error:
        raise CaseError(
            f"{type(reading.source.original).__name__} raised {type(error).__name__} on {len(first)} test inputs: "
            f"{error}"
        ) from error


def _function(reading: Reading, model: Callable[[Any], Any]) -> Callable[[Tensor], Tensor]:
    """A function of tensors as it is; one of arrays or tables behind a door."""
    if reading.codec is not None:
        return Foreign(model, reading.codec.decode)
    given: Any = reading.case.test
    if given is None or isinstance(given[0], Tensor):
        return model
    first = as_tensor("test inputs", given[0])[:2]
    try:
        with torch.no_grad():
            if isinstance(model(first), Tensor):
                return model
    except Exception:
        found = None
    try:
        found = model(first.numpy())
    except Exception:
        # Nor does it take arrays; the audit says what it raised on tensors.
        return model
    return model if isinstance(found, Tensor) else Foreign(model, lambda inputs: inputs.detach().cpu().numpy())
