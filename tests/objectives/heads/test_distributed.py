"""Heads of several processes: each its own, unless keys are gathered, or a model holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

import wald

RANKS = 2


def keys(rank: int, step: int) -> Tensor:
    return torch.tensor([[10.0 * rank + step]])


class Holder(nn.Module):
    """A model that holds a queue, as it should not."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.queue = nn.Linear(1, 1), wald.Queue(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def one_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=RANKS)
    try:
        own, shared, model = wald.Queue(4, 1), wald.Queue(4, 1), DistributedDataParallel(Holder())
        for step in range(2):
            key = keys(rank, step)
            own.update(key)
            everybody = torch.zeros(RANKS, 1)
            distributed.all_gather_into_tensor(everybody, key)
            shared.update(everybody)
            model.module.queue.update(key)
            model(key)
        held = [queue.vectors.flatten().tolist() for queue in (own, shared, model.module.queue)]
        torch.save(held, f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.distributed
def test_each_process_has_its_own_queue(tmp_path: Path) -> None:
    multiprocessing.spawn(one_rank, args=(str(tmp_path),), nprocs=RANKS)
    (own, shared, held), (other, shared_too, held_too) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(RANKS))
    assert (own, other) == ([0, 1], [10, 11])
    assert shared == shared_too == [0, 10, 1, 11]
    # What the second process put in is lost: the page and the docstring warn of this.
    assert held == held_too == [0, 1]
