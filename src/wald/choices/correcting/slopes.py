"""How steep a loss is in what a model emits, under each label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...audits.costing.cost import Cost
from ...core import Loss

Foreign = Callable[..., Any]


def slope(loss: Foreign, raw: Tensor, label: Tensor) -> Tensor:
    """The derivative of each row's loss in its own entries of `raw`, differentiable where `raw` is.

    Raises:
        Exception: whatever the loss raises; ValueError where it has no derivative.
    """
    # Whatever was made in inference mode has to be made again, for a gradient to go through it.
    with torch.inference_mode(False), torch.enable_grad():
        x = raw if raw.requires_grad else raw.detach().clone().requires_grad_(True)
        total = values(loss, x, label.clone())
        if not total.requires_grad:
            raise ValueError("its value does not depend on the prediction by anything that torch can differentiate")
        return torch.autograd.grad(total.sum(), x, create_graph=raw.requires_grad)[0]


def slopes(loss: Foreign, raw: Tensor) -> tuple[Tensor, Tensor]:
    """The slopes if every label were yes, and if every one were no; of the shape of `raw`."""
    return slope(loss, raw, torch.ones_like(raw)), slope(loss, raw, torch.zeros_like(raw))


def slopes_by_class(loss: Foreign, raw: Tensor) -> Tensor:
    """The slopes under each class: (rows, true class, entry of `raw`)."""
    classes = raw.shape[-1]
    ids = (torch.full(raw.shape[:-1], k, dtype=torch.long, device=raw.device) for k in range(classes))
    return torch.stack([slope(loss, raw, one) for one in ids], -2)


def values(loss: Foreign, x: Tensor, label: Tensor) -> Tensor:
    """One value a row."""
    if isinstance(loss, Loss):
        # The bare definition: it can be differentiated twice, and what is asked for is inside the domain.
        return loss.plain.per_example(x, label)
    return Cost(loss, x, label).each(x, label)
