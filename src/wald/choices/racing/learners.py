"""What is trained: the same learner for every candidate, so that only the loss differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import inspect
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ...audits.metrics.forms import Form, converted, one_column, two_columns
from ...audits.models.wanted import wanted_of
from ...core import Loss
from ..errors import ChoiceError
from .tables import Encoding

Settings = Mapping[str, Any]

#: Takes inputs and gives raw predictions, exactly as the loss takes them.
Predictor = Callable[[Any], Tensor]


#: Into how many parts training rows are dealt, to judge settings and thresholds by rows that were not trained on.
PARTS = 4

#: Up to so many training rows a linear model is trained in a moment.
_FEW = 20_000


def judging(learner: Learner, rows: int) -> int:
    """How many of these parts judge settings: all where that is cheap, as a quarter of few rows chooses by luck."""
    return PARTS if learner.name == "linear" and rows <= _FEW else 1


@runtime_checkable
class Learner(Protocol):
    """How a loss becomes a model.

    Attributes:
        name: what a report calls it.
        encoding: how it wants its inputs.
        settings: what is tried for every loss alike, from the plainest on.
    """

    @property
    def name(self) -> str:
        """What a report calls it."""
        ...

    @property
    def encoding(self) -> Encoding:
        """How it wants its inputs."""
        ...

    @property
    def settings(self) -> tuple[Settings, ...]:
        """What is tried."""
        ...

    def fit(
        self, inputs: Any, target: Tensor, loss: Loss, *, classes: int, weight: Tensor | None, seed: int,
        settings: Settings,
    ) -> Predictor:  # fmt: skip
        """Train on these rows: target (rows,) class numbers where there are classes, numbers otherwise."""
        ...


@dataclass(frozen=True)
class Network:
    """A linear model or a small network, trained by the loss itself.

    Attributes:
        name: "linear" or "mlp".
        settings: what is tried.
    """

    name: Literal["linear", "mlp"] = "linear"
    settings: tuple[Settings, ...] = ({"penalty": 1e-3}, {"penalty": 1e-5}, {"penalty": 1e-1})
    encoding: Encoding = "scaled"

    def fit(
        self, inputs: Any, target: Tensor, loss: Loss, *, classes: int, weight: Tensor | None, seed: int,
        settings: Settings,
    ) -> Predictor:  # fmt: skip
        """By `wald.adapters.LossClassifier` or `LossRegressor`."""
        from ...adapters.scikit_learn import LossClassifier, LossRegressor

        kind = LossClassifier if classes else LossRegressor
        model: Any = kind(loss, model=self.name, random_state=seed, **settings)
        model.fit(inputs, target.numpy(), sample_weight=None if weight is None else weight.numpy())
        return model.raw


@dataclass(frozen=True)
class Boosting:
    """Gradient boosting with the loss as its objective.

    Attributes:
        engine: "xgboost", "lightgbm" or "catboost".
        settings: what is tried.
    """

    engine: str
    settings: tuple[Settings, ...] = ({"rounds": 60}, {"rounds": 25}, {"rounds": 150})
    encoding: Encoding = "coded"

    @property
    def name(self) -> str:
        """Which engine, in words."""
        return f"boosting ({self.engine})"

    def fit(
        self, inputs: Any, target: Tensor, loss: Loss, *, classes: int, weight: Tensor | None, seed: int,
        settings: Settings,
    ) -> Predictor:  # fmt: skip
        """By `wald.adapters.xgboost`, `.lightgbm` or `.catboost`."""
        from ... import adapters

        truth = target.numpy()
        mass = None if weight is None else weight.numpy()
        adapter: Any = getattr(adapters, self.engine)(loss, truth, weight=mass)
        told = dict(settings)
        return adapter.fit(
            inputs, truth, weight=mass, rounds=told.pop("rounds"), seed=seed, **SHALLOW[self.engine] | told
        ).raw


#: Shallow trees on one thread, the same for every engine as far as their names allow.
SHALLOW: dict[str, dict[str, Any]] = {
    "xgboost": {"max_depth": 4, "eta": 0.1, "nthread": 1},
    "lightgbm": {"num_leaves": 15, "learning_rate": 0.1, "num_threads": 1, "deterministic": True, "verbosity": -1},
    "catboost": {"depth": 4, "learning_rate": 0.1, "thread_count": 1},
}


@dataclass(frozen=True)
class Own:
    """A model of the user's own.

    Attributes:
        factory: (loss, seed) → an object with `fit(X, y)` or `fit(X, y, sample_weight)`, and `raw`,
            `decision_function`, `predict_proba` or `predict`.
    """

    factory: Callable[..., Any]
    settings: tuple[Settings, ...] = ({},)
    encoding: Encoding = "given"

    @property
    def name(self) -> str:
        """What the user calls it."""
        return str(getattr(self.factory, "__name__", None) or type(self.factory).__name__)

    def fit(
        self, inputs: Any, target: Tensor, loss: Loss, *, classes: int, weight: Tensor | None, seed: int,
        settings: Settings,
    ) -> Predictor:  # fmt: skip
        """By the user's own `fit`.

        Raises:
            ChoiceError: it takes no weights and rows have them, or it predicts nothing that can be read.
        """
        model: Any = self.factory(loss, seed, **settings)
        more: dict[str, Any] = {}
        if weight is not None:
            if "sample_weight" not in inspect.signature(model.fit).parameters:
                raise ChoiceError(
                    f"{type(model).__name__}.fit takes no sample_weight, and the rows have weights. Give it one, or "
                    "leave weights= out."
                )
            more["sample_weight"] = weight.numpy()
        fitted: Any = model.fit(inputs, target.numpy(), **more)
        fitted = model if fitted is None else fitted
        for way in ("raw", "decision_function", "predict_proba", "predict"):
            if hasattr(fitted, way):
                return _Read(getattr(fitted, way), way, loss, classes)
        raise ChoiceError(
            f"{type(fitted).__name__} has none of raw, decision_function, predict_proba and predict, so that nothing "
            "can be read from it. Give it raw(X): predictions exactly as the loss takes them."
        )


@dataclass(frozen=True)
class _Read:
    """A method of a fitted model, whose answers are written as the loss takes them."""

    method: Callable[..., Any]
    way: str
    loss: Loss
    classes: int

    def __call__(self, inputs: Any) -> Tensor:
        found = self.method(inputs)
        found = found.detach().cpu() if isinstance(found, Tensor) else torch.from_numpy(np.asarray(found))
        if self.way == "raw":
            return found
        wanted = wanted_of(self.loss, self.classes)
        have: Form = "logits" if self.way == "decision_function" else "probabilities"
        if self.way == "predict":
            have = "numbers"
            if self.classes:
                raise ChoiceError(
                    "a model that only has predict says which class, and not how sure it is of it; a race of losses "
                    "needs raw(X), decision_function(X) or predict_proba(X)."
                )
        if wanted is None:
            return found
        if found.ndim == 2 and found.shape[1] == 1:
            found = found[:, 0]
        if self.classes == 2:
            found = two_columns(found, have) if wanted.by_class else one_column(found, have)
        return converted(found.double(), have, wanted.form)


def learner_of(given: object) -> Learner:
    """The learner that a person means.

    Args:
        given: "linear", "mlp", "boosting", "xgboost", "lightgbm", "catboost", a `Learner`, or a factory
            (loss, seed) → an object with `fit(X, y, sample_weight)`.

    Raises:
        ChoiceError: it is none of these.
        ModuleNotFoundError: no engine for boosting is installed.
    """
    if given == "linear":
        return Network()
    if given == "mlp":
        return Network("mlp", tuple({"penalty": one, "hidden": (32,), "early_stopping": True} for one in (1e-3, 1e-1)))
    if given in ("xgboost", "lightgbm", "catboost"):
        return Boosting(str(given))
    if given == "boosting":
        return Boosting(_engine())
    if isinstance(given, Learner) and not isinstance(given, type):
        return given
    if callable(given):
        return Own(given)
    raise ChoiceError(
        f"learner is 'linear', 'mlp', 'boosting', or a function (loss, seed) that returns an object with fit(X, y); "
        f"got {given!r}."
    )


def _engine() -> str:
    from importlib.util import find_spec

    for name in ("xgboost", "lightgbm", "catboost"):
        if find_spec(name) is not None:
            return name
    raise ModuleNotFoundError('Boosting is done by xgboost, lightgbm or catboost: pip install "wald[gbdt]".')
