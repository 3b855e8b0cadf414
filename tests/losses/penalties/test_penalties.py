"""Terms that are added to a loss: what they are by hand, in libraries, and at their ends."""

from __future__ import annotations

from collections.abc import Callable
import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, near, scores
from ..parity.case import Case, attribute, mean, of_port, total


def test_flops_counts_the_products_of_a_search() -> None:
    active = (scores(rows=50, classes=7) > 1).double()
    # Of activations of 0 and 1 it is the mean number of features that two embeddings share, drawn with replacement.
    near(wald.FLOPS()(active), (active @ active.T).mean())
    x = scores(rows=9, classes=6).relu()
    agree(wald.FLOPS().per_example, lambda x: x.abs().mean(0).square().sum().expand(9), x)
    keep = torch.arange(9) < 5
    near(wald.FLOPS()(x, mask=keep), wald.FLOPS()(x[keep]))
    # Large batches see more of it: the square of a mean is below the mean of squares.
    assert wald.FLOPS()(x) <= (wald.FLOPS()(x[:5]) * 5 + wald.FLOPS()(x[5:]) * 4) / 9
    assert wald.FLOPS()(torch.zeros(4, 3)) == 0
    with pytest.raises(wald.ShapeError, match=r"embedding \(2, 3, 4\) must be \(N, features\)"):
        wald.FLOPS()(torch.zeros(2, 3, 4))


def test_an_entropy_bonus_is_minus_an_entropy() -> None:
    z = scores()
    agree(wald.EntropyBonus().per_example, lambda z: -torch.distributions.Categorical(logits=z).entropy(), z)
    near(wald.CrossEntropy()(z, z.argmax(-1)) + 0.1 * wald.EntropyBonus()(z), wald.ConfidencePenalty()(z, z.argmax(-1)))
    sure = torch.tensor([[0.0, -torch.inf]], requires_grad=True)
    value = wald.EntropyBonus()(sure)
    assert value.item() == 0
    assert torch.autograd.grad(value, sure)[0].isfinite().all()
    assert wald.EntropyBonus()(torch.zeros(1, 8)).item() == pytest.approx(-math.log(8))


def test_the_log_partition_is_that_of_cross_entropy() -> None:
    z = scores()
    y = z.argmin(-1)
    near(wald.CrossEntropy(z_loss=0.3)(z, y), wald.CrossEntropy()(z, y) + 0.3 * wald.ZLoss()(z))
    near(wald.ZLoss()(z - z.logsumexp(-1, keepdim=True)), 0.0, 1e-12)
    assert wald.ZLoss()(torch.full((1, 3), 1e4)).item() == pytest.approx(1e8, rel=1e-3)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_even_routing_costs_one_in_one_convention_and_top_k_in_the_other(top_k: int) -> None:
    """coverage §6: Switch and Megatron divide the load by top_k, the Mixtral-style function does not."""
    flat = torch.zeros(6, 8, dtype=torch.float64)
    assert wald.LoadBalancing(top_k=top_k)(flat).item() == pytest.approx(1)
    assert wald.LoadBalancing(top_k=top_k, per_choice=False)(flat).item() == pytest.approx(top_k)


def test_a_load_is_counted_and_pulls_by_the_probability() -> None:
    z = scores(rows=40, classes=5)

    def by_hand(z: Tensor) -> Tensor:
        chosen = F.one_hot(z.topk(2, -1).indices, 5).sum(1).double().mean(0) / 2
        return (5 * (chosen * z.softmax(-1).mean(0)).sum()).expand(40)

    agree(wald.LoadBalancing(top_k=2).per_example, by_hand, z)
    one = torch.tensor([[50.0, 0.0, 0.0]]).expand(7, 3)
    assert wald.LoadBalancing()(one).item() == pytest.approx(3)
    with pytest.raises(ValueError, match=r"top_k is 6.*5 experts.*top_k=5"):
        wald.LoadBalancing(top_k=6)(z)
    keep = torch.arange(40) < 25
    near(wald.LoadBalancing()(z, mask=keep), wald.LoadBalancing()(z[keep]))


def test_a_teacher_has_no_gradient_and_a_student_that_of_the_divergence() -> None:
    a, b = scores(0), scores(1)
    agree(wald.Consistency().per_example, lambda a, b: (a.softmax(-1) - b.softmax(-1)).square().mean(-1), a, b)
    agree(wald.Consistency(kind="kl").per_example, wald.KLDivergence(target_space="logits").per_example, a, b)
    for kind in ("squared", "kl"):
        teacher = b.clone().requires_grad_()
        value = wald.Consistency(kind=kind)(a.clone().requires_grad_(), teacher)
        assert torch.autograd.grad(value, teacher, allow_unused=True)[0] is None


@pytest.mark.parametrize(("temperature", "threshold"), [(0.0, 0.95), (0.4, 0.8), (1.0, 0.0)])
def test_only_sure_views_teach_and_all_are_counted(temperature: float, threshold: float) -> None:
    a, b = scores(0), 2 * scores(1)

    def by_hand(a: Tensor, b: Tensor) -> Tensor:
        sure, guess = b.softmax(-1).max(-1)
        wanted = F.one_hot(guess, 4).double() if temperature == 0 else (b / temperature).softmax(-1)
        return torch.where(sure >= threshold, -(wanted * a.log_softmax(-1)).sum(-1), 0.0)

    loss = wald.PseudoLabel(threshold=threshold, temperature=temperature)
    agree(loss.per_example, by_hand, a, b)
    near(loss(a, b), by_hand(a, b).mean())


def test_two_passes_are_cross_entropy_and_a_symmetric_divergence() -> None:
    a, b = scores(0), scores(1)
    y = scores(2).argmax(-1)

    def by_hand(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
        p, q = a.log_softmax(-1), b.log_softmax(-1)
        both = F.kl_div(p, q, log_target=True, reduction="none") + F.kl_div(q, p, log_target=True, reduction="none")
        return F.cross_entropy(a, y, reduction="none") + F.cross_entropy(b, y, reduction="none") + 2.5 * both.sum(-1)

    agree(wald.RDrop(strength=5.0).per_example, by_hand, a, b, y)
    near(wald.RDrop()(a, a, y), 2 * wald.CrossEntropy()(a, y))


def test_a_mixture_of_targets_is_a_mixture_of_losses() -> None:
    """Mixup and CutMix need no loss of their own: cross-entropy is linear in its target."""
    z, first, second = scores(), scores(1).argmax(-1), scores(2).argmax(-1)
    share = 0.3
    mixed = share * F.one_hot(first, 4).double() + (1 - share) * F.one_hot(second, 4).double()
    loss = wald.CrossEntropy()
    near(loss(z, mixed), share * loss(z, first) + (1 - share) * loss(z, second))


def test_variances_settle_at_the_losses() -> None:
    losses = torch.tensor([4.0, 0.25], dtype=torch.float64)
    s = losses.log().requires_grad_()
    value = wald.UncertaintyWeighting()(losses, s)
    near(torch.autograd.grad(value, s)[0], torch.zeros(2))
    near(value.detach(), 0.5 * (2 + losses.log().sum()))
    near(wald.UncertaintyWeighting(half=False)(losses, s.detach()), 2 * value.detach())
    # As LibMTL writes it.
    near(wald.UncertaintyWeighting()(losses, s.detach()), (losses / (2 * s.exp()) + s / 2).sum().detach())


def test_sizes_of_rows() -> None:
    w = scores(rows=5, classes=3)
    near(wald.ElasticNet(l1=0.2, l2=0.3)(w, reduction="sum"), 0.2 * w.abs().sum() + 0.3 * w.square().sum())
    near(wald.ElasticNet(l2=0.0, group=1.0)(w, reduction="sum"), math.sqrt(3) * w.norm(dim=-1).sum())
    nothing = torch.zeros(2, 3, requires_grad=True)
    value = wald.ElasticNet(l1=1.0, group=1.0)(nothing)
    assert (torch.autograd.grad(value, nothing)[0] == 0).all()
    with pytest.raises(ValueError, match="all 0"):
        wald.ElasticNet(l2=0.0)


def test_right_angles() -> None:
    q = torch.linalg.qr(scores(rows=5, classes=5))[0]
    near(wald.Orthogonality()(q), 0.0)
    near(wald.Orthogonality(kind="cosine")(3 * q), 0.0)
    w = scores(rows=4, classes=6)
    near(wald.Orthogonality()(w), (w @ w.T - torch.eye(4)).square().sum())
    nothing = torch.zeros(2, 3, requires_grad=True)
    assert torch.autograd.grad(wald.Orthogonality(kind="cosine")(nothing), nothing)[0].isfinite().all()
    assert wald.SpreadOut()(torch.ones(1, 4)).item() == 0


MOE = "transformers.models"


def _keras(name: str, **fields: object) -> Case:
    full = f"keras.regularizers.{name}"
    how = mean if "Orthogonal" in name else total
    return of_port(full, lambda w: attribute(full)(**fields)(w), scores(rows=12), how=how, within=1e-5)


def _torch(full: str, call: Callable[..., Tensor]) -> Case:
    return of_port(full, lambda z: call(attribute(full), z), scores(rows=12), how=mean, within=1e-5)


CASES: list[Case] = [
    _keras("L1"),
    _keras("L2"),
    _keras("L1L2", l1=0.01, l2=0.01),
    _keras("OrthogonalRegularizer", factor=1.0),
    _torch(f"{MOE}.switch_transformers.modeling_switch_transformers.router_z_loss_func", lambda f, z: f(z[None])),
    _torch(
        f"{MOE}.switch_transformers.modeling_switch_transformers.load_balancing_loss_func",
        lambda f, z: f(z.softmax(-1)[None], z.argmax(-1)[None]),
    ),
    _torch(
        f"{MOE}.mixtral.modeling_mixtral.load_balancing_loss_func", lambda f, z: f((z.float(),), 4, top_k=2).double()
    ),
    _torch(
        "sentence_transformers.losses.GlobalOrthogonalRegularizationLoss",
        lambda f, x: sum(f(None).compute_loss_from_embeddings([x]).values()),
    ),
    of_port(
        "sentence_transformers.sparse_encoder.losses.FlopsLoss",
        lambda x: (
            attribute("sentence_transformers.sparse_encoder.losses").FlopsLoss(None).compute_loss_from_embeddings(x)
        ),
        scores(rows=12).abs(),
        how=mean,
    ),
]
