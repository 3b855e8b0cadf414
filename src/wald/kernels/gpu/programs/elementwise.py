"""Losses of one number against one number: value, gradient and sum in one reading."""

# Constants of compilation are written in capitals, as Triton's users know it.
# ruff: noqa: N803
# pyright: basic, reportMissingImports=false

import triton
import triton.language as tl


@triton.jit
def _block(at, inside, prediction, target, weight, factor, value, gradient, a, b, c, LOSS: tl.constexpr):
    """One block; gives what its examples cost together. Numbers outside are anything, and reach nothing."""
    x = tl.load(prediction + at, mask=inside).to(tl.float32)
    y = tl.load(target + at, mask=inside).to(tl.float32)
    cost, slope = LOSS(x, y, a, b, c)
    slope = slope * factor
    if weight is not None:
        counts = tl.load(weight + at, mask=inside).to(tl.float32)
        # An example of weight 0 is left out, whatever hides in it.
        cost = tl.where(counts == 0, 0.0, counts * cost)
        slope = tl.where(counts == 0, 0.0, counts * slope)
    if value is not None:
        tl.store(value + at, cost, mask=inside)
    if gradient is not None:
        tl.store(gradient + at, slope.to(gradient.dtype.element_ty), mask=inside)
    if inside is not None:
        cost = tl.where(inside, cost, 0.0)
    return tl.sum(cost, 0)


@triton.jit
def elementwise(
    prediction, target, weight, scale, value, gradient, sums, size, a, b, c, LOSS: tl.constexpr, BLOCK: tl.constexpr
):
    """Values weight · LOSS, the gradient scale · weight · slope, and the sum of each block. What is None is left out.

    A full block has no mask, so that it is read 128 bits at a time whatever the size is.
    """
    block = tl.program_id(0)
    first = block.to(tl.int64) * BLOCK
    at = first + tl.arange(0, BLOCK)
    factor = 1.0
    if scale is not None:
        factor = tl.load(scale)
    if first + BLOCK <= size:
        cost = _block(at, None, prediction, target, weight, factor, value, gradient, a, b, c, LOSS)
    else:
        cost = _block(at, at < size, prediction, target, weight, factor, value, gradient, a, b, c, LOSS)
    if sums is not None:
        tl.store(sums + block, cost)


@triton.jit
def rescale(gradient, factor, size, BLOCK: tl.constexpr):
    """The gradient times one number on the device, in place; nothing is read if that is 1, as it mostly is."""
    by = tl.load(factor).to(tl.float32)
    if by != 1.0:
        first = tl.program_id(0).to(tl.int64) * BLOCK
        at = first + tl.arange(0, BLOCK)
        if first + BLOCK <= size:
            g = tl.load(gradient + at).to(tl.float32)
            tl.store(gradient + at, (g * by).to(gradient.dtype.element_ty))
        else:
            g = tl.load(gradient + at, mask=at < size, other=0.0).to(tl.float32)
            tl.store(gradient + at, (g * by).to(gradient.dtype.element_ty), mask=at < size)
