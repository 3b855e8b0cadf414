"""Logits and the log-probability of each token by definition: the whole matrix, in differentiable torch."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)


def all_logits(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The whole matrix of logits, fp32 or wider, in differentiable torch."""
    dtype = torch.promote_types(hidden.dtype, torch.float32)
    with torch.autocast(hidden.device.type, enabled=False):
        return F.linear(hidden.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype))


def token_logprobs(
    tensors: tuple[Tensor, ...], taken: Tensor, keep: Tensor, temperature: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The log-probability of each token and the entropy of what it was drawn from; 0 for tokens that do not count.

    Args:
        tensors: hidden states (rows, features), the head (classes, features) and, if there is one, its bias.
        taken: (rows,), class ids.
        keep: (rows,), which of them count.
        temperature: (rows,), what the logits are divided by; None for 1.
    """
    hidden, weight, *rest = tensors
    # A row that is left out may hold anything, NaN among it; neither value nor gradient may see that.
    hidden = torch.where(keep.unsqueeze(-1), hidden, torch.zeros((), dtype=hidden.dtype, device=hidden.device))
    logits = all_logits(hidden, weight, rest[0] if rest else None)
    if temperature is not None:
        logits = logits / temperature.unsqueeze(-1)
    logs = logits.log_softmax(-1)
    own = logs.gather(-1, torch.where(keep, taken, torch.zeros_like(taken)).unsqueeze(-1)).squeeze(-1)
    likely = logs.exp()
    entropy = -(likely * logs.masked_fill(likely == 0, 0.0)).sum(-1)
    nothing = torch.zeros_like(own)
    return torch.where(keep, own, nothing), torch.where(keep, entropy, nothing)
