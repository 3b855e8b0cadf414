"""A plain chunked linear cross-entropy with one fault at will: what shipped implementations were seen to do.

Without a fault it is right, so that a check is held against innocence too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

#: The faults that it can be given, in the words of the pitfall.
FAULTS = (
    "gradient of the head added up in bfloat16",
    "gradient of the hidden states added up in bfloat16",
    "loss in the dtype of the logits",
    "one over N in half precision",
    "padded columns in the softmax",
    "no gradient for the head behind a frozen trunk",
    "what comes from above is ignored",
    "saved gradients are scaled where they lie",
    "no graph when all are ignored",
    "looks at the data from the host",
    "chunks from free memory",
    "smoothing over the other classes",
    "smoothing without the weight of the class",
    "sums are divided by their number",
    "the hidden states are scaled where they lie",
    "chunks in any order",
    "buffers of the first call",
    "slices of the vocabulary forgotten",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the twin can do, which is a part of what Wald can."""

    rows: int = 64
    reduction: str = "mean"
    label_smoothing: float = 0.0
    class_weight: Tensor | None = None
    ignore_index: int = -100


@dataclass
class Chunked:
    """Callable as `(hidden, weight, target, **options)`; `fault` is one of `FAULTS` or none."""

    fault: str = ""
    buffers: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.fault in ("", *FAULTS)

    def __call__(self, hidden: Tensor, weight: Tensor, target: Tensor, **options: Any) -> Tensor:
        if self.fault == "no graph when all are ignored" and bool((target == -100).all()):
            return torch.zeros(())
        if self.fault == "looks at the data from the host":
            assert (target != -100).sum().item() >= 0
        return _Run.apply(hidden, weight, target, Options(**options), self)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, options: Options, twin: Chunked) -> Tensor:
        value, dx, dw = _computed(hidden, weight, target, options, twin)
        ctx.save_for_backward(dx, dw)
        ctx.twin, ctx.options, ctx.needs = twin, options, (hidden.requires_grad, weight.requires_grad)
        ctx.inputs = hidden, weight, target
        return value

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor) -> tuple[Tensor | None, ...]:
        (above,) = upstreams
        dx, dw = ctx.saved_tensors
        trunk, head = ctx.needs
        if ctx.twin.fault == "what comes from above is ignored":
            above = torch.ones_like(above)
        if above.ndim:
            # One value a token: the gradient of the head is made for what came.
            dx, dw = _computed(*ctx.inputs, ctx.options, ctx.twin, above)[1:]
            above = torch.ones(())
        if ctx.twin.fault == "saved gradients are scaled where they lie":
            dx, dw = dx.mul_(above), dw.mul_(above)
        else:
            dx, dw = dx * above, dw * above
        if ctx.twin.fault == "no gradient for the head behind a frozen trunk" and not trunk:
            head = False
        return dx if trunk else None, dw if head else None, None, None, None


def _computed(
    hidden: Tensor, weight: Tensor, target: Tensor, options: Options, twin: Chunked, above: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    fault = twin.fault
    n, rows = len(hidden), options.rows
    if fault == "chunks from free memory":
        rows = max(1, torch.cuda.mem_get_info()[0] // (8 * len(weight)))
    keep = target != options.ignore_index
    ids = torch.where(keep, target, 0)
    classes = torch.ones(len(weight)) if options.class_weight is None else options.class_weight
    counts = torch.where(keep, classes[ids], 0.0)
    mass = counts.sum() if options.reduction == "mean" else torch.ones(())
    if fault == "sums are divided by their number" and options.reduction == "sum":
        mass = counts.sum()
    mass = torch.where(mass == 0, torch.ones_like(mass), mass)
    half = hidden.dtype in (torch.bfloat16, torch.float16)
    wide = torch.float32 if half else hidden.dtype
    narrow_head = fault == "gradient of the head added up in bfloat16"
    narrow_hidden = fault == "gradient of the hidden states added up in bfloat16"
    if fault == "the hidden states are scaled where they lie":
        hidden.detach().float().mul_(1.5)  # a copy only where they are not in single precision already
    dw = torch.zeros(weight.shape, dtype=weight.dtype if narrow_head else wide)
    dx = torch.empty(hidden.shape, dtype=wide)
    values: list[Tensor] = []
    starts = list(range(0, n, rows))
    if fault == "chunks in any order":
        starts = [starts[i] for i in torch.randperm(len(starts)).tolist()]
    found: dict[int, Tensor] = {}
    for start in starts:
        part = slice(start, min(start + rows, n))
        logits = _logits(hidden[part], weight, twin)
        value, slope = _softmax(logits.to(wide), ids[part], classes.to(wide), options, fault)
        if fault == "loss in the dtype of the logits":
            value = value.to(logits.dtype)
        factor = keep[part].to(wide) / (mass if above is None else 1) * (1 if above is None else above[part])
        found[start] = torch.where(keep[part], value, 0.0)
        if fault == "one over N in half precision":
            slope = (slope * factor.unsqueeze(-1)).to(hidden.dtype)
            factor = torch.ones(())
        slope = slope.to(hidden.dtype) if half else slope
        after = factor.reshape(-1, 1) if factor.ndim else factor
        dx[part] = _over_slices(slope, weight, wide, narrow=narrow_hidden, fault=fault) * after
        step = (slope.mT.to(wide) @ (hidden[part].to(wide) * after)).to(dw.dtype)
        dw = dw + step
    values = [found[start] for start in range(0, n, rows)]
    each = torch.cat(values) if values else hidden.new_zeros(0)
    value = each if options.reduction == "none" else each.to(wide).sum() / mass
    if fault == "loss in the dtype of the logits":
        value = value.to(hidden.dtype)
    return value, dx.to(hidden.dtype), dw.to(weight.dtype)


def _logits(hidden: Tensor, weight: Tensor, twin: Chunked) -> Tensor:
    logits = hidden @ weight.mT
    if twin.fault == "buffers of the first call":
        logits = logits[: len(twin.buffers.setdefault("logits", torch.empty_like(logits)))]
        twin.buffers["logits"][: len(logits)] = logits
        return twin.buffers["logits"]
    return logits


def _softmax(logits: Tensor, ids: Tensor, classes: Tensor, options: Options, fault: str) -> tuple[Tensor, Tensor]:
    """Value and slope of each row, as torch's cross_entropy has them."""
    count, smooth = logits.shape[-1], options.label_smoothing
    padded = logits
    if fault == "padded columns in the softmax":
        padded = torch.nn.functional.pad(logits, (0, -count % 64))
    logs = logits - padded.logsumexp(-1, keepdim=True)
    hot = torch.nn.functional.one_hot(ids, count).to(logits.dtype)
    shares = (1 - smooth) * classes * hot + smooth / count * classes
    if fault == "smoothing over the other classes":
        shares = (1 - smooth) * classes * hot + smooth / (count - 1) * classes * (1 - hot)
    if fault == "smoothing without the weight of the class":
        shares = (1 - smooth) * classes * hot + smooth / count
    return -(shares * logs).sum(-1), logs.exp() * shares.sum(-1, keepdim=True) - shares


def _over_slices(slope: Tensor, weight: Tensor, wide: torch.dtype, *, narrow: bool, fault: str) -> Tensor:
    """The slope of the hidden states, a slice of the vocabulary at a time."""
    width = max(1, len(weight) // 16)
    total = torch.zeros(len(slope), weight.shape[1], dtype=slope.dtype if narrow else wide)
    for start in range(0, len(weight), width):
        part = slice(start, start + width)
        total += (slope[:, part].to(wide) @ weight[part].to(wide)).to(total.dtype)
        if fault == "slices of the vocabulary forgotten":
            break
    return total.to(wide)


LinearLoss = Callable[..., Tensor]
