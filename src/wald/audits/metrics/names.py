"""A metric by the name that people know it by, or from a function or a scorer of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from difflib import get_close_matches
import re
from typing import Any

from ..errors import CaseError
from . import decisions, numbers, probabilities, ranking
from .metric import Metric
from .scorers import from_scorer, is_scorer, scorer_named

#: Names with "neg_", "_score", "_error" and the like left out; see `_plain`.
_KNOWN: dict[str, Callable[[], Metric]] = {
    "accuracy": decisions.accuracy,
    "error rate": decisions.error_rate,
    "zero one loss": decisions.error_rate,
    "balanced accuracy": decisions.balanced_accuracy,
    "matthews corrcoef": decisions.matthews,
    "mcc": decisions.matthews,
    "cohen kappa": decisions.kappa,
    "kappa": decisions.kappa,
    "roc auc": ranking.auc,
    "auc": ranking.auc,
    "auroc": ranking.auc,
    "average precision": ranking.average_precision,
    "ap": ranking.average_precision,
    "aucpr": ranking.average_precision,
    "pr auc": ranking.average_precision,
    "auprc": ranking.average_precision,
    "ndcg": ranking.ndcg,
    "log loss": probabilities.log_loss,
    "logloss": probabilities.log_loss,
    "cross entropy": probabilities.log_loss,
    "brier": probabilities.brier,
    "brier loss": probabilities.brier,
    "mean absolute error": numbers.absolute_error,
    "mae": numbers.absolute_error,
    "mean squared error": numbers.squared_error,
    "mse": numbers.squared_error,
    "root mean squared error": numbers.root_squared_error,
    "rmse": numbers.root_squared_error,
    "mean squared log error": numbers.squared_log_error,
    "msle": numbers.squared_log_error,
    "mean absolute percentage error": numbers.percentage_error,
    "mape": numbers.percentage_error,
    "weighted absolute percentage error": numbers.weighted_percentage_error,
    "wape": numbers.weighted_percentage_error,
    "median absolute error": numbers.median_error,
    "max error": numbers.largest_error,
    "r2": numbers.r2,
    "r²": numbers.r2,
}
for _name, _make in (("f1", decisions.f1), ("precision", decisions.precision), ("recall", decisions.recall)):
    _KNOWN[_name] = _make
    for _average in ("macro", "micro", "weighted"):
        _KNOWN[f"{_name} {_average}"] = lambda make=_make, average=_average: make(average=average)


def metric_named(name: str, classes: Sequence[Hashable] = ()) -> Metric:
    """The metric that scikit-learn, XGBoost or people call so: "roc_auc", "neg_mean_absolute_error", "f1", "mape".

    Args:
        name: of a scorer or a metric function; what scikit-learn negates ("neg_...") is given as it is, lower better.
        classes: the classes by the numbers that the case gives them, for scorers that ask for their names.

    Raises:
        CaseError: no metric is known by this name; the message gives the nearest ones.

    >>> metric_named("neg_mean_absolute_error").lower_is_better
    True
    """
    plain = _plain(name)
    for tried in (plain, plain.removesuffix(" score")):
        if tried in _KNOWN:
            return _KNOWN[tried]()
    if (theirs := scorer_named(name.strip(), classes)) is not None:
        return theirs
    known = sorted({one.replace(" ", "_") for one in _KNOWN})
    near = get_close_matches(name.strip().replace(" ", "_").removeprefix("neg_"), known, n=3, cutoff=0.5)
    told = f"The nearest are {', '.join(near)}." if near else f"There are {', '.join(known)}."
    raise CaseError(
        f"no metric is known as {name!r}. {told} Or give a function of (prediction, target) with lower_is_better=."
    )


def metric_of(
    metric: object,
    *,
    lower_is_better: bool | None = None,
    classes: Sequence[Hashable] = (),
    example: Callable[[], tuple[Any, Any]] | None = None,
) -> Metric:
    """The metric that a person means.

    Args:
        metric: a Metric, a name, a scorer or a metric function of scikit-learn, or a callable (prediction, target).
        lower_is_better: whether less is better, which nobody can see in a callable.
        classes: as in `metric_named`.
        example: gives a few predictions and targets, to see whether a callable gives one value a row.

    Raises:
        CaseError: it is none of these, or nothing says whether less is better.
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str):
        return metric_named(metric, classes)
    if is_scorer(metric):
        return from_scorer(metric, classes)
    if not callable(metric):
        raise CaseError(
            f"metric is a wald.Metric, a name such as 'roc_auc', or a function of (prediction, target); got "
            f"{type(metric).__name__}."
        )
    name = str(getattr(metric, "__name__", None) or type(metric).__name__)
    if str(getattr(metric, "__module__", "")).startswith("sklearn.metrics"):
        # Its functions take (target, prediction), and each has a name with a known direction.
        return metric_named(name, classes)
    if lower_is_better is None:
        raise CaseError(
            f"nothing says whether less of {name!r} is better. Give lower_is_better=True for a cost and False for a "
            "score (in a command --lower-is-better or --higher-is-better), or make it a wald.Metric(name=..., "
            "per_example=..., lower_is_better=...)."
        )
    shown = "metric" if name == "<lambda>" else name.replace("_", " ")
    function: Callable[..., Any] = metric
    by_row = _by_row(function, example)
    return Metric(
        name=shown,
        per_example=function if by_row else None,
        of=None if by_row else function,
        lower_is_better=lower_is_better,
        # The best score of a function that nobody knows is not known.
        perfect=None if lower_is_better else float("inf"),
    )


def _by_row(metric: Callable[..., Any], example: Callable[[], tuple[Any, Any]] | None) -> bool:
    if example is None:
        return False
    try:
        prediction, target = example()
        return getattr(metric(prediction, target), "shape", ()) == (len(prediction),)
    except Exception:
        # What is wrong is told when the metric is measured, with the rows that it is measured on.
        return False


def _plain(name: str) -> str:
    words = re.sub(r"[\s_:-]+", " ", name.strip().lower())
    words = words.removeprefix("neg ").removeprefix("negative ")
    return words.removesuffix(" score").removesuffix(" loss") if words not in _KNOWN else words
