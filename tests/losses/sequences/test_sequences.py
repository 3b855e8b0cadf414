"""Losses of sequences: against torch, all ways one by one, and all assignments."""

from __future__ import annotations

from importlib import import_module
from itertools import combinations_with_replacement, permutations
import os

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

import wald

from ...catalogue import leaf

os.environ.setdefault("KERAS_BACKEND", "torch")


def utterances(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores, labels with one that follows itself, and lengths from none to all."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(4, 7, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(1, 5, (4, 3), generator=generator)
    target[0, 1] = target[0, 0]
    return z, target, torch.tensor([7, 5, 6, 4]), torch.tensor([3, 2, 0, 3 - (seed > 0)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("blank", [0, 4])
def test_ctc_is_torch_s(seed: int, blank: int) -> None:
    z, target, frames, length = utterances(seed)
    target = target - (blank == 4) * 1
    ours, theirs = leaf(z), leaf(z)
    value = wald.CTC(blank=blank)(ours, target, frames, length, reduction="none")
    table = theirs.log_softmax(-1).transpose(0, 1)
    wanted = F.ctc_loss(table, target, frames, length, blank=blank, reduction="none")
    torch.testing.assert_close(value, wanted)
    upstream = torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=torch.float64)
    value.backward(upstream)
    wanted.backward(upstream)
    torch.testing.assert_close(ours.grad, theirs.grad)
    mean = F.ctc_loss(table.detach(), target, frames, length, blank=blank)
    torch.testing.assert_close(wald.CTC(like="torch", blank=blank)(z, target, frames, length), mean)


def test_only_torch_divides_by_the_length_of_a_text() -> None:
    """Of losses 22.3 and 26.3 with 4 and 2 labels the mean is 24.3 by Keras and Optax, 9.4 by torch."""
    losses, length = torch.tensor([22.3, 26.3]), torch.tensor([4, 2])
    assert losses.mean().item() == pytest.approx(24.3)
    assert (losses / length).mean().item() == pytest.approx(9.36, abs=0.02)
    z, target, frames, length = utterances(0)
    each = wald.CTC()(z, target, frames, length, reduction="none")
    averaged = wald.CTC(average=True)(z, target, frames, length, reduction="none")
    torch.testing.assert_close(averaged, each / length.clamp(min=1))


@pytest.mark.peers
def test_ctc_of_optax() -> None:
    optax = pytest.importorskip("optax", reason="compares with Optax")
    z, target, frames, length = utterances(1)
    ours = leaf(z)
    value = wald.CTC(like="optax")(ours, target, frames, length, reduction="sum")
    value.backward()
    jax = import_module("jax")
    gone = (torch.arange(7) >= frames[:, None]).float().numpy(), (torch.arange(3) >= length[:, None]).float().numpy()
    found, slope = jax.value_and_grad(lambda x: optax.losses.ctc_loss(x, gone[0], target.numpy(), gone[1]).sum())(
        z.float().numpy()
    )
    assert value.item() == pytest.approx(float(found), rel=1e-4)
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad.float(), torch.tensor(slope.tolist()), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_ctc_discounts_what_is_likely(gamma: float) -> None:
    z, target, frames, length = utterances(0)
    plain = wald.CTC()(z, target, frames, length, reduction="none")
    found = wald.CTC(gamma=gamma)(z, target, frames, length, reduction="none")
    torch.testing.assert_close(found, (1 - (-plain).exp()) ** gamma * plain)
    sure = (1e4 * F.one_hot(torch.tensor([[1, 0, 2]]), 3)).double().requires_grad_()
    value = wald.CTC(gamma=gamma)(sure, torch.tensor([[1, 2]]), torch.tensor([3]), torch.tensor([2]))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert sure.grad is not None
    assert sure.grad.isfinite().all()


def test_a_text_that_does_not_fit_is_left_out() -> None:
    z, target, frames, length = utterances(0)
    short = frames.clone()
    short[0] = 3  # three labels, one of which follows itself, need four frames
    ours = leaf(z)
    value = wald.CTC()(ours, target, short, length)
    value.backward()
    torch.testing.assert_close(value, wald.CTC()(z[1:], target[1:], frames[1:], length[1:]))
    assert ours.grad is not None
    assert not ours.grad[0].any()
    assert wald.CTC().tally(z, target, short, length).masked == 1
    assert wald.CTC().per_example(z, target, short, length)[0] == torch.inf


def test_what_is_beyond_the_length_is_not_looked_at() -> None:
    z, target, frames, length = utterances(0)
    states = torch.randn(4, 7, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for loss, x in ((wald.CTC(), z), (wald.Transducer(), states)):
        clean = loss(x, target, frames, length)
        dirty, rest = target.clone(), x.clone()
        dirty[1, 2:], dirty[2] = -100, 0
        rest[1, 5:] = 77.0
        torch.testing.assert_close(loss(rest, dirty, frames, length), clean)


@pytest.mark.parametrize("name", ["CTC", "Transducer"])
def test_what_is_wrong_is_said(name: str) -> None:
    z, target, frames, length = utterances(0)
    x = z if name == "CTC" else z.unsqueeze(2).expand(4, 7, 4, 5)
    loss = wald.get(name)()
    with pytest.raises(wald.DomainError, match=r"target contains 5; expected ids from 0 to 4, without the blank, 0"):
        loss(x, target.clamp(min=5), frames, length)
    with pytest.raises(wald.DomainError, match=r"frames says 8, and the table has 7. Use frames.clamp\(max=7\)"):
        loss(x, target, frames + 1, length)
    with pytest.raises(wald.DomainError, match="length says 4, and the table has 3"):
        loss(x, target, frames, length + 1)
    with pytest.raises(wald.DomainError, match="target contains 4"):
        loss.replace(blank=4)(x, torch.full_like(target, 4), frames, length)
    with pytest.raises(wald.ShapeError):
        loss(x, target, frames[:2], length)


def all_ways(z: Tensor, target: Tensor, blank: int) -> Tensor:
    """-log of the sum over all ways: each label is said at some frame, none before the one before it."""
    log_p = z.log_softmax(-1)
    states = z.shape[1]
    found: list[Tensor] = []
    for said_at in combinations_with_replacement(range(len(z)), states - 1):
        total, state = torch.zeros((), dtype=z.dtype), 0
        for frame in range(len(z)):
            while state < states - 1 and said_at[state] == frame:
                total, state = total + log_p[frame, state, target[state]], state + 1
            total = total + log_p[frame, state, blank]
        found.append(total)
    return -torch.stack(found).logsumexp(0)


@pytest.mark.parametrize("blank", [0, 4])
def test_a_transducer_adds_up_all_ways(blank: int) -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(3, 4, 4, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(1, 5, (3, 3), generator=generator) - (blank == 4) * 1
    frames, length = torch.tensor([4, 2, 3]), torch.tensor([3, 2, 0])
    ours, theirs = leaf(z), leaf(z)
    value = wald.Transducer(blank=blank)(ours, target, frames, length, reduction="none")
    wanted = torch.stack(
        [all_ways(theirs[i, : frames[i], : length[i] + 1], target[i], blank) for i in range(len(frames))]
    )
    torch.testing.assert_close(value, wanted)
    upstream = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    value.backward(upstream)
    wanted.backward(upstream)
    torch.testing.assert_close(ours.grad, theirs.grad)
    averaged = wald.Transducer(blank=blank, average=True)(z, target, frames, length, reduction="none")
    torch.testing.assert_close(averaged, wanted.detach() / torch.tensor([3, 2, 1]))


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_sure_and_wrong_is_finite(scale: float) -> None:
    z, target, frames, length = utterances(0)
    for name in ("CTC", "Transducer"):
        x = (scale * (z if name == "CTC" else z.unsqueeze(2).expand(4, 7, 4, 5))).float().requires_grad_()
        value = wald.get(name)()(x, target, frames, length)
        (slope,) = torch.autograd.grad(value, x)
        assert value.isfinite()
        assert slope.isfinite().all()


@pytest.mark.parametrize("sources", [1, 2, 4])
def test_the_best_assignment_counts(sources: int) -> None:
    costs = torch.randn(3, sources, sources, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ways = [torch.stack([costs[:, i, j] for i, j in enumerate(way)]).mean(0) for way in permutations(range(sources))]
    found = wald.PermutationInvariant()(costs, reduction="none")
    torch.testing.assert_close(found, torch.stack(ways).amin(0))
    soft = wald.PermutationInvariant(soft=1e-3)(costs, reduction="none")
    torch.testing.assert_close(soft, found, atol=0.02, rtol=0)
    best = import_module("scipy.optimize").linear_sum_assignment(costs[0].numpy())
    assert found[0].item() == pytest.approx(costs[0].numpy()[best].mean())


def test_too_many_sources_are_refused() -> None:
    with pytest.raises(wald.ShapeError, match="linear_sum_assignment"):
        wald.PermutationInvariant()(torch.zeros(1, 8, 8))


def test_separation_by_si_sdr_does_not_mind_the_order() -> None:
    sources = torch.randn(2, 2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = sources.flip(1) + 0.01
    p, y = found.unsqueeze(2).expand(2, 2, 2, 50), sources.unsqueeze(1).expand(2, 2, 2, 50)
    costs = wald.SISDR()(p, y, reduction="none")
    torch.testing.assert_close(wald.PermutationInvariant()(costs), wald.SISDR()(found.flip(1), sources))


def test_attention_along_the_diagonal_is_cheap() -> None:
    loss, whole = wald.GuidedAttention(width=0.3), torch.tensor([4])
    ahead, back = torch.eye(4)[None], torch.eye(4).flip(0)[None]
    assert loss(ahead, whole, whole) == 0
    wanted = sum(1 - torch.exp(torch.tensor(-(((3 - 2 * t) / 4) ** 2) / (2 * 0.3**2))) for t in range(4)) / 16
    assert loss(back, whole, whole).item() == pytest.approx(float(wanted), rel=1e-5)
    padded = F.pad(back, (0, 2, 0, 3), value=9.0)
    torch.testing.assert_close(loss(padded, whole, whole), loss(back, whole, whole))
    with pytest.raises(wald.DomainError, match="letters says 5"):
        loss(back, whole, whole + 1)
