"""A linear head with cross-entropy: Wald, eager torch and torch's own chunked operator beside three matrix products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...kernels.heads import linear
from ...losses import CrossEntropy
from ..case import Bar, Case, Sides, Size, Step, size_of, step, step_without_gradient

Sizes = Mapping[Size, Mapping[str, Any]]

_SIZES: Sizes = {
    "full": {"rows": 1024, "features": 1024, "classes": 32768},
    "quick": {"rows": 256, "features": 256, "classes": 8192},
    "tiny": {"rows": 16, "features": 8, "classes": 64},
}
_WIDE: Sizes = {
    "full": {"rows": 1024, "features": 512, "classes": 128256},
    "quick": {"rows": 256, "features": 128, "classes": 32064},
    "tiny": {"rows": 16, "features": 8, "classes": 128},
}
_DEEP: Sizes = {
    "full": {"rows": 2048, "features": 512, "classes": 32768},
    "quick": {"rows": 512, "features": 128, "classes": 8192},
    "tiny": {"rows": 16, "features": 8, "classes": 64},
}


def _head(rows: int, features: int, classes: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, features, generator=rng).to(dtype).requires_grad_()
    weight = (torch.randn(classes, features, generator=rng) / features**0.5).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(classes, (rows,), generator=rng)


def _products(hidden: Tensor, weight: Tensor) -> Step:
    """The three matrix products that any implementation must make: scores, and the two gradients."""
    x, w = hidden.detach(), weight.detach()

    def work() -> Tensor:
        scores = x @ w.T
        return (scores @ w).sum() + (scores.T @ x)[0, 0]

    return step_without_gradient(work)


def _eager(hidden: Tensor, weight: Tensor, target: Tensor) -> Step:
    return step(lambda: F.cross_entropy(F.linear(hidden, weight).float(), target), hidden, weight)


def _sides(hidden: Tensor, weight: Tensor, target: Tensor, ours: Callable[[], Tensor], **rivals: Step | str) -> Sides:
    return Sides(
        ours=step(ours, hidden, weight),
        floor=_products(hidden, weight),
        rivals={"torch": _eager(hidden, weight, target), **rivals},
        compiled=lambda: step(
            _compiled(hidden, weight, target),
            hidden,
            weight,
        ),
        input_bytes=4 * len(target) * len(weight),
        input_name="fp32 logits",
        owed_bytes=size_of(hidden, weight),
    )


def _compiled(hidden: Tensor, weight: Tensor, target: Tensor) -> Callable[[], Tensor]:
    return torch.compile(lambda: F.cross_entropy(F.linear(hidden, weight).float(), target))


def _chunked_by_torch(hidden: Tensor, weight: Tensor, target: Tensor) -> Step | str:
    """The operator of torch, in chunks of 256 rows, the size at which it is fast."""
    operator, options = getattr(F, "linear_cross_entropy", None), getattr(torch.nn, "LinearCrossEntropyOptions", None)
    if operator is None or options is None:
        return f"torch {torch.__version__} has no linear_cross_entropy with options"
    found: Any = options(batch_chunk_size=256)
    call: Any = operator
    return step(lambda: call(hidden, weight, target, options=found), hidden, weight)


def _plain(budget: int | None = None, dtype: torch.dtype = torch.float32) -> Callable[..., Sides]:
    def prepare(rows: int, features: int, classes: int) -> Sides:
        hidden, weight, target = _head(rows, features, classes, dtype)
        loss = CrossEntropy()
        rivals: dict[str, Step | str] = {}
        if dtype == torch.float32 and budget is None:
            rivals["torch chunked"] = _chunked_by_torch(hidden, weight, target)
        return _sides(
            hidden, weight, target, lambda: linear(loss, hidden, weight, target, memory_budget=budget), **rivals
        )

    return prepare


def _half_ignored(rows: int, features: int, classes: int) -> Sides:
    hidden, weight, target = _head(rows, features, classes)
    target[torch.randperm(rows, generator=torch.Generator().manual_seed(1))[: rows // 2]] = -100
    loss = CrossEntropy()
    return _sides(hidden, weight, target, lambda: linear(loss, hidden, weight, target))


def _everything(rows: int, features: int, classes: int) -> Sides:
    hidden, weight, target = _head(rows, features, classes)
    rng = torch.Generator().manual_seed(1)
    loss = CrossEntropy(
        label_smoothing=0.1, z_loss=1e-3, class_weight=tuple((torch.rand(classes, generator=rng) + 0.5).tolist())
    )
    counts = torch.rand(rows, generator=rng) + 0.1
    plain = CrossEntropy()

    def with_everything() -> Tensor:
        return linear(loss, hidden, weight, target, token_weight=counts, softcap=30.0, outputs=("entropy",)).loss

    def all_scores() -> Tensor:
        return loss(30 * torch.tanh(F.linear(hidden, weight) / 30), target, weight=counts)

    ours = step(with_everything, hidden, weight)
    sides = _sides(hidden, weight, target, with_everything)
    return Sides(
        ours=ours,
        floor=sides.floor,
        rivals={
            "torch": step(all_scores, hidden, weight),
            "plain cross-entropy": _silent(step(lambda: linear(plain, hidden, weight, target), hidden, weight)),
        },
        input_bytes=sides.input_bytes,
        input_name=sides.input_name,
        owed_bytes=sides.owed_bytes,
    )


def _silent(once: Step) -> Step:
    """A side that is timed, and whose value is that of another loss."""

    def silent() -> None:
        once()

    return silent


CASES = (
    Case(
        name="linear + cross-entropy fp32",
        losses=("CrossEntropy", "NextToken"),
        sizes=_SIZES,
        prepare=_plain(),
        bars=(Bar("time", 1.08), Bar("time", 1.0, "torch"), Bar("memory", 0.13)),
        row=1,
    ),
    Case(
        name="linear + cross-entropy fp32, more rows than features",
        losses=("CrossEntropy", "NextToken"),
        sizes=_DEEP,
        prepare=_plain(),
        bars=(Bar("time", 1.0, "torch"), Bar("memory", 0.13)),
        row=1,
    ),
    Case(
        name="linear + cross-entropy fp32, 16 MB",
        losses=("CrossEntropy", "NextToken"),
        sizes=_SIZES,
        prepare=_plain(16 << 20),
        bars=(Bar("time", 1.25), Bar("time", 1.0, "torch")),
        row=1,
    ),
    Case(
        name="linear + cross-entropy fp32, vocabulary of 128256",
        losses=("CrossEntropy", "NextToken"),
        sizes=_WIDE,
        prepare=_plain(),
        bars=(Bar("time", 1.0, "torch"),),
        row=1,
    ),
    Case(
        name="linear + cross-entropy fp32, half the tokens ignored",
        losses=("CrossEntropy", "NextToken"),
        sizes=_SIZES,
        prepare=_half_ignored,
        bars=(Bar("time", 0.58),),
        row=2,
    ),
    Case(
        name="linear + cross-entropy bf16",
        losses=("CrossEntropy", "NextToken"),
        sizes=_SIZES,
        prepare=_plain(dtype=torch.bfloat16),
        bars=(Bar("time", 1.10),),
        row=3,
        tolerance=1e-3,
    ),
    Case(
        name="linear + cross-entropy bf16, chunks of 512 rows",
        losses=("CrossEntropy", "NextToken"),
        sizes=_DEEP,
        prepare=_plain(96 << 20, dtype=torch.bfloat16),
        bars=(Bar("time", 1.35),),
        row=3,
        tolerance=1e-3,
    ),
    Case(
        name="linear + cross-entropy fp32 with smoothing, z-loss, weights, softcap and entropy",
        losses=("CrossEntropy",),
        sizes=_SIZES,
        prepare=_everything,
        bars=(Bar("time", 1.15, "plain cross-entropy"),),
        row=4,
    ),
)
