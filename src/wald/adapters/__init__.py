"""Floor 3: the losses in other people's tools. A tool is imported when its name here is first used."""

from typing import TYPE_CHECKING as _TYPING

if _TYPING:
    from .boosting import (
        Boosted as Boosted,
        BoostingError as BoostingError,
        catboost as catboost,
        lightgbm as lightgbm,
        xgboost as xgboost,
    )
    from .scikit_learn import (
        LossClassifier as LossClassifier,
        LossRegressor as LossRegressor,
        make_scorer as make_scorer,
    )

#: The room that each name comes from.
_LATER = dict.fromkeys(("LossClassifier", "LossRegressor", "make_scorer"), "scikit_learn") | dict.fromkeys(
    ("Boosted", "BoostingError", "catboost", "lightgbm", "xgboost"), "boosting"
)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(sorted(_LATER))}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_LATER)
