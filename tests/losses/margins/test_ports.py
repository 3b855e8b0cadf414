"""What other libraries ship under these names: one table, value and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wald

from ..classification.agreeing import ids, near, scores
from ..parity.case import Case, attribute, by_jax, by_numbers, of_port


def _optax(name: str, seed: int) -> Case:
    z, y = scores(seed).float(), ids(seed)
    full = f"optax.losses.{name}"
    return of_port(full, by_jax(lambda z: attribute(full)(z, y.numpy())), z, y)


def _sgd(name: str, kind: str, seed: int, *given: float) -> Case:
    """A loss of the stochastic gradient descent of scikit-learn, which is asked one number at a time."""
    margins = kind in ("ModifiedHuber",)
    z = scores(seed)[:, 0].contiguous()
    y = (ids(seed) % 2).double() if margins else scores(seed + 7)[:, 0].contiguous()
    seen = (2 * y - 1 if margins else y).tolist()

    def theirs(z: Tensor) -> tuple[list[float], list[float]]:
        loss, pairs = (
            attribute(f"sklearn.linear_model._sgd_fast.{kind}")(*given),
            list(zip(z.tolist(), seen, strict=True)),
        )
        return [loss.py_loss(a, b) for a, b in pairs], [loss.py_dloss(a, b) for a, b in pairs]

    return of_port(name, theirs, z, y)


def _exponential(seed: int) -> Case:
    z, y = scores(seed)[:, 0].contiguous(), (ids(seed) % 2).double()

    def theirs(z: Tensor) -> Any:
        return attribute("sklearn._loss.loss.ExponentialLoss")().loss_gradient(y.numpy(), z.detach().numpy())

    return of_port("sklearn.exponential", theirs, z, y)


def _hinge(seed: int) -> Case:
    z, y = scores(seed, rows=6), ids(seed, rows=6)

    def theirs(z: Tensor) -> list[float]:
        cost = attribute("sklearn.metrics.hinge_loss")
        rows = zip(z.numpy(), y.numpy(), strict=True)
        return [cost(b[None], a[None], labels=np.arange(z.shape[-1])) for a, b in rows]

    return of_port("sklearn.metrics.hinge_loss", by_numbers(theirs), z, y)


CASES: list[Case] = [
    case
    for seed in (0, 1)
    for case in (
        _optax("multiclass_hinge_loss", seed),
        _optax("multiclass_perceptron_loss", seed),
        _hinge(seed),
        _sgd("sklearn.modified_huber", "ModifiedHuber", seed),
        _sgd("sklearn.epsilon_insensitive", "EpsilonInsensitive", seed, 0.1),
        _sgd("sklearn.svm.SVR", "EpsilonInsensitive", seed, 0.1),
        _sgd("sklearn.squared_epsilon_insensitive", "SquaredEpsilonInsensitive", seed, 0.1),
        _exponential(seed),
    )
]


def test_a_linear_machine_trains_the_same_sum() -> None:
    """LinearSVC (squared hinge, one versus rest) stands where the gradient of our objective is 0."""
    svm = pytest.importorskip("sklearn.svm", reason="scikit-learn is not installed")
    x, y = scores(rows=60, classes=3), ids(rows=60, classes=3)
    fit = svm.LinearSVC(C=0.7, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(x.numpy(), y.numpy())
    table = torch.as_tensor(fit.coef_).requires_grad_()
    loss = wald.get("sklearn.svm.LinearSVC")(like="sklearn")
    objective = 0.5 * table.square().sum() + 0.7 * loss(x @ table.T, y, reduction="sum")
    (slope,) = torch.autograd.grad(objective, table)
    near(slope, torch.zeros(3, 3), 1e-5)
