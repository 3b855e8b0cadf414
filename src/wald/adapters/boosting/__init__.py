"""Gradient boosting: any loss of the catalogue as an objective of XGBoost, LightGBM and CatBoost."""

from ._catboost import catboost as catboost
from ._lightgbm import lightgbm as lightgbm
from ._xgboost import xgboost as xgboost
from .adapter import Adapter as Adapter
from .boosted import Boosted as Boosted
from .errors import BoostingError as BoostingError
from .policy import Policy as Policy
