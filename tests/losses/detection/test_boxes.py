"""What losses of boxes, scores and joints promise: special values, identities, and boxes that are hardly boxes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import wald

BOXES = [
    wald.IoU(),
    wald.IoU(form="log"),
    wald.GIoU(),
    wald.DIoU(),
    wald.CIoU(),
    wald.EIoU(),
    wald.SIoU(),
    wald.BoundedIoU(),
]
every = pytest.mark.parametrize("loss", BOXES, ids=repr)


def box(*corners: float) -> Tensor:
    return torch.tensor([corners], dtype=torch.float64)


@every
def test_a_perfect_box_costs_nothing(loss: wald.Loss) -> None:
    assert loss(box(1, 2, 5, 4), box(1, 2, 5, 4)).item() == pytest.approx(0, abs=1e-12)


@every
def test_corners_come_in_any_order(loss: wald.Loss) -> None:
    a, b = box(1, 2, 5, 4), box(2, 1, 7, 5)
    for crossed in (box(5, 2, 1, 4), box(5, 4, 1, 2), box(1, 4, 5, 2)):
        assert loss(crossed, b).item() == pytest.approx(loss(a, b).item())
        assert loss(b, crossed).item() == pytest.approx(loss(b, a).item())


@every
def test_place_and_unit_do_not_matter(loss: wald.Loss) -> None:
    a, b = box(1, 2, 5, 4), box(2, 1, 7, 5)
    assert loss(1e3 * a + 70, 1e3 * b + 70).item() == pytest.approx(loss(a, b).item())


@every
@pytest.mark.parametrize("other", [(0, 0, 0, 0), (0, 0, 4, 0), (0, 0, 0, 4), (2, 2, 2, 2), (1e4, -1e4, 1e4, 1e4)])
def test_boxes_without_area_have_a_value_and_a_gradient(loss: wald.Loss, other: tuple[float, ...]) -> None:
    for true in ((0, 0, 4, 4), (0, 0, 0, 0), (0, 0, 4, 0)):
        prediction = torch.tensor([other], dtype=torch.float32, requires_grad=True)
        value = loss(prediction, torch.tensor([true], dtype=torch.float32))
        value.backward()
        assert bool(value.isfinite())
        assert prediction.grad is not None
        assert bool(prediction.grad.isfinite().all())


def test_a_box_without_width_can_open() -> None:
    prediction = box(1, 0, 1, 4).requires_grad_()
    wald.IoU()(prediction, box(0, 0, 4, 4)).backward()
    assert prediction.grad is not None
    assert prediction.grad[0, 2].item() < 0


def test_values() -> None:
    a, b = box(0, 0, 2, 2), box(1, 1, 3, 3)
    iou = 1 / 7
    assert wald.IoU()(a, b).item() == pytest.approx(1 - iou)
    assert wald.IoU(power=2)(a, b).item() == pytest.approx(1 - iou**2)
    assert wald.IoU(form="log")(a, b).item() == pytest.approx(math.log(7))
    assert wald.IoU(form="log")(a, a + 9).item() == pytest.approx(-math.log(1e-6))
    assert wald.GIoU()(a, b).item() == pytest.approx(1 - iou + 2 / 9)
    assert wald.DIoU()(a, b).item() == pytest.approx(1 - iou + 2 / 18)
    assert wald.DIoU(power=3)(a, b).item() == pytest.approx(1 - iou**3 + (2 / 18) ** 3)
    assert wald.SIoU()(a, b).item() == pytest.approx(1 - iou + 1 - math.exp(-1 / 9))
    wide, square = box(0, 0, 4, 2), box(1, 0, 3, 2)
    v = 4 / math.pi**2 * (math.atan(1) - math.atan(2)) ** 2
    assert wald.CIoU()(wide, square).item() == pytest.approx(0.5 + v * v / (0.5 + v))
    assert wald.CIoU(from_iou=0.5)(wide, square).item() == pytest.approx(0.5)
    assert wald.EIoU()(wide, square).item() == pytest.approx(0.5 + 4 / 16)


def test_a_fixed_weight_has_the_same_value_and_another_gradient() -> None:
    a, b = box(0, 0, 4, 2).requires_grad_(), box(1, 0, 3, 2)
    free, held = wald.CIoU()(a, b), wald.CIoU(fixed_weight=True)(a, b)
    assert free.item() == held.item()
    assert not torch.allclose(*torch.autograd.grad(free, a), *torch.autograd.grad(held, a))


def test_centres_cost_more_the_farther_they_are_apart() -> None:
    """The sign of SIoU's distance cost: mmdetection's default has it the other way round."""
    b = box(0, 0, 2, 2)
    costs = [wald.SIoU()(b + torch.tensor([x, 0, x, 0]), b).item() for x in (2.5, 4.0, 9.0, 99.0)]
    assert costs == sorted(costs)


def test_last_axis_has_four() -> None:
    with pytest.raises(wald.ShapeError, match="there are 4"):
        wald.GIoU()(torch.zeros(2, 5), torch.zeros(2, 5))


def test_on_labels_quality_and_heatmap_focal_are_focal(rng: torch.Generator) -> None:
    z = 3 * torch.randn(50, generator=rng, dtype=torch.float64)
    y = (torch.rand(50, generator=rng) < 0.5).double()
    focal = wald.Focal(gamma=2)(z, y, reduction="none")
    torch.testing.assert_close(wald.QualityFocal()(z, y, reduction="none"), focal)
    torch.testing.assert_close(wald.GaussianFocal(per_object=False)(z, y), focal.sum())
    torch.testing.assert_close(wald.GaussianFocal()(z, y), focal.sum() / y.sum())
    half = wald.Focal(gamma=2, alpha=0.25)(z, y, reduction="none") / 0.25
    # Varifocal spares no object: on labels it is cross-entropy for them, and 0.75 times focal for the rest.
    wanted = torch.where(y == 1, wald.BinaryCrossEntropy()(z, y, reduction="none"), 0.75 * focal)
    torch.testing.assert_close(wald.Varifocal()(z, y, reduction="none"), wanted)
    assert half.shape == focal.shape


@pytest.mark.parametrize("loss", [wald.QualityFocal(), wald.Varifocal()], ids=repr)
def test_the_best_score_is_the_quality(loss: wald.Loss) -> None:
    q = torch.tensor([0.2, 0.7], dtype=torch.float64)
    z = q.logit().requires_grad_()
    loss(z, q).backward()
    assert z.grad is not None
    torch.testing.assert_close(z.grad, torch.zeros_like(q), rtol=0, atol=1e-12)


def test_a_centre_that_was_rounded_is_still_one() -> None:
    heat = torch.tensor([[0.9961, 0.5, 0.0]])
    z = torch.tensor([[3.0, 0.0, -3.0]])
    lost, found = wald.GaussianFocal()(z, heat), wald.GaussianFocal(peak=0.99)(z, heat)
    whole = wald.GaussianFocal()(z, torch.tensor([[1.0, 0.5, 0.0]]))
    torch.testing.assert_close(found, whole)
    assert lost.item() != pytest.approx(whole.item(), rel=1e-3)


def test_bins() -> None:
    z = torch.randn(5, dtype=torch.float64)
    loss = wald.DistributionFocal()
    for k in range(5):
        exact = wald.CrossEntropy()(z.unsqueeze(0), torch.tensor([k]))
        torch.testing.assert_close(loss(z.unsqueeze(0), torch.tensor([float(k)], dtype=torch.float64)), exact)
    between = loss(z.unsqueeze(0), torch.tensor([2.25], dtype=torch.float64)).item()
    logs = z.log_softmax(0)
    assert between == pytest.approx(-(0.75 * logs[2] + 0.25 * logs[3]).item())
    with pytest.raises(wald.DomainError, match=r"contains 4.5, and the last of 5 bins is 4.*clamp\(max=4\)"):
        loss(z.unsqueeze(0), torch.tensor([4.5]))


@pytest.mark.parametrize("loss", [wald.Wing(), wald.Wing(width=1, curvature=0.5), wald.BalancedL1(beta=0.2)], ids=repr)
def test_pieces_meet(loss: wald.Loss) -> None:
    edge = getattr(loss, "width", None) or getattr(loss, "beta", None)
    x = torch.tensor([edge - 1e-9, edge + 1e-9], dtype=torch.float64)
    low, high = loss(x, torch.zeros_like(x), reduction="none").tolist()
    assert high - low == pytest.approx(0, abs=1e-7)


def test_balanced_slopes() -> None:
    """Its slope is alpha log(1 + b r / beta), which is gamma from beta on; at beta=1 it is mmdetection's formula."""
    x = torch.tensor([0.05, 0.1, 0.3], dtype=torch.float64, requires_grad=True)
    wald.BalancedL1(beta=0.2)(x, torch.zeros_like(x), reduction="sum").backward()
    b = math.exp(3) - 1
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([0.5 * math.log1p(b * 0.25), 0.5 * math.log1p(b * 0.5), 1.5])
    r = 0.4
    theirs = 0.5 / b * (b * r + 1) * math.log(b * r + 1) - 0.5 * r
    assert wald.BalancedL1()(torch.tensor([r]), torch.zeros(1)).item() == pytest.approx(theirs)


def test_adaptive_wing_meets_in_value_and_slope() -> None:
    for y in (0.0, 0.4, 1.0):
        e = torch.tensor([0.5 - 1e-7, 0.5 + 1e-7], dtype=torch.float64, requires_grad=True)
        target = torch.full_like(e, y)
        value = wald.AdaptiveWing()(target + e, target, reduction="none")
        (slope,) = torch.autograd.grad(value.sum(), e)
        assert (value[1] - value[0]).item() == pytest.approx(0, abs=1e-5)
        assert slope[0].item() == pytest.approx(slope[1].item(), rel=1e-5)
        a = 2.1 - y
        assert value[0].item() == pytest.approx(14 * math.log1p(0.5**a), rel=1e-5)


def test_joints() -> None:
    loss = wald.KeypointSimilarity(sigmas=(0.1, 0.2))
    true, off = torch.zeros(1, 2, 2), torch.tensor([[[3.0, 4.0], [1.0, 0.0]]])
    each = [1 - math.exp(-25 / (8 * 50 * 0.01)), 1 - math.exp(-1 / (8 * 50 * 0.04))]
    area = torch.tensor([50.0])
    assert loss(off, true, torch.ones(1, 2), area).item() == pytest.approx(sum(each) / 2)
    assert loss(off, true, torch.tensor([[1.0, 0.0]]), area).item() == pytest.approx(each[0])
    assert loss(off, true, torch.zeros(1, 2), area).item() == 0
    assert len(wald.KeypointSimilarity().sigmas) == 17
    with pytest.raises(wald.ShapeError, match="there are 17"):
        wald.KeypointSimilarity()(off, true, torch.ones(1, 2), area)
