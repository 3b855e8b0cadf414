"""Cross-entropy on logits: value and gradient in one pass over the rows, in C++ or piece by piece in torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from ..core import constant
from ..losses import CrossEntropy, NextToken
from .chunks import in_pieces
from .eligible import eligible
from .engine import Pass
from .fused import fused
from .native import calls, library
from .worthwhile import worthwhile

Loss = CrossEntropy | NextToken

#: From so many logits on a pass gains: below, torch's own function calls less.
_LEAST_NATIVE: Final = 16_384
_LEAST_PIECES: Final = 1_000_000

#: So many logits a piece: it stays in the second-level cache, and what a call of torch costs is spread over many.
_PIECE: Final = 262_144

#: Exponentials and their sums between this number and its inverse lose nothing to overflow or underflow.
_SMALL: Final = 1e-18


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


def _in_cpp(asked: Pass) -> float:
    loss, prediction = asked.loss, asked.prediction
    steps = _steps(prediction)
    if steps is None:
        asked = replace(asked, prediction=prediction.contiguous())
        steps = (prediction.numel() // prediction.shape[-1], 0, prediction.shape[-1])
    class_weight = _class_weight(loss, prediction)
    return calls.softmax(asked, steps, class_weight, label_smoothing=loss.label_smoothing, z_loss=loss.z_loss)


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


def _in_torch(asked: Pass) -> float:
    classes, soft = asked.prediction.shape[-1], asked.target.is_floating_point()
    weight, values = (None if x is None else x.reshape(-1) for x in (asked.weight, asked.values))
    rows = replace(
        asked,
        prediction=asked.prediction.reshape(-1, classes),
        target=asked.target.reshape(-1, classes) if soft else asked.target.reshape(-1),
        weight=weight,
        values=values,
        gradient=None if asked.gradient is None else asked.gradient.view(-1, classes),
    )
    if soft or asked.loss.label_smoothing or asked.loss.z_loss:
        return in_pieces(rows)
    size = max(1, _PIECE // classes)
    share = _class_weight(asked.loss, asked.prediction)
    buffer = rows.prediction.new_empty(size if asked.gradient is None else 0, classes)
    return sum((_rows_of_one(piece, share, buffer) for piece in rows.pieces(size)), 0.0)


def _rows_of_one(asked: Pass, class_weight: Tensor | None, buffer: Tensor) -> float:
    """A few rows, of which only one class has a share each: every step runs where the gradient goes, or in `buffer`."""
    logits, weight = asked.prediction, asked.weight
    work = buffer[: len(logits)] if asked.gradient is None else asked.gradient
    own = asked.target.unsqueeze(-1)
    if weight is not None:
        logits = logits.masked_fill((weight == 0).unsqueeze(-1), 0.0)
    elif work.data_ptr() == logits.data_ptr():
        logits = logits.clone()  # the gradient overwrites them, and they may be looked at twice
    sums, value = _exponentials(logits, own, work)
    share = None if class_weight is None else class_weight[asked.target]
    if share is not None:
        value = share * value.masked_fill((share == 0) & (value == torch.inf), 0.0)
    if asked.values is not None:
        asked.values.copy_(value)
    if asked.gradient is not None:
        factor = share if weight is None else weight if share is None else share * weight
        mass = torch.full_like(sums, asked.scale) if factor is None else asked.scale * factor.unsqueeze(-1)
        work.mul_(mass / sums)
        work.scatter_add_(-1, own, -mass)
    return (value if weight is None else value * weight).sum(dtype=torch.float64).item()


def _exponentials(logits: Tensor, own: Tensor, work: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of each row of exponentials, which stand in `work`, and the log of its ratio to the own one."""
    # Most logits are neither large nor small: their exponentials need not be held against the largest of the row, and
    # two passes over memory are saved. The ratio is as exact as a difference of logits would be.
    torch.exp(logits, out=work)
    sums, chosen = work.sum(-1, keepdim=True), work.gather(-1, own)
    if chosen.amin() > _SMALL and sums.amax() < 1 / _SMALL:
        return sums, (sums / chosen).log_().squeeze(-1)
    torch.sub(logits, logits.amax(-1, keepdim=True), out=work)
    gap = work.gather(-1, own)
    sums = work.exp_().sum(-1, keepdim=True)
    return sums, sums.log().sub_(gap).squeeze(-1)


def _class_weight(loss: Loss, prediction: Tensor) -> Tensor | None:
    given = loss.class_weight if isinstance(loss, CrossEntropy) else None
    return None if given is None else constant(given, prediction)


for _of in (CrossEntropy, NextToken):
    fused(_of, _in_cpp, name="wald.kernels.native", accepts=_is_native)
    fused(_of, _in_torch, name="wald.kernels.chunks", accepts=_is_large)
