"""Miners against plain loops, at their edges, and as weights of losses."""

from __future__ import annotations

from collections.abc import Callable
import itertools
import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald import miners

MINERS: dict[str, Callable[..., Tensor]] = {name: getattr(miners, name) for name in (
    "hard_pairs", "informative_pairs", "margin_pairs", "hardest_share", "even_pairs", "distance_weights",
    "margin_triplets", "angular_triplets",
)}  # fmt: skip

LABEL = torch.tensor([0, 1, 0, 1, 0, 2, 1, 0])
ROWS = range(len(LABEL))


@pytest.fixture
def x(rng: torch.Generator) -> Tensor:
    return torch.randn(len(LABEL), 3, generator=rng, dtype=torch.float64)


def far(x: Tensor, i: int, j: int) -> float:
    return float((x[i] - x[j]).norm())


def positives(i: int) -> list[int]:
    return [j for j in ROWS if j != i and LABEL[j] == LABEL[i]]


def negatives(i: int) -> list[int]:
    return [j for j in ROWS if LABEL[j] != LABEL[i]]


def counted(weight: Tensor) -> set[tuple[int, ...]]:
    return {tuple(place) for place in weight.nonzero().tolist()}


# Pairs.


@pytest.mark.parametrize(
    ("positive", "negative"),
    [pair for pair in itertools.product(("hard", "semi-hard", "easy", "all"), repeat=2)
     if "semi-hard" not in pair or ("all" not in pair and pair[0] != pair[1])],
)  # fmt: skip
def test_an_anchor_takes_one_of_each_or_all(positive: str, negative: str, x: Tensor) -> None:
    wanted: set[tuple[int, int]] = set()
    for i in ROWS:
        near = sorted(positives(i), key=lambda j: far(x, i, j))
        away = sorted(negatives(i), key=lambda j: far(x, i, j))
        same = {"hard": near[-1:], "easy": near[:1], "all": near, "semi-hard": []}[positive]
        other = {"hard": away[:1], "easy": away[-1:], "all": away, "semi-hard": []}[negative]
        if positive == "semi-hard":
            same = [j for j in near if far(x, i, j) < far(x, i, other[0])][-1:]
        if negative == "semi-hard" and same:
            other = [j for j in away if far(x, i, j) > far(x, i, same[0])][:1]
        if same and other:
            wanted |= {(i, j) for j in same + other}
    assert counted(miners.hard_pairs(x, LABEL, positive=positive, negative=negative)) == wanted


def test_hard_pairs_are_those_of_the_hardest_triplet(x: Tensor) -> None:
    label = torch.arange(2).repeat(4)
    weight = miners.hard_pairs(x, label)
    apart, same = torch.cdist(x, x), label == label.unsqueeze(-1)
    furthest, nearest = ((apart * (weight * of)).sum(-1) for of in (same, ~same))
    found = wald.BatchTriplet(normalise=False)(x, label, reduction="none")
    torch.testing.assert_close((furthest - nearest + 0.2).relu(), found, rtol=1e-7, atol=1e-9)
    assert (weight.sum(-1) == 2).all()


def test_informative_pairs_leave_out_what_is_easy() -> None:
    angle = torch.tensor([0.0, 0.3, 1.5, 0.2])
    x, label = torch.stack([angle.cos(), angle.sin()], 1), torch.tensor([0, 0, 0, 1])
    weight = miners.informative_pairs(x, label, slack=0.1)
    # Of the first: the positive at 1.5 is hard, that at 0.3 about as near as the negative at 0.2, so all count.
    assert weight[0].tolist() == [0, 1, 1, 1]
    assert weight[3].tolist() == [0, 0, 0, 0]  # it has no positive


@pytest.mark.parametrize("slack", [0.0, 0.1, 0.7])
def test_informative_pairs_by_plain_loops(slack: float, x: Tensor) -> None:
    cosine = F.normalize(x) @ F.normalize(x).mT
    wanted: set[tuple[int, int]] = set()
    for i in ROWS:
        if positives(i):
            least = min(float(cosine[i, p]) for p in positives(i))
            most = max(float(cosine[i, n]) for n in negatives(i))
            wanted |= {(i, p) for p in positives(i) if cosine[i, p] < most + slack}
            wanted |= {(i, n) for n in negatives(i) if cosine[i, n] > least - slack}
    assert counted(miners.informative_pairs(x, LABEL, slack=slack)) == wanted


def test_margin_pairs_are_those_that_cost_something(x: Tensor) -> None:
    weight = miners.margin_pairs(x, LABEL, inner=1.5, outer=2.0)
    assert counted(weight) == {
        (i, j) for i in ROWS for j in ROWS
        if (j in positives(i) and far(x, i, j) > 1.5) or (j in negatives(i) and far(x, i, j) < 2.0)
    }  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.13, 0.5, 1.0])
def test_the_hardest_share_of_the_batch(share: float, x: Tensor) -> None:
    same = sorted(((i, j) for i in ROWS for j in positives(i)), key=lambda pair: -far(x, *pair))
    other = sorted(((i, j) for i in ROWS for j in negatives(i)), key=lambda pair: far(x, *pair))
    wanted: set[tuple[int, int]] = set()
    for pairs in (same, other):
        taken = pairs[: math.ceil(share * len(pairs))]
        wanted |= {*taken} | {(j, i) for i, j in taken}  # a pair and its reverse are at one distance
    assert counted(miners.hardest_share(x, LABEL, share=share)) == wanted


def test_every_bin_has_the_same_say(x: Tensor) -> None:
    weight, apart = miners.even_pairs(x, LABEL, bins=4), torch.cdist(x, x)
    for kind in (positives, negatives):
        those = torch.tensor([[j in kind(i) for j in ROWS] for i in ROWS])
        low, high = apart[those].min(), apart[those].max()
        place = ((apart - low) / (high - low) * 4).floor().clamp(0, 3)
        for k in range(4):
            held = those & (place == k)
            if held.any():
                assert weight[held].sum().item() == pytest.approx(1)
                assert weight[held].unique().numel() == 1


def test_negatives_are_drawn_alike_at_all_distances(rng: torch.Generator) -> None:
    x, label = F.normalize(torch.randn(400, 16, generator=rng, dtype=torch.float64)), torch.arange(400)
    weight = miners.distance_weights(x, label, nearest=0.8, furthest=1.4)
    torch.testing.assert_close(weight.sum(-1), torch.ones(400, dtype=torch.float64))
    apart = torch.cdist(x, x)
    assert (weight[apart >= 1.4 + 1e-6] == 0).all()
    # Plain draws are nearly all beyond 1.2; drawn by weight, as many are nearer than the middle of what occurs.
    near = (weight * ((apart < 1.2) & (apart > 0))).sum(-1).mean()
    plain = ((apart < 1.2) & (apart > 0)).double().sum() / ((apart < 1.4) & (apart > 0)).double().sum()
    assert near > plain + 0.15


# Triplets.


@pytest.mark.parametrize("kind", ["violating", "hard", "semi-hard", "easy"])
def test_triplets_by_their_margin(kind: str, x: Tensor) -> None:
    counts = {
        "violating": lambda lead: lead < 0.5,
        "hard": lambda lead: lead <= 0,
        "semi-hard": lambda lead: 0 < lead < 0.5,
        "easy": lambda lead: lead >= 0.5,
    }[kind]
    assert counted(miners.margin_triplets(x, LABEL, margin=0.5, kind=kind)) == {
        (i, p, n) for i in ROWS for p in positives(i) for n in negatives(i) if counts(far(x, i, n) - far(x, i, p))
    }


@pytest.mark.parametrize(("kind", "mining"), [("semi-hard", "semi-hard"), ("violating", "all")])
def test_triplets_are_those_of_the_batch_loss(kind: str, mining: str, x: Tensor) -> None:
    a, p, n = miners.margin_triplets(x, LABEL, margin=0.5, kind=kind).nonzero(as_tuple=True)
    found = wald.Triplet(margin=0.5)(x[a], x[p], x[n])
    loss = wald.BatchTriplet(margin=0.5, mining=mining, average="violating", normalise=False)
    torch.testing.assert_close(found, loss(x, LABEL))


def test_triplets_by_their_angle(x: Tensor) -> None:
    def angle(i: int, p: int, n: int) -> float:
        return math.degrees(math.atan(far(x, i, p) / 2 / float((x[n] - (x[i] + x[p]) / 2).norm())))

    weight = miners.angular_triplets(x, LABEL, angle=35.0)
    wanted = {(i, p, n) for i in ROWS for p in positives(i) for n in negatives(i) if angle(i, p, n) > 35}
    assert counted(weight) == wanted
    assert torch.equal(weight, miners.angular_triplets(100 * x, LABEL, angle=35.0))


# All of them.


@pytest.mark.parametrize("name", MINERS)
def test_they_give_no_gradient_and_know_who_is_left_out(name: str, rng: torch.Generator) -> None:
    x, label = torch.randn(8, 3, generator=rng, requires_grad=True), torch.arange(2).repeat(4)
    keep = torch.tensor([True] * 6 + [False] * 2)
    weight = MINERS[name](x, label, keep=keep)
    assert weight.dtype == x.dtype
    assert not weight.requires_grad
    part = (slice(6),) * weight.ndim
    torch.testing.assert_close(weight[part], MINERS[name](x[:6], label[:6]))
    assert weight.sum().item() == pytest.approx(weight[part].sum().item())
    assert weight.sum() > 0


EDGES = {
    "nobody": ([], []),
    "one row": ([[1.0, 2.0]], [0]),
    "one label": ([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [1, 1, 1]),
    "each alone": ([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [0, 1, 2]),
    "all the same": ([[0.8, 0.7]] * 4, [0, 0, 1, 1]),
    "zero vectors": ([[0.0, 0.0]] * 4, [0, 0, 1, 1]),
    "huge": ([[1e4, 0.0], [-1e4, 3.0], [0.0, 1e4], [1e-4, 0.0]], [0, 0, 1, 1]),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", MINERS)
def test_weights_are_finite_at_the_edges(name: str, edge: str) -> None:
    rows, label = EDGES[edge]
    weight = MINERS[name](torch.tensor(rows).reshape(-1, 2), torch.tensor(label, dtype=torch.long))
    assert weight.isfinite().all()
    assert (weight >= 0).all()
    assert set(weight.shape) <= {len(rows)}


@pytest.mark.parametrize("name", MINERS)
def test_half_precision_chooses_what_single_would(name: str, rng: torch.Generator) -> None:
    x, label = torch.randn(8, 3, generator=rng).bfloat16(), torch.arange(2).repeat(4)
    weight = MINERS[name](x, label)
    assert weight.dtype == torch.bfloat16
    torch.testing.assert_close(weight, MINERS[name](x.float(), label).bfloat16())


@pytest.mark.parametrize("name", MINERS)
def test_a_batch_of_batches_is_refused(name: str) -> None:
    with pytest.raises(wald.ShapeError, match=rf"{name}: embedding \(2, 3, 4\) and label \(2, 3\) must be"):
        MINERS[name](torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(wald.ShapeError, match=r"label \(2,\)"):
        MINERS[name](torch.zeros(3, 4), torch.zeros(2, dtype=torch.long))


def test_unknown_choices_are_refused(x: Tensor) -> None:
    with pytest.raises(ValueError, match=r"negative must be one of 'hard', .* got 'soft'"):
        miners.hard_pairs(x, LABEL, negative="soft")
    with pytest.raises(ValueError, match="semi-hard is measured by one pair of the other kind"):
        miners.hard_pairs(x, LABEL, positive="all", negative="semi-hard")
    with pytest.raises(ValueError, match=r"kind must be one of 'violating', .* got 'soft'"):
        miners.margin_triplets(x, LABEL, kind="soft")
    with pytest.raises(ValueError, match=r"share must be a number from 0 to 1, got 1\.5"):
        miners.hardest_share(x, LABEL, share=1.5)
    with pytest.raises(ValueError, match="between 0 and 90 degrees"):
        miners.angular_triplets(x, LABEL, angle=90.0)
    with pytest.raises(ValueError, match="bins must be"):
        miners.even_pairs(x, LABEL, bins=0)
