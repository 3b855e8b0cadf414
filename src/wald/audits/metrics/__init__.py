"""Metrics for a case: what the user is judged by."""

from .decisions import (
    accuracy as accuracy,
    balanced_accuracy as balanced_accuracy,
    error_rate as error_rate,
    f1 as f1,
    kappa as kappa,
    matthews as matthews,
    precision as precision,
    recall as recall,
)
from .metric import Columns as Columns, Metric as Metric, capitalised as capitalised
from .names import metric_named as metric_named, metric_of as metric_of
from .numbers import (
    absolute_error as absolute_error,
    largest_error as largest_error,
    median_error as median_error,
    percentage_error as percentage_error,
    r2 as r2,
    root_squared_error as root_squared_error,
    squared_error as squared_error,
    squared_log_error as squared_log_error,
    weighted_percentage_error as weighted_percentage_error,
)
from .probabilities import brier as brier, log_loss as log_loss
from .ranking import auc as auc, average_precision as average_precision, ndcg as ndcg
