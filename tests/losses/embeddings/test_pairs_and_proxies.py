"""Pairs, proxies and queues: torch's own, identities between losses, exact values, and what their pages say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald


def vectors(rng: torch.Generator, count: int = 2) -> tuple[Tensor, ...]:
    return torch.randn(count, 9, 4, generator=rng, dtype=torch.float64).unbind()


def alike(mine: Tensor, other: Tensor, *leaves: Tensor, tolerance: float = 1e-9) -> None:
    """The same value and the same gradients."""
    torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)
    for a, b in zip(*(torch.autograd.grad(x, leaves, retain_graph=True) for x in (mine, other)), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


# torch's own: ports of which the library is always here.


@pytest.mark.parametrize("margin", [-0.5, 0.0, 0.4])
def test_cosine_embedding_is_that_of_torch(margin: float, rng: torch.Generator) -> None:
    first, second = (x.requires_grad_() for x in vectors(rng))
    same = torch.tensor([1, 0, 1, 0, 0, 0, 1, 1, 0])
    theirs = torch.nn.CosineEmbeddingLoss(margin=margin)(first, second, 2 * same - 1)
    alike(wald.CosineEmbedding(margin=margin)(first, second, same), theirs, first, second)


def test_hinge_embedding_is_that_of_torch(rng: torch.Generator) -> None:
    distance = (2 * torch.rand(9, generator=rng, dtype=torch.float64)).requires_grad_()
    same = torch.tensor([1, 0, 1, 0, 0, 0, 1, 1, 0])
    theirs = torch.nn.HingeEmbeddingLoss(margin=1.3)(distance, 2 * same - 1)
    alike(wald.HingeEmbedding(margin=1.3)(distance, same), theirs, distance)


def test_triplet_is_that_of_torch_to_its_epsilon(rng: torch.Generator) -> None:
    given = [x.requires_grad_() for x in vectors(rng, 3)]
    alike(wald.Triplet(like="torch")(*given), torch.nn.TripletMarginLoss()(*given), *given, tolerance=2e-5)
    with_swap = torch.nn.TripletMarginLoss(swap=True)(*given)
    alike(wald.Triplet(swap=True)(*given), with_swap, *given, tolerance=2e-5)


# Pairs.


def test_labels_of_torch_are_turned_into_ours() -> None:
    first = torch.ones(2, 2)
    with pytest.raises(wald.DomainError, match=r"same contains -1 .* Use \(same \+ 1\) / 2"):
        wald.CosineEmbedding()(first, first, torch.tensor([1.0, -1.0]))
    with pytest.raises(wald.DomainError, match=r"distance contains -0\.5"):
        wald.HingeEmbedding()(torch.tensor([-0.5]), torch.tensor([1.0]))


def test_a_hinge_on_the_distance_is_the_pair_loss_without_squares(rng: torch.Generator) -> None:
    first, second = vectors(rng)
    same = torch.tensor([1, 0, 1, 0, 0, 0, 1, 1, 0])
    apart = (first - second).norm(dim=-1)
    hinge = wald.HingeEmbedding(margin=4.0)(apart, same, reduction="none")
    pair = wald.ContrastivePair(margin=4.0)(first, second, same, reduction="none")
    torch.testing.assert_close(hinge.square(), pair)
    torch.testing.assert_close(wald.ContrastivePair(margin=4.0, factor=0.5)(first, second, same), pair.mean() / 2)


def test_a_zero_vector_has_no_direction() -> None:
    zero = torch.zeros(2, 3, requires_grad=True)
    value = wald.CosineEmbedding(margin=-0.5)(zero, torch.ones(2, 3), torch.tensor([1, 0]), reduction="none")
    assert value.tolist() == [1.0, 0.5]
    assert torch.autograd.grad(value.sum(), zero)[0].abs().max() == 0


def test_hard_pairs_by_plain_loops(rng: torch.Generator) -> None:
    first, second = vectors(rng)
    same = torch.tensor([1, 0, 1, 0, 0, 0, 1, 1, 0])
    apart = (1 - F.cosine_similarity(first, second)).tolist()
    yes, no = ([d for d, s in zip(apart, same.tolist(), strict=True) if s == kind] for kind in (1, 0))
    wanted = [
        (d**2 if d > min(no) else 0) if s else (max(0, 0.5 - d) ** 2 if d < max(yes) else 0)
        for d, s in zip(apart, same.tolist(), strict=True)
    ]
    assert wald.OnlineContrastive()(first, second, same, reduction="none").tolist() == pytest.approx(wanted)
    # Of one kind only, those on the wrong side of their mean.
    ones = torch.ones_like(same)
    wanted = [d**2 if d > sum(apart) / 9 else 0 for d in apart]
    assert wald.OnlineContrastive()(first, second, ones, reduction="none").tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("score", ["cosine", "angle"])
def test_ordered_pairs_by_plain_loops(score: str, rng: torch.Generator) -> None:
    first, second = (F.normalize(x[:, :3]) for x in vectors(rng))  # odd, so that the last has a partner 0
    grade = torch.tensor([0.1, 0.9, 0.5, 0.5, 0.2, 0.0, 1.0, 0.7, 0.3], dtype=torch.float64)
    if score == "cosine":
        found = (first * second).sum(-1)
    else:
        a, b = (torch.complex(x[:, :2].contiguous(), F.pad(x[:, 2:], (0, 1))) for x in (first, second))
        product = (a * b.conj()).sum(-1)
        found = (product.real + product.imag).abs()
    couples = [math.exp(20 * (found[j] - found[i])) for i in range(9) for j in range(9) if grade[i] > grade[j]]
    value = wald.CoSENT(score=score)(first, second, grade)
    assert value.item() == pytest.approx(math.log1p(sum(couples)))
    assert wald.CoSENT(score=score)(first, second, torch.zeros(9).double()).item() == 0


def test_center_is_half_a_square_and_moves_the_table() -> None:
    centres, label = torch.zeros(3, 2, requires_grad=True), torch.tensor([0, 2, 2])
    embedding = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 4.0]])
    value = wald.Center()(embedding, centres[label], reduction="sum")
    assert value.item() == 0.5 * (1 + 4 + 16)
    assert torch.autograd.grad(value, centres)[0].tolist() == [[-1, 0], [0, 0], [0, -6]]


# In the batch, and from a queue.


def test_multiple_negatives_ranking_and_clip_are_info_nce(rng: torch.Generator) -> None:
    query, key = (x.requires_grad_() for x in vectors(rng))
    scores, own = F.normalize(query) @ F.normalize(key).T, torch.arange(9)
    ranking = F.cross_entropy(20 * scores, own)
    alike(
        wald.InfoNCE(like="sentence_transformers.losses.MultipleNegativesRankingLoss")(query, key), ranking, query, key
    )
    clip = 0.5 * (F.cross_entropy(scores / 0.07, own) + F.cross_entropy(scores.T / 0.07, own))
    alike(wald.InfoNCE(like="open_clip")(query, key), clip, query, key)


def test_moco_is_info_nce_of_whose_negatives_are_given(rng: torch.Generator) -> None:
    query, key = (F.normalize(x) for x in vectors(rng))
    scores = query @ key.T
    others = scores[~torch.eye(9, dtype=torch.bool)].reshape(9, 8)
    found = wald.MoCo(temperature=0.2)(scores.diagonal(), others, reduction="none")
    torch.testing.assert_close(found, wald.InfoNCE(temperature=0.2)(query, key, reduction="none"))
    none = wald.MoCo()(torch.tensor([0.3]), torch.full((1, 2), -torch.inf))
    assert none.item() == 0


def test_nt_xent_is_a_softplus_of_the_decoupled_loss() -> None:
    """log(exp(s) + Σ) - s = softplus(log Σ - s), where both views of an example see the same."""
    x = torch.eye(5, dtype=torch.float64)
    decoupled = wald.DecoupledContrastive(temperature=0.5)(x, x)
    torch.testing.assert_close(F.softplus(decoupled), wald.NTXent(temperature=0.5)(x, x))


def test_weights_of_the_decoupled_loss_have_no_gradient(rng: torch.Generator) -> None:
    first, second = (x.requires_grad_() for x in vectors(rng))
    own = F.cosine_similarity(first, second)
    weight = (2 - 9 * (own / 0.5).softmax(0)).detach()
    assert weight.mean().item() == pytest.approx(1)
    plain = wald.DecoupledContrastive()(first, second) + ((1 - weight) * own / 0.1).mean()
    alike(wald.DecoupledContrastive(sigma=0.5)(first, second), plain, first, second)


# Proxies.


def test_without_a_margin_all_angular_margins_are_softmax_over_cosines(rng: torch.Generator) -> None:
    cosine = (2 * torch.rand(8, 5, generator=rng, dtype=torch.float64) - 1).requires_grad_()
    target = torch.randint(5, (8,), generator=rng)
    plain = wald.ProxySoftmax(temperature=1 / 16)(cosine, target)
    for loss in (wald.ArcFace(margin=0.0, scale=16.0), wald.SphereFace(multiplier=1, scale=16.0)):
        alike(loss(cosine, target), plain, cosine)
    one_centre = wald.SoftTriple(scale=16.0, margin=0.0)(cosine.unsqueeze(-1), target)
    alike(one_centre, plain, cosine)
    cos_face = wald.ProxySoftmax(temperature=1 / 16, margin=0.2)(cosine, target)
    alike(wald.SoftTriple(scale=16.0, margin=0.2)(cosine.unsqueeze(-1), target), cos_face, cosine)


@pytest.mark.parametrize("multiplier", [1, 2, 3, 4, 5])
def test_the_multiplied_angle_falls_all_the_way(multiplier: int) -> None:
    angle = torch.linspace(0, math.pi, 500, dtype=torch.float64)
    cosine = torch.stack([angle.cos(), torch.zeros_like(angle)], -1)
    value = wald.SphereFace(multiplier=multiplier, scale=1.0)(
        cosine, torch.zeros(500, dtype=torch.long), reduction="none"
    )
    own = -value.expm1().log()  # the value is softplus(-own)
    half_turns = (multiplier * angle / math.pi).floor().clamp(max=multiplier - 1)
    wanted = torch.where(half_turns % 2 == 1, -1.0, 1.0) * (multiplier * angle).cos() - 2 * half_turns
    torch.testing.assert_close(own, wanted, rtol=1e-9, atol=1e-9)
    assert (wanted.diff() < 1e-9).all()


@pytest.mark.parametrize("beyond", ["line", "easy", "cosine"])
def test_the_angle_of_arc_face(beyond: str) -> None:
    angle, margin = torch.linspace(0.01, 3.13, 40, dtype=torch.float64), 0.5
    cosine = torch.stack([angle.cos(), torch.zeros_like(angle)], -1)
    zero = torch.zeros(40, dtype=torch.long)
    value = wald.ArcFace(margin=margin, scale=1.0, beyond=beyond)(cosine, zero, reduction="none")
    turned, plain = (angle + margin).cos(), angle.cos()
    own = {
        "line": torch.where(angle + margin < math.pi, turned, plain - margin * math.sin(margin)),
        "easy": torch.where(plain > 0, turned, plain),
        "cosine": turned,
    }[beyond]
    torch.testing.assert_close(value, F.softplus(-own))


@pytest.mark.parametrize("loss", [wald.ArcFace(), wald.SphereFace()], ids=repr)
@pytest.mark.parametrize("own", [1.0, -1.0, 1.0 + 1e-7, -1.0 - 1e-7, 0.0])
def test_a_straight_angle_has_a_finite_slope(loss: wald.Loss, own: float) -> None:
    cosine = torch.tensor([[own, 0.3, -0.3]], requires_grad=True)
    value = loss(cosine, torch.tensor([0]))
    (slope,) = torch.autograd.grad(value, cosine)
    assert value.isfinite()
    assert slope.isfinite().all()
    # A class that is left out may have no score at all.
    masked = torch.tensor([[0.5, -torch.inf, 0.2]], requires_grad=True)
    (slope,) = torch.autograd.grad(loss(masked, torch.tensor([0])), masked)
    assert slope.isfinite().all()


def test_proxy_nca_is_the_log_odds_of_the_softmax(rng: torch.Generator) -> None:
    cosine = (2 * torch.rand(8, 5, generator=rng, dtype=torch.float64) - 1).requires_grad_()
    label = torch.randint(5, (8,), generator=rng)
    surprise = wald.ProxySoftmax(temperature=0.5 * 0.3)(cosine, label, reduction="none")
    log_odds = surprise.expm1().log()  # of -log p: log((1 - p) / p)
    alike(wald.ProxyNCA(temperature=0.3)(cosine, label), log_odds.mean(), cosine)


def test_proxies_without_examples_do_not_pull_and_do_push() -> None:
    cosine, label = torch.tensor([[0.5, 0.0, 0.2]]), torch.tensor([0])
    loss = wald.ProxyAnchor(margin=0.0, scale=1.0)
    pulled, pushed = math.log1p(math.exp(-0.5)), math.log1p(1) + math.log1p(math.exp(0.2))
    assert loss(cosine, label).item() == pytest.approx(pulled + pushed / 3)
    both = loss(cosine.expand(2, 3), torch.tensor([0, 0]), reduction="none")
    assert both[0] == both[1]  # the value is that of the batch


def test_scores_without_centres_are_told_so() -> None:
    with pytest.raises(wald.ShapeError, match=r"cosine \[\*batch, classes, centres\]"):
        wald.SoftTriple()(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))


# Found by the names that people know.


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CosineEmbeddingLoss", wald.CosineEmbedding),
        ("torch.nn.HingeEmbeddingLoss", wald.HingeEmbedding),
        ("NPairs", wald.InfoNCE),
        ("MultipleNegativesRankingLoss", wald.InfoNCE),
        ("MarginLoss", wald.DistanceMargin),
        ("soft nearest neighbour", wald.NCA),
        ("AnglELoss", wald.CoSENT),
        ("AAM-softmax", wald.ArcFace),
        ("CosFaceLoss", wald.ProxySoftmax),
        ("pytorch_metric_learning.losses.HistogramLoss", wald.SimilarityHistogram),
        ("DCL", wald.DecoupledContrastive),
        ("BYOL", wald.SimSiam),
        ("iBOT", wald.DINO),
        ("CenterLoss", wald.Center),
    ],
)
def test_it_is_found_by_its_other_names(name: str, kind: type[wald.Loss]) -> None:
    assert wald.get(name) is kind
