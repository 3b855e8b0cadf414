"""The losses of embeddings, critics and preferences against other code, exact arithmetic and their cards."""

from __future__ import annotations

from collections.abc import Callable
import math

import mpmath as mp
import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import Formula
from wald.checks.subjects.draw import draw, variants
from wald.losses.pieces.distance import direction, length

KINDS = [
    wald.ContrastivePair,
    wald.Triplet,
    wald.InfoNCE,
    wald.GANDiscriminator,
    wald.GANGenerator,
    wald.BradleyTerry,
    wald.DPO,
]
CASES = [loss for kind in KINDS for loss in variants(kind)]
WRITTEN = [loss for loss in CASES if isinstance(loss.card.formula, Formula)]

Oracle = Callable[..., Tensor]


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def value_and_slopes(loss: Oracle, *inputs: Tensor) -> list[Tensor]:
    """The values, then the slope of their sum in each input."""
    leaves = [leaf(x) for x in inputs]
    value = loss(*leaves)
    return [value.detach(), *torch.autograd.grad(value.sum(), leaves)]


def same(a: Tensor, b: Tensor, relative: float = 1e-11) -> None:
    torch.testing.assert_close(a, b, rtol=relative, atol=1e-13)


def exactly(function: Callable[..., mp.mpf], *inputs: Tensor) -> Tensor:
    """Exact values of `function` at these numbers, rounded once."""
    with mp.workdps(60):
        rows = [[mp.mpf(float(x)) for x in row] for row in zip(*(x.tolist() for x in inputs), strict=True)]
        return torch.tensor([float(function(*row)) for row in rows], dtype=torch.float64)


# What other people's code says of value and gradient.


def euclidean(a: Tensor, b: Tensor) -> Tensor:
    return F.pairwise_distance(a, b, eps=0)


def bce(score: Tensor, real: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, real), reduction="none")


def picked(query: Tensor, key: Tensor) -> Tensor:
    scores = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).T / 0.2
    return F.cross_entropy(scores, torch.arange(len(scores)), reduction="none")


def triplet(**how: object) -> Oracle:
    return lambda a, p, n: F.triplet_margin_with_distance_loss(a, p, n, reduction="none", **how)


def pair(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    apart = euclidean(a, b)
    return same * apart**2 + (1 - same) * F.relu(2.5 - apart) ** 2


def cosine_pair(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    apart = 1 - F.cosine_similarity(a, b)
    return same * apart**2 + (1 - same) * F.relu(1.0 - apart) ** 2


ORACLES: list[tuple[wald.Loss, Oracle]] = [
    (wald.ContrastivePair(margin=2.5), pair),
    (wald.ContrastivePair(distance="cosine"), cosine_pair),
    (wald.Triplet(), triplet(margin=1.0, distance_function=euclidean)),
    (wald.Triplet(margin=0.2, swap=True), triplet(margin=0.2, swap=True, distance_function=euclidean)),
    (wald.Triplet(squared=True), triplet(distance_function=lambda a, b: (a - b).square().sum(-1))),
    (wald.Triplet(), lambda a, p, n: F.triplet_margin_loss(a, p, n, eps=0, reduction="none")),
    (wald.Triplet(margin="soft"), lambda a, p, n: torch.logaddexp(euclidean(a, p) - euclidean(a, n), torch.zeros(()))),
    (wald.InfoNCE(temperature=0.2), picked),
    (wald.InfoNCE(temperature=0.2, symmetric=True), lambda q, k: (picked(q, k) + picked(k, q)) / 2),
    (
        wald.InfoNCE(temperature=2.0, normalise=False),
        lambda q, k: F.cross_entropy(q @ k.T / 2, torch.arange(len(q)), reduction="none"),
    ),
    (wald.GANDiscriminator(), lambda r, f: bce(r, 1) + bce(f, 0)),
    (wald.GANDiscriminator(kind="minimax"), lambda r, f: bce(r, 1) + bce(f, 0)),
    (wald.GANDiscriminator(kind="least_squares"), lambda r, f: ((r - 1) ** 2 + f**2) / 2),
    (wald.GANDiscriminator(kind="hinge"), lambda r, f: F.relu(1 - r) + F.relu(1 + f)),
    (wald.GANDiscriminator(kind="wasserstein"), lambda r, f: f - r),
    (wald.GANGenerator(), lambda f: bce(f, 1)),
    (wald.GANGenerator(kind="minimax"), lambda f: -bce(f, 0)),
    (wald.GANGenerator(kind="least_squares"), lambda f: (f - 1) ** 2 / 2),
    (wald.GANGenerator(kind="hinge"), lambda f: -f),
    (wald.GANGenerator(kind="wasserstein"), lambda f: -f),
    (wald.BradleyTerry(), lambda c, r: bce(c - r, 1)),
    (wald.BradleyTerry(margin=0.5, centering=0.01), lambda c, r: bce(c - r - 0.5, 1) + 0.01 * (c + r) ** 2),
    (wald.DPO(), lambda c, r, rc, rr: bce(0.1 * (c - rc) - 0.1 * (r - rr), 1)),
    (
        wald.DPO(beta=0.3, label_smoothing=0.2),
        lambda c, r, rc, rr: F.binary_cross_entropy_with_logits(
            0.3 * ((c - r) - (rc - rr)), torch.full_like(c, 0.8), reduction="none"
        ),
    ),
]


@pytest.mark.parametrize(("loss", "oracle"), ORACLES, ids=[f"{loss}-{i}" for i, (loss, _) in enumerate(ORACLES)])
def test_other_code_agrees_on_value_and_gradient(loss: wald.Loss, oracle: Oracle, rng: torch.Generator) -> None:
    inputs = draw(loss, 40, rng)
    for ours, theirs in zip(
        value_and_slopes(loss.per_example, *inputs), value_and_slopes(oracle, *inputs), strict=True
    ):
        same(ours, theirs)


@pytest.mark.parametrize("loss", WRITTEN, ids=repr)
def test_the_formula_on_the_card_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    fields = {name: getattr(loss, name) for name in loss.to_dict() if name != "loss"}
    named = {name: x.tolist() for name, x in zip(dict(loss.named_domains), draw(loss, 30, rng), strict=True)}
    formula = loss.card.formula
    unsaid = {name for name in fields if name not in formula.names and name != "kind"}
    if any(getattr(type(loss)(), name) != fields[name] for name in unsaid):
        pytest.skip("the formula holds while the fields that it does not mention are at their defaults")
    values = loss.per_example(*(torch.tensor(x, dtype=torch.float64) for x in named.values()))
    for row, value in enumerate(values.tolist()):
        meet = loss.card.coupling == "coupled"
        said = formula(**fields, **({"i": row} | named if meet else {name: x[row] for name, x in named.items()}))
        assert said == pytest.approx(value, rel=1e-12, abs=1e-14)


# Distances.


@pytest.mark.parametrize("size", [1e-150, 1e-20, 1e-5, 1.0, 1e150])
def test_a_length_is_exact_from_the_smallest_to_the_largest(size: float) -> None:
    value, slope = value_and_slopes(length, torch.tensor([[3.0, 4.0]], dtype=torch.float64) * size)
    torch.testing.assert_close(value, torch.tensor([5.0 * size], dtype=torch.float64), rtol=1e-15, atol=0)
    same(slope, torch.tensor([[0.6, 0.8]], dtype=torch.float64), 1e-15)


def test_a_direction_has_length_one_unless_there_is_none() -> None:
    x = torch.tensor([[3.0, 4.0]])
    for size in (1e-11, 1.0, 1e18):
        same(direction(size * x), torch.tensor([[0.6, 0.8]]), 1e-6)
    value, slope = value_and_slopes(direction, 1e-13 * x)
    assert (value == 0).all()
    assert (slope == 0).all()


def test_derivatives_of_every_order_are_finite_at_the_zero_vector() -> None:
    for function in (length, direction):
        x = leaf(torch.zeros(2, 3, dtype=torch.float64))
        (slope,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        (curve,) = torch.autograd.grad(slope.sum(), x)
        assert (function(x) == 0).all()
        assert (slope == 0).all()
        assert (curve == 0).all()


def test_not_finite_vectors_have_a_length_that_says_so() -> None:
    x = torch.tensor([[torch.inf, 1.0], [-torch.inf, torch.inf], [torch.nan, 1.0]])
    assert length(x)[:2].isinf().all()
    assert length(x)[2].isnan()
    assert direction(x)[2].isnan().any()


CORNERS = [
    (wald.ContrastivePair(), (torch.ones(4, 3), torch.ones(4, 3), torch.tensor([0, 1, 0, 1]))),
    (wald.ContrastivePair(distance="cosine"), (torch.zeros(2, 3), torch.ones(2, 3), torch.tensor([0, 1]))),
    *((wald.Triplet(**how), (torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 3)))
      for how in ({}, {"margin": "soft"}, {"squared": True}, {"swap": True})),
    (wald.InfoNCE(), (torch.zeros(3, 2), torch.eye(3)[:, :2])),
    (wald.InfoNCE(symmetric=True), (torch.eye(3)[:, :2], torch.zeros(3, 2))),
    (wald.InfoNCE(temperature=1e-4), (1e18 * torch.eye(3), -1e-11 * torch.eye(3))),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "inputs"), CORNERS, ids=[f"{loss}-{i}" for i, (loss, _) in enumerate(CORNERS)])
def test_gradients_are_finite_where_distances_and_directions_end(loss: wald.Loss, inputs: tuple[Tensor, ...]) -> None:
    value, *slopes = value_and_slopes(loss.per_example, *(x.float() for x in inputs))
    assert value.isfinite().all()
    assert all(slope.isfinite().all() for slope in slopes)


def test_what_costs_nothing_costs_nothing_when_its_square_overflows() -> None:
    far, near = torch.tensor([[1e25, 0.0]]), torch.zeros(1, 2)
    for loss, inputs in (
        (wald.ContrastivePair(), (far, near, torch.zeros(1))),
        (wald.Triplet(), (near, near, far)),
        (wald.Triplet(squared=True), (near, near, far)),
    ):
        value, *slopes = value_and_slopes(loss.per_example, *inputs)
        assert value == 0
        assert all((slope == 0).all() for slope in slopes[:2])


# Pairs and triplets.


def test_same_is_one_for_a_pair_that_belongs_together() -> None:
    a, b = torch.zeros(1, 2), torch.tensor([[0.3, 0.4]])
    loss = wald.ContrastivePair()
    assert loss(a, b, torch.ones(1)).item() == pytest.approx(0.25)
    assert loss(a, b, torch.zeros(1)).item() == pytest.approx(0.25)
    b = torch.tensor([[0.0, 0.9]])
    assert loss(a, b, torch.ones(1)).item() == pytest.approx(0.81)
    assert loss(a, b, torch.zeros(1)).item() == pytest.approx(0.01)
    assert "the paper of 2006" in (wald.ContrastivePair.__doc__ or "")


def test_four_pairs_that_libraries_disagree_on() -> None:
    apart = torch.tensor([0.2, 0.9, 1.4, 0.3]).unsqueeze(-1)
    value = wald.ContrastivePair()(apart, torch.zeros(4, 1), torch.tensor([1, 0, 0, 1]))
    assert value.item() == pytest.approx(0.035)


def test_a_soft_label_mixes_both(rng: torch.Generator) -> None:
    a, b = torch.randn(2, 9, 3, generator=rng, dtype=torch.float64)
    loss, half = wald.ContrastivePair(margin=3.0), torch.full((9,), 0.25, dtype=torch.float64)
    mixed = 0.25 * loss.per_example(a, b, torch.ones_like(half)) + 0.75 * loss.per_example(a, b, 0 * half)
    same(loss.per_example(a, b, half), mixed)
    with pytest.raises(wald.DomainError, match=r"\(same \+ 1\) / 2"):
        loss(a, b, torch.full((9,), -1.0))


def test_a_collapsed_embedding_costs_the_margin_and_pulls_no_more() -> None:
    everyone = torch.ones(5, 3, dtype=torch.float64)
    for loss, plateau in (
        (wald.Triplet(margin=0.7), 0.7),
        (wald.Triplet(margin=0.7, squared=True), 0.7),
        (wald.Triplet(margin="soft"), math.log(2)),
    ):
        value, *slopes = value_and_slopes(loss.per_example, everyone, everyone, everyone)
        same(value, torch.full((5,), plateau, dtype=torch.float64))
        assert all((slope == 0).all() for slope in slopes)
    pairs = wald.ContrastivePair(margin=0.7).per_example(everyone[:2], everyone[:2], torch.tensor([0.0, 1.0]).double())
    same(pairs, torch.tensor([0.49, 0.0], dtype=torch.float64))


@pytest.mark.parametrize("margin", [-0.1, math.nan, "hard", None])
def test_a_margin_is_a_length_or_soft(margin: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"Triplet: margin"):
        wald.Triplet(margin=margin)


def test_torch_moves_every_coordinate_by_a_millionth(rng: torch.Generator) -> None:
    inputs = torch.randn(3, 20, 4, generator=rng, dtype=torch.float64).unbind()
    theirs = F.triplet_margin_loss(*inputs, reduction="none")
    gap = (wald.Triplet().per_example(*inputs) - theirs).abs().max()
    assert 0 < gap < 1e-5


def test_swap_never_costs_less(rng: torch.Generator) -> None:
    inputs = torch.randn(3, 50, 4, generator=rng, dtype=torch.float64).unbind()
    plain, swapped = wald.Triplet().per_example(*inputs), wald.Triplet(swap=True).per_example(*inputs)
    assert (swapped >= plain).all()
    assert (swapped > plain).any()


# InfoNCE.


def test_chance_is_log_n_and_one_pair_costs_nothing(rng: torch.Generator) -> None:
    same_for_all = torch.ones(7, 3, dtype=torch.float64)
    assert wald.InfoNCE()(same_for_all, same_for_all).item() == pytest.approx(math.log(7))
    query, key = torch.randn(2, 1, 3, generator=rng).unbind()
    assert wald.InfoNCE()(query, key).item() == 0
    assert wald.InfoNCE()(torch.zeros(0, 3), torch.zeros(0, 3)).item() == 0


@pytest.mark.parametrize("how", [{}, {"symmetric": True}, {"normalise": False}])
def test_a_masked_pair_is_neither_query_nor_negative(how: dict[str, bool], rng: torch.Generator) -> None:
    loss = wald.InfoNCE(**how)
    query, key = torch.randn(2, 6, 4, generator=rng, dtype=torch.float64).unbind()
    keep = torch.tensor([True, False, True, True, False, True])
    query[1] = torch.nan
    key[4] = torch.inf
    left, right = leaf(query), leaf(key)
    values = loss(left, right, mask=keep, reduction="none")
    same(values[keep], loss(query[keep], key[keep], reduction="none"))
    assert (values[~keep] == 0).all()
    values.sum().backward()
    for x in (left, right):
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert (x.grad[~keep] == 0).all()
        assert (x.grad[keep] != 0).any()


@pytest.mark.parametrize("how", [{}, {"symmetric": True}, {"normalise": False}])
def test_a_batch_with_every_pair_masked_pulls_nowhere(how: dict[str, bool], rng: torch.Generator) -> None:
    pair = torch.randn(2, 6, 4, generator=rng, dtype=torch.float64)
    nobody = torch.zeros(6, dtype=torch.bool)
    value, *slopes = value_and_slopes(lambda q, k: wald.InfoNCE(**how)(q, k, mask=nobody), *pair)
    assert value == 0
    assert all((slope == 0).all() for slope in slopes)
    assert wald.InfoNCE(**how).per_example(*pair, keep=nobody).isfinite().all()


def test_accumulation_is_not_a_larger_batch(rng: torch.Generator) -> None:
    query, key = torch.randn(2, 8, 4, generator=rng, dtype=torch.float64).unbind()
    loss = wald.InfoNCE()
    halves = loss.tally(query[:4], key[:4]) + loss.tally(query[4:], key[4:])
    assert halves.mean < loss(query, key)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)])
def test_the_batch_of_in_batch_negatives_has_one_axis(shape: tuple[int, ...], rng: torch.Generator) -> None:
    loss = wald.InfoNCE()
    query, key = torch.randn(2, *shape, generator=rng, dtype=torch.float64).unbind()
    with pytest.raises(wald.ShapeError, match=r"query\.flatten\(0, -2\).*torch\.vmap"):
        loss(query, key)
    if len(shape) == 3:
        apart = torch.stack([loss(q, k) for q, k in zip(query, key, strict=True)])
        same(torch.vmap(loss)(query, key), apart)
        assert loss(query.flatten(0, -2), key.flatten(0, -2)) > apart.mean()


def test_clip_is_the_symmetric_one(rng: torch.Generator) -> None:
    image, text = torch.randn(2, 6, 4, generator=rng, dtype=torch.float64).unbind()
    loss = wald.InfoNCE(symmetric=True)
    assert loss(image, text).item() == pytest.approx(loss(text, image).item())
    assert wald.InfoNCE()(image, text).item() != pytest.approx(wald.InfoNCE()(text, image).item())
    assert wald.get("CLIPLoss") is wald.get("MultipleNegativesRankingLoss") is wald.InfoNCE


@pytest.mark.peers
def test_pytorch_metric_learning_agrees(rng: torch.Generator) -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    reducers = pytest.importorskip("pytorch_metric_learning.reducers")
    anchor, positive, negative = torch.randn(3, 8, 4, generator=rng, dtype=torch.float64).unbind()
    ids = torch.arange(8)
    # Every anchor with its own positive, against the keys of the others.
    everyone = (ids, ids, ids.repeat_interleave(7), torch.cat([ids[ids != i] for i in ids]))
    theirs = losses.NTXentLoss(temperature=0.2)(anchor, indices_tuple=everyone, ref_emb=positive, ref_labels=ids)
    assert wald.InfoNCE(temperature=0.2)(anchor, positive).item() == pytest.approx(theirs.item(), rel=1e-6)
    rows = torch.cat([anchor, positive, negative])
    plain = losses.TripletMarginLoss(margin=0.5, reducer=reducers.MeanReducer(), distance=_euclidean())
    theirs = plain(rows, torch.zeros(24), indices_tuple=(ids, ids + 8, ids + 16))
    assert wald.Triplet(margin=0.5)(anchor, positive, negative).item() == pytest.approx(theirs.item(), rel=1e-6)


def _euclidean() -> object:
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    return distances.LpDistance(normalize_embeddings=False)


# Critics.


@pytest.mark.parametrize("kind", ["non_saturating", "minimax", "least_squares", "hinge", "wasserstein"])
def test_a_critic_that_cannot_tell_pays_what_its_page_says(kind: str) -> None:
    value = {"least_squares": 0.25, "hinge": 2.0, "wasserstein": 0.0}.get(kind, 2 * math.log(2))
    score = torch.full((4,), 0.5 if kind == "least_squares" else 0.0)
    loss = wald.GANDiscriminator(kind=kind)
    assert loss(score, score).item() == pytest.approx(value)
    if loss.card.smooth:
        _, real, fake = value_and_slopes(loss.per_example, score, score)
        assert (real + fake == 0).all()


def test_the_minimax_generator_has_no_pull_while_it_is_found_out() -> None:
    found_out = torch.tensor([-20.0], dtype=torch.float64)
    _, minimax = value_and_slopes(wald.GANGenerator(kind="minimax").per_example, found_out)
    _, fixed = value_and_slopes(wald.GANGenerator().per_example, found_out)
    assert abs(minimax.item()) < 1e-8
    assert fixed.item() == pytest.approx(-1)


@pytest.mark.parametrize("shapes", [((4,), (3,)), ((4,), (4, 1)), ((1,), (4,))])
def test_as_many_real_as_generated(shapes: tuple[tuple[int, ...], ...]) -> None:
    real, fake = (torch.zeros(shape) for shape in shapes)
    for call in (wald.GANDiscriminator(), wald.GANDiscriminator().tally, wald.GANDiscriminator().prepared):
        with pytest.raises(
            wald.ShapeError, match=r"one mean weighs both sides equally.*real\[:n\] and fake\[:n\]"
        ) as said:
            call(real, fake)
        assert all(str(shape) in str(said.value) for shape in shapes)


# Preferences.


def test_exact_arithmetic_agrees_on_logistic_losses() -> None:
    lead = torch.tensor(
        [-800.0, -60.0, -21.0, -1e-9, 0.0, 1e-9, 2.0, 19.9, 20.1, 36.0, 41.0, 700.0], dtype=torch.float64
    )
    nothing = torch.zeros_like(lead)
    logistic = lambda lead, _: mp.log1p(mp.exp(-lead))  # noqa: E731
    same(wald.BradleyTerry().per_example(lead, nothing), exactly(logistic, lead, nothing), 1e-14)
    same(wald.DPO(beta=1.0).per_example(lead, nothing, nothing, nothing), exactly(logistic, lead, nothing), 1e-14)
    smoothed = lambda lead, _: mp.mpf(0.875) * mp.log1p(mp.exp(-lead)) + mp.mpf(0.125) * mp.log1p(mp.exp(lead))  # noqa: E731
    wanted = exactly(smoothed, lead, nothing)
    same(wald.DPO(beta=1.0, label_smoothing=0.125).per_example(lead, nothing, nothing, nothing), wanted, 1e-14)
    slope = value_and_slopes(wald.BradleyTerry().per_example, lead, nothing)[1]
    same(slope, exactly(lambda lead, _: -1 / (1 + mp.exp(lead)), lead, nothing), 1e-14)


def test_dpo_starts_at_the_log_of_two_whatever_the_texts(rng: torch.Generator) -> None:
    chosen, rejected = -500 * torch.rand(2, 50, generator=rng, dtype=torch.float64)
    for loss in variants(wald.DPO):
        value = loss.per_example(chosen, rejected, chosen, rejected)
        assert (value - math.log(2)).abs().max() < 1e-12


def test_dpo_is_bradley_terry_of_implicit_rewards(rng: torch.Generator) -> None:
    chosen, rejected, was_chosen, was_rejected = draw(wald.DPO(), 50, rng)
    rewards = 0.1 * (chosen - was_chosen), 0.1 * (rejected - was_rejected)
    same(wald.DPO().per_example(chosen, rejected, was_chosen, was_rejected), wald.BradleyTerry().per_example(*rewards))


def test_large_log_probabilities_keep_their_small_difference() -> None:
    gain = 2.0**-9  # the last digit of the chosen answer in single precision, lost in its difference to the rejected
    was, rejected = torch.tensor([-30000.0]), torch.tensor([-90000.0])
    value = wald.DPO(beta=100.0)(was + gain, rejected, was, rejected)
    assert value.item() == pytest.approx(math.log1p(math.exp(-100 * gain)), rel=1e-6)


def test_bradley_terry_estimates_the_odds_of_being_preferred() -> None:
    lead = torch.linspace(-6, 6, 1201, dtype=torch.float64)
    nothing = torch.zeros_like(lead)
    for share in (0.2, 0.5, 0.9):
        for centering in (0.0, 0.05):
            loss = wald.BradleyTerry(centering=centering)
            risk = share * loss.per_example(lead / 2, -lead / 2) + (1 - share) * loss.per_example(-lead / 2, lead / 2)
            assert lead[risk.argmin()].item() == pytest.approx(math.log(share / (1 - share)), abs=0.011)
    eager = wald.BradleyTerry(margin=1.0)
    risk = 0.9 * eager.per_example(lead, nothing) + 0.1 * eager.per_example(nothing, lead)
    assert lead[risk.argmin()] > math.log(9) + 0.1


def test_smoothing_of_one_half_has_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must be < 0\.5"):
        wald.DPO(label_smoothing=0.5)


# What the cards claim.


def takes_vectors(loss: wald.Loss) -> bool:
    return any(domain.axes for _, domain in loss.named_domains)


@pytest.mark.parametrize("loss", [loss for loss in CASES if loss.card.convex is not None], ids=repr)
def test_convexity_is_as_claimed(loss: wald.Loss, rng: torch.Generator) -> None:
    """Along chords in all model outputs at once: never above, or once above, as the card says."""
    emitted = [(domain.low, domain.high) != (0.0, 1.0) for _, domain in loss.named_domains]
    first, second = draw(loss, 400, rng), draw(loss, 400, rng)
    if takes_vectors(loss):
        first, second = (
            tuple(0.3 * x if moves else x for x, moves in zip(xs, emitted, strict=True)) for xs in (first, second)
        )
    second = tuple(b if moves else a for a, b, moves in zip(first, second, emitted, strict=True))
    middle = tuple((a + b) / 2 for a, b in zip(first, second, strict=True))
    ends = (loss(*first, reduction="none") + loss(*second, reduction="none")) / 2
    bulge = (loss(*middle, reduction="none") - ends).max()
    assert (bulge <= 1e-12) == loss.card.convex


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_floors_are_as_claimed(loss: wald.Loss, rng: torch.Generator) -> None:
    wild = tuple(x if x.unique().numel() <= 2 or domain.high == 1 else 1e6 * x
                 for x, (_, domain) in zip(draw(loss, 200, rng), loss.named_domains, strict=True))  # fmt: skip
    assert (loss(*wild, reduction="none").min() >= 0) == loss.card.bounded_below


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_growth_is_as_claimed(loss: wald.Loss, rng: torch.Generator) -> None:
    near, steepest = draw(loss, 50, rng), []
    # The slope of InfoNCE in the queries is in units of the keys, so these stay.
    grows = [domain.high != 1 and name != "key" for name, domain in loss.named_domains]
    for scale in (1e3, 1e4):
        far = tuple(scale * x if more else x for x, more in zip(near, grows, strict=True))
        steepest.append(
            max(
                slope.abs().max()
                for slope, more in zip(value_and_slopes(loss.per_example, *far)[1:], grows, strict=True)
                if more
            )
        )
    assert (steepest[1] / steepest[0] > 9) == (loss.card.slope == "linear")
    assert steepest[1] < 1.01 * steepest[0] or loss.card.slope == "linear"
