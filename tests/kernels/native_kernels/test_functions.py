"""exp, log, log1p and what is made of them, against double precision, in units in the last place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from wald.kernels.engine import Pass
from wald.kernels.native import calls
from wald.kernels.programs import Program

#: Numbers of every size, both signs, and each binade's ends.
_SIZES = torch.from_numpy(np.concatenate([np.geomspace(1e-38, 3e38, 40_001), 2.0 ** np.arange(-126, 128)])).float()
_ALL = torch.cat([_SIZES, -_SIZES])


def _value_and_slope(loss: str, parameters: tuple[float, ...], x: Tensor, target: float) -> tuple[Tensor, Tensor]:
    values, slopes = torch.empty_like(x), torch.empty_like(x)
    asked = Pass(None, x, torch.full_like(x, target), values=values, gradient=slopes)
    calls.elementwise(Program(loss, parameters), asked)
    return values, slopes


def _ulps(found: Tensor, exact: Tensor) -> float:
    """The largest error in units of the last place of the exact result; what float cannot hold is left out."""
    size = exact.abs()
    inside = (size > 1.2e-38) & (size < 3.4e38)
    unit = torch.from_numpy(np.spacing(size[inside].float().numpy())).double()
    return ((found[inside].double() - exact[inside]).abs() / unit).max().item()


def test_exp(level: str) -> None:
    x = _ALL[_ALL.abs() < 100].contiguous()
    found, slope = _value_and_slope("Poisson", (), x, 0.0)
    assert _ulps(found, x.double().exp()) <= 2
    torch.testing.assert_close(slope, found, rtol=0, atol=0)


def test_log(level: str) -> None:
    found, _ = _value_and_slope("GammaMean", (), _SIZES, 0.0)
    assert _ulps(found, _SIZES.double().log()) <= 2


def test_log_of_numbers_near_one(level: str) -> None:
    x = 1 + torch.linspace(-0.4, 0.6, 100_001)
    found, _ = _value_and_slope("GammaMean", (), x, 0.0)
    assert _ulps(found, x.double().log()) <= 2


def test_softplus_and_sigmoid(level: str) -> None:
    x = torch.cat([torch.linspace(-86, 86, 200_001), _ALL[_ALL.abs() < 86]])
    found, slope = _value_and_slope("BinaryCrossEntropy", (1.0, 1.0, 0.0), x, 0.0)
    exact = x.double()
    assert _ulps(found, torch.nn.functional.softplus(exact, threshold=1000)) <= 3
    assert _ulps(slope, exact.sigmoid()) <= 4


def test_log1p(level: str) -> None:
    x = torch.cat([torch.linspace(-0.999, 5, 100_001), _SIZES])
    found, _ = _value_and_slope("SquaredLog", (), x, 0.0)
    small = x.double().log1p().abs() > 1e-18
    assert _ulps(found[small], x.double().log1p().square()[small]) <= 6  # the square doubles the error


@pytest.mark.parametrize(
    ("loss", "parameters", "at", "value", "slope"),
    [
        ("Poisson", (), float("-inf"), float("nan"), 0.0),  # 0 · -inf, as the definition has it
        ("Poisson", (), 200.0, float("inf"), float("inf")),
        ("GammaMean", (), 0.0, float("nan"), float("nan")),  # 0 / 0
        ("BinaryCrossEntropy", (1.0, 1.0, 0.0), float("inf"), float("inf"), 1.0),
        ("BinaryCrossEntropy", (1.0, 1.0, 0.0), float("-inf"), 0.0, 0.0),
        ("BinaryCrossEntropy", (1.0, 1.0, 0.0), 1e4, 1e4, 1.0),
        ("BinaryCrossEntropy", (1.0, 1.0, 0.0), -1e4, 0.0, 0.0),
        ("Huber", (1.0,), float("inf"), float("inf"), 1.0),
        ("LogCosh", (1.0,), 3e38, 3e38, 1.0),
        ("PseudoHuber", (1.0,), 3e38, 3e38, 1.0),
        ("Squared", (), 1e-40, 0.0, 2e-40),
    ],
)
def test_the_far_ends(
    level: str, loss: str, parameters: tuple[float, ...], at: float, value: float, slope: float
) -> None:
    found = _value_and_slope(loss, parameters, torch.tensor([at]), 0.0)
    torch.testing.assert_close(found, (torch.tensor([value]), torch.tensor([slope])), equal_nan=True)
