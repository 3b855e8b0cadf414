"""The worst that has been seen of each row."""

from __future__ import annotations

import torch
from torch import Tensor

from .region import Region
from .victim import Victim


class Record:
    """The worst inputs of each row: by the metric, and by the loss.

    Attributes:
        victim: whose rows they are.
        inputs: the worst by the metric; of equal ones, that of the largest loss.
        harm: what they cost by the metric.
        loss: their loss.
        most: the largest loss that was seen of each row, wherever it was.
        right: whether every decision that was seen was right, (rows,); None where there are no decisions.
    """

    def __init__(self, victim: Victim) -> None:
        """Begin with the rows as they are."""
        self.victim = victim
        rows = victim.everyone
        self.inputs = victim.inputs.clone()
        self.harm = victim.harm(victim.plain, rows)
        self.loss = self._loss(victim.plain, rows)
        self.most = self.loss.clone()
        self.right = None if victim.margin is None or victim.space is None else self._right(victim.plain, rows)

    def see(self, rows: Tensor, inputs: Tensor, score: Tensor) -> Tensor:
        """Keep what is worse than before; the harm of each."""
        harm, loss = self.victim.harm(score, rows), self._loss(score, rows)
        place = rows.cpu()
        worse = (harm > self.harm[place]) | ((harm == self.harm[place]) & (loss > self.loss[place]))
        at, those = place[worse], worse.to(inputs.device)
        self.inputs[rows[those]] = inputs[those]
        self.harm[at], self.loss[at] = harm[worse], loss[worse]
        self.most[place] = torch.maximum(self.most[place], loss)
        if self.right is not None:
            self.right[place] &= self._right(score, rows)
        return harm

    def open(self, rows: Tensor) -> Tensor:
        """Which of these rows could still cost more, (rows,)."""
        ceiling = self.victim.ceiling
        if ceiling is None:
            return torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        place = rows.cpu()
        return (self.harm[place] < ceiling[place]).to(rows.device)

    @property
    def left(self) -> Tensor:
        """The rows that could still cost more."""
        everyone = self.victim.everyone
        return everyone[self.open(everyone)]

    def absorb(self, other: Record, region: Region | None = None) -> None:
        """Take over what is worse in another record, as far as it lies in a region."""
        inside = torch.ones_like(self.harm, dtype=torch.bool) if region is None else region.holds(other.inputs).cpu()
        worse = inside & ((other.harm > self.harm) | ((other.harm == self.harm) & (other.loss > self.loss)))
        shape = (-1,) + (1,) * (self.inputs.ndim - 1)
        self.inputs = torch.where(worse.to(self.inputs.device).reshape(shape), other.inputs, self.inputs)
        self.harm = torch.where(worse, other.harm, self.harm)
        self.loss = torch.where(worse, other.loss, self.loss)
        self.most = torch.maximum(self.most, self.loss)
        if self.right is not None and other.right is not None:
            # Where it was wrong is only known of the worst inputs, which may lie outside.
            self.right &= other.right if region is None else other.right | ~inside

    def _right(self, score: Tensor, rows: Tensor) -> Tensor:
        assert self.victim.margin is not None  # noqa: S101
        with torch.no_grad():
            return (self.victim.margin(score, rows) < 0).cpu()

    def _loss(self, score: Tensor, rows: Tensor) -> Tensor:
        with torch.no_grad():
            return self.victim.loss(score, rows).detach().cpu().double().nan_to_num(nan=-torch.inf)
