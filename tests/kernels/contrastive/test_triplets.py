"""Mined triplets against loops that name each of them, and the counts behind them."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

import wald
from wald.core.implementation import implementations
from wald.kernels.contrastive import counting
from wald.kernels.contrastive.counting import counted

MININGS = ("batch-hard", "semi-hard", "all")


def by_hand(loss: wald.BatchTriplet, embedding: Tensor, label: Tensor) -> Tensor:
    """The mean over the triplets that count, each by itself."""
    x = torch.nn.functional.normalize(embedding) if loss.normalise else embedding

    def d(a: int, b: int) -> Tensor:
        square = (x[a] - x[b]).square().sum()
        return square if loss.squared else square.sqrt()

    found: list[Tensor] = []
    everyone = range(len(x))
    for a in everyone:
        near = [d(a, p) for p in everyone if p != a and label[p] == label[a]]
        far = [d(a, n) for n in everyone if label[n] != label[a]]
        if loss.mining == "batch-hard":
            near, far = ([max(near)], [min(far)]) if near and far else ([], [])
        for p, n in itertools.product(near, far):
            if loss.mining == "semi-hard" and not p < n < p + loss.margin:
                continue
            found.append((p - n + loss.margin).relu())
    if loss.average == "violating":
        found = [cost for cost in found if cost > 0]
    return torch.stack(found).mean() if found else embedding.sum() * 0


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("average", ["mined", "violating"])
@pytest.mark.parametrize("labels", ["mixed", "one huge", "all alone", "all one"])
@pytest.mark.parametrize("few", [64, 0], ids=["compared", "searched"])
def test_loops_agree(
    mining: str, average: str, labels: str, few: int, monkeypatch: pytest.MonkeyPatch, rng: torch.Generator
) -> None:
    monkeypatch.setattr(counting, "_FEW", few)
    count = 13
    label = {
        "mixed": torch.randint(4, (count,), generator=rng),
        "one huge": torch.tensor([7] * 10 + [1, 2, 2]),
        "all alone": torch.randperm(count, generator=rng),
        "all one": torch.full((count,), 3),
    }[labels]
    loss = wald.BatchTriplet(margin=0.3, mining=mining, average=average)
    embedding = torch.randn(count, 3, generator=rng, dtype=torch.float64).requires_grad_()
    found, wanted = loss(embedding, label), by_hand(loss, embedding, label)
    torch.testing.assert_close(found, wanted)
    slopes = [torch.autograd.grad(2.5 * value, embedding)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("few", [64, 0], ids=["compared", "searched"])
def test_ties_are_those_of_the_definition(
    mining: str, squared: bool, few: int, monkeypatch: pytest.MonkeyPatch, rng: torch.Generator
) -> None:
    """Points of a grid: many distances are equal, some are 0, and many triplets cost exactly nothing."""
    monkeypatch.setattr(counting, "_FEW", few)
    loss = wald.BatchTriplet(margin=1.0, mining=mining, squared=squared, normalise=False)
    grid = torch.randint(0, 3, (32, 1), generator=rng).double()
    grid -= grid.mean().round()  # so that all is exact
    embedding = torch.cat([grid, -grid]).requires_grad_()
    label = torch.randint(4, (64,), generator=rng)
    run = next(found for found in implementations() if found.of is wald.BatchTriplet).run
    upstream = torch.rand(64, generator=rng, dtype=torch.float64)
    found, wanted = run(loss, embedding, label), loss.per_example(embedding, label)
    torch.testing.assert_close(found, wanted)
    slopes = [torch.autograd.grad(value, embedding, upstream)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("semi_hard", [False, True])
def test_comparing_and_searching_count_the_same(
    semi_hard: bool, monkeypatch: pytest.MonkeyPatch, rng: torch.Generator
) -> None:
    near = torch.randint(0, 9, (17, 5), generator=rng).double()
    near[3:7, 2:] = -torch.inf
    far = torch.randint(0, 12, (17, 40), generator=rng).double()
    far[:, ::6] = torch.inf
    compared = counted(near, far, 2.0, semi_hard=semi_hard)
    monkeypatch.setattr(counting, "_FEW", 0)
    searched = counted(near, far, 2.0, semi_hard=semi_hard)
    for one, other in zip(compared, searched, strict=True):
        torch.testing.assert_close(one, other)
    assert compared[0].sum() == compared[1].sum() > 0


@pytest.mark.peers
@pytest.mark.parametrize("mining", MININGS)
def test_pytorch_metric_learning_agrees(mining: str, rng: torch.Generator) -> None:
    miners = pytest.importorskip("pytorch_metric_learning.miners", reason="pytorch-metric-learning is not installed")
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    embedding = torch.randn(40, 6, generator=rng).requires_grad_()
    label = torch.arange(40) // 4
    theirs = losses.TripletMarginLoss(margin=0.2)
    if mining == "all":
        wanted = theirs(embedding, label)
    else:
        kind = {"margin": 0.2, "type_of_triplets": "semihard"}
        miner = miners.BatchHardMiner() if mining == "batch-hard" else miners.TripletMarginMiner(**kind)
        wanted = theirs(embedding, label, miner(embedding, label))
    found = wald.BatchTriplet(margin=0.2, mining=mining, average="violating")(embedding, label)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(v, embedding)[0] for v in (found, wanted)), rtol=1e-4, atol=1e-6)
