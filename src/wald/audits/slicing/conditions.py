"""What can be said of a row in a few words: "grade > 12", "term = 60"."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: A column with at most so many different values is a category; others are cut at their deciles.
_KINDS = 8

#: Columns that are looked at, at most: those that vary most.
_COLUMNS = 200

_DECILES = torch.arange(0.1, 0.95, 0.1, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions on rows, each with its opposite.

    Attributes:
        holds: whether each holds for each row, (rows, conditions), 1 or 0.
        column: the number of the column that each is about.
        cut: the value that it compares with.
        equal: whether it says "is", and not "is above".
        names: the names of the columns.
        flags: which columns take two values.
    """

    holds: Tensor
    column: tuple[int, ...]
    cut: tuple[float, ...]
    equal: tuple[bool, ...]
    names: tuple[str, ...]
    flags: frozenset[int]

    def rows(self, parts: tuple[tuple[int, bool], ...]) -> Tensor:
        """Where all of these hold, each a condition and whether it is meant or its opposite: (rows,)."""
        found = torch.ones(len(self.holds), dtype=torch.bool)
        for index, meant in parts:
            found &= (self.holds[:, index] > 0.5) == meant
        return found

    def words(self, parts: tuple[tuple[int, bool], ...]) -> str:
        """These conditions as a person would say them."""
        cuts = {self.column[index] for index, _ in parts}
        if len(parts) == 2 and len(cuts) == 1 and not any(self.equal[index] for index, _ in parts):
            above = [self.cut[index] for index, meant in parts if meant]
            below = [self.cut[index] for index, meant in parts if not meant]
            name = self.names[next(iter(cuts))]
            if above and below:
                return f"{_short(max(above))} < {name} <= {_short(min(below))}"
            # Two bounds on one side: the tighter says it.
            return f"{name} > {_short(max(above))}" if above else f"{name} <= {_short(min(below))}"
        return " and ".join(self._one(index, meant) for index, meant in parts)

    def _one(self, index: int, meant: bool) -> str:
        name, cut = self.names[self.column[index]], _short(self.cut[index])
        if not self.equal[index]:
            return f"{name} {'>' if meant else '<='} {cut}"
        # A flag's own name may say what it flags: "term = 60".
        if self.column[index] in self.flags and " = " in name:
            return name if meant else name.replace(" = ", " is not ")
        return f"{name} {'=' if meant else 'is not'} {cut}"


def conditions(inputs: Tensor, features: tuple[str, ...]) -> Conditions:
    """The conditions on the columns of (rows, columns)."""
    values = inputs.detach().cpu().double()
    names = features or tuple(f"column {number}" for number in range(1, values.shape[1] + 1))
    looked = values.var(0).argsort(descending=True, stable=True)[:_COLUMNS].sort().values.tolist()
    holds: list[Tensor] = []
    column: list[int] = []
    cut: list[float] = []
    equal: list[bool] = []
    flags: set[int] = set()
    for place in looked:
        own = values[:, place].contiguous()
        kinds = own.unique()
        if len(kinds) < 2:
            continue
        few = len(kinds) <= _KINDS
        if len(kinds) == 2:
            flags.add(place)
            cuts = kinds[1:]
        else:
            cuts = kinds if few else torch.quantile(own, _DECILES, interpolation="lower").unique()
        for value in cuts.tolist():
            holds.append((own == value if few else own > value).float())
            column.append(place)
            cut.append(value)
            equal.append(few)
    stacked = torch.stack(holds, -1) if holds else torch.zeros(len(values), 0)
    return Conditions(stacked, tuple(column), tuple(cut), tuple(equal), names, frozenset(flags))


def _short(value: float) -> str:
    return f"{value:.3g}"
