"""Which library a model is from."""

from __future__ import annotations

from typing import Any

from torch import nn

from . import catboost, lightgbm, scikit_learn, xgboost
from .estimator import Estimator, Foreign
from .hugging_face import HuggingFace
from .source import Source

Adapted = Estimator | Foreign | HuggingFace


def source_of(model: Any) -> Source | None:
    """What a model of another library can be asked; None for a torch module or a plain function.

    A bound method of an estimator, such as `model.predict_proba`, stands for the estimator.

    Raises:
        CaseError: it has not been fitted, or says nothing that a loss could judge.
    """
    if model is None or isinstance(model, nn.Module | Adapted):
        return None
    owner = getattr(model, "__self__", None)
    if owner is not None and getattr(model, "__name__", "").startswith(("predict", "decision_function")):
        model = owner
    # scikit-learn comes last: the others follow its conventions and know more.
    for library in (xgboost, lightgbm, catboost, scikit_learn):
        if (found := library.read(model)) is not None:
            return found
    return None
