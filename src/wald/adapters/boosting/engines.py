"""The engines by name."""

from __future__ import annotations

from .boosted import Engine


def engine_named(name: str) -> Engine:
    """The engine of that name: "xgboost", "lightgbm" or "catboost"."""
    from ._catboost import CatBoostEngine
    from ._lightgbm import LightGBMEngine
    from ._xgboost import XGBoostEngine

    engines: tuple[Engine, ...] = (XGBoostEngine(), LightGBMEngine(), CatBoostEngine())
    return {engine.name: engine for engine in engines}[name]
