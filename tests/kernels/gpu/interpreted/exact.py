"""Cross-entropy of rows in fp64, term by term, and what the programs are held against."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wald.kernels.gpu.rows import ONE, Features, Rows, Upstream, gradient_of, rows_of


@dataclass(frozen=True)
class Batch:
    """Rows of logits, and everything that a cross-entropy of them can have."""

    logits: Tensor
    target: Tensor
    features: Features
    upstream: Upstream = ONE


def batch(rows: int, classes: int, dtype: torch.dtype = torch.float32, *, full: bool = False, seed: int = 0) -> Batch:
    """Random rows: plain, or with every feature at once, a left-out row of NaN and a class that cannot occur."""
    rng = torch.Generator().manual_seed(seed)
    logits = (4 * torch.randn(rows, classes, generator=rng)).to(dtype)
    target = torch.randint(classes, (rows,), generator=rng)
    if not full:
        return Batch(logits, target, Features())
    logits[0] += 30.0
    weight = torch.rand(rows, generator=rng) + 0.5
    weight[1] = 0.0
    logits[1] = torch.nan
    target[1] = -100
    return Batch(
        logits,
        target,
        Features(
            class_weight=torch.rand(classes, generator=rng) + 0.2,
            row_weight=weight,
            temperature=torch.rand(rows, generator=rng) + 0.7,
            label_smoothing=0.13,
            z_loss=0.02,
            softcap=25.0,
        ),
        Upstream(
            loss=torch.rand(rows, generator=rng),
            log_sum_exp=torch.randn(rows, generator=rng),
            log_prob=torch.randn(rows, generator=rng),
            entropy=torch.randn(rows, generator=rng),
        ),
    )


@dataclass(frozen=True)
class Exact:
    """What is right, in fp64."""

    value: Tensor
    gradient: Tensor
    entropy: Tensor
    log_sum_exp: Tensor
    log_probability: Tensor
    best: Tensor


def exact(b: Batch) -> Exact:
    """By the formulas, with autograd; rows of weight 0 are not looked at."""
    f = b.features
    rows, classes = b.logits.shape
    weight = torch.ones(rows).double() if f.row_weight is None else f.row_weight.double()
    out = weight == 0
    leaf = b.logits.double().masked_fill(out[:, None], 0.0).requires_grad_()
    target = b.target.masked_fill(out, 0)
    z = f.softcap * torch.tanh(leaf / f.softcap) if f.softcap else leaf
    if f.temperature is not None:
        z = z / f.temperature.double()[:, None]
    per_class = torch.ones(classes).double() if f.class_weight is None else f.class_weight.double()
    log_p = z.log_softmax(-1)
    own = log_p.gather(1, target[:, None])[:, 0]
    value = -per_class[target] * own
    can = z.detach() != -torch.inf
    if f.label_smoothing:
        evenly = -(per_class * log_p.masked_fill(~can, 0.0)).sum(-1) / can.sum(-1)
        value = (1 - f.label_smoothing) * value + f.label_smoothing * evenly
    if f.z_loss:
        value = value + f.z_loss * z.logsumexp(-1).square()
    entropy = -(log_p.exp() * log_p.masked_fill(~can, 0.0)).sum(-1)
    lse = z.logsumexp(-1)
    total = (weight * value * (1.0 if b.upstream.loss is None else b.upstream.loss.double()))[~out].sum()
    for up, output in ((b.upstream.log_sum_exp, lse), (b.upstream.log_prob, own), (b.upstream.entropy, entropy)):
        if up is not None:
            total = total + (up.double() * output)[~out].sum()
    total.backward()
    assert leaf.grad is not None
    return Exact(
        (weight * value).detach(),
        leaf.grad,
        entropy.detach().masked_fill(out, 0.0),
        lse.detach(),
        own.detach(),
        z.detach().argmax(-1),
    )


def hold(b: Batch, *, in_place: bool = False) -> Rows:
    """Run the program on these rows and compare everything that it makes with what is right."""
    right = exact(b)
    logits = b.logits.clone() if in_place else b.logits
    gradient = logits if in_place else torch.full(logits.shape, 7.0, dtype=logits.dtype)
    found = rows_of(logits, b.target, b.features, gradient=gradient, upstream=b.upstream, entropy=True, best=True)
    kept = slice(None) if b.features.row_weight is None else b.features.row_weight != 0
    assert found.entropy is not None
    assert found.best is not None
    close(found.value, right.value, least=0.2)
    close(found.entropy, right.entropy, least=0.2)
    close(found.log_sum_exp[kept], right.log_sum_exp[kept], least=0.2)
    close(found.log_probability[kept], right.log_probability[kept], least=0.2)
    assert torch.equal(found.best[kept], right.best[kept])
    close(gradient, right.gradient, half=b.logits.dtype == torch.float16)
    if not in_place:
        # From the statistics that were kept, in one reading.
        later = gradient_of(b.logits, b.target, b.features, found, upstream=b.upstream)
        close(later, right.gradient, half=b.logits.dtype == torch.float16)
    return found


def close(ours: Tensor, right: Tensor, *, half: bool = False, least: float = 0.0) -> None:
    """To the last digits of fp32 beside the largest that there is; of fp16 only what rounding the result costs.

    Logarithms near 0 have the digits of the 1 that they are the logarithm of: `least` is what they count as.
    """
    assert ours.shape == right.shape
    size = right.nan_to_num(0.0, 0.0, 0.0).abs().amax().item()
    torch.testing.assert_close(
        ours.double(),
        right.double(),
        rtol=1e-3 if half else 2e-5,
        atol=(6e-8 if half else 0) + 2e-6 * max(size, least),
        equal_nan=True,
    )
