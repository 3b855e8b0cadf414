"""Distillation: identities, the authors' formulas, and what a teacher must not get."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..parity.case import Case, attribute, mean, of_port

near = torch.testing.assert_close


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slope(value: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(value, x, retain_graph=True)[0]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_distillation_is_kl_of_softened_logits(temperature: float) -> None:
    s, t = drawn(6, 4).requires_grad_(), drawn(6, 4, seed=1)
    soft = F.kl_div((s / temperature).log_softmax(-1), (t / temperature).softmax(-1), reduction="batchmean")
    ours = wald.Distillation(temperature=temperature)(s, t)
    near(ours, temperature**2 * soft)
    near(slope(ours, s), slope(temperature**2 * soft, s))
    near(wald.Distillation(temperature=temperature, scaled=False)(s, t), soft)


def test_the_parts_add_up_to_distillation() -> None:
    """KL = the coin's + (1 - the teacher's p of the true class) · the others'."""
    s, t, y = drawn(6, 4), drawn(6, 4, seed=1), torch.tensor([0, 1, 2, 3, 0, 1])
    loss = wald.DecoupledDistillation(temperature=2.0)
    coin = loss.replace(target_weight=1.0, other_weight=0.0).per_example(s, t, y)
    others = loss.replace(target_weight=0.0, other_weight=1.0).per_example(s, t, y)
    unsure = 1 - (t / 2).softmax(-1).gather(-1, y[:, None])[:, 0]
    near(coin + unsure * others, wald.Distillation(temperature=2.0).per_example(s, t))


def test_two_classes_have_no_others() -> None:
    s = drawn(3, 2).requires_grad_()
    value = wald.DecoupledDistillation(target_weight=0.0)(s, drawn(3, 2, seed=1), torch.tensor([0, 1, 1]))
    assert value == 0
    assert slope(value, s).isfinite().all()


def test_dist_is_the_sum_of_two_correlations() -> None:
    s, t = drawn(6, 4).requires_grad_(), drawn(6, 4, seed=1)
    p, q = s.softmax(-1), t.softmax(-1)
    within = torch.stack([torch.corrcoef(torch.stack(x))[0, 1] for x in zip(p, q, strict=True)]).mean()
    between = torch.stack([torch.corrcoef(torch.stack(x))[0, 1] for x in zip(p.T, q.T, strict=True)]).mean()
    ours = wald.CorrelationDistillation()(s, t)
    near(ours, 2 - within - between)
    near(slope(ours, s), slope(2 - within - between, s))


def test_dist_sees_logits_that_are_nearly_alike() -> None:
    """In single precision probabilities 1e-8 apart are all the same; what they are above their mean is not."""
    s, t = 1e-8 * drawn(6, 4), drawn(6, 4, seed=1)
    small = s.float().requires_grad_()
    loss = wald.CorrelationDistillation()
    value, wanted = loss(small, t.float()), loss(s.requires_grad_(), t)
    near(value, wanted.float(), rtol=1e-5, atol=1e-6)
    near(slope(value, small) * 1e-8, (slope(wanted, s) * 1e-8).float(), rtol=1e-4, atol=1e-5)


def test_relations_are_those_of_the_authors() -> None:
    s, t = drawn(5, 3).requires_grad_(), drawn(5, 4, seed=1)
    a, b = (torch.cdist(x, x) for x in (s, t))
    away = ~torch.eye(5, dtype=torch.bool)
    wanted = F.smooth_l1_loss(a / a[away].mean(), b / b[away].mean())
    ours = wald.RelationalDistance()(s, t)
    near(ours, wanted)
    e = [F.normalize(x[None] - x[:, None], dim=2) for x in (s, t)]
    a, b = (torch.bmm(x, x.mT) for x in e)
    near(wald.RelationalAngle()(s, t), F.smooth_l1_loss(a, b))
    g, h = (F.normalize(x @ x.T) for x in (s, t))
    near(wald.SimilarityPreserving()(s, t), (g - h).square().sum() / 25)


def test_who_is_left_out_is_nobodys_relation() -> None:
    s, t = drawn(5, 3), drawn(5, 3, seed=1)
    mask = torch.tensor([True, True, False, True, True])
    for loss in (
        wald.RelationalDistance(),
        wald.RelationalAngle(),
        wald.SimilarityPreserving(),
        wald.CorrelationDistillation(),
    ):
        near(loss(s, t, mask=mask), loss(s[mask], t[mask]))


def test_maps_are_those_of_the_authors() -> None:
    s, t = drawn(2, 3, 4, 5), drawn(2, 6, 4, 5, seed=1)
    a, b = (F.normalize(x.pow(2).mean(1).flatten(1)) for x in (s, t))
    near(wald.AttentionTransfer()(s.flatten(2), t.flatten(2)), (a - b).pow(2).mean())
    t = drawn(2, 3, 4, 5, seed=1)
    a, b = (x.flatten(2).flatten(0, 1) / 4 for x in (s, t))
    wanted = 16 * F.kl_div(a.log_softmax(-1), b.softmax(-1), reduction="sum") / (2 * 3)
    near(wald.ChannelDistillation()(s.flatten(2), t.flatten(2)), wanted)


def test_a_teacher_learns_nothing() -> None:
    s, t = drawn(4, 3).requires_grad_(), drawn(4, 3, seed=1).requires_grad_()
    for loss in (wald.Distillation(), wald.CorrelationDistillation(), wald.RelationalDistance()):
        assert torch.autograd.grad(loss(s, t), t, allow_unused=True)[0] is None


def _dist(temperature: float) -> Case:
    name, s, t = "torchdistill.losses.mid_level.DISTLoss", drawn(6, 4), drawn(6, 4, seed=1)

    def theirs(s: Tensor) -> Tensor:
        made = attribute(name)("", "output", "", "output", beta=1.0, gamma=2.0, tau=temperature)
        return made({"": {"output": s}}, {"": {"output": t}})

    return of_port(name, theirs, s, t, how=mean, temperature=temperature, between=2.0)


CASES: list[Case] = [_dist(temperature) for temperature in (1.0, 4.0)]
