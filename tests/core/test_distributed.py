"""Ranks with unequal, even empty, batches agree on one cost and one gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

import wald

SIZES = [5, 0, 2]


def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(sum(SIZES), 4, generator=rng, dtype=torch.float64)
    y = torch.randint(3, (sum(SIZES),), generator=rng)
    y[1] = -100
    return x, y, torch.randn(4, 3, generator=rng, dtype=torch.float64)


def one_rank(rank: int, folder: str) -> None:
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=len(SIZES))
    try:
        x, y, weight = data()
        own = slice(sum(SIZES[:rank]), sum(SIZES[: rank + 1]))
        weight.requires_grad_()
        loss = wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0))
        mean = loss.tally(x[own] @ weight, y[own]).all_reduce().mean
        # As DDP does: gradients are averaged, so each rank multiplies by their number.
        (mean * len(SIZES)).backward()
        grad = weight.grad
        assert grad is not None
        distributed.all_reduce(grad)
        torch.save((mean.detach(), grad / len(SIZES)), f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.mark.distributed
def test_unequal_ranks_give_the_mean_of_the_whole(tmp_path: Path) -> None:
    multiprocessing.spawn(one_rank, args=(str(tmp_path),), nprocs=len(SIZES))
    x, y, weight = data()
    weight.requires_grad_()
    whole = wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0))(x @ weight, y)
    whole.backward()
    for rank in range(len(SIZES)):
        mean, grad = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(mean, whole.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(grad, weight.grad, rtol=1e-12, atol=1e-12)
