"""A classifier that is fitted by any loss of classes."""

# scikit-learn ships no types, and calls its tables X.
# pyright: reportMissingTypeStubs=false, reportConstantRedefinition=false
# ruff: noqa: N803, N806

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
import torch
from torch import Tensor
from torch.nn import functional

from ...audits.models.wanted import wanted_of
from ...core import Loss
from ...losses import BinaryCrossEntropy, CrossEntropy, Ordinal, RankedProbability
from ..emission import emission_for_classes
from .estimator import LossEstimator, Model
from .fitting import LinearFit
from .given import loss_given
from .meaning import Meaning


def _says_probabilities(model: LossClassifier) -> bool:
    """Whether the classifier has probabilities.

    Raises:
        AttributeError: its loss knows none.
    """
    meaning: Meaning | None = vars(model).get("_meaning")
    if meaning is not None:
        certain = meaning.certain
    else:
        # Before the fit as far as the loss alone can say.
        try:
            wanted = wanted_of(loss_given(model.loss, BinaryCrossEntropy()), 2)
        except (TypeError, ValueError):
            wanted = None
        certain = wanted is None or wanted.form != "margins" or model.recalibrate
    if not certain:
        raise AttributeError(
            f"LossClassifier({model.loss!r}) has no predict_proba: its loss knows on which side of a border a row is, "
            "and no probabilities. Use decision_function, or a loss such as wald.BinaryCrossEntropy(); "
            "recalibrate=True reads probabilities from the scores of some losses, such as wald.SquaredHinge()."
        )
    return True


class LossClassifier(ClassifierMixin, LossEstimator):
    """A classifier that is fitted by any loss of classes with one value a row, in scikit-learn's conventions.

    The number of outputs follows from the loss: one logit for `BinaryCrossEntropy`, `Focal()` or `Hinge`, one for each
    class for `CrossEntropy`, one for each threshold for `Ordinal`. What the loss does to probabilities stays in
    `predict_proba` (focal loss is less sure than it should be, `pos_weight` shifts all of them) until
    `recalibrate=True` takes it back by the loss's own inverse, without a single label.

    Features are centred and divided by their weighted standard deviations inside. A linear fit starts at the loss's
    best constant and takes Newton steps in float64 (L-BFGS for many coefficients). Losses with kinks, which are found
    by measurement, are seen through windows that narrow until what they hide is negligible; see `Windowed`. A network
    is trained by Adam and is the average of its weights. A `ConvergenceWarning` says where an end was not reached.

    Args:
        loss: a loss, a class of losses, a name ("focal", "Focal(gamma=3)"), or a function (prediction, target) of
            tensors with one value a row; None is cross-entropy. Its fields can be searched: {"loss__gamma": [...]}.
        model: "linear", or "mlp" for a small network.
        hidden: how many units each hidden layer of the network has.
        penalty: on half the squared coefficients (the weights of a network), intercepts left out, as a share of how
            hard a row pulls on average at the best constant. So neither the unit of the target, nor that of the loss,
            nor the weight of a class changes how strongly a model is held; `penalty_` is the number that results.
        recalibrate: whether probabilities, scores and decisions are those of the targets' own law, with what the loss
            does to them taken back.
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
        coef_: of a linear model, in the units of the features: (1, features) for one output, else (outputs, features).
        intercept_: of a linear model.
        loss_: the loss that was minimised.
        loss_curve_: what was minimised, before each step and at the end; of a network, in each pass.
        validation_curve_: of a network with early_stopping, the cost of the rows held out.
        n_iter_: how many steps or passes there were.
        penalty_: the penalty of each output in the unit of the loss, for features in standard deviations.
        classes_: the classes, sorted; columns of predict_proba are in this order.
        n_features_in_, feature_names_in_: of the features, as elsewhere in scikit-learn.

    Raises:
        ValueError: in fit: there are fewer than two classes, the loss is not one of classes or its rows depend on
            each other, or `recalibrate` asks for what cannot be known; the message says what to use.

    >>> import numpy as np, wald
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> y = np.array(["cold", "cold", "warm", "cold"])
    >>> model = wald.adapters.LossClassifier(wald.Focal(gamma=2.0), recalibrate=True)
    >>> model.fit(X, y, sample_weight=[1, 2, 3, 0]).predict([[0.5], [2.5]])
    array(['cold', 'warm'], dtype='<U4')
    """

    def __init__(
        self,
        loss: Any = None,
        *,
        model: Model = "linear",
        hidden: tuple[int, ...] = (64,),
        penalty: float = 1e-3,
        recalibrate: bool = False,
        tol: float = 1e-6,
        max_iter: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            loss,
            model=model,
            hidden=hidden,
            penalty=penalty,
            tol=tol,
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            random_state=random_state,
        )
        self.recalibrate = recalibrate

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Args:
            X: (rows, features), numbers.
            y: (rows,), the class of each row: numbers, booleans or strings.
            sample_weight: (rows,), from 0; a row of weight k counts as k rows, and one of weight 0 is not there.

        Raises:
            ValueError: the loss is not one of classes, or there are fewer than two classes.
        """
        given = loss_given(self.loss, BinaryCrossEntropy())
        X, y, weight = self._given(X, y, sample_weight)
        check_classification_targets(y)
        self.classes_, ids = np.unique(y, return_inverse=True)
        classes = len(self.classes_)
        if classes < 2:
            raise ValueError(
                f"LossClassifier needs at least two classes in y to tell apart; it got 1 class, {self.classes_[0]!r} "
                "(rows of weight 0 are not counted)."
            )
        loss = CrossEntropy() if self.loss is None and classes > 2 else given
        if isinstance(self.loss, str) and classes > 2 and getattr(loss, "kind", None) == "binary":
            loss = loss.replace(kind="multiclass")  # pyright: ignore[reportFunctionMemberAccess]
        emission = emission_for_classes(loss, classes)
        if isinstance(loss, Ordinal | RankedProbability) and self.classes_.dtype.kind not in "biuf":
            seen = ", ".join(map(str, self.classes_[:3]))
            raise ValueError(
                f"{loss} is for ordered classes, and {seen} ... are only in the order of the alphabet. Give numbers, "
                "the lowest class the lowest."
            )
        target = _target(loss, torch.from_numpy(ids), classes, flat=emission.flat)
        rows = self._learn(X, target, weight, loss, emission)
        self._meaning = Meaning.of(rows, recalibrate=self.recalibrate)
        if isinstance(self._fit, LinearFit):
            self.coef_, self.intercept_ = self._fit.coefficients.numpy(), self._fit.intercept.numpy()
        return self

    def decision_function(self, X: Any) -> Any:
        """Scores that rise with the chance of the class: (rows,) for two classes, else (rows, classes)."""
        score = self._score(X)
        return self._meaning.scores(score).numpy()

    @available_if(_says_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, in the order of `classes_`: (rows, classes)."""
        score = self._score(X)
        return self._meaning.log_probabilities(score).exp().numpy()

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row, by its own name."""
        score = self._score(X)
        found = self._meaning.scores(score)
        chosen = found.argmax(-1) if found.ndim == 2 else (found > 0).long()
        return self.classes_[chosen.numpy()]


def _target(loss: Any, ids: Tensor, classes: int, *, flat: bool) -> Tensor:
    if isinstance(loss, Loss):
        second = loss.named_domains[1][1]
        if second.integer:
            return ids.long()
        if second.axes == ("classes",):
            return functional.one_hot(ids.long(), classes).double()
        return ids.double()
    return ids.double() if flat else ids.long()
