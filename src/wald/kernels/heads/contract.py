"""A pass over the rows of a head under the whole contract of autograd.

Where it is known beforehand how much each value counts, the gradient is made beside the value (three products);
elsewhere, and for what is asked a second time, the logits are made again (four). Unlike `one_pass` and `two_passes`,
which give one value, a head may give outputs that are differentiated too.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from ...core.tensors import without_autocast
from ..one_pass import batched, differentiable, scaled
from .head import Head, Needed
from .rows import Results, Upstream

#: What is differentiated by: hidden rows (rows, D), then the tensors of the head, all of one dtype but for the bias.
Tensors = tuple[Tensor, ...]


class Job(Protocol):
    """One call of a loss of a head: its values and outputs, by a kernel and by the definition."""

    @property
    def head(self) -> Head:
        """The form of the head; its tensors are passed along."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs that are asked for beside the values."""
        ...

    @property
    def smooth(self) -> tuple[str, ...]:
        """Those of them that are differentiable."""
        ...

    def passed(
        self, head: Head, hidden: Tensor, needed: Needed, upstream: Upstream | None
    ) -> tuple[Results, list[Tensor | None]]:
        """One pass: what is found out, and, with an upstream, the gradients, in the order of tensors."""
        ...

    def defined(self, head: Head, hidden: Tensor) -> dict[str, Tensor]:
        """The values ("loss") and the outputs, in differentiable torch."""
        ...


def passed(job: Job, share: Tensor | None, *tensors: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
    """The total (where the share is known, else the values), the outputs, the values alone, and what was dropped.

    Args:
        job: what is computed.
        share: by how much the total depends on each value; None where that is not known yet.
        tensors: what is differentiated by.
    """
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        first, values, dropped, *outputs = _Pass.apply(job, share, *tensors)  # pyright: ignore[reportGeneralTypeIssues]
        return first, dict(zip(job.names, outputs, strict=True)), values, dropped
    results, _ = _run(job, Needed(), tensors, None)
    first = results.values if share is None else total(results.values, share)
    return first, results.outputs, results.values, first.new_full((), results.dropped)


def total(values: Tensor, share: Tensor) -> Tensor:
    """Σ share · value."""
    # A value that does not count may be anything, and 0 · ∞ is NaN.
    counted = values * share if share.ndim == 0 else torch.where(share == 0, torch.zeros_like(values), values * share)
    return counted.sum()


def _run(job: Job, needed: Needed, tensors: Tensors, upstream: Upstream | None) -> tuple[Results, list[Tensor | None]]:
    hidden, *held = (x.detach() for x in tensors)
    # The operands have the dtype that autocast asks for, and their sums must stay wide.
    with without_autocast(hidden):
        return job.passed(job.head.holding(tuple(held)), hidden, Needed() if upstream is None else needed, upstream)


class _Pass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, job: Job, share: Tensor | None, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.job, ctx.share, ctx.needed = job, share, Needed.of(job.head, ctx.needs_input_grad[2:])
        ctx.save_for_backward(*tensors)
        results, ctx.gradients = _run(job, ctx.needed, tensors, None if share is None else Upstream(share))
        if share is None:
            # The same numbers twice: one that is differentiated, one that is only looked at.
            first, values, ctx.gradients = results.values, results.values.clone(), None
        else:
            first, values = total(results.values, share), results.values
        dropped = first.new_full((), results.dropped)
        rough = (x for name, x in results.outputs.items() if name not in job.smooth)
        ctx.mark_non_differentiable(values, dropped, *rough)
        return first, values, dropped, *(results.outputs[name] for name in job.names)

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor | None) -> tuple[Tensor | None, ...]:
        job: Job = ctx.job
        share: Tensor | None = ctx.share
        tensors: Tensors = ctx.saved_tensors
        given = {n: up for n, up in zip(job.names, upstreams[3:], strict=True) if up is not None and n in job.smooth}
        first = upstreams[0]
        many = any(up is not None and batched(up) for up in upstreams)
        if torch.is_grad_enabled() or (many and (given or share is None)):
            asked = given if first is None else {"loss": first, **given}
            return None, None, *_defined(job, share, tensors, ctx.needs_input_grad[2:], asked)
        if share is not None and not given and first is not None:
            # They are given away, so that autograd need not copy them; a second backward makes them anew.
            gradients, ctx.gradients = ctx.gradients, None
            if gradients is None:
                gradients = _run(job, ctx.needed, tensors, Upstream(share))[1]
            found = [None if g is None else scaled(g, first) for g in gradients]
        else:
            wide = torch.promote_types(torch.float32, tensors[0].dtype)
            nothing = tensors[0].new_zeros((), dtype=wide)
            loss = nothing if first is None else first if share is None else first * share
            found = _run(job, ctx.needed, tensors, Upstream(loss, given))[1]
        return None, None, *(None if g is None else g.to(x.dtype) for g, x in zip(found, tensors, strict=True))


def _defined(
    job: Job, share: Tensor | None, tensors: Tensors, needed: tuple[bool, ...], asked: dict[str, Tensor]
) -> tuple[Tensor | None, ...]:
    """The gradients of what is asked as the definition gives them, in a graph of their own."""

    def definition(hidden: Tensor, *held: Tensor) -> list[Tensor]:
        with without_autocast(hidden):
            found = job.defined(job.head.holding(held), hidden)
            if share is not None:
                found["loss"] = total(found["loss"], share)
        return [found[name] for name in asked]

    return differentiable(definition, tensors, needed, list(asked.values()))
