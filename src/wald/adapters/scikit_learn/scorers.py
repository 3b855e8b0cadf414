"""Losses and metrics as scorers of scikit-learn, where greater is better."""

# scikit-learn ships no types, and calls its tables X.
# pyright: reportMissingTypeStubs=false, reportConstantRedefinition=false
# ruff: noqa: N803, N806

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_consistent_length, column_or_1d
import torch
from torch import Tensor

from ...audits import Metric
from ...audits.costing.cost import Cost
from ...audits.errors import CaseError
from ...audits.metrics.forms import Form
from ...audits.metrics.names import metric_of
from ...audits.models.estimator import Estimator
from ...audits.models.scikit_learn import read
from ...audits.models.wanted import Wanted, fitted_targets, wanted_by_trial, wanted_of
from ...core import Loss
from ...losses import Squared
from ..emission import emission_for_numbers
from .arrays import tensor_of
from .estimator import LossEstimator
from .given import loss_given

#: Rows by which it is found out how an estimator is asked.
_FEW = 64


def make_scorer(measure: object, *, lower_is_better: bool | None = None) -> Scorer:
    """A scorer for `scoring=` of cross_val_score, GridSearchCV and the like, from any loss or metric.

    Scikit-learn takes greater for better, so what is a cost is negated. Estimators are asked for what the measure
    takes: logits, probabilities, decisions or numbers, with the columns in the order of the measure, whatever the
    classes are called. A loss is the weighted mean that it is everywhere in wald.

    Args:
        measure: a loss, a `wald.Metric`, a name such as "pinball" or "roc_auc", a metric function or scorer of
            scikit-learn, or a function (prediction, target) of tensors.
        lower_is_better: of a function: True (as of a loss) where nothing is said.

    Returns:
        A scorer: `scorer(estimator, X, y, sample_weight=None)` gives a float.

    Raises:
        ValueError: nothing is known by this name.

    >>> import numpy as np, wald
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]] * 10)
    >>> y = np.array(["no", "no", "yes", "yes"] * 10)
    >>> scorer = wald.adapters.make_scorer(wald.Focal(gamma=2))
    >>> bool((cross_val_score(LogisticRegression(), X, y, scoring=scorer) < 0).all())
    True
    """
    if isinstance(measure, str):
        try:
            return Scorer(metric_of(measure), measure)
        except CaseError as error:
            try:
                return Scorer(loss_given(measure, Squared(), separable=False), measure)
            except ValueError as unknown:
                raise ValueError(f"{unknown} As a metric: {error}") from None
    if isinstance(measure, Metric):
        return Scorer(measure, measure)
    place = str(getattr(measure, "__module__", ""))
    if lower_is_better is False or hasattr(measure, "_score_func") or place.startswith("sklearn.metrics"):
        return Scorer(metric_of(measure, lower_is_better=lower_is_better), measure)
    return Scorer(loss_given(measure, Squared(), separable=False), measure)


class Scorer:
    """A loss or a metric as scikit-learn scores by it: greater is better.

    Attributes:
        measure: the loss or metric.
    """

    def __init__(self, measure: Callable[..., Any] | Metric, given: object) -> None:
        self.measure = measure
        self._given = given
        self._request: Any = MetadataRequest(owner=self)
        self._request.score.add_request(param="sample_weight", alias=None)

    def __repr__(self) -> str:
        return f"make_scorer({self._given!r})"

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The score of a fitted estimator on some rows: minus the mean cost, or the metric.

        Args:
            estimator: fitted.
            X: the rows, as the estimator takes them.
            y: (rows,) targets; classes by their own names.
            sample_weight: (rows,), from 0.

        Raises:
            ValueError: the estimator does not say what the measure takes; the message says what to use.
        """
        weight = None
        if sample_weight is not None:
            check_consistent_length(y, sample_weight)
            weight = tensor_of(column_or_1d(sample_weight))
        classes = getattr(estimator, "classes_", None)
        target = _ids(y, classes) if classes is not None else tensor_of(column_or_1d(y))
        if isinstance(self.measure, Metric):
            return self._by_metric(self.measure, estimator, X, target, weight, classes)
        prediction, target = self._seen(self.measure, estimator, X, target, classes)
        if isinstance(self.measure, Loss):
            return -float(self.measure(prediction, target, weight=weight))
        return -Cost(self.measure, prediction, target).mean(prediction, target, weight)

    def set_score_request(self, *, sample_weight: bool | str | None = None) -> Self:
        """Whether weights are routed here (scikit-learn's metadata routing): True, False, None or another name."""
        self._request.score.add_request(param="sample_weight", alias=sample_weight)
        return self

    def get_metadata_routing(self) -> Any:
        """What this scorer asks for, as scikit-learn's routing wants to know it."""
        return self._request

    def _accept_sample_weight(self) -> bool:
        return True

    def _seen(
        self,
        loss: Callable[..., Any],
        estimator: Any,
        X: Any,
        target: Tensor,
        classes: Any,
    ) -> tuple[Tensor, Tensor]:
        """Prediction and target as the loss takes them."""
        count = 0 if classes is None else len(classes)
        if (own := _own_raw(estimator, X, loss)) is not None:
            return own, _shaped(target, loss, own, count)
        wanted = wanted_of(loss, count)
        if wanted is None and not isinstance(loss, Loss):
            wanted = wanted_by_trial(loss, count)
        if wanted is None:
            raise ValueError(
                f"{loss}: nothing says whether it takes logits or probabilities. Use one of wald's losses."
            )
        prediction = _asked(estimator, X, wanted, str(loss))
        if not count and isinstance(loss, Loss):
            columns, got = emission_for_numbers(loss).outputs, prediction.shape[1] if prediction.ndim == 2 else 1
            if columns != got:
                raise ValueError(
                    f"{loss} takes {columns} columns for each row, and {type(estimator).__name__} predicts {got}. "
                    f"Score a model that predicts them, such as LossRegressor({loss})."
                )
        return prediction, _shaped(target, loss, prediction, count) if count else target

    def _by_metric(
        self,
        metric: Metric,
        estimator: Any,
        X: Any,
        target: Tensor,
        weight: Tensor | None,
        classes: Any,
    ) -> float:
        form: Form = metric.takes or ("numbers" if classes is None else "logits")
        sign = -1.0 if metric.lower_is_better else 1.0
        if form == "decisions" and classes is not None:
            # An estimator decides as it likes, by a threshold of its own, say.
            prediction = _ids(estimator.predict(X), classes)
        else:
            several = classes is not None and len(classes) > 2
            prediction = _asked(estimator, X, Wanted(form, several), metric.name)
        target = target if form == "decisions" or (classes is not None and len(classes) > 2) else target.double()
        return sign * replace(metric, given=form).value(prediction, target, None, weight)


def _asked(estimator: Any, X: Any, wanted: Wanted, name: str) -> Tensor:
    """What an estimator says of rows, in the form that is wanted."""
    source = read(estimator)
    if source is None:
        raise ValueError(f"{type(estimator).__name__} has no fit and predict, so it cannot be scored by {name}.")
    uncertain = source.classes and "probabilities" not in source.says
    if uncertain and wanted.form not in ("margins", "decisions"):
        raise ValueError(
            f"{name} takes {wanted.form}, and {type(estimator).__name__} gives distances from a border "
            "(decision_function), which are neither log-odds nor probabilities. Wrap it in "
            "sklearn.calibration.CalibratedClassifierCV, or score by a loss of margins, such as wald.Hinge()."
        )
    found = Estimator(source, wanted, None, _first(X, _FEW)).on_table(X)
    return found.double()


def _own_raw(estimator: Any, X: Any, loss: object) -> Tensor | None:
    """The raw predictions of an estimator of ours that was fitted by this very loss; None for any other."""
    last = estimator
    while isinstance(last, Pipeline):
        if len(last.steps) > 1:
            X = last[:-1].transform(X)
        last = last.steps[-1][1]
    if not isinstance(last, LossEstimator) or getattr(last, "recalibrate", False):
        return None
    return last.raw(X) if getattr(last, "loss_", None) == loss else None


def _shaped(target: Tensor, loss: object, prediction: Tensor, classes: int) -> Tensor:
    if not classes:
        return target
    if isinstance(loss, Loss):
        second = loss.named_domains[1][1]
        if second.axes == ("classes",):
            return torch.nn.functional.one_hot(target, classes).double()
        return target if second.integer else target.double()
    return fitted_targets(target, Wanted("logits", prediction.ndim == 2)).to(
        torch.int64 if prediction.ndim == 2 else torch.float64
    )


def _ids(y: Any, classes: Any) -> Tensor:
    """Classes as numbers, in the order in which an estimator speaks of them."""
    place: dict[Hashable, int] = {one: k for k, one in enumerate(np.asarray(classes).tolist())}
    try:
        return torch.tensor([place[one] for one in np.asarray(y).tolist()], dtype=torch.int64)
    except KeyError as error:
        raise ValueError(
            f"y contains the class {error.args[0]!r}, which the estimator has never seen; it knows "
            f"{', '.join(map(repr, place))}. Split by class (StratifiedKFold), so that each fold has all of them."
        ) from None


def _first(X: Any, rows: int) -> Any:
    return X.iloc[:rows] if hasattr(X, "iloc") else X[:rows]
