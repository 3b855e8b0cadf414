"""XGBoost: any loss as an objective, with a base score, a metric with its direction, and leaves that are set well."""

from __future__ import annotations

from collections.abc import Callable
import json
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...audits.metrics import Metric
from ...audits.reading.libraries import library
from ...core import Loss
from .adapter import Adapter, Sample, Stopping, by_rows
from .boosted import Boosted
from .labels import Floats
from .policy import Hessian, Leaves


def xgboost(
    loss: Loss,
    y: Any,
    *,
    weight: Any = None,
    hessian: Hessian = "auto",
    leaves: Leaves = "auto",
    metric: Metric | str | Callable[..., Any] | None = None,
    lower_is_better: bool | None = None,
    sort: bool = False,
) -> XGBoostAdapter:
    """A loss as an objective of XGBoost.

    Args:
        loss: of rows and targets, such as wald.Focal() or wald.Pinball(level=(0.1, 0.5, 0.9)).
        y: the targets of the training rows, (rows,): numbers, or classes as words or numbers.
        weight: of these rows, (rows,), from 0.
        hessian: which Hessian stands for the loss's own: "auto" chooses; see `adapter.policy`.
        leaves: "refit" sets each leaf to the best constant of its rows, as XGBoost does for its own absolute error and
            quantiles; "newton" leaves them at a Newton step; "auto" refits for losses without curvature.
        metric: what early stopping watches: a wald.Metric, a name such as "roc_auc", or a function of (prediction,
            target); None for the loss itself.
        lower_is_better: whether less is better, of a metric that is a function.
        sort: whether predicted quantiles are put in rising order, so that they do not cross.

    Returns:
        An adapter. `adapter.fit(X, y)` trains; or give `adapter.params`, `obj=adapter.objective` and
        `custom_metric=adapter.metric` to xgboost.train, or `**adapter.estimator` to its estimators.

    Raises:
        BoostingError: the loss is not one of rows, or does not go with these targets.
        DomainError: targets have no meaning for the loss, such as a negative count.

    >>> import numpy as np, wald
    >>> X = np.arange(40.0)[:, None]
    >>> y = np.where(X[:, 0] < 20, 100.0, 103.0)
    >>> model = wald.adapters.xgboost(wald.Absolute(), y).fit(X, y, rounds=20, nthread=1)
    >>> model.predict(X[[0, 39]]).round(1)
    array([100., 103.])
    """
    return XGBoostAdapter(
        loss,
        y,
        weight=weight,
        hessian=hessian,
        leaves=leaves,
        metric=metric,
        lower_is_better=lower_is_better,
        sort=sort,
    )


class XGBoostEngine:
    """What is asked of a Booster of XGBoost."""

    name = "xgboost"

    def score(self, booster: Any, table: Any, rounds: int | None) -> NDArray[Any]:
        """What the trees add up, with the base score that the booster holds."""
        matrix = _matrix(table, None, None, booster.feature_names)
        return booster.predict(matrix, output_margin=True, iteration_range=(0, rounds or 0))

    def to_bytes(self, booster: Any) -> bytes:
        """XGBoost's own binary format."""
        return bytes(booster.save_raw("ubj"))

    def from_bytes(self, data: bytes) -> Any:
        """The Booster again."""
        found = _library().Booster()
        found.load_model(bytearray(data))
        return found


class XGBoostAdapter(Adapter):
    """A loss as an objective of XGBoost; see `wald.adapters.xgboost`.

    Attributes:
        objective: (scores, DMatrix) as xgboost.train calls it, or (y, scores, weight) as its estimators do, to
            gradient and Hessian.
        metric: (scores, DMatrix) → (name, value), for `custom_metric=`.
        params: to merge into the parameters of xgboost.train.
        estimator: keyword arguments for XGBClassifier or XGBRegressor.
    """

    engine = "xgboost"
    #: XGBoost's own softmax doubles the diagonal, the least factor that outweighs the other classes.
    shared: ClassVar[Callable[[int], float]] = staticmethod(lambda classes: 2.0)

    @property
    def objective(self) -> XGBoostObjective:
        """The objective."""
        return XGBoostObjective(self)

    @property
    def metric(self) -> XGBoostMetric:
        """The metric, which begins with "wald": XGBoost takes names that begin with "map" for gains."""
        return XGBoostMetric(self)

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of xgboost.train: where to start, how many columns, and no metric of another space."""
        several = self.task.columns > 1
        start = [float(one) for one in self.base] if several else float(self.base[0])
        return (
            {"base_score": start, "disable_default_eval_metric": 1}
            | ({"num_class": self.task.columns} if several else {})
            | ({} if self.policy.step is None else {"max_delta_step": self.policy.step})
        )

    @property
    def estimator(self) -> dict[str, Any]:
        """Keyword arguments of an estimator, whose classifiers of two classes read the base score as a probability."""
        base = self.params["base_score"]
        if self.classes is not None and self.task.columns == 1:
            base = float(1 / (1 + np.exp(-self.base[0])))
        return {"objective": self.objective, "base_score": base, "disable_default_eval_metric": 1}

    def data(self, X: Any, y: Any, weight: Any = None) -> Any:  # noqa: N803
        """A DMatrix of these rows, with classes as numbers."""
        sample = self.sample(X, y, weight)
        return _matrix(sample.table, sample.labels, sample.weight, None)

    def boosted(self, booster: Any) -> Boosted:
        """What predicts in the right space, around a Booster, or an estimator, that was trained with this objective."""
        booster = booster.get_booster() if hasattr(booster, "get_booster") else booster
        best = getattr(booster, "best_iteration", None) if "best_iteration" in booster.attributes() else None
        return self._boosted(booster, None if best is None else int(best) + 1)

    def train(
        self, learn: Sample, watch: Sample | None, rounds: int, patience: int | None, seed: int, params: dict[str, Any]
    ) -> Boosted:
        """Train by xgboost.train, or tree by tree where leaves are refitted."""
        settings = {"seed": seed} | params | {name: params.get(name, value) for name, value in self.params.items()}
        matrix = _matrix(learn.table, learn.labels, learn.weight, None)
        if self.policy.leaves == "refit" and params.get("booster", "gbtree") == "gbtree":
            return self._tree_by_tree(learn, watch, rounds, patience, settings, matrix)
        engine = _library()
        evals, history = [], {}
        stop = []
        if watch is not None:
            evals = [(_matrix(watch.table, watch.labels, watch.weight, None), "validation")]
            if patience is not None:
                stop = [
                    engine.callback.EarlyStopping(
                        rounds=patience, metric_name=self.judge.name, data_name="validation",
                        maximize=not self.judge.lower_is_better,
                    )
                ]  # fmt: skip

        def objective(score: NDArray[Any], _: Any) -> tuple[NDArray[Any], NDArray[Any]]:
            return self.curvature(by_rows(score, self.task.columns), learn.labels, learn.weight)

        booster = engine.train(
            settings, matrix, rounds, obj=objective, evals=evals, evals_result=history, verbose_eval=False,
            custom_metric=self.metric if evals else None, callbacks=stop,
        )  # fmt: skip
        seen = tuple(history.get("validation", {}).get(self.judge.name, ()))
        return self._boosted(booster, booster.best_iteration + 1 if stop else None, seen)

    def _boosted(self, booster: Any, rounds: int | None, history: tuple[float, ...] = ()) -> Boosted:
        none = np.zeros(self.task.columns)
        return Boosted(XGBoostEngine(), booster, self.task, none, rounds, str(self.policy), self.floored, history)

    def _tree_by_tree(
        self,
        learn: Sample,
        watch: Sample | None,
        rounds: int,
        patience: int | None,
        settings: dict[str, Any],
        matrix: Any,
    ) -> Boosted:
        """Grow each tree, set its leaves, and put the trees together: what XGBoost does inside for its own losses."""
        engine, refit = _library(), self.refit(learn)
        rate = float(settings.get("eta", settings.get("learning_rate", 0.3)))
        score, watched = self.started(len(learn.labels)), None
        stopping, forest = Stopping(self.judge, patience), Forest()
        seen = None if watch is None else _matrix(watch.table, watch.labels, watch.weight, None)
        if watch is not None:
            watched = self.started(len(watch.labels))
        for turn in range(rounds):
            one = engine.Booster({**settings, "seed": settings["seed"] + turn}, [matrix])
            gradient, hessian = self.curvature(score.astype(np.float32), learn.labels, learn.weight, growing=True)
            one.boost(matrix, 0, grad=_flat(gradient), hess=_flat(hessian))
            trees = forest.add(one)
            before = score.copy() if self.task.columns > 1 else score
            places = by_rows(one.predict(matrix, pred_leaf=True), 1).reshape(len(score), -1).astype(np.int64)
            others = None if seen is None else by_rows(one.predict(seen, pred_leaf=True), 1).astype(np.int64)
            for column, tree in enumerate(trees):
                count = len(tree["left_children"])
                values = rate * refit.best(before, places[:, column], count, column)
                score[:, column] += values[places[:, column]]
                forest.set(tree, values)
                if watched is not None and others is not None:
                    watched[:, column] += values[others.reshape(len(watched), -1)[:, column]]
            if watch is not None and watched is not None and stopping.after(watched, watch):
                break
        best = stopping.best_round + 1 if patience is not None else None
        return self._boosted(forest.booster(engine), best, tuple(stopping.history))


class XGBoostObjective:
    """A loss as XGBoost calls an objective, by its own train and by its estimators."""

    def __init__(self, adapter: XGBoostAdapter) -> None:
        self.adapter = adapter

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Gradient and Hessian of (scores, DMatrix), or of (y, scores, weight)."""
        labels, score = first, second
        if hasattr(second, "get_label"):
            score, labels = first, second.get_label()
            sample_weight = second.get_weight()
        task = self.adapter.task
        weight = None if sample_weight is None or not len(sample_weight) else np.asarray(sample_weight)
        return self.adapter.curvature(by_rows(score, task.columns), np.asarray(labels, np.float64), weight)


class XGBoostMetric:
    """The metric of an adapter as `custom_metric=` of xgboost.train."""

    def __init__(self, adapter: XGBoostAdapter) -> None:
        self.adapter = adapter
        self.lower_is_better = adapter.judge.lower_is_better
        self.name = self.__name__ = adapter.judge.name

    def __call__(self, score: NDArray[Any], matrix: Any) -> tuple[str, float]:
        """The name and the value."""
        judge, columns = self.adapter.judge, self.adapter.task.columns
        return self.name, judge.value(by_rows(score, columns), matrix.get_label(), matrix.get_weight())


class Forest:
    """Trees of XGBoost that were grown one by one, as the plain data of its documented JSON format."""

    def __init__(self) -> None:
        self._model: dict[str, Any] | None = None
        self._rounds = 0

    def add(self, booster: Any) -> list[dict[str, Any]]:
        """Take the trees of a booster of one round."""
        found = json.loads(booster.save_raw("json"))
        own = found["learner"]["gradient_booster"]["model"]
        grown = list(own["trees"])
        self._rounds += 1
        if self._model is None:
            self._model = found
            return grown
        held = self._model["learner"]["gradient_booster"]["model"]
        for tree in grown:
            tree["id"] = len(held["trees"])
            held["trees"].append(tree)
        held["tree_info"].extend(own["tree_info"])
        held["iteration_indptr"].append(len(held["trees"]))
        held["gbtree_model_param"]["num_trees"] = str(len(held["trees"]))
        return grown

    def set(self, tree: dict[str, Any], values: Floats) -> None:
        """Give the leaves of a tree these values: one for each node, of which those of leaves are read."""
        leaves = [node for node, child in enumerate(tree["left_children"]) if child == -1]
        for node in leaves:
            tree["split_conditions"][node] = tree["base_weights"][node] = float(values[node])

    def booster(self, engine: Any) -> Any:
        """All trees as one Booster."""
        found = engine.Booster()
        found.load_model(bytearray(json.dumps(self._model).encode()))
        return found


def _flat(found: NDArray[Any]) -> NDArray[Any]:
    return found[:, 0] if found.shape[1] == 1 else found


def _matrix(table: Any, labels: Any, weight: Any, names: Any) -> Any:
    # A table of pandas brings its names; an array that is asked of such a model borrows them.
    known = None if hasattr(table, "columns") or not names else list(names)
    return _library().DMatrix(table, label=labels, weight=weight, feature_names=known, enable_categorical=True)


def _library() -> Any:
    return library("xgboost", extra="gbdt", what="Losses are boosted")
