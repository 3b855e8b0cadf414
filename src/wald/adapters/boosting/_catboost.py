"""CatBoost: any loss as an objective, with its turned sign, its starting score and its leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import tempfile
from typing import Any, ClassVar
import warnings

import numpy as np
from numpy.typing import NDArray

from ...audits.metrics import Metric
from ...audits.reading.libraries import library
from ...core import Loss
from ...losses import Absolute, CrossEntropy, Pinball
from .adapter import Adapter, Sample, Stopping
from .boosted import Boosted
from .errors import BoostingError
from .policy import Hessian, Leaves
from .tables import categories_of


def catboost(
    loss: Loss,
    y: Any,
    *,
    weight: Any = None,
    hessian: Hessian = "auto",
    leaves: Leaves = "auto",
    metric: Metric | str | Callable[..., Any] | None = None,
    lower_is_better: bool | None = None,
    sort: bool = False,
) -> CatBoostAdapter:
    """A loss as an objective of CatBoost.

    CatBoost calls an objective for blocks of a thousand rows, and one of several columns for every single row, which
    is a hundred times slower than its own. `fit` avoids that: the absolute error, quantiles and plain cross-entropy
    are handed to CatBoost's own code for the very same loss, other losses of several columns are grown tree by tree,
    and `policy` says so.

    Args:
        loss: of rows and targets, such as wald.Focal() or wald.Pinball(level=0.9).
        y: the targets of the training rows, (rows,): numbers, or classes as words or numbers.
        weight: of these rows, (rows,), from 0.
        hessian: which Hessian stands for the loss's own: "auto" chooses; see `adapter.policy`.
        leaves: "refit" takes ten steps to the best constant of each leaf, "newton" one; "auto" refits for losses
            without curvature.
        metric: what early stopping watches: a wald.Metric, a name such as "roc_auc", or a function of (prediction,
            target); None for the loss itself.
        lower_is_better: whether less is better, of a metric that is a function.
        sort: whether predicted quantiles are put in rising order, so that they do not cross.

    Returns:
        An adapter. `adapter.fit(X, y)` trains; or give `adapter.params` to catboost.CatBoost and `adapter.data(X, y)`
        to its fit, and read it by `adapter.boosted(model)`, which adds the starting score.

    Raises:
        BoostingError: the loss is not one of rows, or does not go with these targets.
        DomainError: targets have no meaning for the loss, such as a negative count.

    >>> import numpy as np, wald
    >>> X = np.arange(40.0)[:, None]
    >>> y = np.where(X[:, 0] < 20, 100.0, 103.0)
    >>> adapter = wald.adapters.catboost(wald.Squared(), y)
    >>> adapter.base_score
    101.5
    """
    return CatBoostAdapter(
        loss,
        y,
        weight=weight,
        hessian=hessian,
        leaves=leaves,
        metric=metric,
        lower_is_better=lower_is_better,
        sort=sort,
    )


class CatBoostEngine:
    """What is asked of a model of CatBoost."""

    name = "catboost"

    def score(self, booster: Any, table: Any, rounds: int | None) -> NDArray[Any]:
        """What the trees add up, with the bias that the model holds."""
        pool = _library().Pool(table, cat_features=categories_of(table) or None)
        return booster.predict(pool, prediction_type="RawFormulaVal", ntree_end=rounds or 0)

    def to_bytes(self, booster: Any) -> bytes:
        """CatBoost's own binary format."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "model.cbm"
            booster.save_model(str(place))
            return place.read_bytes()

    def from_bytes(self, data: bytes) -> Any:
        """The model again."""
        found = _library().CatBoost()
        found.load_model(blob=data)
        return found


class CatBoostAdapter(Adapter):
    """A loss as an objective of CatBoost; see `wald.adapters.catboost`.

    Attributes:
        objective: an object that CatBoost takes as `loss_function`.
        metric: an object that CatBoost takes as `eval_metric`.
        params: to merge into the parameters of CatBoost; objective and metric are among them.
    """

    engine = "catboost"
    shared: ClassVar[Callable[[int], float]] = staticmethod(lambda classes: 2.0)

    cautious: ClassVar[bool] = False

    def __init__(self, loss: Loss, y: Any, **rest: Any) -> None:
        super().__init__(loss, y, **rest)
        free = rest.get("hessian", "auto") == "auto" and rest.get("leaves", "auto") == "auto"
        #: CatBoost's own name of the loss, where that is trained.
        self.own = own_loss(loss) if free else None
        if self.own is not None:
            says = f"{loss}: CatBoost's own {self.own}, which is the same loss"
            why = "asks Python for nothing" if self.task.columns > 1 else "sets leaves to their best constants itself"
            self.policy = replace(self.policy, says=f"{says} and {why}.")
        elif self.task.columns > 1 and self.policy.leaves == "newton":
            says = "By fit, each tree is grown on the gradients of all columns, and its leaves take the Newton steps."
            self.policy = replace(self.policy, says=f"{self.policy.says} {says}")

    @property
    def objective(self) -> Any:
        """The objective.

        Raises:
            BoostingError: the loss has several columns, for which CatBoost cannot start anywhere but at 0.
        """
        if self.own is not None:
            return self.own
        if self.task.columns > 1:
            raise BoostingError(
                f"{self.loss} has {self.task.columns} columns, and CatBoost's own train calls an objective of several "
                "columns once for every row and takes no score to start from. Use adapter.fit(X, y), which grows its "
                "trees one by one."
            )
        return CatBoostObjective(self)

    @property
    def metric(self) -> Any:
        """The metric."""
        return CatBoostMetric(self)

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of CatBoost: objective, metric, and how leaves are set."""
        found = {"loss_function": self.objective, "eval_metric": self.metric, "allow_writing_files": False}
        if self.own is not None:
            return found | ({"classes_count": self.task.columns} if self.task.columns > 1 else {})
        return found | {
            "leaf_estimation_method": "Newton",
            "leaf_estimation_iterations": 10 if self.policy.leaves == "refit" else 1,
            "leaf_estimation_backtracking": "No",
        }

    def data(self, X: Any, y: Any, weight: Any = None) -> Any:  # noqa: N803
        """A Pool of these rows, with classes as numbers and the score to start from."""
        return self._pool(self.sample(X, y, weight))

    def boosted(self, booster: Any) -> Boosted:
        """What predicts in the right space, around a model that was trained with this objective and `data`."""
        return self._boosted(booster, self.base)

    def train(
        self, learn: Sample, watch: Sample | None, rounds: int, patience: int | None, seed: int, params: dict[str, Any]
    ) -> Boosted:
        """Train by CatBoost.fit, and write the starting score into the model."""
        # CatBoost multiplies this by the mean weight; without that a weight of 2 is two rows.
        ridge = float(params.pop("l2_leaf_reg", 3.0))
        heavy = 1.0 if learn.weight is None else float(learn.weight.mean())
        params |= {"l2_leaf_reg": ridge / heavy}
        common = {"random_seed": seed, "verbose": False, "allow_writing_files": False}
        if self.own is None and self.task.columns > 1:
            return self._tree_by_tree(learn, watch, rounds, patience, common | params, ridge)
        settings = common | self.params | {"iterations": rounds} | params
        if watch is None:
            # The metric of training rows, which nobody reads, costs a pass over them in each round.
            settings["metric_period"] = max(rounds, 1)
        if patience is not None:
            settings |= {"early_stopping_rounds": patience, "use_best_model": True}
        model = _library().CatBoost(settings)
        with warnings.catch_warnings():
            # Numba would compile objectives written for it; this one is arithmetic on whole blocks already.
            warnings.filterwarnings("ignore", message="Failed to import numba")
            warnings.filterwarnings("ignore", message="Can't optimi[sz]e method")
            model.fit(self._pool(learn), eval_set=None if watch is None else self._pool(watch))
        model.set_scale_and_bias(1.0, float(self.base[0]) if self.task.columns == 1 else self.base.tolist())
        seen = () if watch is None else tuple(next(iter(model.get_evals_result()["validation"].values())))
        return self._boosted(model, np.zeros(self.task.columns), seen)

    def _boosted(self, booster: Any, offset: NDArray[Any], history: tuple[float, ...] = ()) -> Boosted:
        return Boosted(CatBoostEngine(), booster, self.task, offset, None, str(self.policy), self.floored, history)

    def _tree_by_tree(
        self,
        learn: Sample,
        watch: Sample | None,
        rounds: int,
        patience: int | None,
        settings: dict[str, Any],
        ridge: float,
    ) -> Boosted:
        """Grow each tree on the gradients of all columns, and set its leaves.

        An objective of several columns is called by CatBoost once for every row; its own squared error of several
        targets is not, and a tree that fits the gradients is grown by it all the same.
        """
        engine, columns = _library(), self.task.columns
        rate, seed = float(settings.pop("learning_rate", settings.pop("eta", 0.1))), int(settings.pop("random_seed"))
        steps = 4 if self.policy.leaves == "refit" else 1
        refit = replace(self.refit(learn), steps=steps, ridge=ridge)
        words = categories_of(learn.table) or None
        # Trees see no targets but gradients, which say nothing of a category; columns of their own do.
        fixed = {"loss_function": "MultiRMSE", "iterations": 1, "learning_rate": 1.0, "boost_from_average": False,
                 "leaf_estimation_iterations": 1} | ({"one_hot_max_size": 255} if words else {})  # fmt: skip
        score, stopping, trees = self.started(len(learn.labels)), Stopping(self.judge, patience), list[Any]()
        watched = None if watch is None else self.started(len(watch.labels))
        with tempfile.TemporaryDirectory() as folder:
            borders = Path(folder) / "borders"
            for turn in range(rounds):
                gradient, _ = self.curvature(score, learn.labels, None, growing=True)
                pool = engine.Pool(learn.table, label=-gradient, weight=learn.weight, cat_features=words)
                pool.quantize(**({"input_borders": str(borders)} if turn else {}))
                if not turn:
                    pool.save_quantization_borders(str(borders))
                tree = engine.CatBoost(settings | fixed | {"random_seed": seed + turn})
                tree.fit(pool)
                leaf = tree.calc_leaf_indexes(pool)[:, 0].astype(np.int64)
                count = int(tree.get_tree_leaf_counts()[0])
                before = score.copy()
                best = rate * np.stack([refit.best(before, leaf, count, k) for k in range(columns)], 1)
                tree.set_leaf_values(best.ravel())
                trees.append(tree)
                score += best[leaf]
                if watch is not None and watched is not None:
                    place = tree.calc_leaf_indexes(engine.Pool(watch.table, cat_features=words))[:, 0]
                    watched += best[place.astype(np.int64)]
                    if stopping.after(watched, watch):
                        break
        model = engine.sum_models(trees)
        model.set_scale_and_bias(1.0, self.base.tolist())
        kept = stopping.best_round + 1 if patience is not None else None
        found = self._boosted(model, np.zeros(columns), tuple(stopping.history))
        return replace(found, rounds=kept)

    def _pool(self, sample: Sample) -> Any:
        return _library().Pool(
            sample.table, label=sample.labels, weight=sample.weight, cat_features=categories_of(sample.table) or None,
            baseline=self.started(len(sample.labels)),
        )  # fmt: skip


class CatBoostObjective:
    """A loss of one column as CatBoost calls an objective: it climbs, so gradient and Hessian change their sign."""

    def __init__(self, adapter: CatBoostAdapter) -> None:
        self.adapter = adapter

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> NDArray[Any]:
        """What a block of rows gives, (rows, 2)."""
        score, weight = np.asarray(approxes)[:, None], None if weights is None else np.asarray(weights)
        gradient, hessian = self.adapter.curvature(score, np.asarray(targets), weight)
        found = np.empty((len(score), 2))
        np.negative(gradient[:, 0], out=found[:, 0])
        np.negative(hessian[:, 0], out=found[:, 1])
        return found


class CatBoostMetric:
    """The metric of an adapter as CatBoost calls it."""

    def __init__(self, adapter: CatBoostAdapter) -> None:
        self.adapter = adapter

    def is_max_optimal(self) -> bool:
        """Whether more is better."""
        return not self.adapter.judge.lower_is_better

    def get_final_error(self, error: float, weight: float) -> float:
        """The value of `evaluate`."""
        return error / weight if weight else 0.0

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """The metric, and 1: CatBoost wants a sum and what it is a sum over."""
        score = np.stack([np.asarray(column) for column in approxes], -1)
        heavy = None if weight is None else np.asarray(weight)
        return self.adapter.judge.value(score, np.asarray(target), heavy), 1.0


def own_loss(loss: Loss) -> str | None:
    """CatBoost's own name of the very same loss, where its own code is better than any objective could be there."""
    match loss:
        case Absolute():
            return "MAE"
        case Pinball(level=float() as level):
            return f"Quantile:alpha={level!r}"
        case CrossEntropy() if loss == CrossEntropy(ignore_index=loss.ignore_index):
            return "MultiClass"
        case _:
            return None


def _library() -> Any:
    return library("catboost", extra="gbdt", what="Losses are boosted")
