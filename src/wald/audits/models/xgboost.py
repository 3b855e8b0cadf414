"""XGBoost: its estimators, and its Booster."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any

from ..metrics.forms import Form
from ..reading.libraries import library
from . import scikit_learn
from .source import Ask, Source


def read(model: Any) -> Source | None:
    """What a model of XGBoost can be asked; None for other things."""
    if not type(model).__module__.startswith("xgboost"):
        return None
    if hasattr(model, "get_booster"):
        return _estimator(model)
    return _booster(model) if hasattr(model, "save_config") else None


def _estimator(model: Any) -> Source | None:
    found = scikit_learn.read(model)
    if found is None:
        return None
    objective = str(getattr(model, "objective", ""))
    if not found.classes and objective.startswith(("binary:", "multi:")):
        # A regressor by its class and a classifier by its objective.
        return replace(_booster(model.get_booster()), original=model)

    def raw(table: Any) -> Any:
        return model.predict(table, output_margin=True)

    says = dict(found.says)
    if found.classes:
        says["logits"] = raw
    elif objective in _THROUGH_LOG:
        says["log-numbers"] = raw
    return Source(model, says, found.classes, f"XGBoost({objective})", found.names)


#: Objectives whose raw margin is the logarithm of the number that is predicted.
_THROUGH_LOG = ("count:poisson", "reg:gamma", "reg:tweedie")


def _booster(model: Any) -> Source:
    config = json.loads(model.save_config())["learner"]
    objective = str(config["objective"]["name"])
    many = int(config["learner_model_param"]["num_class"])
    names = tuple(model.feature_names or ())

    def asked(margin: bool) -> Ask:
        return lambda table: model.predict(_matrix(table, names), output_margin=margin)

    says: dict[Form, Ask] = {"numbers": asked(False)}
    classes: tuple[int, ...] = ()
    if objective == "binary:logitraw":
        says, classes = {"logits": asked(True)}, (0, 1)
    elif objective.startswith("binary:"):
        says, classes = {"logits": asked(True), "probabilities": asked(False)}, (0, 1)
    elif objective.startswith("multi:"):
        says, classes = {"logits": asked(True)}, tuple(range(many))
    elif objective in _THROUGH_LOG:
        says["log-numbers"] = asked(True)
    return Source(model, says, classes, f"XGBoost({objective})", names)


def _matrix(table: Any, names: tuple[str, ...]) -> Any:
    xgboost = library("xgboost", extra="gbdt", what="It is asked")
    if hasattr(table, "columns"):
        return xgboost.DMatrix(table, enable_categorical=True)
    return xgboost.DMatrix(table, feature_names=list(names) or None)
