"""Cross-entropy on given logits: many classes, a thousand, and ten."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import implementations
from ...losses import CrossEntropy
from ..case import Bar, Case, Sides, Step, size_of, step, step_without_gradient

#: Bars of the compiled and of the pure torch path, as multiples of the fresh floor.
_SHAPES: Final = ((4096, 32768, 1.12, 1.6), (65536, 1000, 1.35, 1.7), (1_000_000, 10, 1.65, 2.9))


def _sides(rows: int, classes: int, ignored: float = 0.0) -> Sides:
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(rows, classes, generator=rng).requires_grad_()
    target = torch.randint(classes, (rows,), generator=rng)
    target[torch.rand(rows, generator=rng) < ignored] = -100
    loss = CrossEntropy()
    rivals: dict[str, Step | str] = {"torch": step(lambda: F.cross_entropy(logits, target), logits)}
    if not ignored:
        rivals["pure torch"] = step(lambda: in_pieces(loss, logits, target), logits)
    return Sides(
        ours=step(lambda: loss(logits, target), logits),
        # A gradient in fresh memory is what every implementation must write.
        floor=step_without_gradient(lambda: logits.detach().clone()),
        rivals=rivals,
        compiled=lambda: _compiled(logits, target),
        input_bytes=size_of(logits),
        input_name="logits",
    )


def _many_ignored(rows: int, classes: int) -> Sides:
    return _sides(rows, classes, ignored=0.5)


def in_pieces(loss: CrossEntropy, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean by the path in pure torch, at any size."""
    for each in implementations():
        if each.of is type(loss) and each.name == "wald.kernels.chunks":
            found = each.mean(loss, prediction, target)
            assert found is not None  # noqa: S101  (there is mass)
            return found
    raise LookupError("no implementation in pure torch")


def _compiled(logits: torch.Tensor, target: torch.Tensor) -> Step:
    compiled = torch.compile(F.cross_entropy)
    return step(lambda: compiled(logits, target), logits)


CASES: Final = (
    *(
        Case(
            name=f"cross-entropy on logits, {rows}×{classes}",
            losses=("CrossEntropy", "NextToken"),
            sizes={
                "full": {"rows": rows, "classes": classes},
                "quick": {"rows": rows // 8, "classes": classes},
                "tiny": {"rows": max(8, 20_000 // classes), "classes": classes},
            },
            prepare=_sides,
            bars=(Bar("time", compiled), Bar("time", torch_, side="pure torch"), Bar("memory", 1.05)),
            row=5,
        )
        for rows, classes, compiled, torch_ in _SHAPES
    ),
    Case(
        name="cross-entropy on logits, half the rows ignored",
        losses=("CrossEntropy", "NextToken"),
        sizes={
            "full": {"rows": 4096, "classes": 32768},
            "quick": {"rows": 512, "classes": 32768},
            "tiny": {"rows": 8, "classes": 1000},
        },
        prepare=_many_ignored,
        bars=(Bar("time", 1.12), Bar("memory", 1.05)),
    ),
)
