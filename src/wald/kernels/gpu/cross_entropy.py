"""Cross-entropy of given logits on a GPU.

**Where the gradient is made.** The mean of bf16 or fp32 logits makes it in the forward pass, in a tensor of its own: a
row is still in the cache when it is read for the second time, so memory sees one reading and one writing, the least
there can be. The peak is that of a gradient made later, as the logits must be kept until then anyway. fp16 makes it in
the backward pass, because a gradient divided by a large number of rows is 0 in fp16 before a loss scaler can help, and
so does `reduction="none"`, where only the backward pass knows what each row counts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core import constant, implements
from ...losses import CrossEntropy, NextToken
from ..one_pass import Gradients, one_pass
from ..two_passes import two_passes
from ..worthwhile import worthwhile
from .available import DTYPES, on_gpu
from .proving import believed
from .rows import Features, Rows, Upstream, gradient_of, rows_of
from .scales import reciprocal, weighted

#: Below so many logits a call costs more than the work.
_WORTHWHILE = 65_536

_NAME = "wald.kernels.gpu.cross_entropy (Triton)"


def _accepts(loss: CrossEntropy | NextToken, prediction: Tensor, target: Tensor) -> bool:
    return (
        on_gpu(prediction, target)
        and worthwhile(prediction.numel(), _WORTHWHILE)
        and prediction.dtype in DTYPES
        and not target.is_floating_point()
        # Scattered classes (an image's, on axis 1) would be read one by one.
        and prediction.stride(-1) == 1
        and (loss.class_mask is None if isinstance(loss, CrossEntropy) else not loss.shift)
        and believed(_values, loss, prediction, target)
    )


def _features(loss: CrossEntropy | NextToken, prediction: Tensor, row_weight: Tensor | None) -> Features:
    given = loss.class_weight if isinstance(loss, CrossEntropy) else None
    return Features(
        class_weight=None if given is None else constant(given, prediction.new_empty(0, dtype=torch.float32)),
        row_weight=row_weight,
        label_smoothing=loss.label_smoothing,
        z_loss=loss.z_loss,
    )


def _values(loss: CrossEntropy | NextToken, prediction: Tensor, target: Tensor) -> Tensor:
    def values(logits: Tensor) -> tuple[Tensor, Rows]:
        found = rows_of(logits, target, _features(loss, logits, None))
        return found.value.reshape(target.shape), found

    def slopes(needed: tuple[bool, ...], upstream: Tensor, kept: Rows, logits: Tensor) -> Gradients:
        return (gradient_of(logits, target, _features(loss, logits, upstream), kept),)

    return two_passes(values, slopes, lambda logits: loss.per_example(logits.float(), target), prediction)


def _mean(
    loss: Any, *inputs: Tensor, weight: Tensor | None = None, denominator: Tensor | float | None = None
) -> Tensor:
    prediction, target = inputs
    features = _features(loss, prediction, weight)
    if denominator is None:
        denominator = _mass(features, target, prediction.shape[-1])
    scale = reciprocal(denominator, prediction)

    def definition(logits: Tensor) -> Tensor:
        return weighted(loss.per_example, logits, target, weight).sum() * scale

    if prediction.dtype != torch.float16:

        def total(needed: tuple[bool, ...], logits: Tensor) -> tuple[Tensor, Gradients]:
            gradient = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device) if needed[0] else None
            found = rows_of(logits, target, features, gradient=gradient, upstream=Upstream(loss=scale), keep=False)
            return found.value.sum() * scale, (gradient,)

        return one_pass(total, definition, prediction)

    def value(logits: Tensor) -> tuple[Tensor, Rows]:
        found = rows_of(logits, target, features)
        return found.value.sum() * scale, found

    def slopes(needed: tuple[bool, ...], upstream: Tensor, kept: Rows, logits: Tensor) -> Gradients:
        return (gradient_of(logits, target, features, kept, upstream=Upstream(loss=scale * upstream)),)

    return two_passes(value, slopes, definition, prediction)


def _mass(features: Features, target: Tensor, classes: int) -> Tensor | float:
    """What the rows count together."""
    if features.class_weight is None:
        return float(target.numel()) if features.row_weight is None else features.row_weight.sum()
    # An id that is no class makes the value NaN anyway, and must not be looked up.
    share = features.class_weight[target.long().clamp(0, classes - 1)]
    return (share if features.row_weight is None else share * features.row_weight).sum()


for _kind in (CrossEntropy, NextToken):
    implements(_kind, name=_NAME, accepts=_accepts, mean=_mean, skips=True)(_values)
