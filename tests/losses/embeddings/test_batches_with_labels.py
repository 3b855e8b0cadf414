"""Losses of a batch with labels: each against plain loops, at its edges, and as its page says."""

from __future__ import annotations

from collections.abc import Callable
import itertools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import Formula
from wald.checks.subjects.draw import draw, variants

KINDS = [
    kind for kind in wald.catalogue() if ".embeddings." in kind.__module__ or ".self_supervision." in kind.__module__
]
CASES = [loss for kind in KINDS for loss in variants(kind)]
LABELLED = [kind for kind in KINDS if list(kind.card.inputs)[:2] == ["embedding", "label"]]


@pytest.mark.parametrize("loss", [loss for loss in CASES if isinstance(loss.card.formula, Formula)], ids=repr)
def test_the_formula_on_the_card_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = draw(loss, 7, rng)
    named = {name: x.tolist() for name, x in zip(dict(loss.named_domains), inputs, strict=True)}
    fields = {name: value for name, value in loss.to_dict().items() if name != "loss"}
    for row, value in enumerate(loss.per_example(*inputs).tolist()):
        coupled = loss.card.coupling == "coupled"
        mine = {**named, "i": row} if coupled else {name: x[row] for name, x in named.items()}
        assert loss.card.formula(**mine, **fields) == pytest.approx(value, rel=1e-9, abs=1e-12)  # pyright: ignore[reportCallIssue]


# Plain loops, for losses that one line cannot say.


class Met:
    """A batch of seven with three labels, one of them alone, and all cosines and distances as numbers."""

    def __init__(self, rng: torch.Generator) -> None:
        self.x = torch.randn(7, 4, generator=rng, dtype=torch.float64)
        self.label = torch.tensor([0, 1, 0, 1, 0, 2, 1])
        unit = F.normalize(self.x)
        self.cos = [[float(a @ b) for b in unit] for a in unit]
        self.d = [[float((a - b).norm()) for b in unit] for a in unit]
        ids = range(7)
        self.pos = [[j for j in ids if j != i and self.label[j] == self.label[i]] for i in ids]
        self.neg = [[j for j in ids if self.label[j] != self.label[i]] for i in ids]
        self.pairs = [(i, p) for i in ids for p in self.pos[i]]


def mean(values: Any) -> float:
    values = list(values)
    return math.fsum(values) / len(values)


def angular(m: Met) -> float:
    t = math.tan(math.radians(40)) ** 2
    return mean(
        math.log1p(sum(math.exp(4 * t * (m.cos[i][n] + m.cos[p][n]) - 2 * (1 + t) * m.cos[i][p]) for n in m.neg[i]))
        for i, p in m.pairs
    )


def tuplet(m: Met) -> float:
    slack = math.radians(5.73)
    return mean(
        math.log1p(sum(math.exp(64 * (m.cos[i][n] - math.cos(math.acos(m.cos[i][p]) - slack))) for n in m.neg[i]))
        for i, p in m.pairs
    )


def lifted(m: Met) -> float:
    def far(i: int, p: int) -> float:
        return math.log(sum(math.exp(1 - m.d[k][n]) for k in (i, p) for n in m.neg[k]))

    return mean(max(0, m.d[i][p] + far(i, p)) ** 2 / 2 for i, p in m.pairs)


def intra_pair(m: Met) -> float:
    yes = [m.cos[i][p] for i, p in m.pairs]
    no = [m.cos[i][n] for i in range(7) for n in m.neg[i]]
    return mean(max(0, 0.99 * mean(yes) - c) ** 2 for c in yes) + mean(max(0, c - 1.01 * mean(no)) ** 2 for c in no)


def margin(m: Met) -> float:
    triplets = [(i, p, n) for i, p in m.pairs for n in m.neg[i]]
    costs = [max(0.0, m.d[i][p] - 1.1 + 0.2) for i, p, _ in triplets]
    costs += [max(0.0, 1.1 - m.d[i][n] + 0.2) for i, _, n in triplets]
    return mean(c for c in costs if c > 0)


def histogram(m: Met) -> float:
    def shares(values: list[float]) -> list[float]:
        return [mean(max(0, 1 - abs(v + 1 - r * 0.02) / 0.02) for v in values) for r in range(101)]

    yes = shares([m.cos[i][p] for i, p in m.pairs])
    no = shares([m.cos[i][n] for i in range(7) for n in m.neg[i]])
    return sum(b * a for b, a in zip(no, itertools.accumulate(yes), strict=True))


def fast_ap(m: Met) -> float:
    def one(i: int) -> float:
        if not m.pos[i]:
            return 0

        def shares(those: list[int]) -> list[float]:
            return [sum(max(0, 1 - abs(m.d[i][j] ** 2 - r * 0.4) / 0.4) for j in those) for r in range(11)]

        h, every = shares(m.pos[i]), shares(m.pos[i] + m.neg[i])
        up, all_up = list(itertools.accumulate(h)), list(itertools.accumulate(every))
        return 1 - sum(a * b / c for a, b, c in zip(h, up, all_up, strict=True) if c > 0) / len(m.pos[i])

    return mean(one(i) for i in range(7))


def before(m: Met, i: int, p: int, those: list[int], temperature: float = 0.01) -> float:
    return sum(1 / (1 + math.exp((m.cos[i][p] - m.cos[i][j]) / temperature)) for j in those if j != p)


def smooth_ap(m: Met) -> float:
    def one(i: int) -> float:
        if not m.pos[i]:
            return 0
        hits = [(1 + before(m, i, p, m.pos[i]), before(m, i, p, m.neg[i])) for p in m.pos[i]]
        return 1 - mean(hit / (hit + miss) for hit, miss in hits)

    return mean(one(i) for i in range(7))


def pnp(price: Callable[[float], float]) -> Callable[[Met], float]:
    def run(m: Met) -> float:
        return mean(mean(price(before(m, i, p, m.neg[i])) for p in m.pos[i]) if m.pos[i] else 0 for i in range(7))

    return run


LOOPS: list[tuple[wald.Loss, Callable[[Met], float]]] = [
    (wald.Angular(), angular),
    (wald.TupletMargin(), tuplet),
    (wald.LiftedStructure(form="original"), lifted),
    (wald.IntraPairVariance(), intra_pair),
    (wald.DistanceMargin(), margin),
    (wald.SimilarityHistogram(), histogram),
    (wald.FastAP(), fast_ap),
    (wald.SmoothAP(), smooth_ap),
    (wald.PNP(form="O"), pnp(lambda r: r)),
    (wald.PNP(form="Ds"), pnp(lambda r: math.log(1 + r))),
    (wald.PNP(form="Dq"), pnp(lambda r: 1 - 1 / (1 + r))),
    (wald.PNP(form="Iu"), pnp(lambda r: (1 + r) * math.log(1 + r))),
    (wald.PNP(form="Ib"), pnp(lambda r: (2 * r - math.log(1 + 2 * r)) / 4)),
]


@pytest.mark.parametrize(("loss", "loop"), LOOPS, ids=[repr(loss) for loss, _ in LOOPS])
def test_it_is_what_plain_loops_say(loss: wald.Loss, loop: Callable[[Met], float], rng: torch.Generator) -> None:
    met = Met(rng)
    rest = (torch.full((7,), 1.1, dtype=torch.float64),) if isinstance(loss, wald.DistanceMargin) else ()
    found = loss(met.x, met.label, *rest).item()
    assert found == pytest.approx(loop(met), rel=1e-9)
    # Whoever is masked is not there at all.
    keep = torch.tensor([True] * 6 + [False])
    dirty = met.x.clone()
    dirty[6] = torch.nan
    fewer = loss(met.x[:6], met.label[:6], *(r[:6] for r in rest))
    assert loss(dirty, met.label, *rest, mask=keep).item() == pytest.approx(fewer.item(), rel=1e-12)


# At the edges: finite in value and gradient wherever vectors are.

EDGES: dict[str, tuple[list[list[float]], list[int]]] = {
    "one row": ([[1.0, 2.0]], [0]),
    "one label": ([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [1, 1, 1]),
    "each alone": ([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [0, 1, 2]),
    "all the same": ([[0.8, 0.7]] * 4, [0, 0, 1, 1]),
    "zero vectors": ([[0.0, 0.0]] * 3 + [[1.0, 0.0]], [0, 0, 1, 1]),
    "opposite": ([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], [0, 0, 1, 1]),
    "huge": ([[1e4, 0.0], [-1e4, 3.0], [0.0, 1e4], [1e-4, 0.0]], [0, 0, 1, 1]),
    "separated": ([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0, 0, 1, 1]),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_it_is_finite_at_the_edges(edge: str, dtype: torch.dtype) -> None:
    rows, label = EDGES[edge]
    for kind in LABELLED:
        for loss in variants(kind):
            x = torch.tensor(rows, dtype=dtype, requires_grad=True)
            rest = [torch.full((len(rows),), 1.2, dtype=dtype)] * (len(loss.named_domains) - 2)
            value = loss(x, torch.tensor(label), *rest)
            assert value.isfinite(), loss
            (slope,) = torch.autograd.grad(value, x)
            assert slope.isfinite().all(), loss


def test_a_repeated_row_is_no_accident_for_an_angle() -> None:
    """The cosine of (0.8, 0.7, 0.3) with itself is above 1 in single precision."""
    row = torch.tensor([0.8, 0.7, 0.3])
    x = torch.stack([row, row, row.flip(0)]).requires_grad_()
    assert (F.normalize(x) @ F.normalize(x).T)[0, 1] > 1
    value = wald.TupletMargin()(x, torch.tensor([0, 0, 1]))
    (slope,) = torch.autograd.grad(value, x)
    assert slope.isfinite().all()


# Identities.


def test_nca_with_two_of_a_label_is_sup_con(rng: torch.Generator) -> None:
    x, label = torch.randn(8, 3, generator=rng, dtype=torch.float64), torch.arange(4).repeat(2)
    found = wald.NCA(temperature=0.4)(x, label, reduction="none")
    torch.testing.assert_close(found, wald.SupCon(temperature=0.2)(x, label, reduction="none"))


def test_smooth_ap_of_a_low_temperature_is_average_precision(rng: torch.Generator) -> None:
    met = Met(rng)
    wanted: list[float] = []
    for i in range(7):
        order = sorted(met.pos[i] + met.neg[i], key=lambda j: -met.cos[i][j])
        ranks = [place for place, j in enumerate(order, 1) if j in met.pos[i]]
        hits = [k / rank for k, rank in enumerate(ranks, 1)]
        wanted.append(1 - mean(hits) if hits else 0)
    found = wald.SmoothAP(temperature=1e-6)(met.x, met.label, reduction="none")
    assert found.tolist() == pytest.approx(wanted)


def test_weights_of_a_circle_are_held_or_not(rng: torch.Generator) -> None:
    """With the weights as numbers of their own, the slope of the paper is that of the rest."""
    x, label = torch.randn(6, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 1, 1])
    free, held = wald.Circle(gamma=5.0), wald.Circle(gamma=5.0, fixed_weights=True)
    torch.testing.assert_close(free(x, label), held(x, label))
    at = x.clone().requires_grad_()
    whole, part = (torch.autograd.grad(loss(at, label), at)[0] for loss in (free, held))
    assert (whole - part).norm() > 0.1 * whole.norm()


def test_mean_over_all_pairs_or_those_that_cost(rng: torch.Generator) -> None:
    met = Met(rng)
    boundary = torch.full((7,), 0.9, dtype=torch.float64)
    violating, every = (wald.DistanceMargin(average=name)(met.x, met.label, boundary) for name in ("violating", "all"))
    assert 0 < every < violating


def test_the_boundary_can_be_learned() -> None:
    beta = torch.tensor(1.2, requires_grad=True)
    x, label = torch.tensor([[0.0], [1.1], [3.0]]), torch.tensor([0, 0, 1])
    value = wald.DistanceMargin(normalise=False)(x, label, beta.expand(3))
    # The positive pair is within the boundary by 0.1 only, 0.2 are wanted; the negatives are far.
    assert value.item() == pytest.approx(0.1)
    assert torch.autograd.grad(value, beta)[0].item() == pytest.approx(-1)


# What a plateau means.


@pytest.mark.parametrize(
    "loss",
    [
        wald.InfoNCE(),
        wald.NTXent(),
        wald.DecoupledContrastive(),
        wald.Triplet(),
        wald.Triplet(margin="soft"),
        wald.BatchTriplet(),
        wald.BatchTriplet(margin="soft"),
        wald.SimilarityHistogram(),
        wald.IntraPairVariance(),
        wald.AlignmentUniformity(),
        wald.KoLeo(),
        wald.VICReg(),
        wald.SimSiam(),
    ],
    ids=repr,
)
def test_a_collapse_costs_what_the_card_says(loss: wald.Loss) -> None:
    point = torch.tensor([0.6, 0.8], dtype=torch.float64).expand(8, 2)
    inputs = [torch.arange(2).repeat(4) if domain.integer else point for _, domain in loss.named_domains]
    assert loss(*inputs).item() == pytest.approx(loss.reference_points(batch=8)["collapse"], rel=1e-6, abs=1e-9)


def test_pairs_that_differ_cost_more_than_0_once_all_is_one_point() -> None:
    point, same = torch.ones(4, 2), torch.tensor([1, 0, 1, 0])
    assert wald.OnlineContrastive()(point, point, same).item() == pytest.approx(0.5 * 0.5**2)
    assert wald.CosineEmbedding(margin=0.3)(point, point, same).item() == pytest.approx(0.5 * 0.7)


# Wrong calls.


@pytest.mark.parametrize("kind", LABELLED, ids=[kind.__name__ for kind in LABELLED])
def test_a_batch_of_batches_is_told_what_to_do(kind: type[wald.Loss]) -> None:
    loss = next(variants(kind))
    rest = [torch.ones(2, 3)] * (len(loss.named_domains) - 2)
    with pytest.raises(wald.ShapeError, match=r"embedding.flatten\(0, -2\)"):
        loss(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long), *rest)
    rest = [torch.ones(3)] * (len(loss.named_domains) - 2)
    with pytest.raises(wald.DomainError, match="label contains -1"):
        loss(torch.zeros(3, 4), torch.tensor([0, 1, -1]), *rest)
