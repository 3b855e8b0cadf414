"""Cross-entropy on logits: value and gradient in one pass over the rows, in C++ or piece by piece in torch."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ..core import constant
from ..losses import CrossEntropy, NextToken
from .chunks import in_pieces
from .eligible import eligible
from .fused import fused
from .native import calls, library
from .worthwhile import worthwhile

Loss = CrossEntropy | NextToken

#: From so many logits on a pass gains: below, torch's own function calls less.
_LEAST_NATIVE: Final = 16_384
_LEAST_PIECES: Final = 1_000_000

#: So many logits a piece: it stays in the second-level cache.
_PIECE: Final = 131_072


def _plain(loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    """Whether the classes are last and all compete, and only the prediction may have a gradient."""
    ready = not loss.shift if isinstance(loss, NextToken) else loss.axis == -1 and loss.class_mask is None
    return ready and prediction.shape[-1] > 0 and not target.requires_grad and eligible(prediction, target)


def _is_native(loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    return (
        worthwhile(prediction.numel(), _LEAST_NATIVE)
        and prediction.dtype is torch.float32
        and target.dtype in (torch.int64, torch.float32)
        and library() is not None
        and _plain(loss, prediction, target)
    )


def _is_large(loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    return worthwhile(prediction.numel(), _LEAST_PIECES) and _plain(loss, prediction, target)


def _in_cpp(
    loss: Loss,
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    scale: float = 1.0,
    values: Tensor | None = None,
    gradient: Tensor | None = None,
) -> float:
    steps = _steps(prediction)
    if steps is None:
        prediction = prediction.contiguous()
        steps = (prediction.numel() // prediction.shape[-1], 0, prediction.shape[-1])
    truth = target.contiguous()
    soft = target.is_floating_point()
    return calls.softmax(
        prediction,
        steps,
        ids=None if soft else truth,
        shares=truth if soft else None,
        class_weight=_class_weight(loss, prediction),
        weight=None if weight is None else weight.contiguous(),
        label_smoothing=loss.label_smoothing,
        z_loss=loss.z_loss,
        scale=scale,
        values=values,
        gradient=gradient,
    )


def _steps(logits: Tensor) -> tuple[int, int, int] | None:
    """How the rows of the logits lie in memory (see `calls.softmax`); None where that takes more than two steps."""
    if logits.stride(-1) != 1 and logits.shape[-1] > 1:
        return None
    axes: list[tuple[int, int]] = []
    for size, stride in zip(logits.shape[:-1], logits.stride()[:-1], strict=True):
        if axes and axes[-1][1] == size * stride:
            axes[-1] = axes[-1][0] * size, stride
        elif size != 1:
            axes.append((size, stride))
    if len(axes) > 2:
        return None
    inner, row_step = axes[-1] if axes else (1, 0)
    return inner, axes[0][1] if len(axes) == 2 else 0, row_step


def _in_torch(
    loss: Loss,
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    scale: float = 1.0,
    values: Tensor | None = None,
    gradient: Tensor | None = None,
) -> float:
    classes = prediction.shape[-1]
    flat = [None if x is None else x.reshape(-1) for x in (weight, values)]
    rows = prediction.reshape(-1, classes)
    slopes = None if gradient is None else gradient.view(-1, classes)
    if loss.label_smoothing or loss.z_loss or target.is_floating_point():
        truth = target.reshape(rows.shape if target.is_floating_point() else -1)
        return in_pieces(loss, rows, truth, weight=flat[0], scale=scale, values=flat[1], gradient=slopes)
    share = _class_weight(loss, prediction)
    ids = target.reshape(-1)
    size = max(1, _PIECE // classes)
    buffer = rows.new_empty(size, classes) if slopes is None else None
    total = 0.0
    for begin in range(0, len(rows), size):
        here = slice(begin, begin + size)
        counts, found = (None if x is None else x[here] for x in flat)
        work = slopes[here] if slopes is not None else buffer[: len(rows[here])]  # pyright: ignore[reportOptionalSubscript]
        total += _rows_of_one(rows[here], ids[here], share, counts, scale, found, work, slopes is not None)
    return total


def _rows_of_one(
    logits: Tensor,
    ids: Tensor,
    class_weight: Tensor | None,
    weight: Tensor | None,
    scale: float,
    values: Tensor | None,
    work: Tensor,
    wants_gradient: bool,
) -> float:
    """A few rows, of which only one class has a share each: every step runs in `work`, which keeps the gradient."""
    own = ids.unsqueeze(-1)
    if weight is not None:
        hidden = weight == 0
        logits = logits.masked_fill(hidden.unsqueeze(-1), 0.0)
    torch.sub(logits, logits.amax(-1, keepdim=True), out=work)
    gap = work.gather(-1, own)
    work.exp_()
    sums = work.sum(-1, keepdim=True)
    value = (sums.log() - gap).squeeze(-1)
    share = None if class_weight is None else class_weight[ids]
    if share is not None:
        value = share * value.masked_fill((share == 0) & (value == torch.inf), 0.0)
    if values is not None:
        values.copy_(value)
    if wants_gradient:
        factor = share if weight is None else weight if share is None else share * weight
        mass = torch.full_like(sums, scale) if factor is None else scale * factor.unsqueeze(-1)
        work.mul_(mass / sums)
        work.scatter_add_(-1, own, -mass)
    return (value if weight is None else value * weight).sum(dtype=torch.float64).item()


def _class_weight(loss: Loss, prediction: Tensor) -> Tensor | None:
    given = loss.class_weight if isinstance(loss, CrossEntropy) else None
    return None if given is None else constant(given, prediction)


for _of in (CrossEntropy, NextToken):
    fused(_of, _in_cpp, name="wald.kernels.native", accepts=_is_native)
    fused(_of, _in_torch, name="wald.kernels.chunks", accepts=_is_large)
