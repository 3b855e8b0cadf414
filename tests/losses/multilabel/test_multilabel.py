"""Losses of several labels at once: against torch and plain loops, their identities and their ends."""

from __future__ import annotations

from collections.abc import Callable
import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, near, scores
from ..parity.case import Case, attribute, mean, of_port


def labels(seed: int = 1, rows: int = 31, classes: int = 4) -> Tensor:
    """Some labels true, some rows with all or none."""
    return (scores(seed, rows, classes) > 0).double()


def torch_ids(target: Tensor) -> Tensor:
    """The ids of the true labels, padded with -1, as torch wants them."""
    order = target.sort(dim=-1, descending=True, stable=True)
    return order.indices.masked_fill(order.values == 0, -1)


def zlpr(z: Tensor, t: Tensor) -> Tensor:
    return (1 + ((1 - t) * z.exp()).sum(-1)).log() + (1 + (t * (-z).exp()).sum(-1)).log()


def balanced(z: Tensor, t: Tensor) -> Tensor:
    """The distribution-balanced loss of (900, 90, 9, 1) of 1000, by its definition."""
    n = torch.tensor([900.0, 90.0, 9.0, 1.0], dtype=torch.float64)
    r = (1 / n) / (t / n).sum(-1, keepdim=True)
    weight = 0.1 + torch.sigmoid(10 * (r - 0.2))
    z = z - 0.05 / 2 * (1000 / n - 1).log()
    p, q = z.sigmoid(), (2 * z).sigmoid()
    cost = -t * (1 - p) ** 2 * p.log() - (1 - t) * q**2 * (1 - q).log() / 2
    return (2 * weight * cost).mean(-1)


DB = wald.DistributionBalanced(counts=(900, 90, 9, 1), examples=1000)

DEFINITIONS: list[tuple[wald.Loss, Callable[..., Tensor]]] = [
    (wald.MultiLabelMargin(), lambda z, t: F.multilabel_margin_loss(z, torch_ids(t), reduction="none")),
    (
        wald.MultiLabelMargin(margin=0.3),
        lambda z, t: 0.3 * F.multilabel_margin_loss(z / 0.3, torch_ids(t), reduction="none"),
    ),
    (wald.ZLPR(), zlpr),
    (DB, balanced),
]


@pytest.mark.parametrize(("loss", "oracle"), DEFINITIONS, ids=[repr(loss) for loss, _ in DEFINITIONS])
def test_value_and_slope(loss: wald.Loss, oracle: Callable[..., Tensor]) -> None:
    for seed in (0, 1):
        agree(loss.per_example, oracle, scores(seed) / 2, labels(seed + 5))


@pytest.mark.parametrize("loss", [*(loss for loss, _ in DEFINITIONS), wald.TwoWay()], ids=repr)
@pytest.mark.parametrize("size", [0.0, 1e4, -1e4])
def test_far_out_and_all_or_none_true_the_slope_is_finite(loss: wald.Loss, size: float) -> None:
    z = torch.tensor([[size, 0.0, -size, 2.0]] * 3, requires_grad=True)
    value = loss(z, torch.tensor([[0.0] * 4, [1.0] * 4, [1.0, 0.0, 0.0, 1.0]]), reduction="none")
    value.sum().backward()
    assert value.isfinite().all()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_torch_drops_what_stands_behind_a_gap() -> None:
    z = torch.tensor([[0.1, 0.2, 0.4, 0.8]], dtype=torch.float64)
    gap, whole = torch.tensor([[3, -1, 0, -1]]), torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    near(F.multilabel_margin_loss(z, gap), wald.MultiLabelMargin()(z, torch.tensor([[0.0, 0.0, 0.0, 1.0]])))
    near(wald.MultiLabelMargin()(z, whole), 0.85)


def test_a_soft_target_of_pairs_is_the_mean_over_its_labels() -> None:
    z, share = scores(rows=1, classes=3), torch.tensor([[0.2, 0.7, 1.0]], dtype=torch.float64)
    total = torch.zeros(1, dtype=torch.float64)
    for k in range(8):
        drawn = torch.tensor([[k & 1, k >> 1 & 1, k >> 2 & 1]], dtype=torch.float64)
        chance = (drawn * share + (1 - drawn) * (1 - share)).prod()
        total = total + chance * wald.MultiLabelMargin().per_example(z, drawn)
    near(wald.MultiLabelMargin().per_example(z, share), total)


def test_zlpr_of_one_label_is_binary_cross_entropy() -> None:
    z, t = scores(classes=1), labels(classes=1)
    near(wald.ZLPR().per_example(z, t), wald.BinaryCrossEntropy().per_example(z, t)[:, 0])


def two_way(z: Tensor, t: Tensor, tp: float = 4.0, tn: float = 1.0) -> Tensor:
    """Row by row and column by column, in plain Python."""
    total = torch.zeros((), dtype=z.dtype)
    for scores_of, labels_of in ((z, t), (z.T, t.T)):
        costs = []
        for s, y in zip(scores_of, labels_of, strict=True):
            if y.any():
                no = tn * (s[y == 0] / tn).logsumexp(-1) if (y == 0).any() else torch.tensor(-math.inf).to(z)
                costs.append(F.softplus(no + tp * (-s[y == 1] / tp).logsumexp(-1)))
        total = total + sum(costs) / len(costs)
    return total


@pytest.mark.parametrize(("tp", "tn"), [(4.0, 1.0), (0.5, 2.0)])
def test_two_way_goes_along_rows_and_columns(tp: float, tn: float) -> None:
    loss = wald.TwoWay(positive_temperature=tp, negative_temperature=tn)
    z, t = scores(rows=9), labels(7, rows=9)
    t[0] = 0
    t[:, 2] = 0
    agree(loss, lambda z, t: two_way(z, t, tp, tn), z, t)


def test_two_way_without_some_rows_is_that_of_the_others() -> None:
    z, t = scores(rows=9), labels(7, rows=9)
    keep = torch.arange(9) != 3
    near(wald.TwoWay()(z, t, mask=keep), two_way(z[keep], t[keep]))
    assert wald.TwoWay()(z, torch.zeros_like(t)) == 0


def test_distribution_balanced_without_its_changes_is_focal_or_cross_entropy() -> None:
    z, t = scores(), labels()
    t[:, 0] = 1  # with something true in each row, all counts alike, r is 1 over how many are true
    even = wald.DistributionBalanced(
        counts=(5, 5, 5, 5), examples=10, negative_scale=1, gamma=0, floor=0, steepness=1e-12, midpoint=0
    )
    near(2 * even.per_example(z, t), wald.BinaryCrossEntropy().per_example(z, t).mean(-1))
    focal = even.replace(gamma=2.0, scale=1.0)
    near(2 * focal.per_example(z, t), wald.Focal(gamma=2.0, alpha=None).per_example(z, t).mean(-1))


def test_distribution_balanced_takes_rare_labels_for_harder() -> None:
    z, t = torch.zeros(1, 4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    shifted = DB.replace(gamma=0.0, floor=0.0, midpoint=-1e3)
    cost = shifted.per_example(z.expand(4, 4), t) - shifted.per_example(z.expand(4, 4), 0 * t)
    assert (cost.diff() > 0).all()


def test_more_examples_with_a_label_than_there_are() -> None:
    with pytest.raises(ValueError, match="a count of 90 in 50 examples"):
        wald.DistributionBalanced(counts=(90, 1), examples=50)
    with pytest.raises(wald.ShapeError):
        DB(torch.zeros(2, 3), torch.zeros(2, 3))


def _case(name: str, seed: int, theirs: dict[str, object], **ours: object) -> Case:
    z, t = scores(seed).float(), labels(seed + 5).float()
    return of_port(name, lambda z: attribute(name)(**theirs)(z, t), z, t, how=mean, within=2e-5, **ours)


COUNTS = (20.0, 9.0, 5.0, 1.0)

CASES: list[Case] = [
    made
    for seed in (0, 1)
    for made in (
        _case("timm.loss.ZlprLoss", seed, {}),
        _case("timm.loss.TwoWayLoss", seed, {}),
        _case(
            "timm.loss.DistributionBalancedLoss",
            seed,
            {"class_counts": [*COUNTS], "num_samples": 40},
            counts=COUNTS,
            examples=40.0,
        ),
    )
]
