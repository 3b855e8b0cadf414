"""What is known of the target, as far as it chooses among losses of the same statistic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of the target.

    Attributes:
        positive: it is above 0, always.
        zeros: it is never below 0, and often exactly 0.
        counts: it counts something: 0, 1, 2, ...
        heavy_tails: a few values are enormous.
    """

    positive: bool = False
    zeros: bool = False
    counts: bool = False
    heavy_tails: bool = False

    @property
    def told(self) -> str:
        """The facts in words; empty where none is known."""
        names = {
            "positive": self.positive,
            "with zeros": self.zeros,
            "counts": self.counts,
            "heavy tails": self.heavy_tails,
        }
        return ", ".join(name for name, true in names.items() if true)
