"""A metric that counts → a loss whose best prediction is best for it, or the nearest thing where none is known."""

from __future__ import annotations

from collections.abc import Callable
import re

from ...audits import Metric
from ...audits.errors import CaseError
from ...audits.metrics.names import metric_named
from ..errors import ChoiceError
from . import (
    metrics_of_classes as classes,
    metrics_of_counts as counts,
    metrics_of_numbers as numbers,
    metrics_of_order as order,
)
from .designed import Design
from .from_statistic import from_statistic
from .setting import Setting
from .words import nearest, split, written

_By = Callable[[str, Setting], Design]

#: Every metric that can be asked for, by the names that people give it.
METRICS: dict[str, _By] = {
    "accuracy": classes.accuracy,
    "error rate": classes.accuracy,
    "zero one loss": classes.accuracy,
    "top k accuracy": classes.top_k,
    "balanced accuracy": counts.balanced_accuracy,
    "youden": counts.balanced_accuracy,
    "g mean": counts.geometric_mean,
    "f1": counts.f1,
    "f2": counts.f2,
    "f0.5": counts.f_half,
    "f beta": counts.f_beta,
    "fbeta": counts.f_beta,
    "dice": counts.f1,
    "jaccard": counts.jaccard,
    "iou": counts.jaccard,
    "mcc": counts.matthews,
    "matthews corrcoef": counts.matthews,
    "kappa": counts.kappa,
    "cohen kappa": counts.kappa,
    "quadratic weighted kappa": classes.quadratic_kappa,
    "recall at fpr": counts.recall_at_fpr,
    "tpr at fpr": counts.recall_at_fpr,
    "recall at precision": counts.recall_at_precision,
    "precision at recall": counts.precision_at_recall,
    "precision": counts.precision,
    "recall": counts.recall,
    "sensitivity": counts.recall,
    "specificity": counts.precision,
    "log loss": classes.log_loss,
    "cross entropy": classes.log_loss,
    "perplexity": classes.log_loss,
    "brier": classes.brier,
    "calibration": classes.calibration,
    "ece": classes.calibration,
    "precision at k": order.precision_at_k,
    "recall at k": order.precision_at_k,
    "lift": order.precision_at_k,
    "auc": order.auc,
    "roc": order.auc,
    "roc auc": order.auc,
    "auroc": order.auc,
    "gini": order.auc,
    "concordance": order.auc,
    "average precision": order.average_precision,
    "ap": order.average_precision,
    "pr auc": order.average_precision,
    "auprc": order.average_precision,
    "ndcg": order.ndcg,
    "dcg": order.ndcg,
    "map": order.by_query,
    "mean average precision": order.by_query,
    "mrr": order.by_query,
    "hit rate": order.by_query,
    "mae": numbers.absolute,
    "mean absolute error": numbers.absolute,
    "mase": numbers.scaled,
    "wape": numbers.relative_sum,
    "wmape": numbers.relative_sum,
    "weighted absolute percentage error": numbers.relative_sum,
    "mape": numbers.percentage,
    "mean absolute percentage error": numbers.percentage,
    "smape": numbers.symmetric_percentage,
    "mse": numbers.squared,
    "mean squared error": numbers.squared,
    "rmse": numbers.squared,
    "root mean squared error": numbers.squared,
    "r2": numbers.explained,
    "explained variance": numbers.explained,
    "pearson": numbers.correlation,
    "spearman": numbers.rank_correlation,
    "kendall": numbers.rank_correlation,
    "msle": numbers.squared_log,
    "mean squared log error": numbers.squared_log,
    "rmsle": numbers.squared_log,
    "median absolute error": numbers.median_error,
    "max error": numbers.largest_error,
    "mean poisson deviance": numbers.poisson,
    "mean gamma deviance": numbers.gamma,
    "crps": numbers.crps,
    "pinball": numbers.pinball,
    "quantile": numbers.pinball,
    "coverage": numbers.coverage,
}

_MONEY = {"money", "cost", "costs", "profit", "dollars", "expected cost"}


def from_metric(wish: object, setting: Setting) -> Design:
    """The design for a metric by name, or for a `wald.Metric` that says what it elicits."""
    if isinstance(wish, Metric):
        return _of_metric(wish, setting)
    text = written(wish, "metric", "f1")
    # recall@fpr=0.01 is recall at fpr=0.01, while ndcg@10 is ndcg with 10.
    name, value = _with_its_number(*split(re.sub(r"@\s*(?=[a-z])", " at ", text.lower())))
    for spelling in _spellings(name):
        if spelling in _MONEY:
            raise ChoiceError(
                f'metric={text!r}: what is earned or lost follows from what decisions cost. Give costs="fn=100,fp=1", '
                "or underage= and overage= for amounts, in place of metric=."
            )
        if spelling in METRICS:
            return METRICS[spelling](value, setting)
    try:
        return _of_metric(metric_named(text), setting)
    except CaseError:
        known = [key.replace(" ", "_") for key in METRICS]
        raise ChoiceError(
            f"no metric is known as {text!r}. {nearest(name.replace(' ', '_'), known)} If it adds up over rows, it is "
            "a loss itself, unless it is flat: write it in torch and run wald.check on it."
        ) from None


def _of_metric(metric: Metric, setting: Setting) -> Design:
    """What a metric says that it elicits is asked for instead."""
    by = {"ranking": "auc", "decision": "accuracy"}
    if metric.elicits in by:
        return METRICS[by[metric.elicits]]("", setting)
    if metric.elicits == "probability" and setting.classes > 2:
        return from_statistic("distribution", setting.facts)
    if metric.elicits in (None, "none", "unresolved"):
        raise ChoiceError(
            f"metric {metric.name!r} does not say which statistic it rewards (elicits=), so no loss can be derived "
            "from "
            'it. Set Metric(elicits="mean" or "median", "quantile(0.9)", "probability", "ranking"), if you know it.'
        )
    return from_statistic(metric.elicits, setting.facts)


def _spellings(name: str) -> list[str]:
    """The name, and the same without what libraries put around it."""
    bare = name.removeprefix("neg ").removeprefix("negative ")
    return [name, bare, bare.removesuffix(" score"), bare.removesuffix(" loss"), bare.removesuffix(" error")]


def _with_its_number(name: str, value: str) -> tuple[str, str]:
    """The name with k for its number: "precision at 100" is precision at k, with 100."""
    words = name.split()
    numbers = [word for word in words if word.rstrip("%").replace(".", "", 1).isdigit()]
    if value and name in ("precision", "recall", "lift", "map"):
        return ("mean average precision" if name == "map" else "precision at k"), value
    if not numbers or value:
        return name, value
    spelled = " ".join("k" if word == numbers[0] else word for word in words)
    return ("lift", numbers[0]) if spelled == "lift at k" else (spelled, numbers[0])
