"""A model that is in a file."""

from __future__ import annotations

from importlib import import_module
import inspect
from pathlib import Path
import pickle
from typing import Any

from torch import nn

from ...checks.subjects.target import file_of
from ..errors import CaseError
from ..reading.libraries import library

_PICKLED = (".pkl", ".pickle", ".joblib")


def runs_code(path: str) -> bool:
    """Whether reading this file runs code that is in it, so that it must come from somebody who is trusted."""
    return Path(path).suffix.lower() in _PICKLED


def model_in(path: str) -> Any:
    """The model in a file: a pickle (.pkl, .joblib), one of XGBoost (.json, .ubj), LightGBM (.txt), CatBoost (.cbm).

    Or "file.py:name", for what Python makes: a torch module, a model of Hugging Face, a function; a function of no
    argument is called and gives the model. A pickle runs the code that is in it, and so does a Python file.

    Raises:
        CaseError: there is no such file, or no model in it.
    """
    place, colon, name = path.rpartition(":")
    if colon and place.endswith(".py"):
        return _named(Path(place), name)
    file = Path(path)
    if not file.exists():
        raise CaseError(f"there is no file {path!r} here. A model in Python code is named as file.py:name.")
    try:
        return _loaded(file)
    except (CaseError, ModuleNotFoundError):
        raise
    except Exception as error:
        raise CaseError(f"{path} cannot be read as a model: {type(error).__name__}: {error}") from error


def _loaded(file: Path) -> Any:
    match file.suffix.lower():
        case ".pkl" | ".pickle" | ".joblib":
            return _unpickled(file)
        case ".json" | ".ubj" | ".xgb":
            booster = library("xgboost", extra="gbdt", what="It is read").Booster()
            booster.load_model(str(file))
            return booster
        case ".txt" | ".lgb":
            return library("lightgbm", extra="gbdt", what="It is read").Booster(model_file=str(file))
        case ".cbm":
            return library("catboost", extra="gbdt", what="It is read").CatBoost().load_model(str(file))
        case ".py":
            raise CaseError(f"{file} is Python code; say which of its names is the model: {file}:name.")
        case ".pt" | ".pth" | ".safetensors" | ".ckpt":
            raise CaseError(
                f"{file} holds the parameters of a model and not the model. Write a Python file with a function that "
                "builds it and loads them, and give --model file.py:function."
            )
        case ending:
            raise CaseError(
                f"no model is read from {ending or 'a file without an ending'}; known are .pkl and .joblib, .json and "
                ".ubj of XGBoost, .txt of LightGBM, .cbm of CatBoost, and file.py:name."
            )


def _unpickled(file: Path) -> Any:
    try:
        return import_module("joblib").load(file)
    except ModuleNotFoundError as error:
        if error.name != "joblib":
            raise
        with file.open("rb") as opened:
            return pickle.load(opened)  # noqa: S301  (its user is told that this runs code)


def _named(file: Path, name: str) -> Any:
    where = file_of(file)
    if not hasattr(where, name):
        own = [key for key in vars(where) if not key.startswith("_")]
        raise CaseError(f"{file} has no {name!r}; there are {', '.join(own)}.")
    found = getattr(where, name)
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        return found()
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found()
    return found
