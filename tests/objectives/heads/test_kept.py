"""Heads that keep something without learning it: centres, means and queues."""

from __future__ import annotations

import copy
import io
import pickle

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import nn

import wald


def reloaded(head: nn.Module, other: nn.Module) -> nn.Module:
    """`other`, with the state of `head` as a file brings it."""
    file = io.BytesIO()
    torch.save(head.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    return other


# Centres of classes.


@pytest.mark.parametrize("inertia", [0.0, 1.0, 3.0])
def test_centres_follow_the_rule_of_the_paper(inertia: float, rng: torch.Generator) -> None:
    centres = wald.ClassCentres(4, 3, rate=0.5, inertia=inertia).double()
    rows = [[0.0] * 3 for _ in range(4)]
    for _ in range(3):
        x, label = torch.randn(6, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 0, 0, 2, 2, 3])
        centres.update(x, label)
        for k in range(4):
            of_class = [i for i in range(6) if label[i] == k]
            for f in range(3):
                away = sum(rows[k][f] - float(x[i][f]) for i in of_class)
                rows[k][f] -= 0.5 * away / (len(of_class) + inertia) if of_class else 0
    torch.testing.assert_close(centres.vectors, torch.tensor(rows, dtype=torch.float64))
    assert (centres.vectors[1] == 0).all()


def test_what_is_masked_moves_no_centre(rng: torch.Generator) -> None:
    x, label = torch.randn(2, 4, 3, generator=rng), torch.tensor([[0, 1, 1, 0], [1, 0, 1, 1]])
    keep = torch.tensor([[True, True, False, True], [False, True, True, True]])
    dirty, lost = x.clone(), label.clone()
    dirty[~keep], lost[~keep] = torch.nan, -100
    one, two = wald.ClassCentres(2, 3), wald.ClassCentres(2, 3)
    one.update(dirty, lost, mask=keep)
    two.update(x[keep], label[keep])
    torch.testing.assert_close(one.vectors, two.vectors)
    before = one.vectors
    one.update(dirty, lost, mask=torch.zeros_like(keep))
    assert torch.equal(one.vectors, before)


def test_centres_draw_classes_together(rng: torch.Generator) -> None:
    label = torch.arange(3).repeat(8)
    places = torch.randn(3, 4, generator=rng)
    x = (places[label] + torch.randn(24, 4, generator=rng)).requires_grad_()
    centres, loss = wald.ClassCentres(3, 4), wald.Center()
    optimiser = torch.optim.SGD([x], lr=1.0)
    spread = [x.detach()[label == k].std(0).mean() for k in range(3)]
    for _ in range(60):
        optimiser.zero_grad()
        loss(x, centres(label)).backward()
        optimiser.step()
        centres.update(x, label)
    assert all(x.detach()[label == k].std(0).mean() < 0.2 * spread[k] for k in range(3))
    assert not centres.vectors.requires_grad


# A running mean.


def test_a_running_mean_is_an_exponential_one(rng: torch.Generator) -> None:
    head, wanted = wald.RunningMean(3, momentum=0.8), torch.zeros(3)
    for _ in range(4):
        scores = torch.randn(2, 5, 3, generator=rng).requires_grad_()
        head.update(scores)
        wanted = 0.8 * wanted + 0.2 * scores.detach().mean((0, 1))
    torch.testing.assert_close(head.mean, wanted)
    assert head(torch.zeros(7, 2, 3)).shape == (7, 2, 3)
    assert not head.mean.requires_grad


def test_a_mean_of_kept_rows_only(rng: torch.Generator) -> None:
    x, keep = torch.randn(6, 3, generator=rng), torch.tensor([True, False, True, True, False, True])
    dirty = x.clone()
    dirty[~keep] = torch.inf
    one, two = wald.RunningMean(3), wald.RunningMean(3)
    one.update(dirty, mask=keep)
    two.update(x[keep])
    torch.testing.assert_close(one.mean, two.mean)
    one.update(dirty, mask=torch.zeros_like(keep))
    one.update(x[:0])
    torch.testing.assert_close(one.mean, two.mean)


def test_a_mean_of_many_rows_of_half_precision_is_no_less_exact() -> None:
    head = wald.RunningMean(1, momentum=0.0)
    head.update(torch.full((4096, 1), 100.0, dtype=torch.float16))
    assert head.mean.item() == 100


# A queue.


@settings(max_examples=40)
@given(st.integers(1, 7), st.lists(st.integers(0, 12), max_size=5))
def test_a_queue_holds_the_last_that_were_put_in(size: int, batches: list[int]) -> None:
    queue, labels = wald.Queue(size, 2), wald.Queue(size, dtype=torch.long)
    put: list[int] = []
    for batch in batches:
        ids = torch.arange(len(put), len(put) + batch)
        queue.update(torch.stack([ids, -ids], -1).float())
        labels.update(ids)
        put += ids.tolist()
        assert sorted(labels.vectors.tolist()) == put[-size:]
        assert queue.vectors.tolist() == [[float(i), -float(i)] for i in labels.vectors.tolist()]
        assert len(queue) == min(size, len(put))


def test_a_queue_that_is_stored_goes_on_where_it_was() -> None:
    queue = wald.Queue(4, 1)
    queue.update(torch.arange(6.0).unsqueeze(-1))
    twins = [reloaded(queue, wald.Queue(4, 1)), copy.deepcopy(queue), pickle.loads(pickle.dumps(queue))]
    for twin in (queue, *twins):
        twin.update(torch.tensor([[9.0]]))
        assert sorted(twin.vectors.flatten().tolist()) == [3, 4, 5, 9]
    fresh = reloaded(wald.Queue(4, 1), wald.Queue(4, 1, start="random"))
    assert len(fresh) == 0


def test_what_was_read_keeps_its_value_for_the_gradient(rng: torch.Generator) -> None:
    queue, query = wald.Queue(4, 3, start="random"), torch.randn(2, 3, generator=rng, requires_grad=True)
    scores = queue(query)
    wanted = queue.vectors.sum(0).expand(2, 3).clone()
    queue.update(torch.randn(4, 3, generator=rng))
    scores.sum().backward()
    torch.testing.assert_close(query.grad, wanted)


def test_nothing_goes_back_into_a_queue(rng: torch.Generator) -> None:
    queue, key = wald.Queue(4, 3), torch.randn(2, 3, generator=rng, requires_grad=True)
    queue.update(2 * key)
    assert not queue.slots.requires_grad
    torch.testing.assert_close(queue.vectors, 2 * key.detach())
    with torch.no_grad():
        key.zero_()
    assert queue.vectors.any()  # a copy


def test_an_empty_queue_costs_nothing(rng: torch.Generator) -> None:
    query = torch.randn(3, 2, generator=rng, requires_grad=True)
    value = wald.MoCo()(query.sum(-1), wald.Queue(4, 2)(query))
    assert value == 0
    value.backward()
    assert query.grad is not None
    assert query.grad.isfinite().all()


def test_a_queue_takes_other_precisions() -> None:
    queue = wald.Queue(4, 2, dtype=torch.bfloat16)
    queue.update(torch.ones(3, 2, dtype=torch.float64))
    assert queue.vectors.dtype == torch.bfloat16
    assert queue(torch.ones(1, 2)).dtype == torch.float32
    assert queue.double()(torch.ones(1, 2)).dtype == torch.float64
    labels = wald.Queue(4, dtype=torch.long).half()
    assert labels.slots.dtype == torch.long
    assert queue.to("meta").slots.device.type == "meta"


def test_the_nearest_is_that_of_the_largest_cosine() -> None:
    queue = wald.Queue(3, 2)
    queue.update(torch.tensor([[10.0, 9.0], [1.0, 0.0], [0.0, 1.0]]))
    found = queue.nearest(torch.tensor([[3.0, 0.1], [1.0, 1.0]]))
    assert found.tolist() == [[1, 0], [10, 9]]


def test_moco_learns_with_a_queue(rng: torch.Generator) -> None:
    """Two views share four of their eight numbers, and the rest is noise, which it learns not to look at."""
    encoder = nn.Linear(8, 4, bias=False)
    nn.init.normal_(encoder.weight, generator=rng)
    teacher, queue, loss = wald.Teacher(encoder, momentum=0.9), wald.Queue(64, 4), wald.MoCo(temperature=0.2)
    optimiser = torch.optim.SGD(encoder.parameters(), lr=0.5)

    def views(n: int) -> list[torch.Tensor]:
        shared = torch.randn(n, 4, generator=rng)
        return [torch.cat([shared, 2 * torch.randn(n, 4, generator=rng)], -1) for _ in range(2)]

    for _ in range(80):
        first, second = views(16)
        query = nn.functional.normalize(encoder(first), dim=-1)
        key = nn.functional.normalize(teacher(second), dim=-1)
        value = loss((query * key).sum(-1), queue(query))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        teacher.update(encoder)
        queue.update(key)
    signal, noise = encoder.weight.detach()[:, :4].norm(), encoder.weight.detach()[:, 4:].norm()
    assert signal > 3 * noise
    assert len(queue) == 64


# What all of them hold to.

HEADS = {
    "centres": (lambda: wald.ClassCentres(3, 2), lambda head, x: head.update(x, torch.tensor([0, 1, 1]))),
    "mean": (lambda: wald.RunningMean(2), lambda head, x: head.update(x)),
    "queue": (lambda: wald.Queue(4, 2), lambda head, x: head.update(x)),
}


@pytest.mark.parametrize("name", HEADS)
def test_state_survives_a_file_a_copy_and_other_precisions(name: str, rng: torch.Generator) -> None:
    make, move = HEADS[name]
    head, x = make(), torch.randn(3, 2, generator=rng)
    move(head, x)
    twins = [reloaded(head, make()), copy.deepcopy(head), pickle.loads(pickle.dumps(head))]
    for each in (head, *twins):
        move(each, 2 * x)
    for twin in twins:
        for key, wanted in head.state_dict().items():
            assert torch.equal(twin.state_dict()[key], wanted), key
    double = head.double()
    move(double, x.double())
    assert all(not value.is_floating_point() or value.dtype == torch.float64 for value in double.buffers())
    assert list(head.parameters()) == []


@pytest.mark.parametrize("name", HEADS)
def test_a_call_changes_nothing(name: str, rng: torch.Generator) -> None:
    make, move = HEADS[name]
    head, x = make(), torch.randn(3, 2, generator=rng)
    move(head, x)
    before = {key: value.clone() for key, value in head.state_dict().items()}
    head(torch.tensor([0, 1, 2]) if name == "centres" else x)
    assert all(torch.equal(value, before[key]) for key, value in head.state_dict().items())


@pytest.mark.slow
def test_losses_with_the_tensors_of_heads_are_captured_whole(rng: torch.Generator) -> None:
    torch.compiler.reset()
    centres, mean, queue = wald.ClassCentres(3, 4), wald.RunningMean(4), wald.Queue(6, 4, start="random")
    x, label = torch.randn(5, 4, generator=rng), torch.tensor([0, 1, 2, 0, 1])
    centres.update(x, label)
    center, dino, moco = wald.Center(), wald.DINO(), wald.MoCo()

    def step(x: torch.Tensor) -> torch.Tensor:
        return center(x, centres(label)) + dino(x, 2 * x, mean(x)) + moco(x.sum(-1), queue(x))

    a, b = (x.clone().requires_grad_() for _ in range(2))
    one, two = torch.compile(step, fullgraph=True, backend="aot_eager")(a), step(b)
    torch.testing.assert_close(one, two)
    torch.testing.assert_close(torch.autograd.grad(one, a), torch.autograd.grad(two, b))


def test_wrong_calls_say_what_to_do() -> None:
    centres, queue = wald.ClassCentres(3, 2), wald.Queue(4, 2)
    with pytest.raises(wald.DomainError, match=r"between -100 and 1, and there are classes 0 to 2.*clamp\(min=0\)"):
        centres(torch.tensor([-100, 1]))
    with pytest.raises(wald.DtypeError, match=r"label.long\(\)"):
        centres(torch.tensor([1.0]))
    with pytest.raises(wald.ShapeError, match=r"label \(3,\) must have the shape of the batch, \(2,\)"):
        centres.update(torch.zeros(2, 2), torch.tensor([0, 1, 2]))
    with pytest.raises(wald.ShapeError, match=r"mask \(3,\)"):
        wald.RunningMean(2).update(torch.zeros(2, 2), mask=torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"momentum must be a number from 0 to 1, got 1\.5"):
        wald.RunningMean(2, momentum=1.5)
    with pytest.raises(ValueError, match="inertia must be"):
        wald.ClassCentres(3, 2, inertia=-1.0)
    with pytest.raises(wald.ShapeError, match=r"key \(3, 5\) must be \(\*batch, 2\)"):
        queue.update(torch.zeros(3, 5))
    with pytest.raises(RuntimeError, match=r"it is empty.*start=\"random\""):
        queue.nearest(torch.zeros(1, 2))
    with pytest.raises(wald.DtypeError, match=r"Use key.long\(\)"):
        wald.Queue(4, dtype=torch.long).update(torch.zeros(2))
    with pytest.raises(wald.ShapeError, match="holds single numbers"):
        wald.Queue(4)(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="draws directions"):
        wald.Queue(4, start="random")
    with pytest.raises(ValueError, match='"empty" or "random"'):
        wald.Queue(4, 2, start="full")
