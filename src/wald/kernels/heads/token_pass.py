"""One pass over the tokens of a head, chunk by chunk: log-probabilities, what they are worth, and the gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .row_products import HeadProducts
from .token_softmax import Exponentials, exponentials

#: The slopes of what is minimised in each row's log-probability, and in its entropy.
Slopes = tuple[Tensor, Tensor | None]


class Judge(Protocol):
    """Says what the tokens of one group are worth."""

    def __call__(self, group: int, logprob: Tensor, entropy: Tensor | None) -> Slopes | None:
        """The slopes of what is minimised in the log-probabilities and entropies of a group's rows; None for 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens that a head is asked about.

    Attributes:
        taken: for each row of the hidden states the class that was taken, a valid id wherever the row is used.
        groups: which rows are judged together; a row belongs to one group at most.
        rows: how many rows of logits may be held.
        temperature: what logits are divided by: None for 1, or one number for each row.
        entropy: whether the entropy of each row is wanted.
    """

    taken: Tensor
    groups: Sequence[Tensor]
    rows: int
    temperature: Tensor | None = None
    entropy: bool = False


def pass_over(head: HeadProducts, tokens: Tokens, judge: Judge) -> None:
    """Judge every group, and add to the gradients of the head what the judgement asks.

    A group whose logits can be held costs three products of matrices: logits, and two for the gradients. Of a larger
    one the logits are made twice.
    """
    longest = max((len(rows) for rows in tokens.groups), default=0)
    buffer = head.buffer(min(longest, tokens.rows))
    for group, rows in enumerate(tokens.groups):
        pieces = rows.split(max(len(buffer), 1))
        looked = [_looked_at(head, tokens, piece, buffer) for piece in pieces]
        logprob = torch.cat([own for own, _ in looked])
        entropies = [found.entropy for _, found in looked if found.entropy is not None]
        slopes = judge(group, logprob, torch.cat(entropies) if entropies else None)
        if slopes is None or not head.needed:
            continue
        start = 0
        for piece in pieces:
            # The logits of a group that was held whole are still there.
            found = looked[0][1] if len(pieces) == 1 else _looked_at(head, tokens, piece, buffer)[1]
            span = slice(start, start + len(piece))
            start += len(piece)
            of_entropy = None if slopes[1] is None else slopes[1][span]
            matrix, factor = found.slopes(tokens.taken[piece], slopes[0][span], of_entropy)
            if tokens.temperature is not None:
                factor = factor / tokens.temperature[piece]
            head.add(piece, matrix, factor)


def _looked_at(head: HeadProducts, tokens: Tokens, rows: Tensor, buffer: Tensor) -> tuple[Tensor, Exponentials]:
    logits = head.logits(rows, buffer)
    if tokens.temperature is not None:
        logits.mul_(tokens.temperature[rows].reciprocal().unsqueeze(-1))
    own = logits.gather(-1, tokens.taken[rows].unsqueeze(-1)).squeeze(-1)
    found = exponentials(logits, entropy=tokens.entropy)
    return own - found.lse, found
