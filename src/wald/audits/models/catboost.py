"""CatBoost: its estimators, and its plain model."""

from __future__ import annotations

from typing import Any

from ..metrics.forms import Form
from .source import Ask, Source

_OF_CLASSES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")


def read(model: Any) -> Source | None:
    """What a model of CatBoost can be asked; None for other things."""
    if not type(model).__module__.startswith("catboost") or not hasattr(model, "get_all_params"):
        return None
    loss = str(model.get_all_params().get("loss_function", ""))
    names = tuple(model.feature_names_ or ())

    def asked(kind: str) -> Ask:
        return lambda table: model.predict(table, prediction_type=kind)

    if loss.partition(":")[0] not in _OF_CLASSES:
        says: dict[Form, Ask] = {"numbers": model.predict}
        if loss in ("Poisson", "Tweedie"):
            says = {"numbers": asked("Exponent"), "log-numbers": asked("RawFormulaVal")}
        return Source(model, says, loss=f"CatBoost({loss})", names=names)
    forms: dict[Form, Ask] = {"probabilities": asked("Probability")}
    if "OneVsAll" not in loss:
        forms["logits"] = asked("RawFormulaVal")
    classes = tuple(getattr(one, "item", lambda one=one: one)() for one in model.classes_)
    return Source(model, forms, classes, f"CatBoost({loss})", names)
