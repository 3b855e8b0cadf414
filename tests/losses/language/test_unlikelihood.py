"""Unlikelihood and its relatives: against the formula, and what a candidate may be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald

from ...catalogue import leaf


def positions(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 7, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, 7, (6,), generator=generator), torch.randint(0, 7, (6, 4), generator=generator)


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_it_is_the_formula_of_the_paper(weight: float) -> None:
    logits, target, candidates = positions()
    candidates[2, 1] = candidates[2, 0]
    candidates[3] = -100
    candidates[4, 2] = target[4]
    ours, theirs = leaf(logits), leaf(logits)
    value = wald.Unlikelihood(weight=weight)(ours, target, candidates, reduction="none")
    p = theirs.softmax(-1)
    wanted = torch.stack(
        [
            -p[i, t].log() - weight * sum((1 - p[i, c]).log() for c in {*candidates[i].tolist()} - {int(t), -100})
            for i, t in enumerate(target)
        ]
    )
    torch.testing.assert_close(value, wanted)
    value.sum().backward()
    wanted.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_without_candidates_it_is_cross_entropy() -> None:
    logits, target, candidates = positions()
    wanted = wald.CrossEntropy()(logits, target)
    torch.testing.assert_close(wald.Unlikelihood(weight=0.0)(logits, target, candidates), wanted)
    torch.testing.assert_close(wald.Unlikelihood()(logits, target, torch.full_like(candidates, -100)), wanted)


def test_a_candidate_that_is_all_but_certain_is_finite() -> None:
    logits = torch.tensor([[1e4, 0.0, 0.0]], requires_grad=True)
    value = wald.Unlikelihood()(logits, torch.tensor([1]), torch.tensor([[0]]))
    value.backward()
    assert value.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 0] > 1


def test_what_is_left_out_and_what_is_refused() -> None:
    logits, target, candidates = positions()
    hidden = target.clone()
    hidden[::2] = -100
    found = wald.Unlikelihood()(logits, hidden, candidates)
    torch.testing.assert_close(found, wald.Unlikelihood()(logits[1::2], target[1::2], candidates[1::2]))
    with pytest.raises(wald.DomainError, match="candidates contains 7; expected token ids from 0 to 6"):
        wald.Unlikelihood()(logits, target, torch.full_like(candidates, 7))


def test_dynamic_fine_tuning_has_the_gradient_of_one_minus_p() -> None:
    """-sg(p) log p (Wu et al. 2025, arXiv:2508.05629; TRL's loss_type="dft") has slope -∇p, that of 1 - p.

    So it is GeneralisedCrossEntropy(q=1), whose value is one to compare as well.
    """
    logits, target, _ = positions()
    ours, theirs = leaf(logits), leaf(logits)
    wald.GeneralisedCrossEntropy(q=1.0)(ours, target).backward()
    log_p = theirs.log_softmax(-1).gather(-1, target[:, None])
    (-log_p.exp().detach() * log_p).mean().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert wald.get("DFT") is wald.GeneralisedCrossEntropy
