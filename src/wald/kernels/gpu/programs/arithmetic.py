"""Functions that every program shares, in fp32, of `exp` alone.

The device library (tanh, log1p) does not exist where Triton is interpreted, so no test could reach it.
"""

# pyright: basic, reportMissingImports=false

import triton
import triton.language as tl


@triton.jit
def log1p_of_share(share):
    """log(1 + s) of a number from -0.3 to 1, with every digit where it is small."""
    # 2 artanh(t) of t = s / (2 + s), which is at most 1/3: the ninth term of its series is below 1e-9.
    t = share / (2.0 + share)
    q = t * t
    series = 1.0 / 13.0 + q * (1.0 / 15.0)
    series = 1.0 / 9.0 + q * (1.0 / 11.0 + q * series)
    series = 1.0 / 5.0 + q * (1.0 / 7.0 + q * series)
    return 2.0 * t * (1.0 + q * (1.0 / 3.0 + q * series))


@triton.jit
def softplus(x):
    """log(1 + exp x): what a logit of x costs where the truth is a no."""
    # The second term carries a NaN, which the maximum drops.
    return tl.maximum(x, 0.0) + log1p_of_share(tl.exp(-tl.abs(x)))


@triton.jit
def sigmoid(x):
    """1 / (1 + exp -x), without overflow and with every digit where it is small."""
    small = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, small) / (1.0 + small)


@triton.jit
def tanh(x):
    """The hyperbolic tangent; near 0, where the difference of exponentials loses digits, by its series."""
    small = tl.exp(-2.0 * tl.abs(x))
    far = (1.0 - small) / (1.0 + small)
    q = x * x
    near = x * (1.0 - q * (1.0 / 3.0 - q * (2.0 / 15.0 - q * (17.0 / 315.0))))
    return tl.where(tl.abs(x) < 0.15, near, tl.where(x < 0, -far, far))


@triton.jit
def spared(cost, share):
    """`cost`, but 0 where it is infinite and its share is none: 0 × ∞ = 0."""
    return tl.where((share == 0) & (cost == float("inf")), 0.0, cost)
