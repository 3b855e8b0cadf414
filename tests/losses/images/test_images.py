"""What losses of images promise: special values, identities, small images and wrong calls."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import wald


@pytest.fixture
def pictures(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.rand(2, 3, 14, 13, generator=rng, dtype=torch.float64), torch.rand(
        2, 3, 14, 13, generator=rng, dtype=torch.float64
    )


@pytest.mark.parametrize(
    "loss",
    [
        wald.SSIM(),
        wald.MultiScaleSSIM(),
        wald.GradientDifference(),
        wald.FocalFrequency(),
        wald.FocalFrequency(fixed_weight=True),
    ],
    ids=repr,
)
def test_a_perfect_image_costs_nothing_and_pulls_nowhere(loss: wald.Loss, pictures: tuple[Tensor, Tensor]) -> None:
    x = pictures[0].clone().requires_grad_()
    value = loss(x, pictures[0])
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert x.grad is not None
    assert x.grad.abs().max().item() == pytest.approx(0, abs=1e-9)


def test_similarity_of_one_window_by_hand(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = (each[:1, :1, :3, :3] for each in pictures)
    g = torch.exp(-torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64) / (2 * 1.5**2))
    w = torch.outer(g, g) / torch.outer(g, g).sum()
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, vxy = (w * x * x).sum() - mx**2, (w * y * y).sum() - my**2, (w * x * y).sum() - mx * my
    c1, c2 = 1e-4, 9e-4
    s = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert wald.SSIM(window=3)(x, y).item() == pytest.approx((1 - s).item())
    # A window that is too large shrinks to what fits.
    assert wald.SSIM(window=11)(x, y).item() == pytest.approx((1 - s).item())
    assert wald.SSIM(window=3, half=True)(x, y).item() == pytest.approx((1 - s).item() / 2)
    # One scale is SSIM where it is not negative.
    assert wald.MultiScaleSSIM(weights=(1.0,), window=3)(x, y).item() == pytest.approx(min(1.0, (1 - s).item()))


def test_the_range_is_a_unit(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    for kind in (wald.SSIM, wald.MultiScaleSSIM, wald.PSNR):
        found = kind(data_range=255.0)(255 * x, 255 * y)
        torch.testing.assert_close(found, kind()(x, y))


def test_scales_of_negative_similarity_are_no_number_away() -> None:
    x = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    negative = (1 - x).requires_grad_()
    value = wald.MultiScaleSSIM()(negative, x)
    value.backward()
    assert value.item() == pytest.approx(1)
    assert negative.grad is not None
    assert bool(negative.grad.isfinite().all())


def test_forms_of_variation(pictures: tuple[Tensor, Tensor]) -> None:
    x = pictures[0]
    down, across = x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]
    forms = {
        "absolute": down.abs().sum((1, 2, 3)) + across.abs().sum((1, 2, 3)),
        "squared": down.square().sum((1, 2, 3)) + across.square().sum((1, 2, 3)),
    }
    forms["root"] = forms["squared"].sqrt()
    for form, wanted in forms.items():
        torch.testing.assert_close(wald.TotalVariation(form=form)(x, reduction="none"), wanted)
    length = wald.TotalVariation(form="length")(x, reduction="none")
    assert bool((length <= forms["absolute"] + 1e-9).all())
    ramp = torch.tensor([[[[0.0, 3.0], [4.0, 0.0]]]])
    assert wald.TotalVariation(form="length")(ramp).item() == pytest.approx(5 + 3 + 4)
    for form in ("absolute", "squared", "length", "root"):
        flat = torch.full((1, 1, 3, 3), 0.5, requires_grad=True)
        wald.TotalVariation(form=form)(flat).backward()
        assert flat.grad is not None
        assert bool((flat.grad == 0).all())
        for size in ((1, 1), (1, 4), (4, 1)):
            assert bool(wald.TotalVariation(form=form, mean=True)(torch.rand(1, 2, *size)).isfinite())


def test_a_map_divided_by_its_mean_cannot_shrink(pictures: tuple[Tensor, Tensor]) -> None:
    depth, image = pictures[0][:, 0] + 0.5, pictures[1]
    plain, relative = wald.EdgeAwareSmoothness(), wald.EdgeAwareSmoothness(relative=True)
    assert plain(0.1 * depth, image).item() == pytest.approx(0.1 * plain(depth, image).item())
    assert relative(0.1 * depth, image).item() == pytest.approx(relative(depth, image).item())
    assert wald.EdgeAwareSmoothness(sharpness=0)(depth, image).item() == pytest.approx(
        wald.TotalVariation(mean=True)(depth.unsqueeze(1)).item()
    )


def test_decibels(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    mse = (x - y).square().mean((1, 2, 3))
    torch.testing.assert_close(wald.PSNR(floor=0)(x, y, reduction="none"), 10 * mse.log10())
    perfect = x.clone().requires_grad_()
    value = wald.PSNR()(perfect, x)
    value.backward()
    assert value.item() == pytest.approx(-80) == wald.PSNR().reference_points()["perfect"]
    assert perfect.grad is not None
    assert bool((perfect.grad == 0).all())


def test_depth_up_to_scale() -> None:
    depth = torch.tensor([[1.0, 2.0, 5.0, 0.0]], dtype=torch.float64)
    wrong = torch.tensor([[2.0, 3.0, 5.0, 9.0]], dtype=torch.float64)
    d = (wrong[:, :3] / depth[:, :3]).log()
    value = (d.square().mean() - 0.85 * d.mean() ** 2).item()
    assert wald.ScaleInvariantLog(forgiven=0.85)(wrong, depth).item() == pytest.approx(value)
    bts = wald.ScaleInvariantLog(forgiven=0.85, root=True, scale=10)
    assert bts(wrong, depth).item() == pytest.approx(10 * math.sqrt(value))
    # In single precision d² - mean² of one factor everywhere may round below 0; a variance cannot.
    factor = torch.tensor([[1.1, 2.2, 5.5, 1.0]])
    right = factor.clone().requires_grad_()
    found = wald.ScaleInvariantLog(forgiven=1.0, root=True)(right, depth.float())
    found.backward()
    assert 0 <= found.item() < 1e-3
    assert right.grad is not None
    assert bool(right.grad.isfinite().all())
    assert right.grad[0, 3] == 0
    unknown = torch.ones(1, 4, requires_grad=True)
    assert wald.ScaleInvariantLog()(unknown, torch.zeros(1, 4)).item() == 0


def test_correlation_sees_neither_contrast_nor_sign(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    loss = wald.LocalCrossCorrelation(window=3, floor=1e-12)
    assert loss(x, y).item() == pytest.approx(loss(5 - 3 * x, 2 * y + 1).item())
    assert loss(7 * x, x).item() == pytest.approx(-1)
    flat = torch.full_like(x, 0.4, requires_grad=True)
    value = loss(flat, y)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-9)
    assert flat.grad is not None
    assert bool(flat.grad.isfinite().all())


def test_slopes(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64) / 8
    error = (x - y).reshape(-1, 1, 14, 13)
    both = [torch.nn.functional.conv2d(error, k[None, None]) for k in (sobel, sobel.T)]
    wanted = sum(each.abs().mean() for each in both) / 2
    torch.testing.assert_close(wald.GradientDifference()(x, y), torch.as_tensor(wanted))
    assert wald.GradientDifference()(x + 3, x).item() == pytest.approx(0, abs=1e-12)


def test_without_its_weight_the_spectrum_is_squared_error(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    torch.testing.assert_close(wald.FocalFrequency(alpha=0)(x, y), (x - y).square().mean())
    e = torch.fft.fft2(x - y, norm="ortho").abs()
    wanted = (e / e.amax((-2, -1), keepdim=True) * e.square()).mean()
    torch.testing.assert_close(wald.FocalFrequency()(x, y), wanted)


def test_wrong_calls() -> None:
    for kind in (wald.SSIM, wald.MultiScaleSSIM, wald.LocalCrossCorrelation):
        with pytest.raises(ValueError, match="window must be odd"):
            kind(window=4)
    with pytest.raises(wald.ShapeError, match="do not line up"):
        wald.SSIM()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    with pytest.raises(wald.ShapeError, match="do not line up"):
        wald.EdgeAwareSmoothness()(torch.zeros(1, 8, 8), torch.zeros(1, 3, 8, 7))
