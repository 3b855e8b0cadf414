"""XGBoost, LightGBM and CatBoost: their values from their metrics, their slopes from what one tree does.

None of them gives its gradient away, but a leaf of one row does: its number is -g / (h + λ), of the gradient g, the
curvature h and the penalty λ. A large λ, or two of them, leave g alone. Where a library takes leaves from the errors
and not from gradients, for absolute errors and quantiles, the slope is that of its metric, by differences.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import wald

from .case import By, Case, attribute, mean, of_port

ROWS = 8
#: Steps of a power of two, so that the numbers of single precision that the libraries hold are exact.
Z = torch.linspace(-0.875, 0.875, ROWS, dtype=torch.float64)
AROUND = torch.tensor([1, -1] * 4, dtype=torch.float64)
ERRORS = Z + AROUND * torch.tensor([0.25, 0.5, 1.5, 2.0, 0.75, 1.25, 3.0, 0.625], dtype=torch.float64)
AMOUNTS = torch.tensor([2.0, 0.25, 3.0, 0.125, 2.5, 0.5, 4.0, 0.75], dtype=torch.float64)
COUNTS = torch.tensor([2.0, 0.0, 3.0, 0.0, 4.0, 1.0, 5.0, 1.0], dtype=torch.float64)
LABELS = (AROUND + 1) / 2
SHARES = torch.tensor([0.75, 0.125, 0.875, 0.25, 0.75, 0.5, 0.875, 0.25], dtype=torch.float64)
CLASSES = torch.tensor([0, 1, 2, 0, 2, 1, 0, 2])
SCORES = torch.stack([Z, Z.flip(0), Z.roll(3)], -1)
LOWER = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5, 0.75, 3.0, 1.25], dtype=torch.float64)
UPPER = LOWER + torch.tensor([0.0, torch.inf, 1.0, 0.0, torch.inf, 2.0, 0.0, 0.5], dtype=torch.float64)
TIME = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5, 0.75, 3.0, 1.25], dtype=torch.float64)
EVENT = torch.tensor([1, 0, 1, 1, 0, 1, 1, 1])

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Value = Callable[[Numbers], float]

#: How far a score moves for a difference: a power of two.
STEP = 2.0**-6


def differences(value: Value, z: Numbers) -> Numbers:
    """Slopes of a mean, by four points each, which leaves nothing of a curve below the fifth order."""
    slope = np.zeros_like(z)
    for index in np.ndindex(*z.shape):

        def moved(by: float, index: tuple[int, ...] = index) -> float:
            there = z.copy()
            there[index] += by * STEP
            return value(there)

        slope[index] = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * STEP)
    return slope


def _by(leaves: bool) -> By:
    """How a slope was had: from leaves, or from the metric."""
    return "itself" if leaves else "differences"


# XGBoost.


def xgboost_metric(objective: str, label: dict[str, Numbers], metric: str, fields: dict[str, Any], z: Numbers) -> float:
    xgboost = attribute("xgboost")
    data = xgboost.DMatrix(np.zeros((len(z), 1)), base_margin=z, **label)
    settings = {"objective": objective, "eval_metric": metric, "nthread": 1, "verbosity": 0} | fields
    return float(xgboost.train(settings, data, 0).eval(data).rpartition(":")[2])


def xgboost_slopes(objective: str, label: dict[str, Numbers], fields: dict[str, Any], z: Numbers) -> Numbers:
    """A leaf of one row, whose penalty of 1e6 leaves -g / 1e6."""
    xgboost, large = attribute("xgboost"), 1e6
    settings = {"objective": objective, "nthread": 1, "eta": 1.0, "lambda": large, "max_depth": 1, "verbosity": 0}
    settings |= {"min_child_weight": 0.0, "max_delta_step": 0.0} | fields
    found = []
    for row in range(len(z)):
        own = {name: values[row : row + 1] for name, values in label.items()}
        data = xgboost.DMatrix(np.zeros((1, 1)), base_margin=z[row : row + 1], **own)
        blank = xgboost.DMatrix(np.zeros((1, 1)), base_margin=np.zeros_like(z[row : row + 1]))
        found.append(-large * xgboost.train(settings, data, 1).predict(blank, output_margin=True)[0])
    return np.array(found, dtype=float) / len(z)


def of_xgboost(
    objective: str,
    target: Tensor | dict[str, Tensor],
    metric: str | None,
    *,
    factor: float = 1.0,
    leaves: bool = True,
    at: Tensor = Z,
    how: Callable[..., Tensor] = mean,
    **fields: Any,
) -> Case:
    """Its objective: `factor` times it is ours; a metric where that has the objective's value."""
    given = target if isinstance(target, dict) else {"label": target}
    label = {name: values.numpy() for name, values in given.items()}
    theirs = {"quantile_alpha": fields.get("level"), "expectile_alpha": fields.get("level")}
    theirs |= {"huber_slope": fields.get("delta"), "tweedie_variance_power": fields.get("power")}
    theirs |= {"num_class": 3 if objective.startswith("multi") else None}
    settings = {name: value for name, value in theirs.items() if value is not None}

    def run(z: Tensor) -> tuple[Any, ...]:
        z_there = z.detach().numpy()
        value = partial(xgboost_metric, objective, label, metric or "rmse", settings)
        slope = xgboost_slopes(objective, label, settings, z_there) if leaves else differences(value, z_there)
        return None if metric is None else factor * value(z_there), factor * slope, _by(leaves)

    return of_port(f"xgboost.{objective}", run, at, *given.values(), how=how, within=1e-5, **fields)


XGBOOST: list[Case] = [
    of_xgboost("reg:squarederror", ERRORS, None, factor=2.0),
    of_xgboost("reg:pseudohubererror", ERRORS, "mphe", delta=0.75),
    of_xgboost("reg:absoluteerror", ERRORS, "mae", leaves=False),
    of_xgboost("reg:quantileerror", ERRORS, "quantile", leaves=False, level=0.3),
    of_xgboost("binary:hinge", LABELS, None),
    of_xgboost("binary:logistic", LABELS, "logloss"),
    of_xgboost("binary:logitraw", LABELS, None),
    of_xgboost("reg:logistic", SHARES, None),
    of_xgboost("multi:softprob", CLASSES, "mlogloss", at=SCORES),
    of_xgboost("multi:softmax", CLASSES, None, at=SCORES),
    of_xgboost("count:poisson", COUNTS, None),
    of_xgboost("reg:gamma", AMOUNTS, None),
    of_xgboost("reg:tweedie", COUNTS, "tweedie-nloglik@1.5", power=1.5),
    # It takes half of it, of predictions above -1.
    of_xgboost("reg:squaredlogerror", AMOUNTS, None, factor=2.0, at=Z.abs()),
    of_xgboost("survival:aft", {"label_lower_bound": LOWER, "label_upper_bound": UPPER}, "aft-nloglik"),
]


def _cox() -> Case:
    """Its label is the time, negative where the row was lost from sight; its metric is the mean over events."""
    label = {"label": torch.where(EVENT > 0, TIME, -TIME).numpy()}
    # It wants rows in the order of their times.
    order = TIME.argsort()
    label = {"label": label["label"][order.numpy()]}

    def run(z: Tensor) -> tuple[Any, ...]:
        value = partial(xgboost_metric, "survival:cox", label, "cox-nloglik", {})
        there = z.detach().numpy()
        return value(there), differences(value, there), "differences"

    return of_port("xgboost.survival:cox", run, Z, TIME[order], EVENT[order], how=mean, within=1e-5)


# LightGBM.

#: How often a row is in its leaf: LightGBM estimates how many are from their curvature.
COPIES = 50


def lightgbm_metric(objective: str, target: Numbers, metric: str, fields: dict[str, Any], z: Numbers) -> float:
    lightgbm, found = attribute("lightgbm"), {}
    data = lightgbm.Dataset(np.arange(len(z), dtype=float)[:, None], target, init_score=z.flatten(order="F"))
    settings = {"objective": objective, "metric": metric, "learning_rate": 1e-30, "num_threads": 1, "verbose": -1}
    settings |= {"boost_from_average": False, "min_data_in_leaf": 1, "min_data_in_bin": 1} | fields
    seen = lightgbm.record_evaluation(found)
    lightgbm.train(settings, data, 1, valid_sets=[data], callbacks=[seen])
    return float(found["training"][metric][0])


def lightgbm_slopes(objective: str, target: Numbers, fields: dict[str, Any], z: Numbers) -> Numbers:
    """-λ / (1 / s(λ) - 1 / s(0)), of two leaves s: with a penalty and without one."""
    without, little = (_leaves(objective, target, fields, z, by * COPIES) for by in (0.0, 0.05))
    return -0.05 / (1 / little - 1 / without) / len(z)


def _leaves(objective: str, target: Numbers, fields: dict[str, Any], z: Numbers, penalty: float) -> Numbers:
    """Two rows at a time, whose slopes differ in sign, so that they are parted."""
    lightgbm, found = attribute("lightgbm"), np.zeros_like(z)
    x = np.repeat([0.0, 1.0], COPIES)[:, None]
    settings = {"objective": objective, "lambda_l2": penalty, "learning_rate": 1.0, "num_leaves": 2, "verbose": -1}
    settings |= {"boost_from_average": False, "num_threads": 1, "min_sum_hessian_in_leaf": 0} | fields
    settings |= {"min_data_in_leaf": 1, "min_data_in_bin": 1, "feature_pre_filter": False}
    for i, j in np.arange(len(z)).reshape(-1, 2):
        both = np.repeat([i, j], COPIES)
        data = lightgbm.Dataset(x, target[both], init_score=z[both].flatten(order="F"), params=settings)
        found[[i, j]] = lightgbm.train(settings, data, 1).predict(np.array([[0.0], [1.0]]), raw_score=True)
    return found


def of_lightgbm(
    objective: str, target: Tensor, metric: str | None, *, factor: float = 1.0, leaves: bool = True, **fields: Any
) -> Case:
    y = target.numpy()
    theirs = {"alpha": fields.get("level", fields.get("delta")), "fair_c": fields.get("scale")}
    theirs |= {"tweedie_variance_power": fields.get("power")}
    settings = {name: value for name, value in theirs.items() if value is not None}

    def run(z: Tensor) -> tuple[Any, ...]:
        there = z.detach().numpy()
        value = partial(lightgbm_metric, objective, y, metric or "l2", settings)
        slope = lightgbm_slopes(objective, y, settings, there) if leaves else differences(value, there)
        return None if metric is None else factor * value(there), factor * slope, _by(leaves)

    return of_port(f"lightgbm.{objective}", run, Z, target, how=mean, within=1e-5, **fields)


LIGHTGBM: list[Case] = [
    of_lightgbm("regression", ERRORS, "l2", factor=1.0, leaves=False),
    of_lightgbm("regression_l1", ERRORS, "l1", leaves=False),
    of_lightgbm("quantile", ERRORS, "quantile", leaves=False, level=0.3),
    of_lightgbm("mape", ERRORS, "mape", leaves=False),
    of_lightgbm("huber", ERRORS, "huber", delta=1.0),
    of_lightgbm("fair", ERRORS, "fair", scale=0.75),
    of_lightgbm("poisson", COUNTS, "poisson"),
    of_lightgbm("gamma", AMOUNTS, None),
    of_lightgbm("tweedie", COUNTS, "tweedie", power=1.5),
    of_lightgbm("binary", LABELS, "binary_logloss"),
    of_lightgbm("cross_entropy", SHARES, "cross_entropy"),
]


# CatBoost.

#: Three questions that tell eight rows apart, so that a tree of depth three has a leaf for each.
QUESTIONS = np.array([[row >> k & 1 for k in range(3)] for row in range(ROWS)], dtype=float)
GROUPS = np.repeat([0, 1], 4)


def catboost_slopes(named: str, target: Numbers, z: Numbers, groups: Any, pairs: Any) -> Numbers:
    catboost = attribute("catboost")
    settings = {"loss_function": named, "iterations": 1, "depth": 3, "learning_rate": 1.0, "l2_leaf_reg": 0.0}
    settings |= {"leaf_estimation_method": "Gradient", "leaf_estimation_iterations": 1, "bootstrap_type": "No"}
    settings |= {"random_strength": 0.0, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    settings |= {"boosting_type": "Plain"}
    data = catboost.Pool(QUESTIONS, target, baseline=z, group_id=groups, pairs=pairs)
    model = catboost.CatBoost(settings).fit(data)
    return -np.asarray(model.predict(QUESTIONS, prediction_type="RawFormulaVal")).reshape(z.shape)


def of_catboost(
    name: str,
    target: Tensor,
    *,
    named: str = "",
    factor: float = 1.0,
    valued: bool = True,
    at: Tensor = Z,
    groups: bool = False,
    pairs: Any = None,
    how: Callable[..., Tensor] = mean,
    **fields: Any,
) -> Case:
    """`named` is the name with what it is given; a value is that of the metric of the same name."""
    y = target.double().numpy()

    def run(z: Tensor) -> tuple[Any, ...]:
        there = z.detach().numpy()
        own = GROUPS if groups else None
        slope = factor * catboost_slopes(named or name, y, there, own, pairs) / len(there)
        (value,) = attribute("catboost.utils.eval_metric")(y, there, named or name, group_id=own) if valued else (0,)
        return (value if valued else None), slope

    # Its exponentials are good to five digits.
    return of_port(f"catboost.{name}", run, at, target, how=how, within=1e-4, **fields)


def in_groups(loss: wald.Loss, z: Tensor, target: Tensor) -> Tensor:
    """Lists of four, each divided by what all rows weigh."""
    return loss(z.reshape(2, 4), target.reshape(2, 4), reduction="sum") / ROWS


def in_groups_of_rows(loss: wald.Loss, z: Tensor, target: Tensor) -> Tensor:
    """Lists of four, of which the mean over their rows is taken."""
    return 4 * in_groups(loss, z, target)


CATBOOST: list[Case] = [
    of_catboost("RMSE", ERRORS, factor=2.0, valued=False),
    of_catboost("MAE", ERRORS, factor=2.0),  # its slope is that of the quantile at one half
    of_catboost("MAPE", ERRORS),
    of_catboost("Huber", ERRORS, named="Huber:delta=0.75", delta=0.75),
    of_catboost("Lq", ERRORS, named="Lq:q=3", exponent=3.0),
    of_catboost("Quantile", ERRORS, named="Quantile:alpha=0.3", level=0.3),
    of_catboost("Expectile", ERRORS, named="Expectile:alpha=0.3", level=0.3),
    of_catboost("LogCosh", ERRORS),
    of_catboost("Logloss", LABELS),
    of_catboost("CrossEntropy", SHARES),
    of_catboost("MultiClass", CLASSES, at=SCORES),
    of_catboost("Poisson", COUNTS),
    of_catboost("Tweedie", COUNTS, named="Tweedie:variance_power=1.5", power=1.5),
    of_catboost("QueryRMSE", AMOUNTS, groups=True, valued=False, how=in_groups_of_rows, factor=2.0),
    of_catboost("QuerySoftMax", LABELS, groups=True, valued=False, how=in_groups),
]


def _pairs() -> Case:
    """Of each list every pair of different amounts; a row weighs as much as it has pairs, here three."""
    y = AMOUNTS.tolist()
    pairs = [(i, j) for i in range(ROWS) for j in range(ROWS) if GROUPS[i] == GROUPS[j] and y[i] > y[j]]
    return of_catboost("PairLogit", AMOUNTS, groups=True, pairs=pairs, valued=False, how=in_groups, factor=3.0)


def _failure_times() -> Case:
    """An upper end of -1 is one that is not known."""
    ends = torch.stack([LOWER, torch.where(UPPER.isinf(), -1.0, UPPER)], -1).numpy()

    def run(z: Tensor) -> tuple[Any, ...]:
        named = "SurvivalAft:dist=Normal;scale=1.0"
        return None, catboost_slopes(named, ends, z.detach().numpy(), None, None) / ROWS

    return of_port("catboost.SurvivalAft", run, Z, LOWER, UPPER, how=mean, within=1e-4)


def _numbers(name: str, named: str, target: Tensor, at: Tensor = Z, **fields: Any) -> Case:
    """A metric that nothing is trained on, or whose training takes no start."""

    def run(z: Tensor) -> tuple[Any, ...]:
        def value(there: Numbers) -> float:
            return attribute("catboost.utils.eval_metric")(target.numpy(), there, named)[0]

        there = z.detach().numpy()
        return value(there), differences(value, there), "differences"

    return of_port(f"catboost.{name}", run, at, target, how=mean, within=1e-4, **fields)


CASES: list[Case] = [
    *XGBOOST,
    _cox(),
    *LIGHTGBM,
    *CATBOOST,
    _pairs(),
    _failure_times(),
    _numbers("RMSEWithUncertainty", "RMSEWithUncertainty", ERRORS, at=SCORES[:, :2], full=True),
    _numbers("FairLoss", "FairLoss:smoothness=0.75", ERRORS, scale=0.75),
    _numbers("SMAPE", "SMAPE", ERRORS),
]
