"""Softmax cross-entropy row by row: value, statistics and gradient of the logits.

A program holds `ROWS` rows (one where a row is long) and goes over their columns in blocks of `BLOCK`: once for the
softmax, once more for the gradient. A row of one block is read only once; of a longer one the second reading finds
most in the L2 cache, as every multiprocessor works on one row at a time.

Everything is fp32 inside, and relative to the largest logit `peak` of the row so far, so that a common offset of the
logits costs no digits. A NaN is never looked for with `max`, which drops it on a GPU: the sum of exponentials has it.
"""

# Constants of compilation are written in capitals, as Triton's users know it.
# ruff: noqa: N803, N806
# To Python, calling a program of Triton only raises, so its tuples look like nothing that can be taken apart.
# pyright: basic, reportMissingImports=false, reportGeneralTypeIssues=false

import triton
import triton.language as tl

from .arithmetic import spared, tanh


@triton.jit
def _scores(logits, at, mask, softcap, temperature, SOFTCAP: tl.constexpr):
    """A block of logits as the softmax sees them; a column outside can, like one of -inf, not occur."""
    z = tl.load(logits + at, mask=mask, other=float("-inf")).to(tl.float32)
    if SOFTCAP:
        z = tl.where(mask, softcap * tanh(z / softcap), float("-inf"))
    if temperature is not None:
        z = z / temperature[:, None]
    return z


@triton.jit
def _each_weight(z, class_weight, cols, classes):
    """What each class that can occur counts."""
    weights = tl.full(z.shape, 1.0, tl.float32)
    if class_weight is not None:
        weights = weights * tl.load(class_weight + cols, mask=cols < classes, other=0.0)
    return tl.where(z == float("-inf"), 0.0, weights)


@triton.jit
def _seen(
    z, cols, classes, class_weight,
    peak, total, spread, shortfall, mass, possible, best,
    SMOOTHED: tl.constexpr, ENTROPY: tl.constexpr, BEST: tl.constexpr,
):  # fmt: skip
    """The statistics of a row, with one more block seen.

    Beside the sum of exponentials `total` these are Σ e^(z - peak) (peak - z), from which the entropy comes; over the
    classes that can occur Σ w (peak - z) and Σ w, and their number, for smoothing; and the first of the likeliest.
    """
    if BEST:
        top, where = tl.max(z, 1, return_indices=True)
        best = tl.where(top > peak, tl.min(cols, 1) + where, best)
    else:
        top = tl.max(z, 1)
    higher = tl.maximum(peak, top)
    # Of a row that has only impossible classes so far, the peak is -inf, and a difference to it no number.
    origin = tl.where(higher == float("-inf"), 0.0, higher)
    rise = tl.where(peak == float("-inf"), 0.0, origin - peak)
    shrink = tl.exp(-rise)
    gap = origin[:, None] - z
    e = tl.exp(-gap)
    if SMOOTHED | ENTROPY:
        gap = tl.where(z == float("-inf"), 0.0, gap)
    if ENTROPY:
        spread = shrink * (spread + rise * total) + tl.sum(e * gap, 1)
    if SMOOTHED:
        weights = _each_weight(z, class_weight, cols, classes)
        shortfall += rise * mass + tl.sum(weights * gap, 1)
        mass += tl.sum(weights, 1)
        possible += tl.sum((z != float("-inf")).to(tl.float32), 1)
    total = total * shrink + tl.sum(e, 1)
    return higher, total, spread, shortfall, mass, possible, best


@triton.jit
def _store_gradient(
    z, gradient, at, mask, cols, classes, class_weight, target, alive,
    origin, inverse, log_total, on_softmax, on_target, on_each, of_entropy, entropy, softcap, temperature,
    SMOOTHED: tl.constexpr, ENTROPY: tl.constexpr, SOFTCAP: tl.constexpr,
):  # fmt: skip
    """The gradient of a block: multiples of the softmax, of the target, of the class weights and of the entropy."""
    gap = origin[:, None] - z
    p = tl.exp(-gap) * inverse[:, None]
    slope = on_softmax[:, None] * p
    if ENTROPY:
        surprise = tl.where(z == float("-inf"), 0.0, gap + log_total[:, None])
        slope += of_entropy[:, None] * p * (surprise - entropy[:, None])
    if SMOOTHED:
        slope -= on_each[:, None] * _each_weight(z, class_weight, cols, classes)
    slope -= tl.where(cols == target[:, None], on_target[:, None], 0.0)
    if temperature is not None:
        slope = slope / temperature[:, None]
        z = z * temperature[:, None]
    if SOFTCAP:
        share = z / softcap
        slope = slope * (1.0 - share * share)
    # A row that is left out has a gradient of 0, whatever its logits are.
    slope = tl.where(alive[:, None], slope, 0.0)
    tl.store(gradient + at, slope.to(gradient.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["rows", "inner"])
def softmax_rows(
    logits, target, class_weight, row_weight, temperature, scale, on_log_sum, on_log_prob, on_entropy,
    gradient, value, kept, entropy_out, best_out,
    rows, classes, inner, stride, outer_stride, scale_stride, smoothing, z_loss, softcap,
    KNOWN: tl.constexpr, SMOOTHED: tl.constexpr, Z_LOSS: tl.constexpr, SOFTCAP: tl.constexpr,
    ALIGNED: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, ONE_BLOCK: tl.constexpr,
):  # fmt: skip
    """Value and statistics of each row, and the gradient of scale · row_weight · value and of what is asked beside it.

    Row r of the logits starts at (r // inner) · outer_stride + (r % inner) · stride, so that a text whose last
    position was cut off need not be copied; the gradient is dense, or the logits themselves. What is None is not
    read, or not written. `kept` has eight numbers a row: with KNOWN they are read, and the first pass is spared.
    """
    # All three are multiples of ALIGNED, which the compiler must be shown before it reads 128 bits at a time.
    classes = classes // ALIGNED * ALIGNED
    stride = stride // ALIGNED * ALIGNED
    outer_stride = outer_stride // ALIGNED * ALIGNED
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    real = row < rows
    alive = real
    counts = tl.full([ROWS], 1.0, tl.float32)
    if row_weight is not None:
        counts = tl.load(row_weight + row, mask=real, other=0.0).to(tl.float32)
        alive = real & (counts != 0)
    start = (row // inner) * outer_stride + (row % inner) * stride
    label = tl.load(target + row, mask=alive, other=0).to(tl.int64)
    named = (label >= 0) & (label < classes)
    own = alive & named
    heat = None
    if temperature is not None:
        heat = tl.load(temperature + row, mask=alive, other=1.0).to(tl.float32)

    peak = tl.full([ROWS], float("-inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    spread = tl.zeros([ROWS], tl.float32)
    shortfall = tl.zeros([ROWS], tl.float32)
    mass = tl.zeros([ROWS], tl.float32)
    possible = tl.zeros([ROWS], tl.float32)
    best = tl.zeros([ROWS], tl.int32)
    ENTROPY: tl.constexpr = entropy_out is not None or on_entropy is not None
    GRADED: tl.constexpr = on_entropy is not None
    cols = tl.arange(0, BLOCK)[None, :]
    # Where no row of the program counts, its logits are not read at all.
    width = tl.where(tl.max(alive.to(tl.int32), 0) > 0, classes, 0)

    if ONE_BLOCK:
        z = _scores(logits, start[:, None] + cols, alive[:, None] & (cols < classes), softcap, heat, SOFTCAP)
    if KNOWN:
        at = kept + row * 8
        peak = tl.load(at, mask=alive, other=0.0)
        total = tl.load(at + 1, mask=alive, other=1.0)
        spread = tl.load(at + 2, mask=alive, other=0.0)
        mass = tl.load(at + 3, mask=alive, other=0.0)
        possible = tl.load(at + 4, mask=alive, other=1.0)
    elif ONE_BLOCK:
        peak, total, spread, shortfall, mass, possible, best = _seen(
            z, cols, classes, class_weight, peak, total, spread, shortfall, mass, possible, best,
            SMOOTHED, ENTROPY, best_out is not None,
        )  # fmt: skip
    else:
        for first in range(0, width, BLOCK):
            here = first + cols
            z = _scores(logits, start[:, None] + here, alive[:, None] & (here < classes), softcap, heat, SOFTCAP)
            peak, total, spread, shortfall, mass, possible, best = _seen(
                z, here, classes, class_weight, peak, total, spread, shortfall, mass, possible, best,
                SMOOTHED, ENTROPY, best_out is not None,
            )  # fmt: skip

    # What is computed for a row that is left out is thrown away, and must only be a number.
    total = tl.where(alive, total, 1.0)
    possible = tl.where(alive, possible, 1.0)
    origin = tl.where(peak == float("-inf"), 0.0, peak)
    log_total = tl.log(total)
    entropy = log_total + spread / total
    share = tl.full([ROWS], 1.0, tl.float32)
    if class_weight is not None:
        share = tl.load(class_weight + label, mask=own, other=float("nan"))
    if value is not None:
        # An id that is no class has no logit: its value is NaN, and so is its gradient.
        mine = _scores(logits, (start + label)[:, None], own[:, None], softcap, heat, SOFTCAP)
        surprise = tl.sum(origin[:, None] - mine, 1) + log_total
        surprise = tl.where(named, surprise, float("nan"))
        cost = share * spared(surprise, share)
        if SMOOTHED:
            evenly = (shortfall + mass * log_total) / possible
            cost = (1.0 - smoothing) * cost + smoothing * evenly
        if Z_LOSS:
            cost += z_loss * (origin + log_total) * (origin + log_total)
        tl.store(value + row, counts * tl.where(alive, cost, 0.0), mask=real)
        if kept is not None:
            tl.store(kept + row * 8 + 5, surprise, mask=alive)
    if not KNOWN:
        if kept is not None:
            at = kept + row * 8
            tl.store(at, peak, mask=alive)
            tl.store(at + 1, total, mask=alive)
            tl.store(at + 2, spread, mask=alive)
            tl.store(at + 3, mass, mask=alive)
            tl.store(at + 4, possible, mask=alive)
        if entropy_out is not None:
            tl.store(entropy_out + row, tl.where(alive, entropy, 0.0), mask=real)
        if best_out is not None:
            tl.store(best_out + row, best, mask=real)

    if gradient is not None:
        counts = tl.where(named, counts, float("nan"))
        if scale is not None:
            counts = counts * tl.load(scale + row * scale_stride, mask=real, other=0.0)
        on_target = counts * share
        on_softmax = on_target
        on_each = tl.zeros([ROWS], tl.float32)
        if SMOOTHED:
            on_target = on_target * (1.0 - smoothing)
            on_each = counts * smoothing / possible
            on_softmax = on_target + on_each * mass
        if Z_LOSS:
            on_softmax += counts * 2.0 * z_loss * (origin + log_total)
        if on_log_sum is not None:
            on_softmax += tl.load(on_log_sum + row, mask=alive, other=0.0)
        if on_log_prob is not None:
            of_log_prob = tl.load(on_log_prob + row, mask=alive, other=0.0)
            on_softmax -= of_log_prob
            on_target -= of_log_prob
        of_entropy = tl.zeros([ROWS], tl.float32)
        if on_entropy is not None:
            of_entropy = tl.load(on_entropy + row, mask=alive, other=0.0)
        inverse = 1.0 / total
        own_start = row * classes
        # In place, no warp may write over the logit of the target before every other has read it.
        tl.debug_barrier()
        if ONE_BLOCK:
            _store_gradient(
                z, gradient, own_start[:, None] + cols, real[:, None] & (cols < classes), cols, classes, class_weight,
                label, alive, origin, inverse, log_total, on_softmax, on_target, on_each, of_entropy, entropy,
                softcap, heat, SMOOTHED, GRADED, SOFTCAP,
            )  # fmt: skip
        else:
            for first in range(0, classes, BLOCK):
                here = first + cols
                z = _scores(logits, start[:, None] + here, alive[:, None] & (here < classes), softcap, heat, SOFTCAP)
                _store_gradient(
                    z, gradient, own_start[:, None] + here, real[:, None] & (here < classes), here, classes,
                    class_weight, label, alive, origin, inverse, log_total, on_softmax, on_target, on_each,
                    of_entropy, entropy, softcap, heat, SMOOTHED, GRADED, SOFTCAP,
                )  # fmt: skip
