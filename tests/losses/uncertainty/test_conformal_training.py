"""Conformal training: against its definition with torch's quantile, and in its empty parts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald

from ..classification.agreeing import agree, ids, near, scores


def defined(z: Tensor, y: Tensor, c: Tensor, miss: float, temperature: float, size: float) -> Tensor:
    logs = z.log_softmax(-1)
    own = logs.gather(-1, y[:, None])[c == 1, 0]
    edge = own.quantile(min(1.0, miss * (1 + 1 / len(own))))
    held = ((logs[c == 0] - edge) / temperature).sigmoid().sum(-1)
    return (held - size).clamp(min=0).mean()


@pytest.mark.parametrize(("miss", "temperature", "size"), [(0.1, 0.5, 1.0), (0.3, 0.1, 0.0), (0.98, 1.0, 1.0)])
def test_it_is_the_mean_size_of_the_sets(miss: float, temperature: float, size: float) -> None:
    loss = wald.ConformalTraining(miss=miss, temperature=temperature, size=size)
    for seed in (0, 1):
        calibration = ids(seed + 7, classes=2)
        agree(loss, lambda *x: defined(*x, miss, temperature, size), scores(seed), ids(seed), calibration)


def test_who_is_left_out_neither_calibrates_nor_predicts() -> None:
    z, y, calibration, mask = scores(), ids(), ids(5, classes=2), torch.arange(31) % 3 > 0
    loss = wald.ConformalTraining()
    near(loss(z, y, calibration, mask=mask), loss(z[mask], y[mask], calibration[mask]))


def test_sharp_sets_of_new_examples_miss_as_often_as_is_said() -> None:
    """A hard edge at the quantile of half of the batch: of 20000 other examples a tenth of the true classes are out."""
    z = scores(rows=40_000) / 2
    y = torch.multinomial(z.softmax(-1), 1, generator=torch.Generator().manual_seed(3))[:, 0]
    own = z.log_softmax(-1).gather(-1, y[:, None])[:, 0]
    calibration = (torch.arange(40_000) % 2).long()
    edge = own[calibration == 1].quantile(0.1)
    assert abs(float((own[calibration == 0] < edge).double().mean()) - 0.1) < 0.01
    sharp = wald.ConformalTraining(temperature=1e-9, size=0.0)(z, y, calibration)
    near(sharp, (z.log_softmax(-1)[calibration == 0] >= edge).double().sum(-1).mean(), 1e-3)


@pytest.mark.parametrize("part", [0, 1])
def test_an_empty_part_costs_nothing(part: int) -> None:
    z = scores().requires_grad_()
    value = wald.ConformalTraining()(z, ids(), torch.full((31,), part))
    (slope,) = torch.autograd.grad(value, z)
    assert value == 0
    assert (slope == 0).all()


def test_no_example_at_all() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert wald.ConformalTraining()(torch.zeros(0, 3), none, none) == 0


def test_far_out_the_slope_is_finite() -> None:
    for size in (1e4, -1e4, 0.0):
        z = (size * torch.eye(4)).requires_grad_()
        value = wald.ConformalTraining()(z, torch.arange(4), torch.tensor([1, 1, 0, 0]))
        (slope,) = torch.autograd.grad(value, z)
        assert value.isfinite()
        assert slope.isfinite().all()


def test_a_calibration_that_is_neither() -> None:
    with pytest.raises(wald.DomainError, match="calibration"):
        wald.ConformalTraining()(torch.randn(2, 3), torch.tensor([0, 1]), torch.tensor([0, 2]))
