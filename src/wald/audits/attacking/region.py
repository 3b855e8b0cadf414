"""Where the inputs of an attack may go."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Choice:
    """Columns that hold one of several things together: a code, or the flags of a category.

    Attributes:
        columns: their numbers, (columns,).
        options: what they can hold, (options, columns).
    """

    columns: Tensor
    options: Tensor


@dataclass(frozen=True, eq=False)
class Region:
    """The inputs that each row may become: near to what it is, never beyond what can occur, and of its kind.

    Attributes:
        origin: the rows as they are, (rows, ...).
        size: how far each entry may move, (...); 0 to hold it fixed.
        low: the least that each entry of each row may be; minus infinity where only its choice says.
        high: the most.
        step: entries move in multiples of this, (...); 0 for any amount.
        choices: columns that change from one option to another.
    """

    origin: Tensor
    size: Tensor
    low: Tensor
    high: Tensor
    step: Tensor | None = None
    choices: tuple[Choice, ...] = ()

    @classmethod
    def around(
        cls,
        origin: Tensor,
        size: Tensor,
        limits: tuple[Tensor, Tensor],
        step: Tensor | None = None,
        choices: tuple[Choice, ...] = (),
    ) -> Region:
        """So far around each row, within the limits of each entry."""
        size, least, most = (one.to(origin) for one in (size, *limits))
        # What already lies outside its limits stays where it is.
        low = torch.maximum(origin - size, torch.minimum(least, origin))
        high = torch.minimum(origin + size, torch.maximum(most, origin))
        for choice in choices:
            low[:, choice.columns], high[:, choice.columns] = -torch.inf, torch.inf
        stepped = step is not None and bool((step > 0).any())
        return cls(origin, size, low, high, step.to(origin) if step is not None and stepped else None, choices)

    @property
    def discrete(self) -> bool:
        """Whether some of it has no slope to follow: steps, or choices."""
        return self.step is not None or bool(self.choices)

    def part(self, rows: Tensor) -> Region:
        """The same for some of the rows."""
        return Region(self.origin[rows], self.size, self.low[rows], self.high[rows], self.step, self.choices)

    def clip(self, inputs: Tensor) -> Tensor:
        """The nearest inputs inside, whether or not they are whole."""
        return torch.minimum(torch.maximum(inputs, self.low), self.high)

    def settle(self, inputs: Tensor) -> Tensor:
        """The nearest inputs that can occur: inside, and a whole number of steps away."""
        if self.step is None:
            return self.clip(inputs)
        stepped = self.step > 0
        step = torch.where(stepped, self.step, 1.0)
        # A hair of tolerance, so that a bound that is itself a whole number of steps away counts as inside.
        least = ((self.low - self.origin) / step - 1e-4).ceil()
        most = ((self.high - self.origin) / step + 1e-4).floor()
        count = ((inputs - self.origin) / step).round()
        whole = self.origin + step * torch.minimum(torch.maximum(count, least), most)
        return torch.where(stepped, whole, self.clip(inputs))

    def holds(self, inputs: Tensor) -> Tensor:
        """Which rows lie inside, (rows,)."""
        slack = 1e-5 * self.size
        inside = (inputs >= self.low - slack) & (inputs <= self.high + slack)
        return inside.reshape(len(inputs), -1).all(-1)

    def ends(self, above: Tensor) -> Tensor:
        """The upper end where this is true, and the lower elsewhere; entries that do not move stay."""
        return torch.where(self.size > 0, torch.where(above, self.high, self.low), self.origin)

    def scattered(self, source: torch.Generator) -> Tensor:
        """Any inputs inside, evenly drawn."""
        share = torch.rand(self.origin.shape, generator=source).to(self.origin)
        drawn = torch.where(self.size > 0, self.low + share * (self.high - self.low), self.origin)
        return self.settle(self.swapped(drawn, torch.ones(len(drawn)), source))

    def swapped(self, inputs: Tensor, chance: Tensor, source: torch.Generator) -> Tensor:
        """With this chance, (rows,), each choice of a row becomes any of its options."""
        if not self.choices:
            return inputs
        inputs = inputs.clone()
        for choice in self.choices:
            picked = torch.randint(len(choice.options), (len(inputs),), generator=source).to(inputs.device)
            swap = (torch.rand(len(inputs), generator=source) < chance).to(inputs.device)
            now = inputs[:, choice.columns]
            inputs[:, choice.columns] = torch.where(swap[:, None], choice.options[picked], now)
        return inputs
