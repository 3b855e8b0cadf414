"""`wald.linear_plan`: what `wald.linear` will do with these tensors, and the memory that it will take."""

from __future__ import annotations

from torch import Tensor

from .arguments import refuse_head
from .budget import HeadPlan, head_plan
from .head import Head


def linear_plan(
    hidden: Tensor, weight: Tensor, *, memory_budget: int | None = None, recompute: bool = False
) -> HeadPlan:
    """The pieces in which `wald.linear` works through these rows, and the bytes that it takes beside its gradients.

    Only sizes, dtypes and `requires_grad` are looked at, so tensors on the meta device will do.

    Args:
        hidden: of shape (*batch, D).
        weight: of shape (V, D).
        memory_budget: as for `wald.linear`.
        recompute: whether the scores are made a second time, as for reduction="none".

    Raises:
        ValueError: sizes do not go together, or the budget is too small for one row of scores.

    >>> import torch, wald
    >>> hidden = torch.empty(8192, 4096, device="meta", requires_grad=True)
    >>> weight = torch.empty(128256, 4096, device="meta", requires_grad=True)
    >>> plan = wald.linear_plan(hidden, weight, memory_budget=256 << 20)
    >>> plan.lent, plan.rows, plan.chunks, plan.gemms
    (4096, 512, 9, 3)
    >>> plan.bytes <= 256 << 20
    True
    """
    refuse_head("linear_plan", hidden, Head(weight))
    products = int(hidden.requires_grad) + int(weight.requires_grad)
    return head_plan(
        hidden.shape[:-1].numel(),
        hidden.shape[-1],
        len(weight),
        dtype=hidden.dtype,
        memory_budget=memory_budget,
        matrix=weight.requires_grad,
        gemms=1 + products + int(recompute and products > 0),
    )
