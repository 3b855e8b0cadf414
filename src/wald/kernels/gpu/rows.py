"""Softmax cross-entropy of rows of logits on a GPU: the pieces of which the losses over classes are made."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

import torch
from torch import Tensor

from .tiles import tile

#: What is kept of a row: peak, sum of exponentials, spread, mass and number of its possible classes, surprise.
_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a cross-entropy has beside logits and targets.

    The numbers are arguments of the compiled program, so that a new value compiles nothing.

    Attributes:
        class_weight: (classes), fp32: what an example of each class counts.
        row_weight: (rows): what each row counts. A row of weight 0 is not read; its value and its gradient are 0.
        temperature: (rows): what the logits of each row are divided by, after the cap.
        label_smoothing: the share of the target that is spread over all classes that can occur.
        z_loss: how much of the squared log-sum-exp is added.
        softcap: logits become softcap · tanh(logits / softcap); 0 for none.
    """

    class_weight: Tensor | None = None
    row_weight: Tensor | None = None
    temperature: Tensor | None = None
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    softcap: float = 0.0


PLAIN = Features()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """By how much what is differentiated depends on each row; fp32, on the device.

    Attributes:
        loss: on row_weight · loss: one number for all, or (rows); None for 1. In fp16 leave 1 / N out of it, as most
            of a gradient that small would become 0.
        log_sum_exp: (rows): on the log of the softmax's denominator.
        log_prob: (rows): on the log-probability of the target.
        entropy: (rows): on the entropy.
    """

    loss: Tensor | None = None
    log_sum_exp: Tensor | None = None
    log_prob: Tensor | None = None
    entropy: Tensor | None = None


ONE = Upstream()


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found of each row; fp32, but for the ids.

    Attributes:
        value: row_weight times the loss; 0 for a row that is left out.
        kept: the statistics, from which a later pass makes the gradient without the first reading; None if unwanted.
        entropy: of the softmax, in nats; None unless asked for.
        best: the id of the likeliest class, the first of several; None unless asked for.
    """

    value: Tensor
    kept: Tensor | None
    entropy: Tensor | None
    best: Tensor | None

    @property
    def log_sum_exp(self) -> Tensor:
        """The log of the softmax's denominator."""
        kept = self._kept
        return kept[:, 0] + kept[:, 1].log()

    @property
    def log_probability(self) -> Tensor:
        """Of the target, without weights, smoothing or z-loss."""
        return -self._kept[:, 5]

    @property
    def _kept(self) -> Tensor:
        if self.kept is None:
            raise ValueError("the statistics of these rows were not kept: ask for them with keep=True.")
        return self.kept


def rows_of(
    logits: Tensor,
    target: Tensor,
    features: Features = PLAIN,
    *,
    gradient: Tensor | None = None,
    upstream: Upstream = ONE,
    entropy: bool = False,
    best: bool = False,
    keep: bool = True,
) -> Rows:
    """Value and statistics of each row and, where asked for, the gradient beside them.

    Nothing waits for the device and nothing is looked at: an id that is no class makes the value NaN, and reads
    nothing out of bounds.

    Args:
        logits: (*batch, classes), fp32, bf16 or fp16, the classes one beside the other.
        target: (*batch) ids of any integer type.
        features: what the loss has beside them.
        gradient: a dense tensor like the logits, which is overwritten; the logits themselves, for in place.
        upstream: what the gradient is of.
        entropy: whether the entropy is wanted.
        best: whether the likeliest class is wanted.
        keep: whether the statistics are wanted, 32 bytes a row.
    """
    count = target.numel()
    made = torch.empty(count, dtype=torch.float32, device=logits.device)
    found = Rows(
        made,
        made.new_empty(count, _KEPT) if keep else None,
        torch.empty_like(made) if entropy else None,
        torch.empty_like(made, dtype=torch.int64) if best else None,
    )
    _launch(logits, target, features, found, gradient, upstream, known=False)
    return found


def rows_in_place(
    logits: Tensor,
    target: Tensor,
    features: Features = PLAIN,
    *,
    upstream: Upstream = ONE,
    entropy: bool = False,
    best: bool = False,
) -> Rows:
    """`rows_of` with the gradient written over the logits: for a chunk of logits that only the caller knows.

    Raises:
        ValueError: the rows do not lie one behind the other.
    """
    if not logits.is_contiguous():
        raise ValueError(
            f"rows_in_place: logits {tuple(logits.shape)} with strides {logits.stride()} are a view of something "
            "larger, and their gradient is dense. Use rows_of with gradient=torch.empty(...)."
        )
    return rows_of(logits, target, features, gradient=logits, upstream=upstream, entropy=entropy, best=best)


def gradient_of(logits: Tensor, target: Tensor, features: Features, found: Rows, *, upstream: Upstream = ONE) -> Tensor:
    """The gradient in one reading, from the statistics that an earlier pass has kept.

    The row weights may be others than then, as what comes from above is among them; but a row that was left out then
    has no statistics, and must be left out now.
    """
    gradient = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    _launch(logits, target, features, Rows(found.value, found.kept, None, None), gradient, upstream, known=True)
    return gradient


def _launch(
    logits: Tensor,
    target: Tensor,
    features: Features,
    found: Rows,
    gradient: Tensor | None,
    upstream: Upstream,
    *,
    known: bool,
) -> None:
    from .programs.rows import softmax_rows

    program: Any = softmax_rows
    count, classes = target.numel(), logits.shape[-1]
    if not count or not classes:
        found.value.zero_()
        return
    heavy = features.label_smoothing != 0 or found.entropy is not None or upstream.entropy is not None
    cut = tile(classes, heavy=heavy, known=known)
    logits, inner, stride, outer = _laid_out(logits)
    # Programs are launched on the current GPU, which need not be the one that has the tensor.
    with torch.cuda.device_of(logits):
        program[(-(-count // cut.rows),)](
            logits,
            target.reshape(-1),
            features.class_weight,
            _flat(features.row_weight),
            _flat(features.temperature),
            _flat(upstream.loss),
            _flat(upstream.log_sum_exp),
            _flat(upstream.log_prob),
            _flat(upstream.entropy),
            gradient,
            None if known else found.value,
            found.kept,
            found.entropy,
            found.best,
            count,
            classes,
            inner,
            stride,
            outer,
            0 if upstream.loss is None else int(upstream.loss.ndim > 0),
            float(features.label_smoothing),
            float(features.z_loss),
            float(features.softcap),
            KNOWN=known,
            SMOOTHED=features.label_smoothing != 0,
            Z_LOSS=features.z_loss != 0,
            SOFTCAP=features.softcap != 0,
            ALIGNED=math.gcd(classes, stride, outer, 16),
            ROWS=cut.rows,
            BLOCK=cut.block,
            ONE_BLOCK=cut.whole,
            num_warps=cut.warps,
        )


def _laid_out(logits: Tensor) -> tuple[Tensor, int, int, int]:
    """The logits, how many rows lie evenly behind each other, and the distances of those and of their groups."""
    classes = logits.shape[-1]
    if logits.ndim <= 2:
        stride = logits.stride(0) if logits.ndim == 2 else classes
        return logits, max(1, logits[..., 0].numel()), stride, 0
    grouped = logits if logits.ndim == 3 else logits.flatten(0, -3)
    return grouped, grouped.shape[1], grouped.stride(1), grouped.stride(0)


def _flat(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.reshape(-1).contiguous()
