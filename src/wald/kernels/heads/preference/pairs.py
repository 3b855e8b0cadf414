"""Which tokens belong to which answer, and pairs of answers in groups whose logits can be held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ....core.tensors import wide

#: Pairs of short answers are taken together up to so many rows, at which products of matrices are at their speed.
ROWS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The tokens of all answers, those of the chosen ones first, one entry a row of the hidden states.

    Attributes:
        pairs: how many pairs there are.
        taken: the ids.
        keep: which tokens count.
        answer: the number of the answer: that of its pair, and for rejected ones `pairs` more.
        lengths: for each answer how many of its tokens count.
    """

    pairs: int
    taken: Tensor
    keep: Tensor
    answer: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, chosen: Tensor, rejected: Tensor, ignore_index: int) -> Answers:
        """From labels, (pairs, length) each."""
        pairs = len(chosen)
        number = torch.arange(2 * pairs, device=chosen.device)
        sides = (chosen, rejected)
        taken = torch.cat([x.reshape(-1) for x in sides]).long()
        keep = taken != ignore_index
        answer = torch.cat(
            [number[k * pairs : (k + 1) * pairs].unsqueeze(-1).expand(x.shape).reshape(-1) for k, x in enumerate(sides)]
        )
        lengths = torch.cat([(x != ignore_index).sum(-1) for x in sides])
        return cls(pairs=pairs, taken=taken, keep=keep, answer=answer, lengths=lengths)

    def sums(self, values: Tensor) -> Tensor:
        """For each answer the sum over its tokens, in float64 where there is such."""
        each = wide(values)
        # A sum of a thousand log-probabilities has lost three digits of fp32, and the loss looks at differences.
        return each.new_zeros(2 * self.pairs).index_add(0, self.answer, each)

    def groups(self, counted: Tensor, rows: int) -> tuple[Tensor, list[Group]]:
        """The rows of the tokens that count, pair by pair, and the pairs that count, in groups.

        Args:
            counted: for each pair whether it counts.
            rows: how many rows of logits may be held; a pair with more is a group of its own.
        """
        pair = self.answer % self.pairs
        index = (self.keep & counted[pair]).nonzero().squeeze(-1)
        # By pair, and in a pair the chosen answer first.
        index = index[pair[index].argsort(stable=True)]
        lengths = self.lengths.reshape(2, -1).sum(0).tolist()
        found: list[Group] = []
        start = 0
        for pairs in packed(counted.nonzero().squeeze(-1).tolist(), lengths, rows):
            stop = start + sum(lengths[k] for k in pairs)
            found.append(Group(pairs=torch.tensor(pairs, device=index.device), span=(start, stop)))
            start = stop
        return index, found


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some pairs whose tokens are looked at together.

    Attributes:
        pairs: their numbers, ascending.
        span: where their tokens are, among those that count.
    """

    pairs: Tensor
    span: tuple[int, int]


def packed(pairs: list[int], lengths: list[int], most: int) -> list[list[int]]:
    """The pairs, in order, in groups of at most so many rows together; a pair is never divided.

    >>> from wald.kernels.heads.preference.pairs import packed
    >>> packed([0, 1, 3], [3, 4, 9, 20], most=10)
    [[0, 1], [3]]
    """
    found: list[list[int]] = []
    room = 0
    for pair in pairs:
        if not found or lengths[pair] > room:
            found.append([])
            room = most
        found[-1].append(pair)
        room -= lengths[pair]
    return found
