"""A regression model that is fitted by any loss of numbers."""

# scikit-learn ships no types, and calls its tables X.
# pyright: reportMissingTypeStubs=false, reportConstantRedefinition=false
# ruff: noqa: N803, N806

from __future__ import annotations

from typing import Any, Self

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from ...losses import Squared
from ..emission import emission_for_numbers
from .arrays import tensor_of
from .estimator import LossEstimator
from .fitting import LinearFit
from .given import loss_given


class LossRegressor(RegressorMixin, LossEstimator):
    """A regression model that is fitted by any loss of numbers with one value a row, in scikit-learn's conventions.

    The number of outputs follows from the loss: one for each level of `Pinball(level=(0.1, 0.9))`, two for
    `GaussianNLL`, `FisslerZiegel` and `Interval`. `predict` speaks in the unit of the target: `Poisson()` is linear in
    the log of the rate, and predicts the rate; a loss whose predictions must be positive gets a model that is linear in
    their log; of `GaussianNLL` it is the mean. `raw` gives what the loss takes.

    Features are centred and divided by their weighted standard deviations inside. A linear fit starts at the loss's
    best constant and takes Newton steps in float64 (L-BFGS for many coefficients). Losses with kinks, which are found
    by measurement, are seen through windows that narrow until what they hide is negligible; see `Windowed`. A network
    is trained by Adam and is the average of its weights. A `ConvergenceWarning` says where an end was not reached.

    Args:
        loss: a loss, a class of losses, a name ("huber", "Pinball(level=0.9)"), or a function (prediction, target) of
            tensors with one value a row; None is the squared error. Its fields can be searched: {"loss__delta": [...]}.
        model: "linear", or "mlp" for a small network.
        hidden: how many units each hidden layer of the network has.
        penalty: on half the squared coefficients (the weights of a network), intercepts left out, as a share of how
            hard a row pulls on average at the best constant. So neither the unit of the target, nor that of the loss,
            nor the weight of a class changes how strongly a model is held; `penalty_` is the number that results.
        tol: of a linear fit, the slope of the steepest coefficient that counts as none, in the same unit. For a loss
            with kinks the fit ends where the cost is within about 1e-4 of its least, as a share. Of a network with
            early_stopping, the least gain that counts, as a share.
        max_iter: the most steps of a linear fit (None: 1000), or the passes of a network over the rows (None: enough
            of them for 2000 steps; 1000 where a step sees all rows).
        batch_size: rows a step of the network; None for 128 to 1024 by their number, and all of up to 512.
        learning_rate: the size of the network's first steps; without early_stopping they fall to 0 along a cosine.
        early_stopping: hold rows out and end the network's training when their cost no longer falls. A linear fit is
            carried to its minimum, and what holds it is the penalty.
        validation_fraction: the share of rows held out, of the same mix of targets.
        n_iter_no_change: how many passes without a gain are waited for.
        random_state: an integer, a numpy RandomState or None; only a network draws anything, and from a source of
            its own.

    Attributes:
        coef_: of a linear model, in the units of the features: (features,) for a loss of one number, else
            (outputs, features).
        intercept_: of a linear model.
        loss_: the loss that was minimised.
        loss_curve_: what was minimised, before each step and at the end; of a network, in each pass.
        validation_curve_: of a network with early_stopping, the cost of the rows held out.
        n_iter_: how many steps or passes there were.
        penalty_: the penalty of each output in the unit of the loss, for features in standard deviations.
        n_features_in_, feature_names_in_: of the features, as elsewhere in scikit-learn.

    Raises:
        ValueError: in fit: the loss is not one of numbers or its rows depend on each other, or the targets are none
            that it takes; the message says what to use.

    >>> import numpy as np, wald
    >>> X = np.arange(20.0)[:, None]
    >>> y = X[:, 0] + np.tile([0.0, 1.0, 0.0, 9.0], 5)
    >>> model = wald.adapters.LossRegressor(wald.Pinball(level=0.5)).fit(X, y)
    >>> bool(abs(model.coef_[0] - 1) < 0.1)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Args:
            X: (rows, features), numbers.
            y: (rows,), numbers.
            sample_weight: (rows,), from 0; a row of weight k counts as k rows, and one of weight 0 is not there.

        Raises:
            ValueError: the loss is not one of numbers, or the targets are none that it takes.
        """
        loss = loss_given(self.loss, Squared())
        emission = emission_for_numbers(loss)
        X, y, weight = self._given(X, y, sample_weight, y_numeric=True)
        target = tensor_of(y)
        self._learn(X, target, weight, loss, emission)
        if isinstance(self._fit, LinearFit):
            coef, intercept = self._fit.coefficients.numpy(), self._fit.intercept.numpy()
            self.coef_, self.intercept_ = (coef[0], float(intercept[0])) if emission.flat else (coef, intercept)
        return self

    def predict(self, X: Any) -> Any:
        """What is predicted, in the unit of the target: (rows,), or (rows, columns) for a loss of several columns."""
        raw = self.raw(X)
        return self._emission.natural(raw).numpy()

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R²: one measure for every loss, so that losses can be compared by it.

        Raises:
            ValueError: the loss predicts several columns, which have no R².
        """
        check_is_fitted(self)
        if self._emission.outputs > 1 and not self._emission.point:
            raise ValueError(
                f"score is R², and {self.loss_} predicts {self._emission.outputs} columns, which have none. Score by "
                "the loss: wald.adapters.make_scorer(loss), also as scoring= of a search."
            )
        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))
