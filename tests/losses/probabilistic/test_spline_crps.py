"""The CRPS of a chain of straight lines: against its integral, GluonTS, SciPy's laws and its ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
import torch
from torch import Tensor

import wald

from ..classification.agreeing import agree, near


def forecasts(pieces: int, seed: int = 0, rows: int = 9) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x = 1.5 * torch.randn(rows, 1 + 2 * pieces, generator=rng, dtype=torch.float64)
    return x, 2 * torch.randn(rows, generator=rng, dtype=torch.float64) + 0.5


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_it_is_the_integral_of_pinball_over_all_levels(pieces: int) -> None:
    loss, (x, y) = wald.SplineCRPS(pieces=pieces), forecasts(pieces)
    level = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    error = y[:, None] - loss.quantile(x, level)
    near(loss.per_example(x, y), 2 * torch.maximum(level * error, (level - 1) * error).mean(-1), 2e-6)


def test_it_is_the_integral_of_the_squared_distance_of_the_laws() -> None:
    """CRPS as it is defined, by quadrature over the target axis: ∫ (F(x) - [x >= y])² dx."""
    loss, (x, y) = wald.SplineCRPS(pieces=3), forecasts(3, rows=3)
    levels = torch.linspace(0, 1, 2001, dtype=torch.float64)
    for row, target in zip(x, y.tolist(), strict=True):
        places = loss.quantile(row, levels).numpy()
        grid = np.linspace(min(places[0], target) - 0.1, max(places[-1], target) + 0.1, 20_001)
        law = np.interp(grid, places, levels.numpy())
        wanted = integrate.simpson((law - (grid >= target)) ** 2, x=grid)
        near(loss(row, torch.tensor(target, dtype=torch.float64)), wanted, 1e-3)


def test_a_uniform_law_and_a_point() -> None:
    slope = torch.tensor(3.0, dtype=torch.float64).expm1().log()  # its softplus is 3
    uniform = torch.stack([torch.zeros_like(slope), slope, torch.zeros_like(slope)])
    # Of the uniform law on [0, 3] at its middle: a twelfth of the width, and at an end a third.
    loss = wald.SplineCRPS(pieces=1)
    near(loss(uniform.expand(2, -1), torch.tensor([1.5, 3.0]).double(), reduction="none"), [0.25, 1.0])
    point = torch.tensor([2.0, -800.0, 0.0], dtype=torch.float64)
    near(loss(point.expand(2, -1), torch.tensor([2.0, 5.0]).double(), reduction="none"), [0.0, 3.0])


def test_equal_pieces_of_one_slope_are_one_piece() -> None:
    one, y = forecasts(1)
    three = torch.cat([one[:, :1], one[:, 1:2].expand(-1, 3), one[:, 2:].expand(-1, 3)], -1)
    near(wald.SplineCRPS(pieces=3).per_example(three, y), wald.SplineCRPS(pieces=1).per_example(one, y))


def test_quantiles_rise_and_the_derivatives_are_right() -> None:
    loss, (x, y) = wald.SplineCRPS(pieces=2), forecasts(2, rows=3)
    assert (loss.quantile(x, torch.linspace(0, 1, 33, dtype=torch.float64)).diff(dim=-1) >= 0).all()
    near(loss.quantile(x, torch.zeros(1, dtype=torch.float64))[:, 0], x[:, 0])
    assert torch.autograd.gradcheck(lambda x, y: loss.per_example(x, y), (x.requires_grad_(), y.requires_grad_()))
    assert torch.autograd.gradgradcheck(lambda x: loss.per_example(x, y.detach()), x)


def test_far_out_and_on_a_knot_the_slope_is_finite() -> None:
    loss = wald.SplineCRPS(pieces=2)
    for size in (0.0, 1e4, -1e4):
        x = torch.tensor([[0.0, size, -size, size, 0.0], [size, 0.0, 0.0, 0.0, 0.0]], requires_grad=True)
        value = loss(x, torch.zeros(2), reduction="none")
        assert value.isfinite().all()
        assert torch.autograd.grad(value.sum(), x)[0].isfinite().all()


@pytest.mark.peers
@pytest.mark.parametrize("pieces", [2, 5])
def test_gluonts(pieces: int) -> None:
    """Its integral, of the slopes and shares that ours makes of the prediction; in value and in gradient."""
    module = pytest.importorskip(
        "gluonts.torch.distributions.piecewise_linear", reason="GluonTS is compared with if it is there"
    )

    def theirs(x: Tensor, y: Tensor) -> Tensor:
        low, slope, share = x.split([1, pieces, pieces], -1)
        law = module.PiecewiseLinear(low[:, 0], torch.nn.functional.softplus(slope), share.softmax(-1))
        return law.crps(y)

    for seed in (0, 1):
        agree(wald.SplineCRPS(pieces=pieces).per_example, theirs, *forecasts(pieces, seed), relative=1e-9)
