"""What deciding by a design costs, beside the other ways to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...findings.plain import to_plain
from .words import told


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What a set of rows costs when the design decides, and what it would have cost otherwise.

    Attributes:
        cost: of all rows together, decided by the design.
        others: the same of the other ways to decide, by name.
        rows: how many rows.
        unit: what the costs are counted in.
        expected: whether the costs are those that the probabilities promise, and not those that came.

    >>> import wald
    >>> design = wald.design(costs="fn=100,fp=1", unit="dollars")
    >>> saving = design.saving([0.3, 0.02, 0.001])
    >>> round(saving.cost, 3), round(saving.against_half, 3), round(saving.others["always a yes"], 3)
    (1.78, 30.32, 2.679)
    """

    cost: float
    others: Mapping[str, float]
    rows: int
    unit: str = ""
    expected: bool = False

    @property
    def against_half(self) -> float:
        """What is saved against the decision at one half.

        Of amounts that is the median for every row, of several classes the likeliest. It is negative where the design
        costs more.
        """
        return next(iter(self.others.values())) - self.cost

    @property
    def against_never(self) -> float:
        """What is saved against never saying yes, or ordering nothing; for classes against one decision for all."""
        return list(self.others.values())[1] - self.cost

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        names = ("cost", "others", "rows", "unit", "expected", "against_half", "against_never")
        return {name: to_plain(getattr(self, name)) for name in names}

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        how = ", as far as the probabilities are right" if self.expected else ""
        parts = [
            f"{told(cost - self.cost)}{'' if place else unit} against {name} ({told(cost)})"
            for place, (name, cost) in enumerate(self.others.items())
        ]
        rows = f"{self.rows} row{'s' * (self.rows != 1)}"
        return f"Deciding by this design costs {told(self.cost)}{unit} in {rows}{how}. That saves {', '.join(parts)}."


def saving_of(ways: Mapping[str, Tensor], *, unit: str, expected: bool) -> Saving:
    """The saving of the first way over the others, from what each costs in each row."""
    sums = {name: float(each.sum()) for name, each in ways.items()}
    first = next(iter(sums))
    return Saving(cost=sums.pop(first), others=sums, rows=len(ways[first]), unit=unit, expected=expected)
