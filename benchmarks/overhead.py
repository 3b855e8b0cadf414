"""What a call of a loss costs beside torch's own function: 32 elements, forward and backward, on one thread.

Run: python benchmarks/overhead.py [--json FILE]. The two sides of each row are timed in turn, a block of calls
each, so that a machine that speeds up or slows down does so for both; the ratio is the median over the blocks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import json
import os
from pathlib import Path
import platform
from statistics import median
import time

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

ROWS, CLASSES = 32, 10


@dataclass(frozen=True)
class Duel:
    """One loss as Wald computes it and as torch does, on the same tensors."""

    name: str
    ours: Callable[[Tensor, Tensor], Tensor]
    theirs: Callable[[Tensor, Tensor], Tensor]
    prediction: Tensor
    target: Tensor


def duels() -> list[Duel]:
    rng = torch.Generator().manual_seed(0)
    real, other = torch.randn(ROWS, generator=rng), torch.randn(ROWS, generator=rng)
    positive = torch.rand(ROWS, generator=rng) + 0.5
    logits = torch.randn(ROWS, CLASSES, generator=rng)
    ids = torch.randint(CLASSES, (ROWS,), generator=rng)
    return [
        Duel("Squared", wald.Squared(), F.mse_loss, real, other),
        Duel("Absolute", wald.Absolute(), F.l1_loss, real, other),
        Duel("Huber", wald.Huber(), F.huber_loss, real, other),
        Duel("Poisson", wald.Poisson(), F.poisson_nll_loss, real, positive),
        Duel(
            "BinaryCrossEntropy",
            wald.BinaryCrossEntropy(),
            F.binary_cross_entropy_with_logits,
            real,
            (other > 0).float(),
        ),
        Duel("CrossEntropy", wald.CrossEntropy(), F.cross_entropy, logits, ids),
    ]


def seconds(call: Callable[[Tensor, Tensor], Tensor], prediction: Tensor, target: Tensor, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        prediction.grad = None
        call(prediction, target).backward()
    return (time.perf_counter() - start) / calls


def measure(duel: Duel, *, blocks: int, calls: int) -> dict[str, float | str]:
    prediction = duel.prediction.clone().requires_grad_()
    ours: list[float] = []
    theirs: list[float] = []
    for call in (duel.ours, duel.theirs):
        seconds(call, prediction, duel.target, calls)
    for _ in range(blocks):
        ours.append(seconds(duel.ours, prediction, duel.target, calls))
        theirs.append(seconds(duel.theirs, prediction, duel.target, calls))
    return {
        "loss": duel.name,
        "wald_us": round(1e6 * median(ours), 2),
        "torch_us": round(1e6 * median(theirs), 2),
        "ratio": round(median(a / b for a, b in zip(ours, theirs, strict=True)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--calls", type=int, default=250)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(duel, blocks=arguments.blocks, calls=arguments.calls) for duel in duels()]
    print(f"{'loss':20}{'wald µs':>10}{'torch µs':>10}{'ratio':>8}")
    for row in rows:
        print(f"{row['loss']:20}{row['wald_us']:10}{row['torch_us']:10}{row['ratio']:8}")
    if arguments.json:
        machine = {"torch": torch.__version__, "processor": platform.machine(), "cores": os.cpu_count()}
        arguments.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
