"""What other libraries ship under these names: one table, value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.losses.classification.agreeing import ids, near, scores, value_and_slope
import wald

pytestmark = pytest.mark.peers


def _optax(name: str) -> Callable[[Tensor, Tensor], tuple[Any, Any]]:
    def call(z: Tensor, y: Tensor) -> tuple[Any, Any]:
        optax = pytest.importorskip("optax", reason="optax is compared with where it is installed")
        import jax

        function, truth = getattr(optax.losses, name), jax.numpy.asarray(y.numpy())
        given = jax.numpy.asarray(z.numpy(), dtype="float32")
        return function(given, truth), jax.grad(lambda x: function(x, truth).sum())(given)

    return call


def _sgd(z: Tensor, t: Tensor) -> tuple[Any, Any]:
    sgd = pytest.importorskip("sklearn.linear_model._sgd_fast", reason="scikit-learn is not installed")
    loss, pairs = sgd.ModifiedHuber(), list(zip(z.tolist(), (2 * t - 1).tolist(), strict=True))
    return [loss.py_loss(a, b) for a, b in pairs], [loss.py_dloss(a, b) for a, b in pairs]


def _exponential(z: Tensor, t: Tensor) -> tuple[Any, Any]:
    module = pytest.importorskip("sklearn._loss.loss", reason="scikit-learn is not installed")
    return module.ExponentialLoss().loss_gradient(t.numpy(), z.numpy())


def _hinge_loss(z: Tensor, y: Tensor) -> tuple[Any, Any]:
    module = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    labels = np.arange(z.shape[-1])
    value = [module.hinge_loss(b[None].numpy(), a[None].numpy(), labels=labels) for a, b in zip(z, y, strict=True)]
    return value, None


Case = tuple[str, Callable[[Tensor, Tensor], tuple[Any, Any]], bool]

#: The port, what it gives, and whether it is about two labels.
TABLE: list[Case] = [
    ("optax.losses.multiclass_hinge_loss", _optax("multiclass_hinge_loss"), False),
    ("optax.losses.multiclass_perceptron_loss", _optax("multiclass_perceptron_loss"), False),
    ("sklearn.metrics.hinge_loss", _hinge_loss, False),
    ("sklearn.modified_huber", _sgd, True),
    ("sklearn.exponential", _exponential, True),
]


@pytest.mark.parametrize(("port", "theirs", "binary"), TABLE, ids=[port for port, *_ in TABLE])
def test_a_port_agrees(port: str, theirs: Callable[[Tensor, Tensor], tuple[Any, Any]], binary: bool) -> None:
    loss = wald.get(port)(like=port)
    for seed in (0, 1):
        z, y = scores(seed), ids(seed)
        if binary:
            z, y = z[:, 0].contiguous(), (y % 2).double()
        value, slope = value_and_slope(loss.per_example, z, y)
        wanted, its = theirs(z, y)
        near(value, torch.as_tensor(np.array(wanted)).double(), 1e-6)
        if its is not None:
            near(slope, torch.as_tensor(np.array(its)).double(), 1e-6)


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
