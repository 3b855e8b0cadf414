"""Attacks on tokens: swap a few of each row for others."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .aims import Aim
from .curve import Curve
from .record import Record
from .victim import Victim

#: Swaps that are tried for each row and round: the best by the slope, or any.
_BY_SLOPE, _BLIND = 8, 24

#: Entries of a table of gains, (rows, positions, tokens), that are held at once.
_AT_ONCE = 20_000_000

#: Multiples of the stated number of swaps.
_SHARES = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, eq=False)
class Text:
    """What an adversary can do to rows of tokens.

    Attributes:
        swaps: how many tokens of a row may change.
        vocabulary: the tokens that can be put in, (tokens,).
        movable: which positions of each row may change, (rows, positions).
        embedding: the layer that reads the tokens; None where it is not known, and slopes cannot be followed.
    """

    swaps: int
    vocabulary: Tensor
    movable: Tensor
    embedding: nn.Embedding | None = None

    @classmethod
    def of(cls, model: object, inputs: Tensor, *, swaps: int, tokens: int, fixed: tuple[int, ...]) -> Text:
        """Any token of the vocabulary at any position, but for padding and positions that are held fixed."""
        layer = embedding_of(model, inputs)
        vocabulary = torch.arange(tokens, device=inputs.device)
        movable = torch.ones(inputs.shape, dtype=torch.bool, device=inputs.device)
        movable[:, list(fixed)] = False
        if layer is not None and layer.padding_idx is not None:
            movable &= inputs != layer.padding_idx
            vocabulary = vocabulary[vocabulary != layer.padding_idx]
        return cls(swaps, vocabulary, movable, layer)

    def part(self, rows: Tensor) -> Text:
        """The same for some of the rows."""
        return Text(self.swaps, self.vocabulary, self.movable[rows], self.embedding)


def swap_passes(reach: float) -> float:
    """How often a row goes through the model in `draw_swaps`, a slope counted as three."""
    return 2 * max(_SHARES) * max(1, round(reach)) * (_BLIND + 3)


def embedding_of(model: object, inputs: Tensor) -> nn.Embedding | None:
    """The embedding that the tokens themselves go into."""
    if not isinstance(model, nn.Module):
        return None
    few, found = inputs[:2], list[nn.Embedding]()

    def look(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if isinstance(layer, nn.Embedding) and given and given[0].shape == few.shape and bool((given[0] == few).all()):
            found.append(layer)

    handles = [one.register_forward_pre_hook(look) for one in model.modules() if isinstance(one, nn.Embedding)]
    try:
        with torch.no_grad():
            model(few)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def draw_swaps(victim: Victim, text: Text, source: torch.Generator) -> Curve:
    """Swap one token after another, each time the one that does most harm, up to twice the stated number."""
    counts = sorted({max(1, round(share * text.swaps)) for share in _SHARES})
    found = {count / text.swaps: Record(victim) for count in counts}
    aims = [victim.loss] if victim.margin is None else [victim.margin, victim.loss]
    for aim in aims:
        greedy(victim, text, aim, {count: found[count / text.swaps] for count in counts}, source)
    smaller: Record | None = None
    for share in sorted(found):
        if smaller is not None:
            found[share].absorb(smaller)
        smaller = found[share]
    chance: dict[float, Tensor] = {}
    for count in counts:
        moved = victim.inputs
        for _ in range(count):
            moved = _any(moved, victim.inputs, text, 1, source)[:, 0]
        chance[count / text.swaps] = victim.scores(moved).cpu()
    return Curve(found, chance)


def greedy(
    victim: Victim, text: Text, aim: Aim, records: dict[int, Record], source: torch.Generator, *, blind: bool = False
) -> None:
    """One swap a round, each at a position that has not been swapped; what is passed goes into the records.

    With the slope at the embedding the best swaps are guessed first, as in Ebrahimi et al. 2018 (arXiv:1712.06751)
    and Zou et al. 2023 (arXiv:2307.15043), and then tried.
    """
    rows, moved = victim.everyone, victim.inputs.clone()
    for done in range(1, max(records) + 1):
        record = records[min(count for count in records if count >= done)]
        within = text.part(rows)
        if text.embedding is None or blind:
            tried = _any(moved, victim.inputs[rows], within, _BLIND, source)
        else:
            tried = _guessed(victim, within, aim, moved, rows)
        many = tried.shape[1]
        repeated = rows.repeat_interleave(many)
        with torch.no_grad():
            score = torch.cat([victim.scores(part) for part in tried.flatten(0, 1).split(8192)])
            gain = aim(score, repeated).double().nan_to_num(nan=-torch.inf).reshape(len(rows), many)
        best = gain.argmax(-1)
        line = torch.arange(len(rows), device=rows.device)
        moved = tried[line, best]
        record.see(rows, moved, score[line * many + best])
        going = record.open(rows)
        rows, moved = rows[going], moved[going]
        if not len(rows):
            return


def _any(moved: Tensor, origin: Tensor, text: Text, many: int, source: torch.Generator) -> Tensor:
    """Random swaps, (rows, many, positions)."""
    free = (text.movable & (moved == origin)).double().cpu()
    # A row without a free position stays as it is.
    stuck = free.sum(-1) == 0
    free[stuck] = 1.0
    place = torch.multinomial(free, many, replacement=True, generator=source).to(moved.device)
    token = text.vocabulary[torch.randint(len(text.vocabulary), place.shape, generator=source).to(moved.device)]
    return _put(moved, place, token, stuck.to(moved.device))


def _guessed(victim: Victim, text: Text, aim: Aim, moved: Tensor, rows: Tensor) -> Tensor:
    """The swaps that promise most by the slope at the embedding, (rows, many, positions)."""
    assert text.embedding is not None  # noqa: S101
    table = text.embedding.weight.detach()
    entries = max(1, moved.shape[1] * len(text.vocabulary))
    parts: list[Tensor] = []
    for part in torch.arange(len(rows), device=rows.device).split(max(1, _AT_ONCE // entries)):
        tokens, own = moved[part], rows[part]
        with captured(text.embedding) as leaves, torch.enable_grad():
            value = aim(victim.forward(tokens), own).sum()
            (slope,) = torch.autograd.grad(value, leaves[0])
        gains = slope @ table[text.vocabulary].T - (slope * table[tokens]).sum(-1, keepdim=True)
        free = text.movable[part] & (tokens == victim.inputs[own])
        gains = gains.masked_fill(~free[..., None], -torch.inf).masked_fill(
            text.vocabulary == tokens[..., None], -torch.inf
        )
        best = gains.flatten(1).topk(min(_BY_SLOPE, entries)).indices
        size = len(text.vocabulary)
        parts.append(_put(tokens, best // size, text.vocabulary[best % size], ~free.any(-1)))
    return torch.cat(parts)


def _put(moved: Tensor, place: Tensor, token: Tensor, stuck: Tensor) -> Tensor:
    tried = moved[:, None].expand(-1, place.shape[1], -1).clone()
    tried.scatter_(2, place[..., None], token[..., None].to(tried.dtype))
    return torch.where(stuck[:, None, None], moved[:, None], tried)


@contextmanager
def captured(layer: nn.Embedding) -> Generator[list[Tensor]]:
    """What the layer gives, as leaves of the graph, so that there is a slope at it; the layer is left as it was."""
    leaves: list[Tensor] = []

    def take(_layer: nn.Module, _given: object, found: Tensor) -> Tensor:
        leaves.append(found.detach().requires_grad_())
        return leaves[-1]

    handle = layer.register_forward_hook(take)
    try:
        yield leaves
    finally:
        handle.remove()
