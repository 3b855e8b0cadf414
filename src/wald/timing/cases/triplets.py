"""Triplets mined in a batch, beside a library that makes each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch

from ...losses import BatchTriplet
from ..case import Bar, Case, Sides, Step, peer, size_of, step

#: Beyond so many triplets the rival takes minutes and gigabytes.
_MOST = 4_000_000

_MARGIN = 0.2


def _mined(mining: str) -> Callable[..., Sides]:
    def prepare(batch: int, features: int, each: int) -> Sides:
        embedding = torch.randn(batch, features, generator=torch.Generator().manual_seed(0)).requires_grad_()
        label = torch.arange(batch) // each
        loss = BatchTriplet(margin=_MARGIN, mining=mining, average="violating")

        def of_peer() -> Step:
            theirs: Any = import_module("pytorch_metric_learning.losses").TripletMarginLoss(margin=_MARGIN)
            if mining == "all":
                return step(lambda: theirs(embedding, label), embedding)
            miners: Any = import_module("pytorch_metric_learning.miners")
            if mining == "batch-hard":
                mine = miners.BatchHardMiner()
            else:
                mine = miners.TripletMarginMiner(margin=_MARGIN, type_of_triplets="semihard")
            return step(lambda: theirs(embedding, label, mine(embedding, label)), embedding)

        triplets = batch * (each - 1) * (batch - each)
        small = mining == "batch-hard" or triplets <= _MOST
        many = f"makes {triplets / 1e6:.0f} million triplets; takes minutes"
        return Sides(
            ours=step(lambda: loss(embedding, label), embedding),
            rivals={"pytorch-metric-learning": peer("pytorch-metric-learning", of_peer) if small else many},
            input_bytes=size_of(embedding),
            input_name="embeddings",
        )

    return prepare


def _case(mining: str, batch: int, each: int, *bars: Bar) -> Case:
    return Case(
        name=f"triplets, {mining}, {batch}×256, {each} of a label",
        losses=("BatchTriplet",),
        sizes={
            "full": {"batch": batch, "features": 256, "each": each},
            "quick": {"batch": min(batch, 512), "features": 256, "each": each},
            "tiny": {"batch": 48, "features": 16, "each": 4},
        },
        prepare=_mined(mining),
        bars=bars,
        row=8,
    )


_MEMORY = Bar("memory", 10, "MB")


def _faster(times: float) -> Bar:
    return Bar("time", 1 / times, "pytorch-metric-learning")


#: What is expected of a batch of twice the size, as the square of the batch grows.
_HALF = "half the batch, four times"


def _grown(batch: int) -> Case:
    """A batch beside half of it: time may grow by 4.2 with each doubling."""

    def prepare(batch: int, features: int, each: int) -> Sides:
        whole, half = (_mined("all")(size, features, each) for size in (batch, batch // 2))

        def four_times() -> None:
            for _ in range(4):
                half.ours()

        return replace(whole, rivals={**whole.rivals, _HALF: four_times})

    return replace(_case("all", batch, 4, Bar("time", 4.2 / 4, _HALF)), prepare=prepare)


CASES = (
    _case("all", 1024, 4, _faster(50), _MEMORY),
    _case("semi-hard", 1024, 4, _faster(50), _MEMORY),
    _case("batch-hard", 1024, 4, _faster(3), _MEMORY),
    *(_case(mining, 1024, 65, _MEMORY) for mining in ("all", "semi-hard", "batch-hard")),
    *map(_grown, (2048, 4096, 8192)),
)
