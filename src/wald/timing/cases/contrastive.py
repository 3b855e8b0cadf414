"""Contrastive losses: how near to three matrix products, in memory that does not grow with the square of the batch."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...losses import InfoNCE, NTXent, SigLIP, SupCon
from ..case import Bar, Case, Sides, Step, peer, size_of, step, step_without_gradient


def _products(batch: int, features: int) -> Step:
    """The scores and both gradients of a batch against itself, 512 rows at a time."""
    x = torch.randn(batch, features, generator=torch.Generator().manual_seed(1))

    def work() -> None:
        scores, by_row, by_column = x.new_empty(min(512, batch), batch), torch.empty_like(x), torch.zeros_like(x)
        for start in range(0, batch, 512):
            rows = x[start : start + 512]
            block = torch.mm(rows, x.T, out=scores[: len(rows)])
            torch.mm(block, x, out=by_row[start : start + 512])
            by_column.addmm_(block.T, rows)

    return step_without_gradient(work)


def _vectors(count: int, features: int, sides: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(count, features, generator=rng).requires_grad_() for _ in range(sides)]


def _whole(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent as it is usually written, with all scores at once."""
    views = F.normalize(torch.cat([first, second]))
    scores = (views @ views.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(scores, torch.arange(len(views)).roll(len(first)))


def _views(batch: int, features: int) -> Sides:
    first, second = _vectors(batch // 2, features, 2)
    loss = NTXent(temperature=0.5)
    # pytorch-metric-learning's NTXentLoss takes the cube of the batch; its SupConLoss with two of a label is the same.
    label = torch.arange(batch // 2).repeat(2)

    def of_peer() -> Step:
        theirs: Any = import_module("pytorch_metric_learning.losses").SupConLoss(temperature=0.5)
        return step(lambda: theirs(torch.cat([first, second]), label), first, second)

    too_much = "needs several times the whole matrix of scores"
    return Sides(
        ours=step(lambda: loss(first, second), first, second),
        floor=_products(batch, features),
        rivals={
            "whole matrix": step(lambda: _whole(first, second, 0.5), first, second) if batch <= 8192 else too_much,
            "pytorch-metric-learning": peer("pytorch-metric-learning", of_peer) if batch <= 4096 else too_much,
        },
        input_bytes=size_of(first, second),
        input_name="both views",
    )


def _labels(batch: int, features: int, each: int) -> Sides:
    (embedding,) = _vectors(batch, features, 1)
    label = torch.arange(batch) // each
    loss = SupCon(temperature=0.1)

    def of_peer() -> Step:
        theirs: Any = import_module("pytorch_metric_learning.losses").SupConLoss(temperature=0.1)
        return step(lambda: theirs(embedding, label), embedding)

    return Sides(
        ours=step(lambda: loss(embedding, label), embedding),
        floor=_products(batch, features),
        rivals={"pytorch-metric-learning": peer("pytorch-metric-learning", of_peer)},
        input_bytes=size_of(embedding),
        input_name="embeddings",
    )


def _pairs(loss: InfoNCE | SigLIP, whole: Callable[[Tensor], Tensor]) -> Callable[..., Sides]:
    def prepare(batch: int, features: int) -> Sides:
        first, second = _vectors(batch, features, 2)
        return Sides(
            ours=step(lambda: loss(first, second), first, second),
            floor=_products(batch, features),
            rivals={
                "whole matrix": step(lambda: whole(F.normalize(first) @ F.normalize(second).T), first, second),
            },
            input_bytes=size_of(first, second),
            input_name="both sides",
        )

    return prepare


def _one_way(cosines: Tensor) -> Tensor:
    return F.cross_entropy(cosines / 0.1, torch.arange(len(cosines)))


def _both_ways(cosines: Tensor) -> Tensor:
    return (_one_way(cosines) + _one_way(cosines.T)) / 2


def _yes_or_no(cosines: Tensor) -> Tensor:
    signs = 2 * torch.eye(len(cosines)) - 1
    return -F.logsigmoid(signs * (10 * cosines - 10)).sum() / len(cosines)


_TINY = {"batch": 64, "features": 16}


def _nt_xent(batch: int) -> Case:
    return Case(
        name=f"NT-Xent, {batch}×256",
        losses=("NTXent",),
        sizes={
            "full": {"batch": batch, "features": 256},
            "quick": {"batch": batch // 4, "features": 256},
            "tiny": _TINY,
        },
        prepare=_views,
        bars=(Bar("time", 1.08), *((Bar("memory", 40, "MB"),) if batch == 8192 else ())),
        row=7,
    )


def _of_pairs(name: str, loss: InfoNCE | SigLIP, whole: Callable[[Tensor], Tensor]) -> Case:
    return Case(
        name=f"{name}, 4096×256",
        losses=(type(loss).__name__,),
        sizes={"full": {"batch": 4096, "features": 256}, "quick": {"batch": 2048, "features": 256}, "tiny": _TINY},
        prepare=_pairs(loss, whole),
    )


CASES = (
    _nt_xent(4096),
    _nt_xent(8192),
    _nt_xent(16384),
    Case(
        name="SupCon, 4096×256, 4 of a label",
        losses=("SupCon",),
        sizes={
            "full": {"batch": 4096, "features": 256, "each": 4},
            "quick": {"batch": 2048, "features": 256, "each": 4},
            "tiny": {**_TINY, "each": 4},
        },
        prepare=_labels,
    ),
    _of_pairs("InfoNCE one way", InfoNCE(temperature=0.1), _one_way),
    _of_pairs("CLIP, InfoNCE both ways", InfoNCE(temperature=0.1, symmetric=True), _both_ways),
    _of_pairs("SigLIP", SigLIP(), _yes_or_no),
)
