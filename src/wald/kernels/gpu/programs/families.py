"""What each elementwise loss costs, and how that changes with the prediction: a few lines a loss.

A function takes the prediction x, the target y and the parameters a, b, c of `kernels/gpu/elementwise.py`, all fp32,
and gives the value and its slope. The formulas are those of the definitions, to the awkward cases: an infinite logit on
the right side costs nothing, and a NaN stays one (`minimum` and `maximum` would drop it on a GPU; `where` keeps it).
"""

# To Python, calling a program of Triton only raises, so its tuples look like nothing that can be taken apart.
# pyright: basic, reportMissingImports=false, reportGeneralTypeIssues=false

import triton
import triton.language as tl

from .arithmetic import log1p_of_share, sigmoid, softplus, spared, tanh


@triton.jit
def _positive(x):
    """0 in place of what is negative."""
    return tl.where(x < 0, 0.0, x)


@triton.jit
def _sign(x):
    """-1, 0 or 1, and NaN of a NaN."""
    return tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, x))


@triton.jit
def _held(x, most):
    """What lies beyond -most or most is brought there."""
    return tl.where(x > most, most, tl.where(x < -most, -most, x))


@triton.jit
def squared(x, y, a, b, c):
    """The squared error."""
    r = x - y
    return r * r, 2.0 * r


@triton.jit
def absolute(x, y, a, b, c):
    """The size of the error."""
    r = x - y
    return tl.abs(r), _sign(r)


@triton.jit
def percentage(x, y, a, b, c):
    """The error as a share of the target, of at least a."""
    r = x - y
    size = tl.abs(y)
    size = tl.where(size < a, a, size)
    return tl.abs(r) / size, _sign(r) / size


@triton.jit
def huber(x, y, a, b, c):
    """Squared up to a, absolute beyond."""
    r = x - y
    slope = _held(r, a)
    return slope * (r - 0.5 * slope), slope


@triton.jit
def pseudo_huber(x, y, a, b, c):
    """Huber's, smooth; slopes up to a."""
    r = x - y
    size = tl.abs(r)
    # √(a² + r²) without the squares, which overflow.
    most = tl.where(size < a, a, size)
    q = tl.where(size < a, size, a) / most
    root = most * tl.sqrt(1.0 + q * q)
    return a * r * (r / (root + a)), a * (r / root)


@triton.jit
def log_cosh(x, y, a, b, c):
    """The log of the hyperbolic cosine; slopes up to a."""
    r = (x - y) / a
    size = tl.abs(r)
    # log cosh r = |r| + log((1 + e^-2|r|) / 2); below 1, where that cancels, log(1 + 2 sinh² (r / 2)).
    far = size - 0.6931471805599453 + log1p_of_share(tl.exp(-2.0 * size))
    half = 0.5 * r
    q = half * half
    sinh = half * (1.0 + q * (1.0 / 6.0 + q * (1.0 / 120.0 + q * (1.0 / 5040.0))))
    near = log1p_of_share(2.0 * sinh * sinh)
    return a * a * tl.where(size < 1, near, far), a * tanh(r)


@triton.jit
def pinball(x, y, a, b, c):
    """Weighted: a for a target above the prediction, b = 1 - a below."""
    error = y - x
    value = a * _positive(error) + b * _positive(-error)
    return value, tl.where(error > 0, -a, tl.where(error < 0, b, error))


@triton.jit
def smoothed_pinball(x, y, a, b, c):
    """Pinball of a and b = 1 - a, rounded within c."""
    error = y - x
    inside = _held(error, c)
    up, down = c + inside, c - inside
    curved = (a * up * up + b * down * down) / (4.0 * c)
    return curved + a * _positive(error - c) + b * _positive(-error - c), (b * down - a * up) / (2.0 * c)


@triton.jit
def expectile(x, y, a, b, c):
    """Squared, times a for a target above the prediction, b = 1 - a below."""
    error = y - x
    weighted = tl.where(error > 0, a, b) * error
    return weighted * error, -2.0 * weighted


@triton.jit
def poisson(x, y, a, b, c):
    """Poisson, of the log of the rate."""
    rate = tl.exp(x)
    return rate - y * x, rate - y


@triton.jit
def gamma(x, y, a, b, c):
    """Gamma, of the log of the mean."""
    ratio = y * tl.exp(-x)
    return x + ratio, 1.0 - ratio


@triton.jit
def binary_cross_entropy(x, y, a, b, c):
    """Counts a for each positive; a target t is read as b t + c."""
    t = b * y + c
    yes, no = a * t, 1.0 - t
    value = yes * spared(softplus(-x), yes) + no * spared(softplus(x), no)
    return value, no * sigmoid(x) - yes * sigmoid(-x)


@triton.jit
def _faded(x, power):
    """What a truth with the logit x costs where easy cases fade, (1 - p)^power · -log p, and its slope."""
    cost, other = softplus(-x), sigmoid(-x)
    # power · softplus(x) is 0 for a power of 0, also where softplus is infinite.
    fade = tl.where(power == 0, 1.0, tl.exp(-power * softplus(x)))
    pull = tl.where(cost == float("inf"), 0.0, sigmoid(x) * cost)
    return fade * cost, -fade * (power * pull + other)


@triton.jit
def focal(x, y, a, b, c):
    """Focal with the exponent a; b for a positive and c for a negative."""
    yes, no = b * y, c * (1.0 - y)
    up, rise = _faded(x, a)
    down, fall = _faded(-x, a)
    return yes * spared(up, yes) + no * spared(down, no), yes * rise - no * fall


@triton.jit
def asymmetric_focal(x, y, a, b, c):
    """The exponents a of positives and b of negatives, of whose probability c is forgiven."""
    yes, no = y, 1.0 - y
    up, rise = _faded(x, a)
    down, fall = _faded(-x, b)
    p = sigmoid(x)
    # What is left of 1 - p once a probability of c is forgiven; where all is, nothing is lost.
    left, gone = sigmoid(-x) + c, p - c
    cost = tl.where(gone < 0.3, -log1p_of_share(-gone), -tl.log(left))
    raised = tl.where(b == 0, 1.0, tl.exp(b * tl.log(gone)))
    steeper = tl.where(b == 0, 0.0, b * raised / gone * cost)
    counts = (gone > 0) & (left < 1)
    clipped = tl.where(counts, raised * cost, p * 0.0)
    slope = tl.where(counts, p * sigmoid(-x) * (steeper + raised / left), p * 0.0)
    down = tl.where(c == 0, down, clipped)
    fall = tl.where(c == 0, -fall, slope)
    return yes * spared(up, yes) + no * spared(down, no), yes * rise + no * fall


@triton.jit
def hinge(x, y, a, b, c):
    """Hinge with the margin a."""
    yes, no = _positive(a - x), _positive(a + x)
    rest = 1.0 - y
    slope = tl.where(a + x > 0, rest, 0.0) - tl.where(a - x > 0, y, 0.0)
    return y * spared(yes, y) + rest * spared(no, rest), slope


@triton.jit
def squared_hinge(x, y, a, b, c):
    """Hinge squared with the margin a."""
    rest = 1.0 - y
    yes, no = spared(_positive(a - x), y), spared(_positive(a + x), rest)
    return y * yes * yes + rest * no * no, 2.0 * (rest * no - y * yes)
