"""LightGBM: its estimators, and its Booster."""

from __future__ import annotations

from typing import Any

from ..metrics.forms import Form
from . import scikit_learn
from .source import Ask, Source

#: Objectives whose raw score is the logarithm of the number that is predicted.
_THROUGH_LOG = ("poisson", "gamma", "tweedie")


def read(model: Any) -> Source | None:
    """What a model of LightGBM can be asked; None for other things."""
    if not type(model).__module__.startswith("lightgbm"):
        return None
    if hasattr(model, "booster_") and hasattr(model, "fit"):
        return _estimator(model)
    return _booster(model) if hasattr(model, "model_to_string") else None


def _estimator(model: Any) -> Source | None:
    found = scikit_learn.read(model)
    if found is None:
        return None
    objective = str(model.objective_)

    def raw(table: Any) -> Any:
        return model.predict(table, raw_score=True)

    return Source(
        model,
        {**found.says, **_raw_forms(objective, raw)},
        found.classes,
        f"LightGBM({objective})",
        tuple(found.names),
    )


def _booster(model: Any) -> Source:
    # "binary sigmoid:1", "multiclass num_class:3", "regression", or nothing where the objective was the user's.
    words = str(model.dump_model(num_iteration=1).get("objective", "")).split()
    objective = words[0] if words else "custom"
    many = int(next((word.partition(":")[2] for word in words if word.startswith("num_class:")), 2))
    says: dict[Form, Ask] = {"numbers": model.predict}
    classes: tuple[int, ...] = ()
    if objective == "binary" or objective.startswith("multiclass"):
        says, classes = {"probabilities": model.predict}, tuple(range(many))
    return Source(
        model,
        {**says, **_raw_forms(" ".join(words), lambda table: model.predict(table, raw_score=True))},
        classes,
        f"LightGBM({objective})",
        tuple(model.feature_name()),
    )


def _raw_forms(objective: str, raw: Ask) -> dict[Form, Ask]:
    """What raw scores are, under this objective."""
    words = objective.split()
    name = words[0] if words else ""
    if name in ("binary", "multiclass"):
        # With another sigmoid than 1 a raw score is no log-odds; the probabilities are right all the same.
        scaled = any(word.startswith("sigmoid:") and float(word[8:]) != 1 for word in words)
        return {} if scaled else {"logits": raw}
    return {"log-numbers": raw} if name in _THROUGH_LOG else {}
