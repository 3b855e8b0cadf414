"""GRPO and JensenShannon: what only these promise."""

from __future__ import annotations

import math

from hypothesis import given, strategies as st
import pytest
from scipy.spatial.distance import jensenshannon
import torch
from torch import Tensor

import wald

from ..catalogue import leaf


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# GRPO.


def surrogate(logprob: Tensor, advantage: Tensor, old: Tensor, low: float, high: float, cap: float | None) -> Tensor:
    """As PPO and dual-clip PPO write it."""
    ratio = (logprob - old).exp()
    least = torch.minimum(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)
    if cap is not None:
        least = torch.where(advantage < 0, torch.maximum(least, cap * advantage), least)
    return -least


@pytest.mark.parametrize("cap", [None, 1.5, 3.0])
@pytest.mark.parametrize(("low", "high"), [(0.2, 0.2), (0.1, 0.28)])
def test_grpo_is_the_clipped_surrogate(low: float, high: float, cap: float | None) -> None:
    mine, exact = leaf(drawn(500)), leaf(drawn(500))
    advantage, old = drawn(500, seed=1), drawn(500, seed=2)
    found = wald.GRPO(clip_low=low, clip_high=high, cap=cap).per_example(mine, advantage, old)
    wanted = surrogate(exact, advantage, old, low, high, cap)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad(found.sum(), mine)[0], torch.autograd.grad(wanted.sum(), exact)[0], rtol=1e-12, atol=1e-12
    )


def test_the_penalty_is_k3() -> None:
    logprob, old, reference = drawn(3, 50).unbind()
    ratio = (reference - logprob).exp()
    apart = wald.GRPO(kl=0.3).per_example(logprob, old, old, reference) - wald.GRPO().per_example(logprob, old, old)
    torch.testing.assert_close(apart, 0.3 * (ratio - ratio.log() - 1), rtol=1e-11, atol=1e-12)


def test_no_ratio_is_too_large_where_it_is_clipped() -> None:
    # The exponential of the log-ratio is infinite, and infinity times a slope of 0 is NaN.
    logprob = leaf(torch.tensor([0.0, 0.0, 0.0]))
    value = wald.GRPO(cap=3.0)(logprob, torch.tensor([1.0, 0.0, -1.0]), torch.full((3,), -200.0), reduction="none")
    torch.testing.assert_close(value, torch.tensor([-1.2, 0.0, 3.0]))
    assert torch.equal(torch.autograd.grad(value.sum(), logprob)[0], torch.zeros(3))


def test_a_first_step_is_reinforce() -> None:
    logprob, advantage = leaf(-drawn(9).abs()), drawn(9, seed=1)
    value = wald.GRPO()(logprob, advantage, logprob.detach(), reduction="sum")
    torch.testing.assert_close(torch.autograd.grad(value, logprob)[0], -advantage)


def test_the_mean_divides_by_what_is_said() -> None:
    logprob, advantage, old = -drawn(3, 2, 4).abs().unbind()[0], *drawn(2, 2, 4, seed=1).unbind()
    mask = torch.tensor([[True, True, True, True], [True, False, False, False]])
    each = wald.GRPO()(logprob, advantage, old, mask=mask, reduction="none")

    def cost(**how: object) -> Tensor:
        return wald.GRPO()(logprob, advantage, old, mask=mask, **how)  # type: ignore[arg-type]

    torch.testing.assert_close(cost(), each.sum() / 5)
    torch.testing.assert_close(cost(normalizer=17.0), each.sum() / 17)
    share = mask / mask.sum(-1, keepdim=True)
    torch.testing.assert_close(cost(weight=share), (each.sum(-1) / mask.sum(-1)).mean())
    torch.testing.assert_close(cost(normalizer=2 * 4.0), each.sum() / 8)


# Jensen-Shannon.

LOGS = {"prediction_space": "log_probabilities", "target_space": "log_probabilities"}


def test_jensen_shannon_is_that_of_scipy() -> None:
    p, q = drawn(20, 7).softmax(-1), drawn(20, 7, seed=1).softmax(-1)
    p[:5, 2] = 0
    q[3:8, 2] = 0
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    found = wald.JensenShannon(prediction_space="probabilities").per_example(p, q)
    wanted = torch.tensor(jensenshannon(p.numpy(), q.numpy(), axis=-1)) ** 2
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-15)


@given(beta=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_it_is_bounded_and_swaps_with_its_weight(beta: float, seed: int) -> None:
    p, q = (4 * drawn(2, 6, 5, seed=seed)).log_softmax(-1).unbind()
    loss = wald.JensenShannon(beta=beta, **LOGS)
    value = loss.per_example(p, q)
    coin = -(beta * math.log(beta) + (1 - beta) * math.log1p(-beta))
    assert (value >= -1e-15).all()
    assert (value <= coin + 1e-12).all()
    torch.testing.assert_close(value, loss.replace(beta=1 - beta).per_example(q, p), rtol=1e-11, atol=1e-14)


def test_scaled_it_leads_from_one_divergence_to_the_other() -> None:
    p, q = drawn(2, 30, 6).log_softmax(-1).unbind()
    little = 1e-7
    forward, reverse = (wald.KLDivergence(direction=way, **LOGS).per_example(p, q) for way in ("forward", "reverse"))
    torch.testing.assert_close(
        wald.JensenShannon(beta=little, **LOGS).per_example(p, q) / little, forward, rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(
        wald.JensenShannon(beta=1 - little, **LOGS).per_example(p, q) / little, reverse, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_the_ends_are_other_losses(beta: float) -> None:
    with pytest.raises(ValueError, match="beta must be"):
        wald.JensenShannon(beta=beta)


def test_impossible_classes_leave_a_finite_slope() -> None:
    z = leaf(torch.tensor([[0.0, 1.0, -torch.inf, -500.0]]))
    value = wald.JensenShannon()(z, torch.tensor([[0.5, 0.0, 0.0, 0.5]]))
    assert value.isfinite()
    assert torch.autograd.grad(value, z)[0].isfinite().all()
