"""Dice: what it costs on masks that are empty, tiny, right and wrong, against plain arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald

SURE = 200.0


def logits(mask: list[float]) -> Tensor:
    """Scores of which the sigmoid is this mask of zeros and ones, exactly."""
    return torch.tensor([[SURE if pixel else -8 * SURE for pixel in mask]], dtype=torch.float64)


def masks(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(
    ("predicted", "true", "smooth", "cost"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 0.0, 0.0),
        ([1, 1, 0, 0], [0, 0, 1, 1], 0.0, 1.0),
        ([1, 1, 0, 0], [1, 0, 0, 0], 0.0, 1 / 3),
        ([1, 1, 0, 0], [1, 0, 0, 0], 1.0, 1 / 4),
        # Nothing there: what is predicted falsely is all that can be wrong.
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.0, 0.0),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1.0, 0.0),
        ([1, 0, 0, 0], [0, 0, 0, 0], 0.0, 1.0),
        ([1, 0, 0, 0], [0, 0, 0, 0], 1.0, 1 / 2),
        ([0, 0, 0, 0], [1, 0, 0, 0], 1.0, 1 / 2),
    ],
)
@pytest.mark.parametrize("squared", [False, True])
def test_hard_masks(predicted: list[float], true: list[float], smooth: float, cost: float, squared: bool) -> None:
    loss = wald.Dice(smooth=smooth, squared=squared)
    assert loss(logits(predicted), masks(true)).item() == pytest.approx(cost)


def test_at_no_smoothing_it_is_one_minus_the_score() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted, true = (torch.rand(20, 50, generator=generator) < 0.3 for _ in range(2))
    score = 2 * (predicted & true).sum(1) / (predicted.sum(1) + true.sum(1))
    found = wald.Dice(smooth=0.0)(torch.where(predicted, SURE, -SURE), true.float(), reduction="none")
    torch.testing.assert_close(found, 1 - score, rtol=1e-5, atol=1e-6)


def test_soft_masks_and_squares() -> None:
    z, t = torch.tensor([[0.3, -1.2, 2.0]], dtype=torch.float64), masks([1, 0, 1])
    p = z.sigmoid()
    plain = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    assert wald.Dice()(z, t).item() == pytest.approx(plain.item())
    squares = 1 - (2 * (p * t).sum() + 0.5) / ((p * p).sum() + t.sum() + 0.5)
    assert wald.Dice(smooth=0.5, squared=True)(z, t).item() == pytest.approx(squares.item())


@pytest.mark.parametrize("smooth", [1e-5, 1.0])
def test_on_an_empty_mask_the_gradient_pushes_the_foreground_down(smooth: float) -> None:
    z = torch.tensor([[-1.0, 0.5, 2.0]], requires_grad=True)
    wald.Dice(smooth=smooth)(z, torch.zeros(1, 3)).backward()
    assert z.grad is not None
    assert bool((z.grad > 0).all())


def test_an_empty_mask_can_be_left_out() -> None:
    z, t = torch.zeros(2, 3, dtype=torch.float64), masks([0, 0, 0], [1, 0, 0])
    loss = wald.Dice(absent="skip")
    assert loss(z, t).item() == pytest.approx(wald.Dice()(z[1:], t[1:]).item())
    assert loss.tally(z, t).count.item() == 1
    assert loss(z[:1], t[:1]).item() == 0


def test_nothing_against_nothing_has_no_slope_and_no_nan() -> None:
    z = logits([0, 0, 0]).requires_grad_()
    value = wald.Dice(smooth=0.0)(z, masks([0, 0, 0]))
    value.backward()
    assert z.grad is not None
    assert value.item() == 0
    assert bool((z.grad == 0).all())


def test_examples_do_not_share_a_ratio() -> None:
    large, small = masks([1] * 8), masks([1] + [0] * 7)
    z = torch.zeros(1, 8, dtype=torch.float64)
    both = wald.Dice(smooth=0.0)(torch.cat([z, z]), torch.cat([large, small]))
    assert both.item() == pytest.approx((wald.Dice(smooth=0.0)(z, large) + wald.Dice(smooth=0.0)(z, small)).item() / 2)
    pooled = 1 - 2 * (0.5 * 9) / (8 + 9)
    assert both.item() != pytest.approx(pooled)


def test_targets_are_masks() -> None:
    with pytest.raises(wald.DomainError):
        wald.Dice()(torch.zeros(1, 2), torch.tensor([[0.0, 255.0]]))
