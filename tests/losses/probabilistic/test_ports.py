"""Ports of the losses of probabilistic regression: the other library's own code, in value and gradient."""

from __future__ import annotations

from collections.abc import Callable
import importlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, by_numbers, mean, of_port
from .parity import holds

pytestmark = pytest.mark.filterwarnings("ignore")

F64 = torch.float64
RNG = torch.Generator().manual_seed(7)
PAIR = 0.3 + 2 * torch.rand(19, 2, generator=RNG, dtype=F64)
TRIPLE = 0.3 + 2 * torch.rand(19, 3, generator=RNG, dtype=F64)
TARGET = 0.3 + 2 * torch.rand(19, generator=RNG, dtype=F64)
SHARE = 0.05 + 0.9 * torch.rand(19, generator=RNG, dtype=F64)
COUNT = torch.randint(6, (19,), generator=RNG).double()
MEMBERS = torch.randn(19, 6, generator=RNG, dtype=F64)
VECTORS = torch.randn(19, 6, 2, generator=RNG, dtype=F64)
SEEN = torch.randn(19, 2, generator=RNG, dtype=F64)
MIXTURE = 0.3 + torch.rand(19, 3, 3, generator=RNG, dtype=F64)
QUANTILES = torch.randn(19, 5, generator=RNG, dtype=F64).sort(-1).values
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def split(x: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(part.numpy() for part in x.detach().unbind(-1))


def weighted(x: Tensor) -> tuple[np.ndarray, ...]:
    """The components of a mixture as means, standard deviations and weights."""
    return x[..., 1].detach().numpy(), x[..., 2].detach().numpy(), x[..., 0].detach().softmax(-1).numpy()


def of_parts(f: Callable[..., object], x: Tensor, y: Tensor) -> object:
    return f(y.numpy(), *split(x))


def of_ensemble(f: Callable[..., object], x: Tensor, y: Tensor) -> object:
    return f(y.numpy(), x.detach().numpy(), backend="numpy")


#: Each port of scoringrules, how it is called, the inputs, and the fields that have no default.
SCORES: list[tuple[str, Callable[..., object], tuple[Tensor, Tensor], dict[str, object]]] = [
    ("logs_laplace", of_parts, (PAIR, TARGET), {}),
    ("logs_logistic", of_parts, (PAIR, TARGET), {}),
    ("logs_lognormal", of_parts, (PAIR, TARGET), {}),
    ("logs_gamma", of_parts, (PAIR, TARGET), {}),
    ("logs_beta", of_parts, (PAIR, SHARE), {}),
    ("logs_t", lambda f, x, y: f(y.numpy(), *(split(x)[i] for i in (2, 0, 1))), (TRIPLE, TARGET), {}),
    ("logs_poisson", lambda f, x, y: f(y.numpy(), x.detach().numpy()), (TARGET, COUNT), {}),
    (
        "logs_negbinom",
        lambda f, x, y: f(y.numpy(), 1 / split(x)[1], 1 / (1 + split(x)[0] * split(x)[1])),
        (PAIR / 2.5, COUNT),
        {},
    ),
    ("logs_mixnorm", lambda f, x, y: f(y.numpy(), *weighted(x)), (MIXTURE, TARGET), {}),
    ("crps_normal", of_parts, (PAIR, TARGET), {}),
    ("crps_laplace", of_parts, (PAIR, TARGET), {}),
    ("crps_logistic", of_parts, (PAIR, TARGET), {}),
    ("crps_lognormal", of_parts, (PAIR, TARGET), {}),
    ("crps_mixnorm", lambda f, x, y: f(y.numpy(), *weighted(x)), (MIXTURE, TARGET), {}),
    ("crps_ensemble", of_ensemble, (MEMBERS, TARGET), {}),
    ("twcrps_ensemble", lambda f, x, y: f(y.numpy(), x.detach().numpy(), 0.4), (MEMBERS, TARGET), {"threshold": 0.4}),
    ("es_ensemble", of_ensemble, (VECTORS, SEEN), {}),
    ("vs_ensemble", of_ensemble, (VECTORS, SEEN), {}),
    ("gksmv_ensemble", of_ensemble, (VECTORS, SEEN), {}),
    (
        "gksuv_ensemble",
        lambda f, x, y: f(y[:, 0].numpy(), x[..., 0].detach().numpy(), backend="numpy"),
        (VECTORS[..., :1], SEEN[:, :1]),
        {},
    ),
    ("dssuv_ensemble", of_ensemble, (MEMBERS, TARGET), {}),
    ("interval_score", lambda f, x, y: f(y.numpy(), *split(x), 0.1), (PAIR, TARGET), {}),
    (
        "crps_quantile",
        lambda f, x, y: f(y.numpy(), x.detach().numpy(), np.array(LEVELS)),
        (QUANTILES, TARGET),
        {"levels": LEVELS},
    ),
    (
        "weighted_interval_score",
        lambda f, x, y: f(
            y.numpy(), split(x)[2], x.detach().numpy()[:, [1, 0]], x.detach().numpy()[:, [3, 4]], np.array([0.5, 0.2])
        ),
        (QUANTILES, TARGET),
        {"levels": LEVELS},
    ),
]


def _scored(name: str, call: Callable[..., object], inputs: tuple[Tensor, Tensor], fields: dict[str, object]) -> Case:
    full, (x, y) = f"scoringrules.{name}", inputs
    return of_port(full, by_numbers(lambda x: call(attribute(full), x, y)), x, y, within=2e-6, **fields)


def _estimated(estimator: str, fair: bool) -> Case:
    full = "scoringrules.crps_ensemble"

    def theirs(x: Tensor) -> object:
        return attribute(full)(TARGET.numpy(), x.numpy(), estimator=estimator)

    return of_port(full, by_numbers(theirs), MEMBERS, TARGET, within=2e-6, fair=fair)


@pytest.mark.peers
def test_a_size_below_one_is_infinite_in_scoringrules() -> None:
    """Its binomial coefficient of a negative number is 0, so a dispersion above 1 makes a seen count impossible."""
    rules = pytest.importorskip("scoringrules", reason="its negative binomial law")
    assert rules.logs_negbinom(np.array([0.0]), np.array([0.5]), np.array([0.5])) == np.inf
    mean_and_dispersion = torch.tensor([[0.5, 2.0]], dtype=F64)  # size 1/2, probability 1/2
    ours = wald.NegativeBinomialNLL(link="identity")(mean_and_dispersion, torch.zeros(1, dtype=F64))
    assert ours.item() == pytest.approx(0.5 * np.log(2))


# torch.


@pytest.mark.parametrize("log_input", [True, False])
def test_poisson_of_torch_has_an_epsilon_and_an_approximation(log_input: bool) -> None:
    x = PAIR[:, 0]
    their = torch.nn.PoissonNLLLoss(log_input=log_input, eps=0.0, reduction="none")
    holds(wald.Poisson(like="torch", log_input=log_input), their, x, COUNT)
    full = torch.nn.PoissonNLLLoss(full=True, reduction="none")(x, COUNT)
    ours = wald.Poisson(full=True).per_example(x, COUNT)
    # Stirling's approximation for counts above 1, and nothing at 0 and 1, where log(y!) is 0 anyway.
    assert (ours - full)[COUNT == 2].tolist() == pytest.approx([0.0413407] * int((COUNT == 2).sum()), abs=1e-6)
    assert torch.allclose(ours[COUNT < 2], full[COUNT < 2])


# Keras and scikit-learn.


SKLEARN = [
    ("sklearn.linear_model.PoissonRegressor", "HalfPoissonLoss", COUNT),
    ("sklearn.linear_model.GammaRegressor", "HalfGammaLoss", TARGET),
]


def _solved(name: str, loss: str, target: Tensor) -> Case:
    """The solvers minimise a value that lacks a constant of the target; the slopes are the same."""

    def theirs(x: Tensor) -> tuple[None, Any]:
        return None, attribute(f"sklearn._loss.loss.{loss}")().gradient(target.numpy(), x.detach().numpy())

    return of_port(name, theirs, PAIR[:, 0], target)


CASES: list[Case] = [
    *(_scored(*row) for row in SCORES),
    *(_estimated(*row) for row in (("nrg", False), ("qd", False), ("int", False), ("fair", True), ("pwm", True))),
    *(_solved(*row) for row in SKLEARN),
    # It adds 1e-7 inside the logarithm, and computes in single precision.
    of_port(
        "keras.losses.Poisson",
        lambda x: attribute("keras.losses.Poisson")()(COUNT, x),
        TARGET,
        COUNT,
        how=mean,
        within=1e-5,
    ),
]


# Item 15 of the disagreements: the factor, the sum and the level of a quantile loss.


def test_quantile_losses_are_half_an_absolute_error_or_a_whole_one() -> None:
    """pytorch-forecasting doubles, so that the median costs the absolute error; scikit-learn and most do not."""
    metrics = importlib.import_module("sklearn.metrics")
    x, y = MEMBERS[:, 0], TARGET
    half = metrics.mean_pinball_loss(y.numpy(), x.numpy(), alpha=0.5)
    assert wald.Pinball(level=0.5)(x, y).item() == pytest.approx(half)
    assert wald.QuantileCRPS(levels=(0.5,))(x.unsqueeze(-1), y).item() == pytest.approx(2 * half)
    assert 2 * half == pytest.approx((x - y).abs().mean().item())


def test_several_levels_are_averaged_and_not_summed() -> None:
    each = torch.stack([wald.Pinball(level=q).per_example(QUANTILES[:, k], TARGET) for k, q in enumerate(LEVELS)])
    several = wald.Pinball(level=LEVELS)(QUANTILES, TARGET)
    torch.testing.assert_close(several, each.mean())  # neuralforecast
    torch.testing.assert_close(len(LEVELS) * several, each.sum(0).mean())  # CatBoost's MultiQuantile
