"""Train an estimator anew: the same settings, other rows or another seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ..errors import CaseError
from ..reading.libraries import library
from ..reading.rows import Rows
from .adapt import source_of
from .estimator import Estimator


class Refit:
    """What `Case.refit` wants, for an estimator that can be cloned.

    Attributes:
        takes_loss: whether the loss that it is asked for is the one that is minimised. An estimator has a loss of its
            own, so that only seeds and rows can be varied.
        says: that, in words.
    """

    takes_loss = False

    def __init__(self, model: Estimator, train: Rows) -> None:
        self.model, self.train = model, train
        self.says = f"{model.source.loss} trains by a loss of its own; another can only be tried with Case(refit=...)"

    def __call__(self, seed: int, loss: object = None, train: Rows | None = None) -> Estimator:
        """The estimator, trained anew from this seed, on these rows if they are given.

        Raises:
            CaseError: it cannot be cloned.
        """
        try:
            fresh: Any = _clone(self.model.original)
        except TypeError as error:
            raise CaseError(f"{type(self.model.original).__name__} cannot be cloned: {error}") from None
        settings = fresh.get_params(deep=True)
        seeds = {name: seed for name in settings if name == "random_state" or name.endswith("__random_state")}
        fresh.set_params(**seeds)
        inputs, targets = self.train if train is None else train
        fresh.fit(self.model.table(inputs), self._named(targets))
        source = source_of(fresh)
        assert source is not None  # noqa: S101  (a clone is of the same kind)
        return Estimator(source, self.model.wanted, self.model.codec, self.model.table(inputs[:64]))

    def _named(self, targets: Tensor) -> Any:
        classes = self.model.source.classes
        if not classes:
            return targets.detach().cpu().numpy()
        return np.asarray(classes)[targets.detach().cpu().long().numpy()]


def _clone(model: Any) -> Any:
    return library("sklearn.base", extra="examples", what="Estimators are cloned").clone(model)


def can_refit(model: Estimator) -> bool:
    """Whether it is an estimator that scikit-learn can clone."""
    try:
        _clone(model.original)
    except Exception:
        return False
    return hasattr(model.original, "fit")
