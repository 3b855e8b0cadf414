"""The softmax of a chunk of logits, in their own memory: what each token's log-probability and its slope need.

Beside `SoftmaxRows`, which turns a block into its gradient at once: there it is known what each row counts. Here that
follows from all rows of the chunk, so the exponentials wait for it, and a factor a row normalises them then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from .cache_blocks import blocks, scored
from .slab import Slab

#: Logits no further than this from 0 need not be shifted: their exponentials and the sum of them are in range.
_PLAIN: Final = 60.0

#: Stands for the logarithm of 0 where it is multiplied by 0; its exponential is 0 in every dtype.
_NEVER: Final = -1e4


@dataclass(slots=True)
class Exponentials:
    """A chunk of logits as exp(logits - shift), row by row.

    Attributes:
        slab: exp(logits - shift), (rows, classes), in the memory of the logits.
        total: the sum of each row of them.
        taken: one class id for each row.
        logprob: its log-probability.
        entropy: the entropy of each row's softmax in nats, where it was asked for.
        temperature: what the logits were divided by, one number a row; None for 1.
    """

    slab: Slab
    total: Tensor
    taken: Tensor
    logprob: Tensor
    entropy: Tensor | None
    temperature: Tensor | None

    def slopes(self, of_logprob: Tensor, of_entropy: Tensor | None) -> Tensor:
        """Write over the logits the slopes in them of a function of the log-probabilities and entropies.

        Args:
            of_logprob: the slope of the function in each row's log-probability.
            of_entropy: its slope in each row's entropy, or None for 0.

        Returns:
            A factor for each row that is yet to be multiplied, on the narrow side of a matrix product.
        """
        own, total = self.taken.unsqueeze(-1), self.total.unsqueeze(-1)
        values = self.slab.whole
        scale = self.total if self.temperature is None else self.total * self.temperature
        if of_entropy is None or self.entropy is None:
            values.scatter_add_(-1, own, -total)
            return -of_logprob / scale
        # dH/dz = -p (log p + H), beside dlog p_y/dz = 1_y - p.
        offset = (self.entropy - self.total.log()).unsqueeze(-1)
        for rows in blocks(values):
            e = values[rows]
            inner = e.log().clamp_(min=_NEVER).add_(offset[rows]).mul_(of_entropy[rows].unsqueeze(-1))
            e.mul_(inner.add_(of_logprob[rows].unsqueeze(-1)))
        values.scatter_add_(-1, own, -total * of_logprob.unsqueeze(-1))
        return -scale.reciprocal()


def exponentials(
    slab: Slab,
    taken: Tensor,
    *,
    bias: Tensor | None = None,
    temperature: Tensor | None = None,
    entropy: bool = False,
) -> Exponentials:
    """The exponentials of each row, written over the logits, and what can be told of the row by them.

    Args:
        slab: the logits of a chunk of rows, but for bias and temperature; not lent.
        taken: one class id for each row.
        bias: one number a class, or None.
        temperature: what logits are divided by, one number a row; None for 1.
        entropy: whether the entropies are wanted.
    """
    logits = slab.whole
    # What is done once for all rows is not done in each block: there a call costs as much as a thousand logits.
    own = logits.gather(-1, taken.unsqueeze(-1)).squeeze(-1)
    if bias is not None:
        own.add_(bias[taken])
    if temperature is not None:
        own.mul_(temperature.reciprocal())
    total, shift = torch.empty_like(own), torch.zeros_like(own)
    mean = torch.empty_like(total) if entropy else None
    for part, z in scored(logits, bias, temperature):
        top = z.amax(-1)
        if logits.device.type != "cpu" or not _plain(top):
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
        torch.sum(z, -1, out=total[part])
    logs = total.log()
    spread = None if mean is None else logs - mean / total
    return Exponentials(slab, total, taken, own - (logs + shift), spread, temperature)


def _plain(top: Tensor) -> bool:
    least, most = torch.aminmax(top)
    return least.item() >= -_PLAIN and most.item() <= _PLAIN
