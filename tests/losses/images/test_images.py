"""What losses of images promise: special values, identities, small images and wrong calls."""

from __future__ import annotations

import math

import pytest
from sklearn import metrics
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


@pytest.mark.parametrize("space", [1, 2, 3])
def test_a_deformation_costs_what_its_polynomial_says(space: int) -> None:
    """Differences are exact of polynomials up to the second degree."""
    sizes = (6, 5, 4)[:space]
    place = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in sizes), indexing="ij"))
    generator = torch.Generator().manual_seed(space)
    linear, square = (torch.randn(space, space, *more, generator=generator).double() for more in ((), (space,)))
    square = square + square.mT
    flat = place.flatten(1)
    moved = linear @ flat + torch.einsum("cij,ip,jp->cp", square, flat, flat) / 2
    field = moved.reshape(space, *sizes).movedim(0, -1)
    near = torch.testing.assert_close
    near(wald.DeformationEnergy(space=space)(field), square.square().sum((1, 2)).mean())
    near(
        wald.DeformationEnergy(kind="diffusion", space=space)((linear @ flat).reshape(space, *sizes).movedim(0, -1)),
        linear.square().sum(1).mean(),
    )
    # As shares of the image, the same deformation of an image twice as fine costs nearly the same.
    waves = [torch.sin(2 * torch.arange(n).double() / n).reshape(-1, 1).expand(n, n) * n for n in (40, 80)]
    for kind in ("bending", "diffusion"):
        loss = wald.DeformationEnergy(kind=kind, relative=True)
        coarse, fine = (loss(torch.stack([wave, 0 * wave], -1)) for wave in waves)
        near(coarse, fine, rtol=0.1, atol=0)


def test_a_field_of_the_wrong_shape_is_told() -> None:
    with pytest.raises(wald.ShapeError, match=r"\(1, 2, 4, 4\).*components"):
        wald.DeformationEnergy()(torch.zeros(1, 2, 4, 4))
    with pytest.raises(wald.ShapeError, match=r"axes of \[2, 5\] places, and three of each"):
        wald.DeformationEnergy()(torch.zeros(1, 2, 5, 2))
    with pytest.raises(ValueError, match="axis is 1 for fields"):
        wald.DeformationEnergy(axis=2)(torch.zeros(1, 5, 5, 2))


def test_amplitudes_do_not_see_places_and_phases_do(pictures: tuple[Tensor, Tensor]) -> None:
    x, y = pictures
    near = torch.testing.assert_close
    lost, kept = wald.SpectralAmplitude(), wald.SpectralAmplitude(phase="kept")
    near(lost(x.roll((3, 2), (-2, -1)), y), lost(x, y))
    assert lost(x.roll(1, -1), x) < 1e-25 < kept(x.roll(1, -1), x)
    near(kept(x, y), (x - y).square().mean())
    for axes in ((-3, -2, -1), (-2, -1)):
        loss = wald.SpectralAmplitude(power=1.0, phase="kept", across_channels=len(axes) == 3)
        near(loss(x, y), torch.fft.fftn(x - y, dim=axes, norm="ortho").abs().mean())
    flat = torch.zeros(1, 3, 4, 4, requires_grad=True)
    lost(flat, torch.ones(1, 3, 4, 4)).backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_information_of_an_image_about_itself_is_its_entropy() -> None:
    """Where each pixel has one bin, mutual information is that of scikit-learn's table."""
    levels = torch.tensor([[0, 1, 2, 3, 3, 1, 0, 4, 2, 2]]) / 4.0
    other = torch.tensor([[1, 1, 0, 2, 2, 1, 1, 4, 0, 3]]) / 4.0
    sharp = wald.MutualInformation(bins=5, sigma=0.01)
    wanted = metrics.mutual_info_score((4 * levels[0]).numpy(), (4 * other[0]).numpy())
    assert sharp(levels, other).item() == pytest.approx(-wanted, abs=1e-6)
    counts = torch.tensor([2.0, 2, 3, 2, 1]) / 10
    assert sharp(1 - levels, levels).item() == pytest.approx((counts * counts.log()).sum().item(), abs=1e-6)


@pytest.mark.parametrize("kernel", ["gaussian", "b-spline"])
def test_information_knows_no_places_and_no_kind_of_brightness(kernel: str, rng: torch.Generator) -> None:
    near = torch.testing.assert_close
    x, order = torch.rand(2, 40, generator=rng, dtype=torch.float64), torch.randperm(40, generator=rng)
    y = (0.8 * x + 0.2 * torch.rand(2, 40, generator=rng, dtype=torch.float64)).sqrt()
    loss = wald.MutualInformation(kernel=kernel)
    near(loss(x[:, order], y[:, order]), loss(x, y))
    # The highest of the bins of a spline is wider, as in ITK and MONAI, so that turning an image over is not all one.
    near(loss(1 - x, y), loss(x, y), rtol=1e-9 if kernel == "gaussian" else 0.05, atol=0)
    # Each image has a range of its own: the others of the batch do not matter.
    near(loss(x, y, reduction="none")[0], loss(x[:1], y[:1]))
    for flat in (torch.zeros(2, 40).double(), torch.full((2, 40), 0.7).double()):
        image = flat.requires_grad_()
        value = loss(image, y)
        assert value.item() == pytest.approx(0, abs=1e-12)
        assert torch.autograd.grad(value, image)[0].isfinite().all()
        assert loss(y, flat.detach()).item() == pytest.approx(0, abs=1e-12)


def test_an_even_difference_of_edges_costs_nothing_and_colours_are_made_grey() -> None:
    generator = torch.Generator().manual_seed(0)
    grey = torch.rand(1, 1, 12, 14, generator=generator, dtype=torch.float64)
    loss, near = wald.GMSD(), torch.testing.assert_close
    near(loss(grey.expand(1, 3, 12, 14), grey.flip(-1).expand(1, 3, 12, 14)), loss(grey, grey.flip(-1)))
    near(wald.GMSD(data_range=255.0)(255 * grey, 255 * grey.flip(-1)), loss(grey, grey.flip(-1)))
    x = grey.clone().requires_grad_()
    assert torch.autograd.grad(loss(x, grey), x)[0].isfinite().all()
    flat = torch.zeros(1, 1, 12, 14, requires_grad=True)
    assert torch.autograd.grad(loss(flat, grey.float()), flat)[0].isfinite().all()
    with pytest.raises(wald.ShapeError, match=r"\(1, 12, 14, 3\).*with 12 channels.*movedim"):
        loss(torch.zeros(1, 12, 14, 3), torch.zeros(1, 12, 14, 3))
