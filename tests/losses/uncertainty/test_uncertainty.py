"""Inputs of no class: against plain formulas and pytorch-ood, and a defect of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, ids, near, scores
from ..parity.case import Case, attribute, mean, of_port


def some_outliers(seed: int = 1) -> Tensor:
    return ids(seed, classes=5) - 1


def exposed(z: Tensor, y: Tensor, alpha: float) -> Tensor:
    logs = z.log_softmax(-1)
    return torch.where(y < 0, -alpha * logs.mean(-1), -logs.gather(-1, y.clamp(min=0)[:, None])[:, 0])


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_outlier_exposure(alpha: float) -> None:
    loss = wald.OutlierExposure(alpha=alpha)
    agree(loss.per_example, lambda z, y: exposed(z, y, alpha), scores(), some_outliers())
    even = torch.zeros(1, 4, dtype=torch.float64)
    near(loss.per_example(even, torch.tensor([-1])), [loss.reference_points(classes=4)["even"]])


def test_outliers_of_images_and_ignored_ones() -> None:
    z, y = scores(rows=30), some_outliers()[:30]
    image, truth = z.reshape(2, 15, 4).movedim(-1, 1), y.clone().reshape(2, 15)
    near(wald.OutlierExposure(axis=1)(image, truth), wald.OutlierExposure()(z, y))
    truth[0, :7] = -100
    near(wald.OutlierExposure(axis=1)(image, truth), wald.OutlierExposure()(z[7:], y[7:]))


def anchored(z: Tensor, y: Tensor, magnitude: float, pull: float, power: int) -> Tensor:
    far = torch.cdist(z, magnitude * torch.eye(4, dtype=z.dtype), compute_mode="donot_use_mm_for_euclid_dist") ** power
    own = far.gather(-1, y[:, None])
    rivals = (own - far).masked_fill(F.one_hot(y, 4).bool(), -torch.inf)
    return (1 + rivals.exp().sum(-1)).log() + pull * own[:, 0]


@pytest.mark.parametrize(("squared", "power"), [(False, 1), (True, 2)])
def test_class_anchor(squared: bool, power: int) -> None:
    loss = wald.ClassAnchor(magnitude=2.0, pull=0.3, squared=squared)
    for seed in (0, 1):
        agree(loss.per_example, lambda z, y: anchored(z, y, 2.0, 0.3, power), scores(seed), ids(seed))


def test_squared_anchors_without_pull_are_cross_entropy() -> None:
    loss, z = wald.ClassAnchor(magnitude=2.0, pull=0.0, squared=True), scores()
    agree(loss.per_example, lambda z, y: wald.CrossEntropy().per_example(4 * z, y), z, ids())


@pytest.mark.parametrize("loss", [wald.OutlierExposure(), wald.ClassAnchor(), wald.ClassAnchor(squared=True)], ids=repr)
def test_far_out_and_at_the_anchor_the_slope_is_finite(loss: wald.Loss) -> None:
    for size in (10.0, 1e4, -1e4):
        z = (size * torch.eye(4)).requires_grad_()
        value = loss(z, torch.arange(4), reduction="none")
        value.sum().backward()
        assert value.isfinite().all()
        assert z.grad is not None
        assert z.grad.isfinite().all()


def _case(name: str, seed: int) -> Case:
    z, y = scores(seed).float(), some_outliers(seed)
    return of_port(name, lambda z: attribute(name)()(z, y), z, y, how=mean, within=1e-5)


CASES: list[Case] = [
    _case(f"pytorch_ood.loss.{name}", seed)
    for name in ("OutlierExposureLoss", "EntropicOpenSetLoss")
    for seed in (0, 1)
]


@pytest.mark.peers
def test_pytorch_ood_forgets_the_last_class_and_counts_the_true_one() -> None:
    """Its rivals are classes 0 to C - 2 whatever is true, as it asks whether the target is C, which no id is.

    At the anchor of class 0, all others far: the only rival within reach is class 0 itself, so log(1 + e⁰) = log 2.
    At the anchor of the last class, labelled 0, the last class is not there to be nearer.
    """
    ood = pytest.importorskip("pytorch_ood.loss", reason="pytorch_ood is compared with where it is installed")
    theirs = ood.CACLoss(n_classes=3, magnitude=5.0, alpha=0.0)
    ours = wald.ClassAnchor(magnitude=5.0, pull=0.0, squared=True)
    z, y = 5 * torch.eye(3), torch.tensor([0])
    near(theirs(theirs.distance(z[:1]), y), 0.6931472, 1e-6)
    near(ours(z[:1], y), 0.0, 1e-6)
    # An output at the anchor of the last class, labelled 0: 50 is charged here, log(1 + 1 + 1) there.
    near(theirs(theirs.distance(z[2:]), y), 1.0986123, 1e-5)
    near(ours(z[2:], y), 50.0, 1e-5)
