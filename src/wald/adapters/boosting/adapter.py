"""What the adapters of the three engines share: a loss, ready to be boosted on targets like these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...audits.metrics import Metric
from ...core import Loss
from .boosted import Boosted
from .curvature import Curvature, Refit
from .errors import BoostingError
from .judge import Judge
from .kinks import Kinks, Rank
from .labels import Floats, weights_of
from .policy import Hessian, Leaves, Policy, policy_of
from .start import best_constant
from .tables import rows_of, table_of
from .task import Task

#: What LightGBM and CatBoost say of features that do not vary.
_NOTHING_TO_SPLIT = ("num_features()", "constant or ignored")


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that a booster learns from or is watched on.

    Attributes:
        table: their features.
        labels: their targets, encoded, (rows,).
        weight: of each row, positive; None for 1.
    """

    table: Any
    labels: Floats
    weight: Floats | None


class Adapter(ABC):
    """A loss as an objective of one engine, with all that belongs to it.

    Made by `wald.adapters.xgboost`, `.lightgbm` and `.catboost`. Use `fit`, or hand `objective`, `metric` and `params`
    to the engine's own train and read its booster by `boosted`.

    Attributes:
        loss: what is minimised.
        task: the loss with the scores that are boosted for it and the classes that it tells apart.
        base_score: where boosting starts, in the space of the prediction as the loss takes it before any last
            activation: the score that costs least as a constant; a number, or an array of one for each column.
        policy: which Hessian stands for the loss's own; printed, it is a sentence.
        judge: what early stopping watches.
    """

    engine: ClassVar[str]
    #: What the diagonal is multiplied by where several classes share their scores.
    shared: ClassVar[Callable[[int], float]]
    #: Whether the engine doubles the Hessian of counts, so that no step overshoots.
    cautious: ClassVar[bool] = True
    #: Which row of a leaf the engine takes for a quantile; see `Kinks.best`.
    rank: ClassVar[Rank] = "n + 1"

    def __init__(
        self,
        loss: Loss,
        y: Any,
        *,
        weight: Any = None,
        hessian: Hessian = "auto",
        leaves: Leaves = "auto",
        metric: Metric | str | Callable[..., Any] | None = None,
        lower_is_better: bool | None = None,
        sort: bool = False,
    ) -> None:
        self.task = Task.of(loss, y, sort=sort)
        self.loss = loss
        labels = self.task.encoded(y)
        heavy = weights_of(weight, len(labels))
        if heavy is not None:
            labels, heavy = labels[heavy > 0], heavy[heavy > 0]
        self.task.admit(labels)
        self._labels = labels
        self.kinks = Kinks.of(self.task, labels)
        self.base = best_constant(self.task, labels, heavy, self.kinks, type(self).rank)
        share = type(self).shared(self.task.columns)
        self.policy: Policy = policy_of(
            self.task, labels, self.base, self.kinks, hessian, leaves, share=share, cautious=type(self).cautious
        )
        self.judge = Judge.of(self.task, metric, lower_is_better)
        self.curvature = Curvature(self.task, self.policy)

    def __repr__(self) -> str:
        return f"wald.adapters.{self.engine}({self.loss}): {self.policy}"

    @property
    def base_score(self) -> float | Floats:
        """The score that costs least as a constant: a number, or one for each column."""
        return float(self.base[0]) if self.task.emission.flat else self.base

    @property
    def classes(self) -> NDArray[Any] | None:
        """The classes in the order of the columns of a prediction; None where numbers are predicted."""
        return None if self.task.classes is None else self.task.classes.labels

    @property
    def floored(self) -> float:
        """The share of rows, over all rounds so far, whose Hessian was not positive and was replaced by a floor."""
        return self.curvature.count.share

    def fit(
        self,
        X: Any,  # noqa: N803  (as scikit-learn and the engines call it)
        y: Any = None,
        *,
        weight: Any = None,
        rounds: int = 100,
        validation: tuple[Any, ...] | None = None,
        patience: int | None = None,
        seed: int = 0,
        **params: Any,
    ) -> Boosted:
        """Train, and give back what predicts in the right space.

        Args:
            X: features, (rows, features): an array, a tensor, or a table of pandas, whose categories are used.
            y: targets, (rows,).
            weight: of rows, (rows,), from 0; a row of weight 0 is left out, and one of weight k counts k times.
            rounds: how many rounds of boosting.
            validation: (X, y) or (X, y, weight) to watch.
            patience: stop when the metric has not improved there for so many rounds, and keep the best round.
            seed: of the engine's random choices.
            params: the engine's own, such as learning_rate=0.1.

        Raises:
            BoostingError: rows do not line up, y holds an unknown class, or patience is given without validation.
        """
        if y is None:
            raise BoostingError("fit(X, y) needs the targets of the rows of X.")
        if rounds < 1:
            raise BoostingError(f"rounds is {rounds}; boosting takes at least one.")
        if patience is not None and validation is None:
            raise BoostingError(
                f"patience={patience} watches a metric; give validation=(X, y) for it to be watched on."
            )
        if patience is not None and patience < 1:
            raise BoostingError(f"patience is {patience}; it is a number of rounds, from 1.")
        learn = self.sample(X, y, weight)
        watch = None if validation is None else self.sample(*validation)
        self.curvature.count.rows = self.curvature.count.floored = 0
        try:
            return self.train(learn, watch, rounds, patience, seed, params)
        except Exception as error:
            if not any(words in str(error) for words in _NOTHING_TO_SPLIT):
                raise
            raise BoostingError(
                f"{self.engine} finds no feature that it could split in these {len(learn.labels)} rows: each is the "
                "same in all of them, or nearly so. Look at the columns of X."
            ) from None

    def sample(self, X: Any, y: Any, weight: Any = None) -> Sample:  # noqa: N803
        """Rows as this adapter trains on them: encoded, without rows of weight 0."""
        labels = self.task.encoded(y)
        table, heavy = table_of(X, len(labels)), weights_of(weight, len(labels))
        if heavy is not None and not (heavy > 0).all():
            table, labels, heavy = rows_of(table, heavy > 0), labels[heavy > 0], heavy[heavy > 0]
        return Sample(table, labels, heavy)

    @abstractmethod
    def train(
        self, learn: Sample, watch: Sample | None, rounds: int, patience: int | None, seed: int, params: dict[str, Any]
    ) -> Boosted:
        """Train by the engine."""

    @abstractmethod
    def boosted(self, booster: Any) -> Boosted:
        """What predicts in the right space, around a booster that the engine trained with this objective."""

    def raw(self, booster: Any, X: Any) -> Tensor:  # noqa: N803
        """What a booster of the engine's own train predicts, as the loss takes it."""
        return self.boosted(booster).raw(X)

    def predict(self, booster: Any, X: Any) -> NDArray[Any]:  # noqa: N803
        """The same in the space that a person asks for; see `Boosted.predict`."""
        return self.boosted(booster).predict(X)

    def refit(self, learn: Sample) -> Refit:
        """What sets leaves to their best constants on these rows."""
        kinks = None if self.kinks is None else Kinks.of(self.task, learn.labels)
        return Refit(self.curvature, learn.labels, learn.weight, kinks, rank=type(self).rank)

    def started(self, rows: int, dtype: Any = np.float64) -> NDArray[Any]:
        """The score before the first tree, (rows, columns)."""
        return np.repeat(self.base.astype(dtype)[None, :], rows, 0)


def by_rows(score: NDArray[Any], columns: int) -> NDArray[Any]:
    """Scores of an engine, (rows,), (rows, columns) or (rows · columns,) by columns, as (rows, columns)."""
    found = np.asarray(score)
    if found.ndim == 2:
        return found
    return found[:, None] if columns == 1 else found.reshape(columns, -1).T


class Stopping:
    """Which round was the best so far, and whether it is time to stop."""

    def __init__(self, judge: Judge, patience: int | None) -> None:
        self.judge, self.patience = judge, patience
        self.best_round, self.best = 0, np.inf
        self.history: list[float] = []

    def after(self, score: NDArray[Any], watch: Sample) -> bool:
        """Look at the scores of the watched rows after a round; True when it is time to stop."""
        value = self.judge.value(score, watch.labels, watch.weight)
        self.history.append(value)
        cost = value if self.judge.lower_is_better else -value
        if cost < self.best or len(self.history) == 1:
            self.best, self.best_round = cost, len(self.history) - 1
        return self.patience is not None and len(self.history) - 1 - self.best_round >= self.patience
