"""The products of a head: what a GPU multiplies in half precision is summed in fp32, and nothing underflows."""

import pytest
import torch

from wald.kernels.heads.budget import head_plan
from wald.kernels.heads.head import Head, LowRank, Needed
from wald.kernels.heads.products import Products

ALL = Needed(hidden=True, weight=True, bias=True, down=True, up=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("as_they_are", [False, True])
@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("factored", [False, True])
def test_sums_over_chunks(dtype: torch.dtype, as_they_are: bool, some: bool, factored: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    x, w, b, down, up = (
        torch.randn(shape, generator=rng).to(dtype) for shape in ((50, 12), (301, 12), (301,), (3, 12), (301, 3))
    )
    index = torch.randperm(50, generator=rng)[:41] if some else None
    count = 50 if index is None else 41
    plan = head_plan(count, 12, 301, dtype=dtype, memory_budget=60_000, matrix=not factored)
    products = Products(Head(w, b, LowRank(down, up, 0.5)), x, ALL, plan, index)
    if as_they_are:
        # What a GPU does; there torch also sums up in fp32 by itself.
        products._as_they_are, products._widened, products._step = dtype != torch.float32, None, 24
    # Such as the mean over many tokens makes them: fp16 alone has no room for it.
    slopes = torch.randn(count, 301, generator=rng) * 1e-7
    factor = torch.rand(count, generator=rng) * 1e-3 if factored else None
    assert plan.chunks > 1
    chosen = x.double() if index is None else x.double()[index]
    matrix = w.double() + 0.5 * up.double() @ down.double()
    for start, stop in plan.spans(count):
        slab = products.logits(start, stop)
        want = chosen[start:stop] @ matrix.T
        for part, piece in slab.pieces:
            assert (piece.double() - want[:, part]).abs().max() < 1e-5 * want.abs().max()
            piece.copy_(slopes[start:stop, part])
        products.add(start, stop, slab, None if factor is None else factor[start:stop])
    g = slopes.double() if factor is None else slopes.double() * factor.double().unsqueeze(-1)
    of_hidden = torch.zeros(50, 12, dtype=torch.float64)
    of_hidden[slice(None) if index is None else index] = g @ matrix
    wanted = {
        "hidden": of_hidden,
        "weight": g.T @ chosen,
        "bias": g.sum(0),
        "down": 0.5 * up.double().T @ g.T @ chosen,
        "up": 0.5 * g.T @ chosen @ down.double().T,
    }
    loose = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}[dtype]
    for name, want in wanted.items():
        found = products.sums[name].double()
        assert (found - want).norm() < loose * want.norm(), name
