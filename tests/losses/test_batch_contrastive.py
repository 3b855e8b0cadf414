"""The losses of a batch of embeddings against each other: other code, exact values, and what their pages say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import Formula
from wald.checks.subjects.draw import draw, variants

KINDS = (wald.NTXent, wald.SupCon, wald.SigLIP, wald.BatchTriplet, wald.ProxySoftmax)
CASES = [loss for kind in KINDS for loss in variants(kind)]


@pytest.mark.parametrize("loss", [loss for loss in CASES if isinstance(loss.card.formula, Formula)], ids=repr)
def test_the_formula_on_the_card_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = draw(loss, 9, rng)
    named = {name: x.tolist() for name, x in zip(dict(loss.named_domains), inputs, strict=True)}
    fields = {name: value for name, value in loss.to_dict().items() if name != "loss"}
    for row, value in enumerate(loss.per_example(*inputs).tolist()):
        coupled = loss.card.coupling == "coupled"
        mine = {**named, "i": row} if coupled else {name: x[row] for name, x in named.items()}
        assert loss.card.formula(**mine, **fields) == pytest.approx(value, rel=1e-9, abs=1e-12)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_gradients_are_slopes(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in draw(loss, 7, rng)]
    assert torch.autograd.gradcheck(lambda *x: loss.per_example(*x), inputs)


# NT-Xent and its relatives.


def simclr(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The mean over 2 N anchors, each by itself."""
    views = F.normalize(torch.cat([first, second]))
    costs: list[Tensor] = []
    for i, view in enumerate(views):
        partner = (i + len(first)) % len(views)
        others = [k for k in range(len(views)) if k != i]
        scores = views[others] @ view / temperature
        costs.append(scores.logsumexp(0) - scores[others.index(partner)])
    return torch.stack(costs).mean()


def test_nt_xent_is_that_of_simclr(rng: torch.Generator) -> None:
    first, second = torch.randn(2, 11, 4, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(wald.NTXent(temperature=0.3)(first, second), simclr(first, second, 0.3))


def test_nt_xent_is_info_nce_both_ways_once_a_side_does_not_see_itself(rng: torch.Generator) -> None:
    """More features, in which views of one side are far apart, and those of different sides do not meet."""
    count, far = 6, 1000.0
    query, key = torch.randn(2, count, 3, generator=rng, dtype=torch.float64)
    corners = far * (torch.eye(count, dtype=torch.float64) - 1 / count)
    nothing = torch.zeros(count, count, dtype=torch.float64)
    first, second = torch.cat([query, corners, nothing], 1), torch.cat([key, nothing, corners], 1)
    found = wald.NTXent(normalise=False, temperature=0.7)(first, second, reduction="none")
    wanted = wald.InfoNCE(normalise=False, temperature=0.7, symmetric=True)(query, key, reduction="none")
    torch.testing.assert_close(found, wanted)
    assert wald.NTXent(temperature=0.7)(query, key) > wald.InfoNCE(temperature=0.7, symmetric=True)(query, key)


def test_sup_con_with_two_of_a_label_is_nt_xent(rng: torch.Generator) -> None:
    first, second = torch.randn(2, 9, 4, generator=rng, dtype=torch.float64)
    label = torch.arange(9).repeat(2)
    found = wald.SupCon(temperature=0.5)(torch.cat([first, second]), label)
    torch.testing.assert_close(found, wald.NTXent(temperature=0.5)(first, second))


def test_who_is_alone_with_a_label_costs_nothing_and_is_a_negative(rng: torch.Generator) -> None:
    embedding, loss = torch.randn(5, 3, generator=rng, dtype=torch.float64), wald.SupCon()
    label = torch.tensor([0, 0, 0, 1, 2])
    costs = loss(embedding, label, reduction="none")
    assert costs[3:].tolist() == [0, 0]
    assert loss(embedding, label).item() == pytest.approx(costs[:3].sum().item() / 5)
    assert loss(embedding, label, normalizer=3).item() == pytest.approx(costs[:3].mean().item())
    fewer = loss(embedding[:3], label[:3], reduction="none")
    assert (costs[:3] > fewer).all()


def test_the_least_of_sup_con_is_the_log_of_its_positives() -> None:
    label = torch.arange(4).repeat_interleave(4)
    embedding = 60 * F.one_hot(label, 4).double()
    assert wald.SupCon(temperature=0.01)(embedding, label).item() == pytest.approx(math.log(3))


# SigLIP.


def test_sig_lip_is_the_sum_over_pairs_by_rows(rng: torch.Generator) -> None:
    image, text = torch.randn(2, 8, 5, generator=rng, dtype=torch.float64)
    scores = 10 * F.normalize(image) @ F.normalize(text).T - 10
    signs = 2 * torch.eye(8, dtype=torch.float64) - 1
    torch.testing.assert_close(wald.SigLIP()(image, text), -F.logsigmoid(signs * scores).sum() / 8)


def test_scale_and_bias_can_be_learned_as_features(rng: torch.Generator) -> None:
    image, text = (F.normalize(x) for x in torch.randn(2, 8, 5, generator=rng, dtype=torch.float64))
    given = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (7.0, -3.0)]
    scale, bias = given
    one = torch.ones(8, 1, dtype=torch.float64)
    loss = wald.SigLIP(scale=1.0, bias=0.0, normalise=False)
    value = loss(torch.cat([scale * image, bias * one], 1), torch.cat([text, one], 1))
    signs = 2 * torch.eye(8, dtype=torch.float64) - 1
    wanted = -F.logsigmoid(signs * (scale * image @ text.T + bias)).sum() / 8
    torch.testing.assert_close(value, wanted)
    torch.testing.assert_close(torch.autograd.grad(value, given), torch.autograd.grad(wanted, given))


# Proxies.


def test_cos_face_and_proxy_nca(rng: torch.Generator) -> None:
    cosine = 2 * torch.rand(6, 4, generator=rng, dtype=torch.float64) - 1
    target = torch.tensor([0, 1, 2, 3, 0, 1])
    own = F.one_hot(target, 4)
    face = F.cross_entropy(64 * (cosine - 0.35 * own), target)
    torch.testing.assert_close(wald.ProxySoftmax(temperature=1 / 64, margin=0.35)(cosine, target), face)
    squares = 2 - 2 * cosine  # of distances of vectors of length 1
    nca = F.cross_entropy(-squares / 0.3, target)
    torch.testing.assert_close(wald.ProxySoftmax(temperature=0.15)(cosine, target), nca)


# Errors.


@pytest.mark.parametrize("kind", KINDS[:4])
def test_more_than_one_batch_axis_is_refused(kind: type[wald.Loss], rng: torch.Generator) -> None:
    loss = kind()
    with pytest.raises(wald.ShapeError, match="one batch axis") as raised:
        loss(*draw(loss, (3, 4), rng))
    assert "flatten" in str(raised.value)
    assert "torch.vmap" in str(raised.value)


@pytest.mark.parametrize(("how", "says"), [({"margin": -1}, "margin"), ({"margin": "soft", "mining": "all"}, "soft")])
def test_margins_that_cannot_be_meant(how: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        wald.BatchTriplet(**how)  # pyright: ignore[reportArgumentType]


@pytest.mark.peers
@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_pytorch_metric_learning_agrees(temperature: float, rng: torch.Generator) -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is not installed")
    first, second = torch.randn(2, 12, 6, generator=rng, dtype=torch.float64)
    both, label = torch.cat([first, second]), torch.arange(12).repeat(2)
    theirs = losses.NTXentLoss(temperature=temperature)(both, label)
    assert wald.NTXent(temperature=temperature)(first, second).item() == pytest.approx(theirs.item(), rel=1e-6)
    label = torch.arange(24) // 4
    theirs = losses.SupConLoss(temperature=temperature)(both, label)
    assert wald.SupCon(temperature=temperature)(both, label).item() == pytest.approx(theirs.item(), rel=1e-6)
