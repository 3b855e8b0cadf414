"""What every loss of a head owes to autograd, as one check: a call beside the same in plain differentiable torch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

Call = Callable[..., Tensor]


def near(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    """Equal, relative to the largest entry."""
    scale = wanted.double().abs().max().clamp(min=1.0) if wanted.numel() else torch.ones(())
    torch.testing.assert_close(found.double() / scale, wanted.double() / scale, rtol=0, atol=tolerance)


def leaves_of(tensors: tuple[Tensor, ...], dtype: torch.dtype) -> list[Tensor]:
    """Copies that collect their gradient."""
    return [x.detach().to(dtype).clone().requires_grad_() for x in tensors]


def keeps_its_promises(
    call: Call,
    oracle: Call,
    tensors: tuple[Tensor, ...],
    *,
    dtype: torch.dtype = torch.float64,
    tolerance: float = 1e-9,
) -> None:
    """Value and gradient, and everything that may be asked of the graph.

    Args:
        call: from the tensors to a loss, of one number or of one an example.
        oracle: the same in float64, by plain torch.
        tensors: hidden states, weights, biases.
        dtype: in which the call computes.
        tolerance: relative to the largest entry.
    """
    mine, exact = leaves_of(tensors, dtype), leaves_of(tensors, torch.float64)
    before = [x.detach().clone() for x in mine]
    value, wanted = call(*mine), oracle(*exact)
    near(value.detach(), wanted.detach(), tolerance)
    rng = torch.Generator().manual_seed(1)
    above = torch.randn(wanted.shape, generator=rng, dtype=torch.float64)
    slopes = torch.autograd.grad(wanted, exact, above, create_graph=True)

    # Any upstream gradient; a second backward; what is asked twice is answered twice.
    for scale in (1.0, -2.5):
        found = torch.autograd.grad(value, mine, (scale * above).to(value.dtype), retain_graph=True)
        for ours, theirs in zip(found, slopes, strict=True):
            near(ours, scale * theirs, tolerance)
            assert ours.dtype == dtype
    # Gradients add up in leaves.
    for leaf in mine:
        leaf.grad = None
    for _ in "12":
        call(*mine).backward(above.to(value.dtype))
    for leaf, theirs in zip(mine, slopes, strict=True):
        assert leaf.grad is not None
        near(leaf.grad, 2 * theirs, 2 * tolerance)
        leaf.grad = None
    # A whole batch of upstream gradients.
    several = torch.stack([above, 3 * above]).to(value.dtype)
    batch = torch.autograd.grad(call(*mine), mine, several, is_grads_batched=True)
    for ours, theirs in zip(batch, slopes, strict=True):
        near(ours[1], 3 * theirs, 3 * tolerance)

    _second_derivatives(call, mine, above, exact, slopes, tolerance)
    _frozen(call, tensors, dtype, above, slopes, tolerance)
    if dtype in (torch.float32, torch.float64):
        of_first = torch.func.grad(lambda x, *rest: (call(x, *rest) * above.to(value.dtype)).sum())
        near(of_first(*(x.detach() for x in mine)), slopes[0], tolerance)
    for leaf, was in zip(mine, before, strict=True):
        assert torch.equal(leaf.detach(), was), "an input was overwritten"


def _second_derivatives(
    call: Call, mine: list[Tensor], above: Tensor, exact: list[Tensor], slopes: tuple[Tensor, ...], tolerance: float
) -> None:
    value = call(*mine)
    found = torch.autograd.grad(value, mine, above.to(value.dtype), create_graph=True)
    ours = torch.autograd.grad(sum((g.square().sum() for g in found), value.new_zeros(())), mine, allow_unused=True)
    theirs = torch.autograd.grad(
        sum((g.square().sum() for g in slopes), slopes[0].new_zeros(())), exact, allow_unused=True, retain_graph=True
    )
    for a, b in zip(ours, theirs, strict=True):
        near(torch.zeros(()) if a is None else a, torch.zeros(()) if b is None else b, 100 * tolerance)


def _frozen(
    call: Call,
    tensors: tuple[Tensor, ...],
    dtype: torch.dtype,
    above: Tensor,
    slopes: tuple[Tensor, ...],
    tolerance: float,
) -> None:
    """Each set of tensors that are learned, the others held fixed."""
    for learned in product((False, True), repeat=len(tensors)):
        mine = [x.detach().to(dtype).requires_grad_(yes) for x, yes in zip(tensors, learned, strict=True)]
        value = call(*mine)
        assert value.requires_grad == any(learned)
        if any(learned):
            value.backward(above.to(value.dtype))
        for leaf, yes, theirs in zip(mine, learned, slopes, strict=True):
            assert (leaf.grad is not None) == yes
            if leaf.grad is not None:
                near(leaf.grad, theirs, tolerance)
