"""Scorers and metric functions of scikit-learn, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from importlib import import_module
import inspect
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import CaseError
from .forms import Form, one_column, two_columns
from .metric import Metric

#: What a scorer asks of a model, in our words.
_ASKS: dict[str, Form] = {"predict_proba": "probabilities", "decision_function": "logits", "predict": "decisions"}


def is_scorer(thing: object) -> bool:
    """Whether it is a scorer as `sklearn.metrics.make_scorer` makes them."""
    return hasattr(thing, "_score_func") and hasattr(thing, "_sign")


def scorer_named(name: str, classes: Sequence[Hashable] = ()) -> Metric | None:
    """The scorer of this name, or the scorer of the metric function of this name; None if there is none such."""
    try:
        metrics = import_module("sklearn.metrics")
    except ModuleNotFoundError:
        return None
    if name in metrics.get_scorer_names():
        return from_scorer(metrics.get_scorer(name), classes, name)
    function = getattr(metrics, name, None)
    for known in metrics.get_scorer_names():
        scorer: Any = metrics.get_scorer(known)
        if function is not None and scorer._score_func is function and not scorer._kwargs:
            return from_scorer(scorer, classes, known)
    return None


def from_scorer(scorer: Any, classes: Sequence[Hashable] = (), name: str = "") -> Metric:
    """A scorer as a metric: what it negates is given as it is, and lower is better.

    Raises:
        CaseError: it asks a model for something that no prediction says.
    """
    function: Callable[..., Any] = scorer._score_func
    told = name or str(getattr(function, "__name__", "score"))
    asks = scorer._response_method if hasattr(scorer, "_response_method") else "predict"
    ways = [asks] if isinstance(asks, str) else list(asks)
    asked: Form | None = next((_ASKS[way] for way in ways if way in _ASKS), None)
    if asked is None:
        raise CaseError(f"the scorer {told!r} asks a model for {', '.join(ways)}, which is no prediction of a loss.")
    regression = asked == "decisions" and str(function.__module__).endswith("_regression")
    form: Form = "numbers" if regression else asked
    lower = bool(scorer._sign < 0)
    weighs = "sample_weight" in inspect.signature(function).parameters
    options = dict(scorer._kwargs)

    def scored(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        said = _asked(prediction, form, classes)
        seen = _named(target.numpy(), classes) if form == "decisions" or classes else target.numpy()
        more = {"sample_weight": weight.numpy()} if weight is not None else {}
        return float(function(seen, said, **options, **more))

    def unweighted(prediction: Tensor, target: Tensor) -> float:
        return scored(prediction, target)

    return Metric(
        name=told.removeprefix("neg_").replace("_", " "),
        of=scored if weighs else unweighted,
        lower_is_better=lower,
        perfect=0.0 if lower else 1.0,
        takes=form,
    )


def _asked(prediction: Tensor, form: Form, classes: Sequence[Hashable]) -> Any:
    if form == "decisions":
        return _named(prediction.numpy(), classes)
    if prediction.ndim == 2 and prediction.shape[-1] == 2:
        return one_column(prediction, form).double().numpy()
    return prediction.double().numpy() if prediction.ndim == 1 else two_columns(prediction, form).double().numpy()


def _named(numbers: Any, classes: Sequence[Hashable]) -> Any:
    """The classes by the names that their user gave them, so that a scorer's `pos_label` is found."""
    if not classes or not np.issubdtype(numbers.dtype, np.number):
        return numbers
    return np.asarray(classes)[numbers.astype(int)]
