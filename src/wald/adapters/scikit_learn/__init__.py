"""Losses in scikit-learn: estimators that are fitted by any loss, and scorers of any loss or metric."""

from .classifier import LossClassifier as LossClassifier
from .regressor import LossRegressor as LossRegressor
from .scorers import Scorer as Scorer, make_scorer as make_scorer
