"""What other libraries ship under these names: one table, value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, by_jax, by_numbers, mean, of_port

Call = Callable[[Any, Tensor, Tensor], Tensor]


def _kornia(name: str) -> Call:
    return lambda module, p, y: getattr(module, name)(p, y, reduction="none")


def _keras(name: str) -> Call:
    return lambda module, p, y: getattr(module, name)(reduction=None)(y.unsqueeze(-1), p.unsqueeze(-1))


def _keras_rows(name: str) -> Call:
    return lambda module, p, y: getattr(module, name)(reduction=None)(y, p)


#: The port, the module that has it, how it is called, and the shape of a batch.
TABLE: list[tuple[str, str, Call, tuple[int, ...]]] = [
    ("kornia.losses.CauchyLoss", "kornia.losses", _kornia("cauchy_loss"), (3, 7)),
    ("kornia.losses.WelschLoss", "kornia.losses", _kornia("welsch_loss"), (3, 7)),
    ("kornia.losses.GemanMcclureLoss", "kornia.losses", _kornia("geman_mcclure_loss"), (3, 7)),
    ("kornia.losses.CharbonnierLoss", "kornia.losses", _kornia("charbonnier_loss"), (3, 7)),
    ("keras.losses.Huber", "keras.losses", _keras("Huber"), (21,)),
    ("keras.losses.LogCosh", "keras.losses", _keras("LogCosh"), (21,)),
    ("keras.losses.MeanSquaredError", "keras.losses", _keras("MeanSquaredError"), (21,)),
    ("keras.losses.MeanAbsoluteError", "keras.losses", _keras("MeanAbsoluteError"), (21,)),
    ("keras.losses.MeanAbsolutePercentageError", "keras.losses", _keras("MeanAbsolutePercentageError"), (21,)),
    ("keras.losses.MeanSquaredLogarithmicError", "keras.losses", _keras("MeanSquaredLogarithmicError"), (21,)),
    ("keras.losses.CosineSimilarity", "keras.losses", _keras_rows("CosineSimilarity"), (5, 4)),
]


def _pair(shape: tuple[int, ...], seed: int) -> tuple[Tensor, Tensor]:
    p, y = 0.2 + 2 * torch.rand(2, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return p.float(), y.float()


def _case(name: str, module: str, call: Call, shape: tuple[int, ...], seed: int) -> Case:
    p, y = _pair(shape, seed)
    return of_port(name, lambda p: call(import_module(module), p, y), p, y, within=2e-5)


OPTAX = {
    "optax.huber_loss": ("huber_loss", (21,)),
    "optax.squared_error": ("squared_error", (21,)),
    "optax.log_cosh": ("log_cosh", (21,)),
    "optax.cosine_distance": ("cosine_distance", (5, 4)),
}


def _optax(name: str, function: str, shape: tuple[int, ...]) -> Case:
    p, y = _pair(shape, 0)
    return of_port(name, by_jax(lambda p: attribute(f"optax.{function}")(p, y.numpy())), p, y, within=2e-5)


SKLEARN = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_log_error",
    "mean_pinball_loss",
    "root_mean_squared_error",
)


def _sklearn(name: str) -> Case:
    p, y = (x.double() for x in _pair((31,), 0))
    full = f"sklearn.metrics.{name}"
    return of_port(full, by_numbers(lambda p: attribute(full)(y.numpy(), p.numpy())), p, y, how=mean)


CASES: list[Case] = [
    *(_case(*row, seed) for row in TABLE for seed in (0, 1)),
    *(_optax(name, *row) for name, row in OPTAX.items()),
    *map(_sklearn, SKLEARN),
]


CATBOOST = {
    "catboost.MAE": ("MAE", {}),
    "catboost.MAPE": ("MAPE", {}),
    "catboost.SMAPE": ("SMAPE", {}),
    "catboost.Huber": ("Huber:delta=0.7", {"delta": 0.7}),
    "catboost.FairLoss": ("FairLoss:smoothness=0.7", {"scale": 0.7}),
    "catboost.Lq": ("Lq:q=1.5", {"exponent": 1.5}),
    "catboost.Quantile": ("Quantile:alpha=0.3", {"level": 0.3}),
    "catboost.Expectile": ("Expectile:alpha=0.3", {"level": 0.3}),
    "catboost.LogCosh": ("LogCosh", {}),
}


@pytest.mark.peers
@pytest.mark.parametrize("port", CATBOOST)
def test_catboost_agrees(port: str) -> None:
    utils = pytest.importorskip("catboost.utils", reason="catboost is not installed")
    named, fields = CATBOOST[port]
    p, y = 2 * torch.randn(2, 31, generator=torch.Generator().manual_seed(0)).double()
    p[0] = y[0] = 0.0
    (wanted,) = utils.eval_metric(y.numpy(), p.numpy(), named)
    # Its exponentials are good to five digits.
    assert wald.get(port)(like=port, **fields)(p, y).item() == pytest.approx(wanted, rel=1e-4)


#: The Newton step of a leaf that holds one row: minus the gradient over the curvature. Half the squared error has the
#: same step as the whole.
STEPS = {
    "xgboost.reg:squarederror": {},
    "xgboost.reg:pseudohubererror": {"huber_slope": 0.7},
    "lightgbm.regression": {},
    "lightgbm.fair": {"fair_c": 0.7},
}


@pytest.mark.peers
@pytest.mark.parametrize("port", STEPS)
def test_a_booster_takes_the_step_of_the_loss(port: str) -> None:
    library, _, objective = port.partition(".")
    booster = pytest.importorskip(library, reason=f"{library} is not installed")
    # Errors that grow from row to row, so that every split gains and each row has its leaf.
    p, y = np.random.default_rng(0).normal(size=16), np.zeros(16)
    y += p + np.linspace(-3, 3, 16)
    x = np.arange(16.0).reshape(-1, 1)
    if library == "xgboost":
        data = booster.DMatrix(x, y, base_margin=p)
        settings = {"objective": objective, "eta": 1.0, "lambda": 0.0, "min_child_weight": 0.0, "max_depth": 12}
        model = booster.train(settings | {"nthread": 1, "tree_method": "exact"} | STEPS[port], data, 1)
        step = model.predict(data, output_margin=True) - p
    else:
        data = booster.Dataset(x, y, init_score=p, params={"min_data_in_bin": 1})
        settings = {"objective": objective, "learning_rate": 1.0, "num_leaves": 64, "min_data_in_leaf": 1}
        few = {"min_sum_hessian_in_leaf": 0.0, "num_threads": 1, "verbose": -1, "min_data_in_bin": 1}
        model = booster.train(settings | few | STEPS[port], data, 1)
        step = model.predict(x, raw_score=True)
    loss = wald.get(port)()
    if STEPS[port]:
        loss = wald.PseudoHuber(delta=0.7) if library == "xgboost" else wald.Fair(scale=0.7)
    gradient, curvature = wald.gradient_and_hessian(loss, torch.from_numpy(p), torch.from_numpy(y))
    np.testing.assert_allclose(step, (-gradient / curvature).numpy(), rtol=1e-4, atol=1e-5)
