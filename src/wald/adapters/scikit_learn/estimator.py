"""What the two estimators share: parameters, checks of what is given, and the fit."""

# scikit-learn ships no types, and calls its tables X.
# pyright: reportMissingTypeStubs=false, reportConstantRedefinition=false
# ruff: noqa: N803, N806

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from numbers import Integral, Number, Real
from typing import Any, Literal, Self
import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, validate_data
import torch
from torch import Tensor

from ...audits.costing.cost import Cost
from ...core import Loss
from ..emission import Emission
from .arrays import tensor_of
from .fitting import LinearFit, fit_linear
from .network import NetworkFit, fit_network
from .rows import Rows

Model = Literal["linear", "mlp"]

#: The most steps of a linear fit, where none are given.
_STEPS = 1000


class LossEstimator(BaseEstimator):
    """A model of scikit-learn that is fitted by a loss."""

    def __init__(
        self,
        loss: Any = None,
        *,
        model: Model = "linear",
        hidden: tuple[int, ...] = (64,),
        penalty: float = 1e-3,
        tol: float = 1e-6,
        max_iter: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = None,
    ) -> None:
        self.loss = loss
        self.model = model
        self.hidden = hidden
        self.penalty = penalty
        self.tol = tol
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; with `deep` the fields of the loss too, as "loss__gamma"."""
        found: dict[str, Any] = super().get_params(deep)
        if deep and isinstance(self.loss, Loss):
            found |= {f"loss__{name}": getattr(self.loss, name) for name in _fields(self.loss)}
        return found

    def set_params(self, **params: Any) -> Self:
        """Change parameters; "loss__gamma" changes a field of the loss."""
        inner = {name: value for name, value in params.items() if name.startswith("loss__")}
        super().set_params(**{name: value for name, value in params.items() if name not in inner})
        if inner:
            if not isinstance(self.loss, Loss):
                raise ValueError(
                    f"{', '.join(inner)}: loss={self.loss!r} has no fields. Give a loss value, such as "
                    "loss=wald.Focal(), whose fields can then be set."
                )
            changes = {name.removeprefix("loss__"): value for name, value in inner.items()}
            if unknown := sorted(changes.keys() - set(_fields(self.loss))):
                raise ValueError(
                    f"{type(self.loss).__name__} has no field {', '.join(unknown)}; it has "
                    f"{', '.join(_fields(self.loss))}."
                )
            self.loss = self.loss.replace(**changes)
        return self

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.non_deterministic = False
        return tags

    def raw(self, X: Any) -> Tensor:
        """The predictions exactly as the loss takes them: a float64 tensor, (rows,) or (rows, outputs)."""
        score = self._score(X)
        return self._emission.emit(score)

    # What the fit of either kind consists of.

    _emission: Emission
    _fit: LinearFit | NetworkFit

    def _given(self, X: Any, y: Any, sample_weight: Any, **how: Any) -> tuple[Any, Any, Any]:
        """Features, targets and weights of the rows that count; nothing of the caller's is changed."""
        self._refuse_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64, **how)
        weight = _weights(sample_weight, X)
        counted = weight > 0
        if not counted.any():
            raise ValueError(
                "every sample weight is zero, so no row is left to fit on. Give some rows a positive weight."
            )
        if not counted.all():
            X, y, weight = X[counted], y[counted], weight[counted]
        return X, y, weight

    def _learn(self, X: Any, target: Tensor, weight: Any, loss: Callable[..., Any], emission: Emission) -> Rows:
        features, mass = tensor_of(X), tensor_of(weight)
        # Scores of 0 are a valid prediction of every emission, so what is refused here are the targets.
        cost = Cost(loss, emission.emit(torch.zeros(len(target), emission.outputs, dtype=torch.float64)), target)
        if not cost.separable:
            raise ValueError(
                f"{cost.name}: it gives one number for a batch, which is no mean over rows, so rows cannot be "
                "weighted or split. Use a loss with one value a row."
            )
        rows = Rows(cost, emission, target, mass)
        found = self._network(features, rows) if self.model == "mlp" else self._linear(features, rows)
        self.loss_, self._emission, self._fit = loss, emission, found
        self.loss_curve_ = list(found.curve)
        self.penalty_ = found.penalty.numpy()
        return rows

    def _linear(self, features: Tensor, rows: Rows) -> LinearFit:
        found = fit_linear(features, rows, penalty=self.penalty, tolerance=self.tol, steps=self.max_iter or _STEPS)
        self.n_iter_ = max(1, len(found.curve) - 1)
        if not found.settled:
            self._warn(
                rows,
                f"after {self.n_iter_} steps the steepest coefficient still has {found.steepness:.1e} of a row's usual "
                f"pull (tol={self.tol:g}). Raise max_iter or penalty, or accept a larger tol.",
            )
        return found

    def _network(self, features: Tensor, rows: Rows) -> NetworkFit:
        found = fit_network(
            features, rows, hidden=self._hidden(), penalty=self.penalty, passes=self.max_iter, batch=self.batch_size,
            rate=self.learning_rate, held_out=self.validation_fraction if self.early_stopping else None,
            patience=self.n_iter_no_change, tolerance=self.tol, source=self._source(),
        )  # fmt: skip
        self.n_iter_ = len(found.curve)
        self.validation_curve_ = list(found.held_out)
        if not found.settled:
            self._warn(rows, "a gradient was infinite or no number, so the fit ended early. Lower learning_rate.")
        return found

    def _warn(self, rows: Rows, text: str) -> None:
        warnings.warn(f"{type(self).__name__}({rows.cost.name}): {text}", ConvergenceWarning, stacklevel=5)

    def _score(self, X: Any) -> Tensor:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self._fit.score(tensor_of(X))

    def _refuse_parameters(self) -> None:
        for name, low, whole in (
            ("penalty", 0, False), ("tol", 0, False), ("max_iter", 1, True), ("batch_size", 1, True),
            ("learning_rate", 0, False), ("n_iter_no_change", 1, True),
        ):  # fmt: skip
            value: Any = getattr(self, name)
            open_ended = name in ("max_iter", "batch_size")
            if open_ended and value is None:
                continue
            if not (_is_number(value, whole=whole) and value >= low):
                raise ValueError(f"{name} is a {'whole ' if whole else ''}number from {low} on; got {value!r}.")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction is a share between 0 and 1; got {self.validation_fraction!r}.")
        if self.model not in ("linear", "mlp"):
            raise ValueError(f"model is 'linear' or 'mlp' (a small network); got {self.model!r}.")

    def _hidden(self) -> tuple[int, ...]:
        hidden: Any = self.hidden
        given: tuple[Any, ...] = (hidden,) if isinstance(hidden, Integral) else tuple(hidden)
        if not all(_is_number(one, whole=True) and one >= 1 for one in given):
            raise ValueError(f"hidden is the number of units of each hidden layer, such as (64,); got {self.hidden!r}.")
        return tuple(int(one) for one in given)

    def _source(self) -> torch.Generator:
        """A source of random numbers of this fit alone."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return torch.Generator().manual_seed(int(seed))


def _is_number(value: Any, *, whole: bool) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral if whole else Real)


def _fields(loss: Loss) -> tuple[str, ...]:
    return tuple(field.name for field in fields(loss))  # pyright: ignore[reportArgumentType]


def _weights(given: Any, X: Any) -> Any:
    """One weight for each row; 1 where none are given."""
    if given is None:
        return np.ones(len(X))
    if isinstance(given, Number):
        return np.full(len(X), _not_negative(np.array([given], dtype=np.float64))[0])
    found: Any = check_array(given, ensure_2d=False, dtype="float64", input_name="sample_weight", copy=True)
    if found.ndim != 1:
        raise ValueError(f"sample_weight has one number for each row, (rows,); got the shape {found.shape}.")
    check_consistent_length(found, X)
    return _not_negative(found)


def _not_negative(weight: Any) -> Any:
    if below := int((weight < 0).sum()):
        raise ValueError(
            f"sample_weight: {below} of {len(weight)} values are negative, and a negative weight would drive the loss "
            "of its row up. Negative values are refused; use weights from 0."
        )
    return weight
