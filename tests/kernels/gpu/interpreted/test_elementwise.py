"""Elementwise losses as the GPU computes them: value, slope and sums against the definition in fp64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.gpu import elementwise
from wald.kernels.gpu.programs import elementwise as programs, families

from .twins import broken

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
SIZE = 1501

LOSSES: list[tuple[wald.Loss, str]] = [
    (wald.Squared(), "real"),
    (wald.Absolute(), "real"),
    (wald.Percentage(), "positive"),
    (wald.Percentage(zero="floor", floor=0.5), "real"),
    (wald.Huber(delta=1.3), "real"),
    (wald.PseudoHuber(delta=0.7), "real"),
    (wald.LogCosh(scale=1.5), "real"),
    (wald.Pinball(level=0.8), "real"),
    (wald.SmoothedPinball(level=0.7, width=0.4), "real"),
    (wald.Expectile(level=0.9), "real"),
    (wald.Poisson(), "positive"),
    (wald.Gamma(), "positive"),
    (wald.BinaryCrossEntropy(), "label"),
    (wald.BinaryCrossEntropy(pos_weight=3.0, label_smoothing=0.1), "label"),
    (wald.Focal(), "label"),
    (wald.Focal(gamma=0.0), "label"),
    (wald.Focal(gamma=0.5, alpha=0.25), "label"),
    (wald.AsymmetricFocal(), "label"),
    (wald.AsymmetricFocal(gamma_pos=1.0, gamma_neg=2.0, clip=0.0), "label"),
    (wald.AsymmetricFocal(gamma_pos=0.5, gamma_neg=0.0, clip=0.2), "label"),
    (wald.Hinge(margin=0.8), "label"),
    (wald.SquaredHinge(), "label"),
]
every = pytest.mark.parametrize(("loss", "kind"), LOSSES, ids=repr)


def inputs(kind: str, size: int = SIZE) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(5)
    prediction = 4 * torch.randn(size, generator=rng)
    # Far out, where naive formulas overflow or lose every digit.
    prediction[:8] = torch.tensor([80.0, -80.0, 30.0, -30.0, 1e-4, -1e-4, 0.0, 15.0])
    noise = torch.randn(size, generator=rng)
    if kind == "label":
        return prediction, torch.where(noise > 1, torch.rand(size, generator=rng), (noise > 0).float())
    return prediction, noise.abs() + 0.1 if kind == "positive" else 3 * noise


def exact(loss: wald.Loss, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value and slope in fp64, and the size of the terms that add up to the slope."""
    leaf = prediction.double().requires_grad_()
    value = loss.per_example(leaf, target.double())
    (slope,) = torch.autograd.grad(value.sum(), leaf)
    parts = slope.abs()
    if ((target == 0) | (target == 1)).any():
        for label in (0.0, 1.0):
            pure = loss.per_example(leaf, torch.full_like(leaf, label))
            parts = torch.maximum(parts, torch.autograd.grad(pure.sum(), leaf)[0].abs())
    else:
        parts = parts + 1.0 + target.double().abs()
    return value.detach(), slope, parts


@every
def test_value_and_slope_are_right(loss: wald.Loss, kind: str) -> None:
    prediction, target = inputs(kind)
    found = elementwise._launch(loss, prediction, target, values=True, gradient=True, sums=True)
    value, slope, parts = exact(loss, prediction, target)
    torch.testing.assert_close(found.values.double(), value, rtol=2e-5, atol=1e-7)
    assert ((found.gradient - slope).abs() <= 1e-6 * parts + 2e-6 * slope.abs()).all()
    torch.testing.assert_close(found.sums.sum().double(), value.sum(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@every
def test_infinite_predictions_cost_what_they_cost(loss: wald.Loss, kind: str) -> None:
    target = {"label": [1.0, 0.0, 1.0, 0.0], "positive": [1.0] * 4, "real": [1.0, -1.0, 0.0, 2.0]}[kind]
    prediction, truth = torch.tensor([torch.inf, -torch.inf, -torch.inf, torch.inf]), torch.tensor(target)
    found = elementwise._launch(loss, prediction, truth, values=True)
    torch.testing.assert_close(found.values.double(), exact(loss, prediction, truth)[0], equal_nan=True)


@pytest.mark.slow
@every
def test_a_nan_stays_one(loss: wald.Loss, kind: str) -> None:
    prediction, target = inputs(kind, 9)
    prediction[3] = torch.nan
    found = elementwise._launch(loss, prediction, target, values=True, sums=True)
    assert found.values.isnan().nonzero().flatten().tolist() == [3]
    assert found.sums.sum().isnan()


def test_weights_and_scale_and_what_is_left_out() -> None:
    prediction, target = inputs("real", 2100)
    weight = torch.rand(2100)
    weight[::5] = 0.0
    prediction[::5] = torch.nan
    scale = torch.tensor(0.3)
    found = elementwise._launch(
        wald.Squared(), prediction, target, weight=weight, scale=scale, values=True, gradient=True, sums=True
    )
    kept = weight != 0
    value, slope, _ = exact(wald.Squared(), prediction.nan_to_num(0.0), target)
    value, slope = (torch.where(kept, x * weight, 0.0) for x in (value, slope))
    torch.testing.assert_close(found.values.double(), value, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.gradient.double(), 0.3 * slope, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.sums.sum().double(), value.sum(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_computes_in_fp32(dtype: torch.dtype) -> None:
    prediction, target = (x.to(dtype) for x in inputs("label", 500))
    found = elementwise._launch(wald.Focal(), prediction, target, values=True, gradient=True)
    value, slope, _ = exact(wald.Focal(), prediction, target)
    assert found.values.dtype == torch.float32
    assert found.gradient.dtype == dtype
    torch.testing.assert_close(found.values.double(), value, rtol=2e-5, atol=1e-7)
    # Interpreted, a cast to bf16 cuts the last digits off.
    torch.testing.assert_close(found.gradient.double(), slope, rtol=2 * torch.finfo(dtype).eps, atol=1e-7)


def test_rescaling_is_a_product() -> None:
    from wald.kernels.gpu.rescaling import rescaled

    for factor in (1.0, 0.25):
        gradient = torch.randn(5000)
        right = gradient * factor
        assert rescaled(gradient, torch.tensor(factor)) is gradient
        assert torch.equal(gradient, right)


def _sums() -> None:
    test_value_and_slope_are_right(wald.Squared(), "real")


def _nan() -> None:
    test_a_nan_stays_one(wald.Huber(), "real")
    prediction = torch.tensor([torch.nan, 1.0])
    found = elementwise._launch(wald.Huber(), prediction, torch.zeros(2), gradient=True)
    assert found.gradient.isnan().tolist() == [True, False]


FAULTS: dict[str, tuple[object, str, str, Callable[[], object]]] = {
    "a padding that is added up": (programs, "cost = tl.where(inside, cost, 0.0)", "cost = cost + 1.0", _sums),
    "a hidden NaN in a sum": (
        programs, "tl.where(counts == 0, 0.0, counts * cost)", "counts * cost",
        test_weights_and_scale_and_what_is_left_out,
    ),
    "a clamp that drops a NaN": (
        families, "return tl.where(x > most, most, tl.where(x < -most, -most, x))",
        "return tl.where(x < most, tl.where(x > -most, x, -most), most)", _nan,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_twin_is_found(name: str, tmp_path: Path) -> None:
    module, right, wrong, test = FAULTS[name]
    test()
    with broken(module, right, wrong, tmp_path), pytest.raises(AssertionError):
        test()
