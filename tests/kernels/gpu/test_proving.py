"""A program that cannot be built or is wrong on a device is told once, and never used there."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.gpu import proving
from wald.kernels.gpu.proving import believed


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "_believed", {})


def batch() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(7, 31, 5, generator=rng).requires_grad_(), torch.randint(5, (7, 31), generator=rng)


def definition(loss: wald.Loss, prediction: Tensor, target: Tensor) -> Tensor:
    return loss.per_example(prediction.float(), target)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_what_is_right_is_believed(dtype: torch.dtype) -> None:
    prediction, target = batch()
    assert believed(definition, wald.CrossEntropy(), prediction.to(dtype), target)
    assert believed(definition, wald.Huber(), prediction[..., 0].to(dtype), target.to(dtype))
    broken = prediction.detach().index_fill(0, torch.tensor([0]), torch.nan)
    proving._believed.clear()
    assert believed(definition, wald.CrossEntropy(), broken.to(dtype), target), "NaN is NaN on both sides"


def test_what_is_wrong_is_told_once() -> None:
    prediction, target = batch()
    loss = wald.CrossEntropy()
    with pytest.warns(RuntimeWarning, match=r"CrossEntropy: the Triton program is off by 0\.0"):
        assert not believed(lambda *x: 1.01 * definition(*x), loss, prediction, target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not believed(definition, loss, prediction, target)


def test_a_wrong_slope_is_found() -> None:
    prediction, target = batch()

    def halved(loss: wald.Loss, x: Tensor, truth: Tensor) -> Tensor:
        value = definition(loss, x, truth)
        return value.detach() + 0.5 * (value - value.detach())

    with pytest.warns(RuntimeWarning, match="the Triton program"):
        assert not believed(halved, wald.CrossEntropy(), prediction, target)


def test_what_cannot_be_built_is_left_alone() -> None:
    def broken(*_: object) -> Tensor:
        raise FileNotFoundError("Python.h")

    with pytest.warns(RuntimeWarning, match=r"could not be run: FileNotFoundError: Python\.h"):
        assert not believed(broken, wald.CrossEntropy(), *batch())
    assert batch()[0].grad is None
