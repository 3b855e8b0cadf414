"""What a GPU is held to: cross-entropy of logits, elementwise losses and the linear loss, in bf16, beside the peers.

The bars in milliseconds are for one H200, from its bandwidth and its rate of bf16 products; ratios hold on any GPU.
Where there is none, every case answers "not measured".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ... import losses
from ...core import Loss
from ...kernels.heads.linear_loss import linear
from ..case import Bar, Case, Sides, Step, peer, size_of, step, step_without_gradient

_MB: Final = 1_000_000


def _drawn(*shape: int, scale: float = 1.0) -> Tensor:
    rng = torch.Generator("cuda").manual_seed(0)
    return (scale * torch.randn(shape, generator=rng, device="cuda")).to(torch.bfloat16).requires_grad_()


def _ids(rows: int, classes: int, *, ignored: float = 0.0) -> Tensor:
    rng = torch.Generator("cuda").manual_seed(1)
    found = torch.randint(classes, (rows,), generator=rng, device="cuda")
    return found.masked_fill(torch.rand(rows, generator=rng, device="cuda") < ignored, -100)


def _liger(name: str, make: Callable[[Any], Step]) -> Step | str:
    """A side of Liger-Kernel, by the name of its class."""

    def side() -> Step:
        from liger_kernel import transformers  # pyright: ignore[reportMissingImports]

        return make(getattr(transformers, name)())

    return peer("liger-kernel", side)


def _logits(rows: int, classes: int, *, upstream: float = 1.0) -> Sides:
    logits, target, loss = _drawn(rows, classes, scale=3.0), _ids(rows, classes), losses.CrossEntropy()

    def by_liger(theirs: Any) -> Step:
        # It overwrites its input, so it is given a copy, as anyone must who needs the logits again.
        return step(lambda: upstream * theirs(logits.clone(), target), logits)

    def compiled() -> Step:
        fused = torch.compile(lambda: F.cross_entropy(logits.float(), target))
        return step(lambda: upstream * fused(), logits)

    return Sides(
        ours=step(lambda: upstream * loss(logits, target), logits),
        floor=step_without_gradient(lambda: logits.detach().clone()),
        rivals={
            "torch": step(lambda: upstream * F.cross_entropy(logits, target), logits),
            "torch, fp32 inside": step(lambda: upstream * F.cross_entropy(logits.float(), target), logits),
            "Liger": _liger("LigerCrossEntropyLoss", by_liger),
        },
        compiled=compiled,
        input_bytes=size_of(logits),
        input_name="logits",
    )


def _elementwise(loss: Loss, theirs: Callable[[Tensor, Tensor], Tensor], size: int) -> Sides:
    prediction = _drawn(size).detach().float().requires_grad_()
    target = (torch.rand(size, device="cuda") > 0.5).float()

    def compiled() -> Step:
        fused = torch.compile(theirs)
        return step(lambda: fused(prediction, target), prediction)

    return Sides(
        ours=step(lambda: loss(prediction, target), prediction),  # pyright: ignore[reportCallIssue]
        floor=step_without_gradient(lambda: torch.add(prediction.detach(), target)),
        rivals={"torch": step(lambda: theirs(prediction, target), prediction)},
        compiled=compiled,
        input_bytes=size_of(prediction),
    )


def _focal(prediction: Tensor, target: Tensor) -> Tensor:
    """As the field writes it, with exponent 2."""
    cost = F.binary_cross_entropy_with_logits(prediction, target, reduction="none")
    return (torch.sigmoid(torch.where(target > 0.5, -prediction, prediction)).square() * cost).mean()


def _products(hidden: Tensor, weight: Tensor, count: int) -> Callable[[], object]:
    """The matrix products that no implementation can do without."""
    x, w = hidden.detach(), weight.detach()

    def work() -> list[Tensor]:
        scores = x @ w.T
        found = [scores @ w]
        if count == 3:
            found.append(scores.T @ x)
        return found

    return work


def _linear(
    rows: int,
    features: int,
    classes: int,
    *,
    ignored: float = 0.0,
    frozen: bool = False,
    budget: int | None = None,
    full: bool = False,
) -> Sides:
    hidden, weight = _drawn(rows, features), _drawn(classes, features, scale=0.02)
    weight.requires_grad_(not frozen)
    target = _ids(rows, classes, ignored=ignored)
    leaves = (hidden,) if frozen else (hidden, weight)
    loss = losses.CrossEntropy(label_smoothing=0.1, z_loss=1e-4) if full else losses.CrossEntropy()

    def ours() -> Tensor:
        return linear(loss, hidden, weight, target, memory_budget=budget, softcap=30.0 if full else None)

    def by_torch() -> Tensor:
        return F.cross_entropy((hidden @ weight.T).float(), target)

    rivals: dict[str, Step | str] = {}
    if full:
        rivals["torch"] = "has no softcap and no z-loss"
    else:
        rivals["torch"] = step(by_torch, *leaves)
        rivals["Liger"] = _liger(
            "LigerFusedLinearCrossEntropyLoss", lambda theirs: step(lambda: theirs(weight, hidden, target), *leaves)
        )
        fused = getattr(F, "linear_cross_entropy", None)
        rivals["torch, fused"] = (
            "this torch has none" if fused is None else step(lambda: fused(hidden, weight, target), *leaves)
        )
    return Sides(
        ours=step(ours, *leaves),
        floor=step_without_gradient(_products(hidden[: round(rows * (1 - ignored))], weight, 2 if frozen else 3)),
        rivals=rivals,
        input_bytes=2 * rows * classes,
        input_name="logits",
        owed_bytes=size_of(*leaves),
    )


def _contrastive(rows: int, features: int) -> Sides:
    anchor, positive = _drawn(rows, features), _drawn(rows, features, scale=0.9)
    loss = losses.InfoNCE()

    def theirs() -> Tensor:
        a, b = F.normalize(anchor.float(), dim=-1), F.normalize(positive.float(), dim=-1)
        return F.cross_entropy(a @ b.T / loss.temperature, torch.arange(rows, device="cuda"))

    return Sides(
        ours=step(lambda: loss(anchor, positive), anchor, positive),
        floor=step_without_gradient(_products(anchor, positive, 3)),
        rivals={"torch": step(theirs, anchor, positive)},
        input_bytes=4 * rows * rows,
        input_name="matrix of pairs",
        owed_bytes=size_of(anchor, positive),
    )


def _case(
    name: str,
    prepare: Callable[..., Sides],
    full: dict[str, Any],
    tiny: dict[str, Any],
    *bars: Bar,
    about: tuple[str, ...] = ("CrossEntropy",),
    quick: dict[str, Any] | None = None,
) -> Case:
    return Case(
        name=f"GPU: {name}",
        losses=about,
        sizes={"full": full, "quick": quick or full, "tiny": tiny},
        prepare=prepare,
        bars=bars,
        device="cuda",
        # Most peers round their loss to bf16.
        tolerance=1e-2,
        rounds=20,
    )


_LLAMA: Final = {"rows": 8192, "classes": 128256}
_HEAD: Final = {"rows": 8192, "features": 4096, "classes": 128256}
_FEW: Final = {"rows": 64, "features": 32, "classes": 1000}

CASES = (
    _case(
        "cross-entropy, bf16 logits 8192×128256",
        _logits, _LLAMA, {"rows": 64, "classes": 1000},
        Bar("time", 1.10, "ms"), Bar("memory", 1.02),
    ),
    _case(
        "the same, the loss scaled by the caller",
        _logits, _LLAMA | {"upstream": 0.5}, {"rows": 64, "classes": 1000, "upstream": 0.5},
        Bar("time", 2.20, "ms"), Bar("memory", 1.02),
    ),
    _case(
        "cross-entropy, bf16 logits 16384×50257",
        _logits, {"rows": 16384, "classes": 50257}, {"rows": 64, "classes": 1001},
        Bar("memory", 1.02),
    ),
    _case(
        "cross-entropy, bf16 logits 1048576×1000",
        _logits, {"rows": 1 << 20, "classes": 1000}, {"rows": 64, "classes": 10},
        Bar("memory", 1.05),
    ),
    *(
        _case(
            f"{type(loss).__name__}, 64M",
            lambda size, loss=loss, theirs=theirs: _elementwise(loss, theirs, size), {"size": 1 << 26}, {"size": 4099},
            Bar("time", 1.2), Bar("memory", 1.05),
            about=(type(loss).__name__,),
        )
        for loss, theirs in (
            (losses.Huber(), F.huber_loss),
            (losses.BinaryCrossEntropy(), F.binary_cross_entropy_with_logits),
            (losses.Focal(), _focal),
        )
    ),
    _case(
        "linear cross-entropy, 8192×4096×128256",
        _linear, _HEAD, _FEW,
        Bar("time", 35.0, "ms"), Bar("time", 1.08), Bar("memory", 2200, "MB"),
    ),
    _case(
        "the same with smoothing, z-loss and softcap",
        _linear, _HEAD | {"full": True}, _FEW | {"full": True},
        Bar("time", 37.0, "ms"), Bar("memory", 2200, "MB"),
    ),
    _case(
        "the same within 300 MB",
        _linear, _HEAD | {"budget": 300 * _MB}, _FEW | {"budget": 100 * _MB},
        Bar("time", 47.0, "ms"), Bar("memory", 300, "MB"),
    ),
    _case(
        "linear cross-entropy, 8192×2304×256000",
        _linear, {"rows": 8192, "features": 2304, "classes": 256000}, _FEW,
        Bar("time", 39.5, "ms"),
    ),
    _case(
        "linear cross-entropy, the head frozen",
        _linear, _HEAD | {"frozen": True}, _FEW | {"frozen": True},
        Bar("time", 23.5, "ms"),
    ),
    _case(
        "linear cross-entropy, 60 % of the tokens ignored",
        _linear, _HEAD | {"ignored": 0.6}, _FEW | {"ignored": 0.6},
        Bar("time", 15.8, "ms"),
    ),
    _case(
        "InfoNCE, 32768×768",
        _contrastive, {"rows": 32768, "features": 768}, {"rows": 64, "features": 32},
        Bar("time", 10.0, "ms"), Bar("memory", 200, "MB"),
        about=("InfoNCE",),
    ),
)  # fmt: skip
