"""LightGBM: any loss as an objective, with the starting score that LightGBM leaves out for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...audits.metrics import Metric
from ...audits.reading.libraries import library
from ...core import Loss
from .adapter import Adapter, Sample, Stopping, by_rows
from .boosted import Boosted
from .kinks import Rank
from .labels import Floats
from .policy import Hessian, Leaves


def lightgbm(
    loss: Loss,
    y: Any,
    *,
    weight: Any = None,
    hessian: Hessian = "auto",
    leaves: Leaves = "auto",
    metric: Metric | str | Callable[..., Any] | None = None,
    lower_is_better: bool | None = None,
    sort: bool = False,
) -> LightGBMAdapter:
    """A loss as an objective of LightGBM.

    LightGBM starts an objective that is not its own at a score of 0, whatever `boost_from_average` says. `fit` starts
    at the best constant and writes it into the first tree, so that the booster alone predicts right.

    Args:
        loss: of rows and targets, such as wald.Focal() or wald.Pinball(level=(0.1, 0.5, 0.9)).
        y: the targets of the training rows, (rows,): numbers, or classes as words or numbers.
        weight: of these rows, (rows,), from 0.
        hessian: which Hessian stands for the loss's own: "auto" chooses; see `adapter.policy`.
        leaves: "refit" sets each leaf to the best constant of its rows, as LightGBM does for its own absolute error
            and quantiles; "newton" leaves them at a Newton step; "auto" refits for losses without curvature.
        metric: what early stopping watches: a wald.Metric, a name such as "roc_auc", or a function of (prediction,
            target); None for the loss itself.
        lower_is_better: whether less is better, of a metric that is a function.
        sort: whether predicted quantiles are put in rising order, so that they do not cross.

    Returns:
        An adapter. `adapter.fit(X, y)` trains; or give `adapter.params` and `adapter.data(X, y)` to lightgbm.train, and
        read its booster by `adapter.boosted(booster)`, which adds the starting score.

    Raises:
        BoostingError: the loss is not one of rows, or does not go with these targets.
        DomainError: targets have no meaning for the loss, such as a negative count.

    >>> import numpy as np, wald
    >>> X = np.arange(400.0)[:, None]
    >>> y = np.where(X[:, 0] < 10, "yes", "no")
    >>> model = wald.adapters.lightgbm(wald.BinaryCrossEntropy(), y).fit(X, y, rounds=1, learning_rate=1e-9)
    >>> model.classes.tolist(), model.predict(X[:1]).round(3)
    (['no', 'yes'], array([[0.975, 0.025]]))
    """
    return LightGBMAdapter(
        loss,
        y,
        weight=weight,
        hessian=hessian,
        leaves=leaves,
        metric=metric,
        lower_is_better=lower_is_better,
        sort=sort,
    )


class LightGBMEngine:
    """What is asked of a Booster of LightGBM."""

    name = "lightgbm"

    def score(self, booster: Any, table: Any, rounds: int | None) -> NDArray[Any]:
        """What the trees add up."""
        return booster.predict(table, raw_score=True, num_iteration=-1 if rounds is None else rounds)

    def to_bytes(self, booster: Any) -> bytes:
        """LightGBM's own text."""
        return booster.model_to_string(num_iteration=-1).encode()

    def from_bytes(self, data: bytes) -> Any:
        """The Booster again."""
        return _library().Booster(model_str=data.decode())


class LightGBMAdapter(Adapter):
    """A loss as an objective of LightGBM; see `wald.adapters.lightgbm`.

    Attributes:
        objective: (scores, Dataset) as lightgbm.train calls it, or (y, scores, weight) as its estimators do, to
            gradient and Hessian.
        metric: (scores, Dataset) → (name, value, higher is better), for `feval=`.
        params: to merge into the parameters of lightgbm.train; the objective is among them.
    """

    engine = "lightgbm"
    #: LightGBM's own softmax takes classes / (classes - 1).
    shared: ClassVar[Callable[[int], float]] = staticmethod(lambda classes: classes / max(classes - 1, 1))

    rank: ClassVar[Rank] = "n - 1"

    @property
    def objective(self) -> LightGBMObjective:
        """The objective."""
        return LightGBMObjective(self)

    @property
    def metric(self) -> LightGBMMetric:
        """The metric."""
        return LightGBMMetric(self)

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of lightgbm.train: the objective, how many columns, and no metric of another space."""
        several = {"num_class": self.task.columns} if self.task.columns > 1 else {}
        return {"objective": self.objective, "metric": "none", "verbosity": -1} | several

    def data(self, X: Any, y: Any, weight: Any = None, *, like: Any = None) -> Any:  # noqa: N803
        """A Dataset of these rows, with classes as numbers and the score to start from.

        Args:
            X: features.
            y: targets.
            weight: of rows.
            like: the Dataset of the training rows, for one that is watched.
        """
        return self._dataset(self.sample(X, y, weight), like)

    def boosted(self, booster: Any) -> Boosted:
        """What predicts in the right space, around a Booster that was trained with this objective and `data`.

        An estimator whose `fit` was given init_score=adapter.started(rows) is read in the same way.
        """
        booster = booster.booster_ if hasattr(booster, "booster_") else booster
        best = booster.best_iteration if booster.best_iteration > 0 else None
        return self._boosted(booster, self.base, best)

    def train(
        self, learn: Sample, watch: Sample | None, rounds: int, patience: int | None, seed: int, params: dict[str, Any]
    ) -> Boosted:
        """Train by lightgbm.train, or tree by tree where leaves are refitted."""
        settings = {"seed": seed} | params | self.params
        if self.policy.leaves == "refit" and settings.get("boosting", "gbdt") == "gbdt":
            return self._tree_by_tree(learn, watch, rounds, patience, settings)
        engine, history = _library(), {}
        data, sets, calls = self._dataset(learn), [], []
        if watch is not None:
            sets, calls = [self._dataset(watch, data)], [engine.record_evaluation(history)]
            if patience is not None:
                calls.append(engine.early_stopping(patience, verbose=False))

        def objective(score: NDArray[Any], _: Any) -> tuple[NDArray[Any], NDArray[Any]]:
            gradient, hessian = self.curvature(by_rows(score, self.task.columns), learn.labels, learn.weight)
            return _flat(gradient), _flat(hessian)

        booster = engine.train(
            settings | {"objective": objective}, data, rounds, valid_sets=sets, valid_names=["validation"] * len(sets),
            feval=self.metric if sets else None, callbacks=calls,
        )  # fmt: skip
        self._lift(booster)
        seen = tuple(history.get("validation", {}).get(self.judge.name, ()))
        return self._boosted(booster, np.zeros(self.task.columns), booster.best_iteration if patience else None, seen)

    def _boosted(self, booster: Any, offset: Floats, rounds: int | None, history: tuple[float, ...] = ()) -> Boosted:
        return Boosted(LightGBMEngine(), booster, self.task, offset, rounds, str(self.policy), self.floored, history)

    def _tree_by_tree(
        self, learn: Sample, watch: Sample | None, rounds: int, patience: int | None, settings: dict[str, Any]
    ) -> Boosted:
        """Grow each tree and set its leaves, as LightGBM does inside for its own absolute error and quantiles."""
        engine, refit, columns = _library(), self.refit(learn), self.task.columns
        rate = float(next((settings[name] for name in _RATE if name in settings), 0.1))
        booster = engine.Booster(settings | {"objective": "none"}, self._dataset(learn, start=False))
        score, watched, stopping = self.started(len(learn.labels)), None, Stopping(self.judge, patience)
        if watch is not None:
            watched = self.started(len(watch.labels))
        record = _Record(learn.table, len(learn.labels), columns)
        for turn in range(rounds):
            gradient, hessian = self.curvature(score, learn.labels, learn.weight, growing=True)
            pushed = _flat(gradient), _flat(hessian)
            done = booster.update(fobj=lambda *_, pushed=pushed: pushed)
            before = score.copy() if columns > 1 else score
            grown = record.after(booster, turn)
            for column, (values, place) in enumerate(grown):
                best = rate * refit.best(before, place, len(values), column)
                for leaf, value in enumerate(best):
                    booster.set_leaf_output(turn * columns + column, leaf, float(value))
                score[:, column] += best[place]
            if watch is not None and watched is not None:
                watched += booster.predict(watch.table, raw_score=True, start_iteration=turn, num_iteration=1).reshape(
                    watched.shape
                )
                if stopping.after(watched, watch):
                    break
            if done:
                break
        self._lift(booster)
        best = stopping.best_round + 1 if patience is not None else None
        return self._boosted(booster, np.zeros(columns), best, tuple(stopping.history))

    def _lift(self, booster: Any) -> None:
        """Add the starting score to the first tree of each column, so that the booster holds it wherever it goes."""
        trees = booster.dump_model(num_iteration=1)["tree_info"]
        for column in range(self.task.columns):
            for leaf in range(max(int(trees[column]["num_leaves"]), 1)):
                value = booster.get_leaf_output(column, leaf)
                booster.set_leaf_output(column, leaf, value + float(self.base[column]))

    def _dataset(self, sample: Sample, like: Any = None, *, start: bool = True) -> Any:
        score = self.started(len(sample.labels))
        return _library().Dataset(
            sample.table, label=sample.labels, weight=sample.weight, reference=like, free_raw_data=False,
            init_score=_flat(score) if start else None, params=dict(_FEW) if len(score) < 100 else None,
        )  # fmt: skip


class LightGBMObjective:
    """A loss as LightGBM calls an objective, by its own train and by its estimators."""

    def __init__(self, adapter: LightGBMAdapter) -> None:
        self.adapter = adapter

    def __call__(self, first: Any, second: Any, weight: Any = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Gradient and Hessian of (scores, Dataset), or of (y, scores, weight)."""
        labels, score = first, second
        if hasattr(second, "get_label"):
            score, labels, weight = first, second.get_label(), second.get_weight()
        found = self.adapter.curvature(
            by_rows(score, self.adapter.task.columns), np.asarray(labels, np.float64),
            None if weight is None else np.asarray(weight),
        )  # fmt: skip
        gradient, hessian = map(_flat, found)
        return gradient, hessian

    @property
    def __name__(self) -> str:
        return self.adapter.judge.name


class LightGBMMetric:
    """The metric of an adapter as `feval=` of lightgbm.train."""

    def __init__(self, adapter: LightGBMAdapter) -> None:
        self.adapter = adapter
        self.lower_is_better = adapter.judge.lower_is_better
        self.name = self.__name__ = adapter.judge.name

    def __call__(self, score: NDArray[Any], data: Any) -> tuple[str, float, bool]:
        """The name, the value and whether higher is better."""
        judge, columns = self.adapter.judge, self.adapter.task.columns
        value = judge.value(by_rows(score, columns), data.get_label(), data.get_weight())
        return self.name, value, not self.lower_is_better


class _Record:
    """In which leaf each training row fell: read from how LightGBM's own scores moved, or from the features."""

    def __init__(self, table: Any, rows: int, columns: int) -> None:
        self._table = table
        self._last = np.zeros((rows, columns))

    def after(self, booster: Any, turn: int) -> list[tuple[Floats, NDArray[Any]]]:
        """For each column the values of the leaves of its last tree, and the number of the leaf of each row."""
        now = self._last

        def kept(score: NDArray[Any], _: Any) -> tuple[str, float, bool]:
            nonlocal now
            now = by_rows(score, self._last.shape[1]).copy()
            return "record", 0.0, False

        booster.eval_train(feval=kept)
        trees = booster.dump_model(start_iteration=turn, num_iteration=1)["tree_info"]
        moved, self._last = now - self._last, now
        found: list[tuple[Floats, NDArray[Any]]] = []
        for column, tree in enumerate(trees):
            values = np.array(
                [
                    booster.get_leaf_output(turn * len(trees) + column, leaf)
                    for leaf in range(max(int(tree["num_leaves"]), 1))
                ]
            )
            ranks = np.argsort(values)
            ranked = values[ranks]
            # Leaves of rows that are all too low have moved alike, and only their features tell them apart.
            if len(ranked) > 1 and float(np.diff(ranked).min()) <= 1e-9 * float(np.abs(now).max() + 1e-300):
                places = booster.predict(self._table, pred_leaf=True, start_iteration=turn, num_iteration=1)
                found.append((values, places.reshape(len(now), -1)[:, column].astype(np.int64)))
                continue
            edges = (ranked[1:] + ranked[:-1]) / 2
            found.append((values, ranks[np.searchsorted(edges, moved[:, column])]))
        return found


#: In so few rows LightGBM may find that no feature can be split, and fails where it should predict a constant.
_FEW = {"feature_pre_filter": False, "min_data_in_bin": 1}
#: The names that LightGBM knows the learning rate by.
_RATE = ("learning_rate", "shrinkage_rate", "eta")


def _flat(found: NDArray[Any]) -> NDArray[Any]:
    return found[:, 0] if found.shape[1] == 1 else found


def _library() -> Any:
    return library("lightgbm", extra="gbdt", what="Losses are boosted")
