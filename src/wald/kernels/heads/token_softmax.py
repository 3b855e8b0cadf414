"""The softmax of a chunk of logits, in their own memory: what each token's log-probability and its slope need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from .cache_blocks import blocks

#: Logits no further than this from 0 need not be shifted: their exponentials and the sum of them are in range.
_PLAIN: Final = 60.0

#: Stands for the logarithm of 0 where it is multiplied by 0; its exponential is 0 in every dtype.
_NEVER: Final = -1e4


@dataclass(slots=True)
class Exponentials:
    """A chunk of logits as exp(logits - shift), row by row.

    Attributes:
        values: exp(logits - shift), (rows, classes), in the memory of the logits.
        total: the sum of each row of `values`.
        lse: the log-sum-exp of each row of logits.
        entropy: the entropy of each row's softmax in nats, where it was asked for.
    """

    values: Tensor
    total: Tensor
    lse: Tensor
    entropy: Tensor | None

    def slopes(self, taken: Tensor, of_logprob: Tensor, of_entropy: Tensor | None) -> tuple[Tensor, Tensor]:
        """What a function of the log-probabilities of `taken`, and of the entropies, changes by with the logits.

        Args:
            taken: one class id for each row.
            of_logprob: the slope of the function in each row's log-probability.
            of_entropy: its slope in each row's entropy, or None for 0.

        Returns:
            A matrix, in the memory of `values`, and a factor for each row; the slopes are their product. So the
            factor can be applied to the narrow side of a matrix product.
        """
        own = taken.unsqueeze(-1)
        total = self.total.unsqueeze(-1)
        if of_entropy is None or self.entropy is None:
            self.values.scatter_add_(-1, own, -total)
            return self.values, -of_logprob / self.total
        # dH/dz = -p (log p + H), beside dlog p_y/dz = 1_y - p.
        offset = (self.entropy - self.total.log()).unsqueeze(-1)
        for rows in blocks(self.values):
            e = self.values[rows]
            inner = e.log().clamp_(min=_NEVER).add_(offset[rows]).mul_(of_entropy[rows].unsqueeze(-1))
            e.mul_(inner.add_(of_logprob[rows].unsqueeze(-1)))
        self.values.scatter_add_(-1, own, -total * of_logprob.unsqueeze(-1))
        return self.values, -self.total.reciprocal()


def exponentials(logits: Tensor, *, entropy: bool = False) -> Exponentials:
    """The exponentials of each row, written over the logits, and what can be told of the row by them."""
    rows = len(logits)
    total, shift = logits.new_empty(rows), logits.new_empty(rows)
    mean = logits.new_empty(rows) if entropy else None
    for part in blocks(logits):
        z = logits[part]
        top = z.amax(-1)
        if logits.device.type == "cpu" and _plain(top):
            top.zero_()
        else:
            # A row without a finite logit keeps its NaN or its infinity, and shows it.
            top = torch.where(top == -torch.inf, torch.zeros_like(top), top)
            z.sub_(top.unsqueeze(-1))
        shift[part] = top
        if mean is None:
            z.exp_()
        else:
            centred = z.clamp(min=_NEVER)
            z.exp_()
            mean[part] = centred.mul_(z).sum(-1)
        total[part] = z.sum(-1)
    logs = total.log()
    spread = None if mean is None else logs - mean / total
    return Exponentials(logits, total, logs.add_(shift) if spread is None else logs + shift, spread)


def _plain(top: Tensor) -> bool:
    least, most = torch.aminmax(top)
    return least.item() >= -_PLAIN and most.item() <= _PLAIN
