"""Estimators and pipelines of scikit-learn, and of whoever follows its conventions."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..errors import CaseError
from ..metrics.forms import Form
from .source import Ask, Source


def read(model: Any) -> Source | None:
    """What an estimator can be asked; None for what is no estimator.

    Raises:
        CaseError: it has not been fitted, or says nothing that a loss could judge.
    """
    if isinstance(model, type) or not (hasattr(model, "predict") and hasattr(model, "fit")):
        return None
    classes = getattr(model, "classes_", None)
    names = tuple(str(name) for name in getattr(model, "feature_names_in_", ()))
    if classes is None:
        if _meant_for_classes(model):
            raise CaseError(
                f"{type(model).__name__} has no classes_, so it has not been fitted. Call .fit(inputs, targets) first."
            )
        _refuse_unfitted(model)
        return Source(model, {"numbers": model.predict}, loss=_trained_by(model), names=names)
    if isinstance(classes, list):
        raise CaseError(
            f"{type(model).__name__} predicts several targets at once; audit one at a time, with "
            "Case(prediction=model.predict_proba(inputs)[i], target=...)."
        )
    says: dict[Form, Ask] = {}
    if hasattr(model, "predict_proba"):
        says["probabilities"] = model.predict_proba
    if hasattr(model, "decision_function"):
        says["margins"] = model.decision_function
    if not says:
        raise CaseError(
            f"{type(model).__name__} says which class, and neither how probable (predict_proba) nor how far from the "
            "border (decision_function), so no loss can judge it. Wrap it in "
            "sklearn.calibration.CalibratedClassifierCV."
        )
    return Source(model, says, tuple(np.asarray(classes).tolist()), _trained_by(model), names)


def _meant_for_classes(model: Any) -> bool:
    try:
        return bool(import_module("sklearn.base").is_classifier(model))
    except Exception:
        return getattr(model, "_estimator_type", "") == "classifier"


def _refuse_unfitted(model: Any) -> None:
    try:
        validation, exceptions = import_module("sklearn.utils.validation"), import_module("sklearn.exceptions")
    except ModuleNotFoundError:
        return
    try:
        validation.check_is_fitted(model)
    except exceptions.NotFittedError as error:
        raise CaseError(f"{error}") from None
    except TypeError:
        # It follows the conventions without being of the family, and cannot be asked.
        return


def _trained_by(model: Any) -> str:
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    given = getattr(last, "loss", None) or getattr(last, "objective", None) or getattr(last, "criterion", None)
    return f"{type(last).__name__}({given})" if isinstance(given, str) else type(last).__name__


def expected_columns(model: Any) -> int | None:
    """How many columns a model takes, where it knows."""
    for name in ("n_features_in_", "n_features_"):
        if (found := getattr(model, name, None)) is not None:
            return int(found)
    if hasattr(model, "num_features"):
        return int(model.num_features())
    return int(model.num_feature()) if hasattr(model, "num_feature") else None
