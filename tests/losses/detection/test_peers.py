"""Losses of boxes and scores against torchvision and MONAI, and where those are wrong."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, mean, of_port

pytestmark = pytest.mark.peers


def boxes(seed: int, rows: int = 40) -> tuple[Tensor, Tensor]:
    """Boxes in pixels, some of which touch, and some of which are apart."""
    generator = torch.Generator().manual_seed(seed)
    corner = 30 * torch.rand(2, rows, 2, generator=generator, dtype=torch.float64)
    size = 1 + 20 * torch.rand(2, rows, 2, generator=generator, dtype=torch.float64)
    both = torch.cat([corner, corner + size], -1)
    return both[0], both[1]


def of_torchvision(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda a, b: getattr(import_module("torchvision.ops"), name)(a, b, reduction="mean")


PORTS: list[tuple[str, Callable[[Tensor, Tensor], Tensor]]] = [
    ("torchvision.ops.generalized_box_iou_loss", of_torchvision("generalized_box_iou_loss")),
    ("torchvision.ops.distance_box_iou_loss", of_torchvision("distance_box_iou_loss")),
    ("torchvision.ops.complete_box_iou_loss", of_torchvision("complete_box_iou_loss")),
    ("monai.losses.BoxGIoULoss", lambda a, b: import_module("monai.losses").BoxGIoULoss()(a, b)),
]


def _case(port: str, theirs: Callable[[Tensor, Tensor], Tensor], seed: int) -> Case:
    a, b = boxes(seed)
    # They add 1e-7 to areas, which is nothing on boxes of some pixels.
    return of_port(port, lambda a: theirs(a, b), a, b, how=mean, within=2e-6)


def _wing() -> Case:
    x, y = torch.linspace(-12, 12, 48, dtype=torch.float64), torch.zeros(48, dtype=torch.float64)
    name = "segmentation_models_pytorch.losses._functional.wing_loss"
    return of_port(name, lambda x: attribute(name)(x, y), x, y, how=mean)


CASES: list[Case] = [*(_case(*row, seed) for row in PORTS for seed in (0, 1)), _wing()]


@pytest.mark.parametrize("height", [0.0, 1e-30])
def test_a_box_without_height_has_a_gradient(height: float) -> None:
    """Coverage §7: torchvision divides the width by the height, and the gradient of such a box is NaN.

    v = (atan(w*/h*) - atan(w/h))² has a slope of -2 (…) · d atan2(w, h), and atan2(w, 0) = π/2 has the slope -1/w
    in h: finite for every w above 0.
    """
    ops = pytest.importorskip("torchvision.ops", reason="shows what torchvision computes")
    flat, true = torch.tensor([[0.0, 0.0, 4.0, height]]), torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    theirs, ours = flat.clone().requires_grad_(), flat.clone().requires_grad_()
    value = ops.complete_box_iou_loss(theirs, true).sum()
    value.backward()
    wald.CIoU(like="torchvision")(ours, true).backward()
    assert ours.grad is not None
    assert bool(ours.grad.isfinite().all())
    if height == 0:
        assert theirs.grad is not None
        assert bool(value.isfinite())
        assert bool(theirs.grad.isnan().any())


def test_a_box_of_no_size_has_a_value() -> None:
    """Coverage §7: torchvision gives NaN for a box of no size; here its shape is that of a square."""
    ops = pytest.importorskip("torchvision.ops", reason="shows what torchvision computes")
    point, true = torch.tensor([[1.0, 1.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    assert bool(ops.complete_box_iou_loss(point, true).isnan())
    mine = point.clone().requires_grad_()
    value = wald.CIoU(like="torchvision")(mine, true)
    value.backward()
    assert value.item() == pytest.approx(1 + 2 / 32)
    assert mine.grad is not None
    assert bool(mine.grad.isfinite().all())
