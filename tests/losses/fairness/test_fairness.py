"""Fairness: gaps by hand, identities between the penalties, and independence."""

from __future__ import annotations

import pytest
from sklearn import metrics
import torch
from torch import Tensor

import wald

near = torch.testing.assert_close


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


GROUP = torch.tensor([0, 0, 2, 2, 2, 5, 0, 5])
LABEL = torch.tensor([1, 0, 1, 0, 1, 1, 1, 0])


def gaps(x: Tensor, group: Tensor) -> Tensor:
    return torch.stack([x[group == k].mean() - x.mean() for k in group.unique()])


def test_gaps_are_those_of_a_loop() -> None:
    x = drawn(8)
    near(wald.DemographicParity()(x, GROUP), gaps(x, GROUP).square().mean())
    near(wald.DemographicParity(kind="largest")(x, GROUP), gaps(x, GROUP).abs().max())
    parts = [gaps(x[k], GROUP[k]).square().mean() for k in (LABEL == 1, LABEL == 0)]
    near(wald.EqualisedOdds()(x, LABEL, GROUP), parts[0] + parts[1])
    for label, part in zip(("positive", "negative"), parts, strict=True):
        near(wald.EqualisedOdds(label=label)(x, LABEL, GROUP), part)


@pytest.mark.parametrize("kind", ["squared", "largest"])
def test_who_is_left_out_has_no_group(kind: str) -> None:
    x, mask = drawn(8).requires_grad_(), GROUP != 5
    value = wald.DemographicParity(kind=kind)(x, GROUP, mask=mask)
    near(value, wald.DemographicParity(kind=kind)(x[mask], GROUP[mask]))
    assert (torch.autograd.grad(value, x)[0][~mask] == 0).all()


def test_one_label_alone_is_parity() -> None:
    x = drawn(8)
    near(wald.EqualisedOdds()(x, torch.ones_like(LABEL), GROUP), wald.DemographicParity()(x, GROUP))


def test_covariance_with_a_group_is_a_gap() -> None:
    x, group = drawn(8), (GROUP == 0).double()
    share = group.mean()
    gap = (x[group == 1].mean() - x[group == 0].mean()) * share * (1 - share)
    near(wald.GroupCovariance(kind="absolute")(x, group), gap.abs())
    near(wald.GroupCovariance()(x, group), gap.square())


def test_hsic_is_a_trace() -> None:
    x, a = drawn(7, 3), drawn(7, 2, seed=1)
    k, other = (((-torch.cdist(v, v).square()) / (2 * w * w)).exp() for v, w in ((x, 0.5), (a, 2.0)))
    h = torch.eye(7, dtype=torch.float64) - 1 / 7
    loss = wald.HSIC(bandwidth=0.5, attribute_bandwidth=2.0)
    near(loss(x, a), (k @ h @ other @ h).trace() / 36)
    mask = torch.arange(7) < 5
    near(loss(x, a, mask=mask), loss(x[mask], a[mask]))
    assert wald.HSIC()(x, torch.zeros(7, 1, dtype=torch.float64)) == 0


def test_it_sees_what_covariance_does_not() -> None:
    a = torch.linspace(-1, 1, 9, dtype=torch.float64)
    assert wald.GroupCovariance()(a.square(), a) < 1e-30
    assert wald.HSIC(bandwidth=0.3, attribute_bandwidth=0.3)(a.square()[:, None], a[:, None]) > 0.01


def test_prejudice_is_the_information_of_decisions_about_groups() -> None:
    """Of sure decisions it is that of their table; of others, that of the table of their probabilities."""
    y, group = torch.tensor([1, 1, 1, 0, 0, 1, 0, 0]), GROUP
    sure = wald.PrejudiceRemover()(100 * (2 * y.double() - 1), group)
    assert sure.item() == pytest.approx(metrics.mutual_info_score(y.numpy(), group.numpy()), abs=1e-12)
    z = drawn(8).requires_grad_()
    p = torch.stack([z.sigmoid(), 1 - z.sigmoid()], -1)
    table = torch.stack([p[group == k].sum(0) / 8 for k in group.unique()])
    apart = (table * (table / (table.sum(0) * table.sum(1, keepdim=True))).log()).sum()
    value = wald.PrejudiceRemover()(z, group)
    near(value, apart)
    near(torch.autograd.grad(value, z), torch.autograd.grad(apart, z))
    mask = GROUP != 5
    near(wald.PrejudiceRemover()(z, group, mask=mask), wald.PrejudiceRemover()(z[mask], group[mask]))


def test_little_prejudice_is_a_gap_over_its_variance() -> None:
    z, group = 0.3 + 1e-4 * drawn(8), torch.tensor([0, 1] * 4)
    p = z.sigmoid()
    wanted = wald.DemographicParity()(p, group) / (2 * p.mean() * (1 - p.mean()))
    near(wald.PrejudiceRemover()(z, group), wanted, rtol=1e-3, atol=0)
    ends = torch.tensor([1e4, 1e4, -1e4, 0.0], requires_grad=True)
    value = wald.PrejudiceRemover()(ends, torch.tensor([0, 0, 1, 1]))
    value.backward()
    assert value.isfinite()
    assert ends.grad is not None
    assert ends.grad.isfinite().all()
    for same in (torch.full((4,), -1e4), torch.zeros(4)):
        assert wald.PrejudiceRemover()(same, torch.tensor([0, 0, 1, 1])).item() == pytest.approx(0, abs=1e-30)


def test_a_wrong_shape_is_told() -> None:
    with pytest.raises(wald.ShapeError, match=r"prediction \(4, 2\) must be \(N,\)"):
        wald.DemographicParity()(torch.zeros(4, 2), torch.zeros(4, 2, dtype=torch.long))
