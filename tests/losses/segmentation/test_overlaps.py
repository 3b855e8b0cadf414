"""What losses of overlap promise: identities, layouts, empty masks, and what a wrong call is told."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import wald

N, C, H, W = 2, 3, 4, 5


@pytest.fixture
def masks(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    z = torch.randn(N, H, W, generator=rng, dtype=torch.float64)
    return z, (torch.rand(N, H, W, generator=rng) < 0.4).double()


@pytest.fixture
def classes(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    z = torch.randn(N, C, H, W, generator=rng, dtype=torch.float64)
    return z, torch.randint(0, C - 1, (N, H, W), generator=rng)


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_identities(masks: tuple[Tensor, Tensor]) -> None:
    z, t = masks
    for kind in ("binary", "multilabel"):
        same(wald.Tversky(kind=kind, axis=1)(z, t), wald.Dice(smooth=2.0, kind=kind, axis=1)(z, t))
        same(wald.Tversky(alpha=1, beta=1, kind=kind, axis=1)(z, t), wald.Jaccard(kind=kind, axis=1)(z, t))
    focal = wald.FocalTversky(axis=1)
    same(focal(z, t), wald.Tversky(alpha=0.3, beta=0.7, gamma=0.75, axis=1)(z, t))
    dice, jaccard = (kind(smooth=0, axis=1)(z, t, reduction="none") for kind in (wald.Dice, wald.Jaccard))
    same(1 - jaccard, (1 - dice) / (2 - (1 - dice)))
    same(
        wald.Dice(form="log_cosh", axis=1)(z, t, reduction="none"),
        wald.Dice(axis=1)(z, t, reduction="none").cosh().log(),
    )
    both = wald.Dice(axis=1)(z, t) + wald.BinaryCrossEntropy()(z, t)
    same(wald.DiceCrossEntropy(axis=1)(z, t), both)
    same(wald.DiceCrossEntropy(dice=0, gamma=2, axis=1)(z, t), wald.Focal(gamma=2)(z, t))


def test_identities_of_classes(classes: tuple[Tensor, Tensor]) -> None:
    z, t = classes
    pixels = wald.CrossEntropy(axis=1)(z, t)
    overlap = wald.Dice(kind="multiclass", axis=1)(z, t)
    same(wald.DiceCrossEntropy(kind="multiclass", axis=1)(z, t), overlap + pixels)
    focal = wald.Focal(kind="multiclass", axis=1)(z, t)
    same(wald.DiceCrossEntropy(kind="multiclass", dice=0, gamma=2, axis=1)(z, t), focal)
    # Of two classes and no weights, the generalised ratio is that of all pixels together.
    flat = wald.GeneralisedDice(power=0, axis=1)(z, t, reduction="none")
    right = z.softmax(1).gather(1, t.unsqueeze(1)).sum((1, 2, 3))
    same(flat, 1 - right / (H * W))
    equal = [[float(a != b) for b in range(C)] for a in range(C)]
    wrong = 1 - z.softmax(1).gather(1, t.unsqueeze(1)).squeeze(1)
    there = ((t != 0) * (1 - wrong)).sum((1, 2))
    far = wald.GeneralisedWassersteinDice(distances=equal, smooth=0, axis=1)(z, t, reduction="none")
    same(far, 1 - 2 * there / (2 * there + wrong.sum((1, 2))))


@pytest.mark.parametrize("loss", [wald.Dice, wald.Jaccard, wald.Tversky, wald.FocalTversky, wald.DiceCrossEntropy])
def test_layouts(loss: type[wald.Dice], masks: tuple[Tensor, Tensor], classes: tuple[Tensor, Tensor]) -> None:
    z, t = masks
    same(loss(axis=1)(z, t), loss()(z.flatten(1), t.flatten(1)))
    same(loss(axis=1)(z.unsqueeze(1), t.unsqueeze(1)), loss()(z.flatten(1), t.flatten(1)))
    z, t = classes
    here, there = loss(kind="multiclass", axis=1), loss(kind="multiclass")
    same(here(z, t, reduction="none"), there(z.flatten(2).mT, t.flatten(1), reduction="none"))
    same(here.per_example(z, t), here(z, t, reduction="none"))
    labels = torch.nn.functional.one_hot(t, C).movedim(-1, 1).double()
    here, there = loss(kind="multilabel", axis=1), loss(kind="multilabel")
    same(here(z, labels), there(z.flatten(2).mT, labels.flatten(2).mT))


def test_who_is_empty(classes: tuple[Tensor, Tensor]) -> None:
    z, t = classes  # the last class is nowhere
    dice = wald.Dice(kind="multiclass", smooth=0, axis=1)
    each = [
        wald.Dice(smooth=0)((z.softmax(1)[:, c]).logit().flatten(1), (t == c).double().flatten(1), reduction="none")
        for c in range(C)
    ]
    same(each[-1], torch.ones(N, dtype=torch.float64))
    same(dice(z, t, reduction="none"), torch.stack(each).sum(0) / C)
    same(dice.replace(absent="skip")(z, t, reduction="none"), torch.stack(each[:-1]).mean(0))
    same(dice.replace(absent="zero")(z, t, reduction="none"), torch.stack(each[:-1]).sum(0) / C)
    same(dice.replace(background=False)(z, t, reduction="none"), torch.stack(each[1:]).mean(0))
    only = dice.replace(background=False, absent="skip")
    assert only.tally(z, torch.zeros_like(t)).count.item() == 0


def test_a_class_left_out_is_pixels_left_out(classes: tuple[Tensor, Tensor]) -> None:
    """Coverage §7: mmsegmentation 1.2.2 drops the CHANNEL `ignore_index`, and pixels of 255 still count in Σ p.

    By its formula a void pixel adds p to the denominator of every class, so its scores have a gradient; here a void
    pixel is as if it were not there, whatever its scores.
    """
    z, t = classes
    void = t.clone()
    void[:, 0] = 255
    z = z.requires_grad_()
    for kind in (wald.Dice, wald.Jaccard, wald.Tversky, wald.DiceCrossEntropy):
        loss = kind(kind="multiclass", axis=1, ignore_index=255)
        value = loss(z, void)
        same(value, kind(kind="multiclass", axis=1)(z[:, :, 1:], t[:, 1:]))
        (slope,) = torch.autograd.grad(value, z)
        assert bool((slope[:, :, 0] == 0).all())
        assert bool((slope[:, :, 1:] != 0).any())
    with torch.no_grad():
        p = z.softmax(1)
        theirs = 1 - (2 * (p * (void.unsqueeze(1) == torch.arange(C).view(1, C, 1, 1))).sum((2, 3)) + 1e-3) / (
            p.square().sum((2, 3)) + (void.unsqueeze(1) == torch.arange(C).view(1, C, 1, 1)).sum((2, 3)) + 1e-3
        )
        ours = wald.Dice(kind="multiclass", axis=1, squared=True, smooth=1e-3, ignore_index=255)(z, void)
        assert theirs.mean().item() > ours.item()
    mask = (t == 1).double()
    mask[:, 0] = 255
    found = wald.Dice(axis=1, ignore_index=255)(z[:, 1], mask)
    same(found, wald.Dice(axis=1)(z[:, 1, 1:], (t == 1).double()[:, 1:]))


def test_a_soft_truth_can_be_perfect() -> None:
    t = torch.tensor([[0.3, 0.6, 1.0]], dtype=torch.float64)
    z = torch.cat([t[:, :2].logit(), torch.full((1, 1), 50.0, dtype=torch.float64)], 1)
    for kind in (wald.Dice, wald.Jaccard, wald.Tversky):
        assert kind(common="minimum")(z, t).item() == pytest.approx(0, abs=1e-12)
        assert kind()(z, t).item() > 0.05


@pytest.mark.parametrize(
    "loss",
    [
        wald.Dice(smooth=0),
        wald.Jaccard(smooth=0),
        wald.FocalTversky(smooth=0),
        wald.UnifiedFocal(),
        wald.DiceCrossEntropy(smooth=0),
        wald.EdgeCrossEntropy(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("true", [0.0, 1.0])
@pytest.mark.parametrize("score", [-1e4, -60.0, 0.0, 60.0, 1e4])
def test_far_out_and_empty_is_finite(loss: wald.Loss, true: float, score: float) -> None:
    z, t = torch.full((1, 4), score, requires_grad=True), torch.full((1, 4), true)
    value = loss(z, t)
    value.backward()
    assert bool(value.isfinite())
    assert z.grad is not None
    assert bool(z.grad.isfinite().all())


def test_generalised_weights() -> None:
    t = torch.tensor([[0, 0, 0, 0, 1]])
    z = torch.tensor([[[0.2, -0.1, 0.4]] * 5], dtype=torch.float64)
    p = z.softmax(-1)[0]
    for absent, third in (("largest", 1.0), ("none", 0.0)):
        w = torch.tensor([1 / 16, 1.0, third])
        volume = torch.tensor([4.0, 1.0, 0.0])
        common = torch.stack([p[:4, 0].sum(), p[4, 1], p[0, 0] * 0])
        wanted = 1 - 2 * (w * common).sum() / (w * (p.sum(0) + volume)).sum()
        assert wald.GeneralisedDice(absent=absent)(z, t).item() == pytest.approx(wanted.item())


def test_distances() -> None:
    mask = torch.zeros(5, 6)
    mask[1:4, 2:5] = 1
    places = mask.bool().nonzero().double()
    others = (~mask.bool()).nonzero().double()
    signed = wald.Boundary.distances(mask)
    for y in range(5):
        for x in range(6):
            here = torch.tensor([y, x], dtype=torch.float64)
            away = torch.dist(here, here) if mask[y, x] else (places - here).norm(dim=1).min()
            inside = (others - here).norm(dim=1).min() if mask[y, x] else 0
            assert signed[y, x].item() == pytest.approx(float(1 - inside if mask[y, x] else away))
    assert wald.Boundary.distances(torch.zeros(3, 3)).abs().sum() == 0
    assert wald.Hausdorff.distances(torch.ones(3, 3)).abs().sum() == 0
    line = wald.Hausdorff.distances(torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]), dims=1)
    assert line.tolist() == [2, 1, 1, 2, 3]


def test_edges_are_balanced_within_an_image() -> None:
    """Coverage §6.17: the boundary loss of mmsegmentation is a cross-entropy of edges, not Kervadec's integral."""
    t = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    z = torch.tensor([[2.0, -1.0, 0.5, 0.0]])
    weight = torch.where(t == 1, 3 / 4, 1 / 4)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(z, t, weight)
    torch.testing.assert_close(wald.EdgeCrossEntropy()(z, t), wanted)
    assert wald.get("mmseg.models.losses.BoundaryLoss") is wald.EdgeCrossEntropy
    assert wald.get("monai.losses.BoundaryLoss") is wald.Boundary
    assert wald.EdgeCrossEntropy()(z, torch.zeros(1, 4)).item() == 0


def test_a_gap_in_a_vessel_costs_its_length() -> None:
    vessel = torch.zeros(1, 7, 12)
    vessel[:, 3, 1:11] = 1
    loss = wald.CentrelineDice(smooth=0, iterations=1)
    costs: list[float] = []
    for gap in (0, 1, 3):
        found = vessel.clone()
        found[:, 3, 4 : 4 + gap] = 0
        costs.append(loss(80 * found - 40, vessel).item())
    # Of ten pixels 10 - gap were found, and all that was found is right: 1 - 2 r / (1 + r).
    assert costs == pytest.approx([1 - 2 * r / (1 + r) for r in (1.0, 0.9, 0.7)], abs=1e-6)


def test_wrong_calls() -> None:
    images, ids = torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    with pytest.raises(wald.ShapeError, match=r"axis=1"):
        wald.Dice(kind="multiclass")(images, ids)
    with pytest.raises(wald.ShapeError, match=r"target is class ids \(2, 4, 4\).*Use target.squeeze\(1\)"):
        wald.Dice(kind="multiclass", axis=1)(images, ids.unsqueeze(1))
    with pytest.raises(wald.ShapeError, match=r"Use prediction.squeeze\(1\)"):
        wald.Dice(axis=1)(images[:, :1], images[:, 0])
    with pytest.raises(wald.DomainError, match=r"contains 7; expected class ids from 0 to 2.*ignore_index=7"):
        wald.Dice(kind="multiclass", axis=1)(images, ids + 7)
    with pytest.raises(wald.DomainError, match=r"contains 3; expected numbers from 0 to 1.*target / 255"):
        wald.Dice(ignore_index=255)(torch.zeros(1, 2), torch.tensor([[3.0, 255.0]]))
    with pytest.raises(ValueError, match=r"axis must be one of -1, 1"):
        wald.Dice(axis=2)(images, images)
    with pytest.raises(ValueError, match="must be a square"):
        wald.GeneralisedWassersteinDice(distances=[[0, 1], [1, 0], [1, 1]])


def test_unified_focal_by_hand() -> None:
    z, t = torch.tensor([[1.0, -0.5]], dtype=torch.float64), torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    (p, q), d, g = z.sigmoid()[0].tolist(), 0.6, 0.2
    pixels = (d * -math.log(p) + (1 - d) * q**g * -math.log(1 - q)) / 4
    fore = 1 - p / (p + d * (1 - p) + (1 - d) * q)
    rest = 1 - (1 - q) / ((1 - q) + d * q + (1 - d) * (1 - p))
    assert wald.UnifiedFocal()(z, t).item() == pytest.approx(0.5 * pixels + 0.5 * (rest + fore ** (1 - g)) / 2)
