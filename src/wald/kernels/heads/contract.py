"""A pass over the rows of a head under the whole contract of autograd.

Where it is known beforehand how much each row counts, the gradient is made beside the value (three products);
elsewhere, and for what is asked a second time, the logits are made again (four).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .budget import HeadPlan
from .head import Head, Needed
from .products import Products
from .rows import SMOOTH, Results, Rows, Upstream

#: `definition(hidden, *head.tensors())`: the first result and the smooth outputs, in differentiable torch.
Definition = Callable[..., tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One call of a loss of a head.

    Attributes:
        head: its form; the tensors are passed along with the hidden rows, in the order of `Head.tensors`.
        rows: what is done with logits.
        shape: that of the values, (rows that count,) or with the classes behind.
        index: the hidden rows that count; None for all.
        names: the outputs that are asked for.
        share: by how much the total depends on the loss of each row; None where that is not known yet.
        plan: the pieces, from what is needed.
        filtering: the share of the gradient's mass that may be left out of the products; None for nothing.
        definition: what serves where a gradient is itself differentiated.
    """

    head: Head
    rows: Rows
    shape: tuple[int, ...]
    index: Tensor | None
    names: tuple[str, ...]
    share: Tensor | None
    plan: Callable[[Needed, bool], HeadPlan]
    definition: Definition
    filtering: float | None = None

    def results(self, hidden: Tensor) -> Results:
        """Room for what will be found out."""
        wide = torch.promote_types(torch.float32, hidden.dtype)
        kinds = {"argmax": torch.int64, "correct": torch.bool}
        count = self.shape[0]
        return Results(
            hidden.new_zeros(self.shape, dtype=wide),
            {name: hidden.new_zeros(count, dtype=kinds.get(name, wide)) for name in self.names},
        )

    def run(
        self, needed: Needed, tensors: tuple[Tensor, ...], upstream: Upstream | None
    ) -> tuple[Results, list[Tensor | None]]:
        """One pass: what is found out, and, with an upstream, the gradients, in the order of tensors."""
        hidden, *held = (x.detach() for x in tensors)
        head = self.head.holding(tuple(held))
        plan = self.plan(needed, upstream is not None)
        products = Products(
            head, hidden, needed if upstream is not None else Needed(), plan, self.index, filtering=self.filtering
        )
        results = self.results(hidden)
        with without_autocast(hidden):
            self._pass(products, plan, results, upstream)
        results.dropped = products.dropped / products.mass if self.filtering is not None and products.mass else 0.0
        return results, [products.sums.get(name) for name in Needed.names(head)]

    def _pass(self, products: Products, plan: HeadPlan, results: Results, upstream: Upstream | None) -> None:
        head = products.head
        for start, stop in plan.spans(self.shape[0]):
            slab = products.logits(start, stop)
            for low in range(start, stop, plan.block):
                high = min(low + plan.block, stop)
                block = slab.read(low - start, high - start)
                if head.bias is not None:
                    block += head.bias
                self.rows.work(slice(low, high), block, results, upstream)
                if upstream is not None:
                    slab.write(low - start, high - start, block)
            if upstream is not None:
                products.add(start, stop, slab)


def without_autocast(hidden: Tensor) -> AbstractContextManager[object]:
    """No autocast: the operands have the dtype that it asks for, and their sums must stay wide."""
    device = hidden.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def passed(job: Job, *tensors: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
    """The total (where the share is known, else the values), the outputs, the values alone, and what was dropped.

    Args:
        job: what is computed.
        tensors: hidden rows (rows, D), then the tensors of the head, all of one dtype.
    """
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        first, values, dropped, *outputs = _Pass.apply(job, *tensors)  # pyright: ignore[reportGeneralTypeIssues]
        return first, dict(zip(job.names, outputs, strict=True)), values, dropped
    results, _ = job.run(Needed(), tensors, None)
    first = results.values if job.share is None else total(results.values, job.share)
    return first, results.outputs, results.values, first.new_tensor(results.dropped)


def total(values: Tensor, share: Tensor) -> Tensor:
    """Σ share · value."""
    # A value that does not count may be anything, and 0 · ∞ is NaN.
    counted = values * share if share.ndim == 0 else torch.where(share == 0, torch.zeros_like(values), values * share)
    return counted.sum()


class _Pass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, job: Job, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.job, ctx.needed = job, Needed.of(job.head, ctx.needs_input_grad[1:])
        ctx.save_for_backward(*tensors)
        upstream = None if job.share is None else Upstream(job.share)
        results, ctx.gradients = job.run(ctx.needed, tensors, upstream)
        if job.share is None:
            # The same numbers twice: one that is differentiated, one that is only looked at.
            first, values, ctx.gradients = results.values, results.values.clone(), None
        else:
            first, values = total(results.values, job.share), results.values
        dropped = first.new_tensor(results.dropped)
        ctx.mark_non_differentiable(values, dropped, *(x for name, x in results.outputs.items() if name not in SMOOTH))
        return first, values, dropped, *results.outputs.values()

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor | None) -> tuple[Tensor | None, ...]:
        job: Job = ctx.job
        tensors: tuple[Tensor, ...] = ctx.saved_tensors
        given = {n: up for n, up in zip(job.names, upstreams[3:], strict=True) if up is not None and n in SMOOTH}
        first = upstreams[0]
        batched = any(up is not None and _batched(up) for up in upstreams)
        if torch.is_grad_enabled() or (batched and (given or job.share is None)):
            asked = (first, *(given.get(name) for name in job.names if name in SMOOTH))
            return None, *_differentiable(job, tensors, ctx.needs_input_grad[1:], asked)
        gradients: list[Tensor | None] | None = None
        if job.share is not None and not given and first is not None:
            # They are given away, so that autograd need not copy them; a second backward makes them anew.
            gradients, ctx.gradients = ctx.gradients, None
            if gradients is None:
                gradients = job.run(ctx.needed, tensors, Upstream(job.share))[1]
            found = [None if g is None else _scaled(g, first) for g in gradients]
        else:
            wide = torch.promote_types(torch.float32, tensors[0].dtype)
            nothing = tensors[0].new_zeros((), dtype=wide)
            loss = nothing if first is None else first if job.share is None else first * job.share
            found = job.run(ctx.needed, tensors, Upstream(loss, given))[1]
        return None, *(None if g is None else g.to(x.dtype) for g, x in zip(found, tensors, strict=True))


def _differentiable(
    job: Job, tensors: tuple[Tensor, ...], flags: tuple[bool, ...], asked: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """The gradients as the definition gives them, in a graph of their own."""
    with torch.enable_grad():
        # Hidden states may come from the matrix itself (tied weights): behind views, no tensor stands behind another.
        apart = [x.view_as(x) for x in tensors]
        found = [(value, up) for value, up in zip(job.definition(*apart), asked, strict=True) if up is not None]
        wanted = [x for x, is_needed in zip(apart, flags, strict=True) if is_needed]
        values, pulls = [value for value, _ in found], [up for _, up in found]
        grads = iter(torch.autograd.grad(values, wanted, pulls, create_graph=True, allow_unused=True))
    return [next(grads) if is_needed else None for is_needed in flags]


def _batched(x: Tensor) -> bool:
    """Whether this is a batch of upstream gradients (`is_grads_batched`)."""
    return torch._C._functorch.is_legacy_batchedtensor(x)  # pyright: ignore  (no public equivalent)


def _scaled(gradient: Tensor, upstream: Tensor) -> Tensor:
    """The gradient times what comes from above, in the memory of the gradient."""
    if _batched(upstream):
        return gradient * upstream
    if upstream.device.type == "cpu" and upstream.item() == 1:
        return gradient
    return gradient.mul_(upstream)
