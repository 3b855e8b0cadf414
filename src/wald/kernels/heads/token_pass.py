"""One pass over the tokens of a head, chunk by chunk: log-probabilities, what they are worth, and the gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .products import Products
from .token_softmax import Exponentials, exponentials

#: The slopes of what is minimised in each row's log-probability, and in its entropy.
Slopes = tuple[Tensor, Tensor | None]

#: Rows from here up to there, counted among those that count.
Span = tuple[int, int]


class Judge(Protocol):
    """Says what the tokens of one group are worth."""

    def __call__(self, group: int, logprob: Tensor, entropy: Tensor | None) -> Slopes | None:
        """The slopes of what is minimised in the log-probabilities and entropies of a group's rows; None for 0."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that a head is asked about, one entry for each row of the hidden states that counts.

    Attributes:
        taken: the class that was taken.
        groups: which rows are judged together.
        temperature: what logits are divided by; None for 1.
        entropy: whether the entropy of each row is wanted.
    """

    taken: Tensor
    groups: Sequence[Span]
    temperature: Tensor | None = None
    entropy: bool = False


def pass_over(products: Products, tokens: Tokens, judge: Judge) -> None:
    """Judge every group, and add to the gradients of the head what the judgement asks.

    A group whose logits can be held costs three products of matrices: logits, and two for the gradients. Of a larger
    one the logits are made twice.
    """
    step = max(products.plan.rows, 1)
    for group, (start, stop) in enumerate(tokens.groups):
        pieces = [(low, min(low + step, stop)) for low in range(start, stop, step)] or [(start, stop)]
        looked = [_looked_at(products, tokens, piece) for piece in pieces]
        entropies = [found.entropy for found in looked if found.entropy is not None]
        logprob = torch.cat([found.logprob for found in looked])
        slopes = judge(group, logprob, torch.cat(entropies) if entropies else None)
        if slopes is None:
            continue
        for low, high in pieces:
            # The logits of a group that was held whole are still there.
            found = looked[0] if len(pieces) == 1 else _looked_at(products, tokens, (low, high))
            part = slice(low - start, high - start)
            factor = found.slopes(slopes[0][part], None if slopes[1] is None else slopes[1][part])
            products.add(low, high, found.slab, factor)


def _looked_at(products: Products, tokens: Tokens, span: Span) -> Exponentials:
    rows = slice(*span)
    return exponentials(
        products.logits(*span),
        tokens.taken[rows],
        bias=products.head.bias,
        temperature=None if tokens.temperature is None else tokens.temperature[rows],
        entropy=tokens.entropy,
    )
