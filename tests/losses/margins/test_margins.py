"""Losses of margins: against torch and plain formulas, their identities, what they decide, and their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from tests.losses.classification.agreeing import agree, ids, near, scores
import wald


def signed(target: Tensor) -> Tensor:
    return 2 * target - 1


def others(z: Tensor, y: Tensor) -> Tensor:
    """The scores of the wrong classes, -inf for the true one."""
    return z.masked_fill(F.one_hot(y, z.shape[-1]).bool(), -torch.inf)


def own(z: Tensor, y: Tensor) -> Tensor:
    return z.gather(-1, y[:, None])


MULTICLASS: list[tuple[wald.Loss, Callable[..., Tensor]]] = [
    *(
        (
            wald.MultiMargin(power=power, margin=margin),
            lambda z, y, p=power, m=margin: F.multi_margin_loss(z, y, p=p, margin=m, reduction="none"),
        )
        for power in (1, 2)
        for margin in (1.0, 0.3)
    ),
    (
        wald.MultiMargin(average=False),
        lambda z, y: (1 - own(z, y) + others(z, y)).relu().sum(-1),
    ),
    (wald.CrammerSinger(), lambda z, y: (1 + others(z, y).amax(-1) - own(z, y)[:, 0]).relu()),
    (
        wald.OneVersusAllHinge(),
        lambda z, y: wald.Hinge().per_example(z, F.one_hot(y, z.shape[-1]).to(z)).sum(-1),
    ),
    (
        wald.OneVersusAllHinge(power=2, margin=0.5),
        lambda z, y: wald.SquaredHinge(margin=0.5).per_example(z, F.one_hot(y, z.shape[-1]).to(z)).sum(-1),
    ),
    (
        wald.LeeLinWahba(power=2),
        lambda z, y: (others(z - z.mean(-1, keepdim=True), y) + 1 / 3).relu().square().sum(-1),
    ),
]


@pytest.mark.parametrize(("loss", "oracle"), MULTICLASS, ids=[repr(loss) for loss, _ in MULTICLASS])
def test_value_and_slope_over_classes(loss: wald.Loss, oracle: Callable[..., Tensor]) -> None:
    for seed in (0, 1):
        agree(loss.per_example, oracle, scores(seed) / 2, ids(seed))


@pytest.mark.parametrize("loss", [loss for loss, _ in MULTICLASS], ids=repr)
def test_images_ignored_targets_and_one_class(loss: wald.Loss) -> None:
    z, y = scores(rows=30), ids(rows=30)
    image, truth = z.reshape(2, 15, 4).movedim(-1, 1), y.clone().reshape(2, 15)
    near(loss.replace(axis=1)(image, truth), loss(z, y))
    truth[0, :7] = -100
    near(loss.replace(axis=1)(image, truth), loss(z[7:], y[7:]))
    alone = loss(torch.full((2, 1), 3.0), torch.zeros(2, dtype=torch.int64))
    assert alone == 0


def test_weights_of_classes_as_in_torch() -> None:
    z, y, w = scores(), ids(), torch.tensor([0.5, 1.0, 2.0, 3.0], dtype=torch.float64)
    ours = wald.MultiMargin(power=2)(z, y, weight=w[y], normalizer="rows")
    near(ours, F.multi_margin_loss(z, y, p=2, weight=w))


def test_soft_margin_is_binary_cross_entropy() -> None:
    z, t = scores()[:, 0], (ids(classes=2)).double()
    theirs = F.soft_margin_loss(z, signed(t), reduction="none")
    near(wald.BinaryCrossEntropy()(z, t, reduction="none"), theirs)


def test_two_classes_are_the_binary_hinge() -> None:
    z, y = scores(classes=2), ids(classes=2)
    margin = (z[:, 1] - z[:, 0]) / 2
    binary = wald.Hinge()(margin, y.double(), reduction="none")
    near(wald.LeeLinWahba()(z, y, reduction="none"), binary)
    near(wald.CrammerSinger(margin=2.0)(z, y, reduction="none"), 2 * binary)
    near(wald.MultiMargin(margin=2.0, average=False)(z, y, reduction="none"), 2 * binary)


BINARY: list[tuple[wald.Loss, Callable[[Tensor], Tensor]]] = [
    (wald.ModifiedHuber(), lambda m: torch.where(m >= -1, (1 - m).relu().square(), -4 * m)),
    (wald.Exponential(), lambda m: (-m).exp()),
]


@pytest.mark.parametrize(("loss", "cost"), BINARY, ids=[repr(loss) for loss, _ in BINARY])
def test_value_and_slope_of_two_labels(loss: wald.Loss, cost: Callable[[Tensor], Tensor]) -> None:
    z, t = scores()[:, 0], ids(classes=2).double()
    agree(loss.per_example, lambda z, t: cost(signed(t) * z), z, t)
    soft = torch.rand(31, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    agree(loss.per_example, lambda z, t: t * cost(z) + (1 - t) * cost(-z), z, soft)


def test_the_best_scores_give_the_probability_back() -> None:
    p = torch.tensor([0.1, 0.5, 0.8], dtype=torch.float64)
    for loss, best in ((wald.ModifiedHuber(), 2 * p - 1), (wald.Exponential(), p.logit() / 2)):
        best = best.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss.per_example(best, p).sum(), best)
        near(slope, torch.zeros(3), 1e-12)


def test_far_out_each_keeps_its_digits() -> None:
    z = torch.tensor([-1e7, 1e7], requires_grad=True)
    near(wald.ModifiedHuber()(z, torch.tensor([1.0, 1.0]), reduction="none").detach(), [4e7, 0.0], 1e-7)
    z = torch.tensor([-90.0, 90.0], requires_grad=True)
    value = wald.Exponential()(z, torch.tensor([0.0, 1.0]), reduction="none")
    value.sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert (value < 1e-38).all()


def expected(loss: wald.Loss, z: Tensor, p: Tensor) -> Tensor:
    """What scores (..., classes) cost on average under a law of the class."""
    each = [loss.per_example(z, torch.full(z.shape[:-1], k)) for k in range(len(p))]
    return (p * torch.stack(each, -1)).sum(-1)


def test_only_lee_lin_wahba_finds_a_class_below_one_half() -> None:
    p, tried = torch.tensor([0.4, 0.3, 0.3], dtype=torch.float64), scores(rows=3000, classes=3) / 3
    leading, flat = torch.tensor([1.0, -0.5, -0.5], dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    lee, crammer = wald.LeeLinWahba(), wald.CrammerSinger()
    assert expected(lee, leading, p) < expected(lee, flat, p) - 0.05
    assert (expected(lee, tried, p) >= expected(lee, leading, p)).all()
    assert (expected(crammer, tried, p) >= expected(crammer, flat, p)).all()


def test_lee_lin_wahba_leaves_out_what_cannot_occur() -> None:
    z, y = scores(classes=3), ids(classes=3)
    wider = torch.cat([torch.full((31, 1), -torch.inf), z], -1)
    near(wald.LeeLinWahba()(wider, y + 1, reduction="none"), wald.LeeLinWahba()(z, y, reduction="none"))
    assert (wald.LeeLinWahba().per_example(wider, torch.zeros_like(y)) == torch.inf).all()


def keras_hinge(keras: Any, z: Tensor, y: Tensor) -> Tensor:
    return keras.losses.categorical_hinge(F.one_hot(y, z.shape[-1]).to(z), z)


@pytest.mark.peers
def test_keras_counts_the_true_class_as_a_rival_of_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runner-up is the highest of (1 - t) s, in which the true class stands as 0.

    Scores of 0.5, -2, -3 with the first class true lead by 2.5, which should cost nothing; the 0 leads to 1 - 0.5.
    """
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="keras is compared with where it is installed")
    z, y = torch.tensor([[0.5, -2.0, -3.0]]), torch.tensor([0])
    near(keras_hinge(keras, z, y), [0.5])
    near(wald.CrammerSinger()(z, y, reduction="none"), [0.0])
    some = torch.tensor([[0.5, 0.2, -3.0]])  # a rival above 0: both agree
    near(keras_hinge(keras, some, y), wald.CrammerSinger()(some, y, reduction="none"), 1e-6)
