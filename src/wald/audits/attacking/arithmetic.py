"""What it costs to pass a row through a module, counted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..evidence import in_use


def multiplications(model: Any, inputs: Tensor) -> float:
    """How many multiplications a row takes in a module's linear, convolutional and recurrent parts; 0 where unknown.

    torch's own counter of operations loads its compiler, which takes longer than most attacks.
    """
    if not isinstance(model, nn.Module):
        return 0.0
    few = inputs[:2]
    total = 0.0

    def count(part: nn.Module, _given: object, found: object) -> None:
        nonlocal total
        first: Any = found[0] if isinstance(found, tuple) and found else found
        own = list(part.parameters(recurse=False))
        if not own or not isinstance(first, Tensor) or isinstance(part, nn.Embedding | nn.EmbeddingBag):
            return
        weight = getattr(part, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1:
            # Each weight is used once for each place of the output: a pixel, a word.
            total += weight.numel() * first.numel() / weight.shape[0]
        else:
            total += sum(one.numel() for one in own) * first.numel() / max(1, first.shape[-1] if first.ndim else 1)

    handles = [part.register_forward_hook(count) for part in model.modules()]
    try:
        with torch.no_grad(), in_use(model):
            model(few)
    finally:
        for handle in handles:
            handle.remove()
    return total / len(few)
