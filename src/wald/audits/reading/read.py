"""Read what a person gives to a case, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ...checks.subjects.subject import undisturbed
from ..errors import CaseError
from ..models import Estimator, HuggingFace, Refit, source_of
from ..models.refit import can_refit
from .inputs import cast_to, features_of, read_inputs, space_of_inputs
from .model import model_of
from .rows import as_rows
from .state import Reading, many_classes
from .streaming import drained, with_fields
from .targets import as_taken, read_targets
from .texts import by_token
from .words import loss_of, metric_read, prediction_of

if TYPE_CHECKING:
    from ..case import Case


def read(case: Case) -> dict[str, Any]:
    """The fields of the case that were given in other words than an audit speaks.

    What has been read once is read again without a change, so that `dataclasses.replace` works.

    Raises:
        CaseError: something does not fit together; the message says what, and how to mend it.
    """
    with undisturbed():
        drawn = drained(case)
        held, found = (case, {}) if drawn is None else drawn
        if (told := by_token(held)) is not None:
            held = with_fields(held, **told)
            found = found | told
        if held.model is None and held.prediction is None:
            raise CaseError("give the model, or the prediction that it made for each test row.")
        return found | _read(held)


def _read(case: Case) -> dict[str, Any]:
    if case.model is not None and not callable(case.model) and source_of(case.model) is None:
        raise CaseError(
            f"model is a module or a callable; got {type(case.model).__name__}. Estimators of scikit-learn, XGBoost, "
            "LightGBM and CatBoost are taken as they are."
        )
    reading = Reading(case, _splits(case))
    model: Any = case.model
    reading.source = source_of(model)
    reading.codec = model.codec if isinstance(model, Estimator) else None
    read_targets(reading)
    loss = loss_of(case.loss, many_classes(reading))
    read_inputs(reading)
    model, wanted = model_of(reading, loss)
    for name, (inputs, targets) in reading.splits.items():
        reading.splits[name] = (inputs, as_taken(targets, model, wanted, named=bool(reading.classes)))
    rows = {name: as_rows(name, pair) for name, pair in reading.splits.items()}
    rows = {name: cast_to(pair, model) for name, pair in rows.items()}
    prediction = prediction_of(case, wanted)
    found: dict[str, Any] = {
        "loss": loss,
        "model": model,
        "test": rows["test"],
        "train": rows.get("train"),
        "shifted": {name: rows[_shifted(name)] for name in case.shifted},
        "prediction": prediction,
        "prediction_is": None,
        "target": None,
        "classes": reading.classes,
        "features": features_of(reading),
        "input_space": space_of_inputs(reading, model),
    }
    if isinstance(model, Estimator):
        reading.notes += model.notes
        if case.refit is None and "train" in rows and can_refit(model):
            found["refit"] = Refit(model, rows["train"])
    if isinstance(model, HuggingFace) and not isinstance(case.model, HuggingFace):
        found["checkpoints"] = tuple({f"inner.{key}": one for key, one in state.items()} for state in case.checkpoints)
    found["metric"] = metric_read(case, reading, model, wanted, rows["test"], prediction)
    found["notes"] = tuple(dict.fromkeys((*case.notes, *reading.notes)))
    return found


def _splits(case: Case) -> dict[str, tuple[Any, Any]]:
    test: Any = case.test
    if test is None:
        if case.target is None or case.prediction is None:
            raise CaseError(
                "give test=(inputs, targets), or, with prediction= alone, target= with one target for each prediction."
            )
        test = (torch.zeros(len(case.target), 0), case.target)
    elif case.target is not None:
        raise CaseError("give the targets once: in test=(inputs, targets), or as target= without test.")
    given: dict[str, Any] = {"test": test}
    if case.train is not None:
        given["train"] = case.train
    given |= {_shifted(name): rows for name, rows in case.shifted.items()}
    for name, pair in given.items():
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise CaseError(f"{name} is a pair (inputs, targets); got {type(pair).__name__}.")
    return {name: (pair[0], pair[1]) for name, pair in given.items()}


def _shifted(name: str) -> str:
    return f"shifted[{name!r}]"
