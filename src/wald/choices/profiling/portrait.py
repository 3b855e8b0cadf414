"""A target as a whole: all that is known of it, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from .facts import Classes, Clusters, Group, Leak, Noise, Numbers, Order, Repeats, Residuals, Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """What a target is, before anything is trained on it. `print(profile)` tells it in words.

    Attributes:
        task: what kind of problem it is.
        because: why it was read so.
        rows: rows with a target and a weight above 0: those that are described.
        effective: how many rows of equal weight that stand alone would know as much about the mean.
        missing: rows without a target; they are left out.
        classes: of a target of classes.
        numbers: of a target of numbers, and of ordered classes that are numbers.
        groups: the largest first.
        clusters: None where each row stands alone.
        order: what the order of the rows tells; None for few rows.
        noise: how many labels seem wrong; None for a target of numbers.
        repeats: rows with the same inputs; None without inputs.
        leak: the column that decides most; None where it cannot be told.
        residuals: of a target of numbers.
        columns: named numbers of each row, such as amounts, rows as in `target`.
        target: class numbers (rows,) int64, or numbers (rows,) float64.
        weight: what each row counts for, (rows,) float64; None for 1.
        kept: the numbers of the described rows among those that were given, (rows,) int64.
        says: what is known, in sentences.
        warnings: what is likely to go wrong, each with what to do.
    """

    task: Task
    because: str
    rows: int
    effective: float
    missing: int = 0
    classes: Classes | None = None
    numbers: Numbers | None = None
    groups: tuple[Group, ...] = ()
    clusters: Clusters | None = None
    order: Order | None = None
    noise: Noise | None = None
    repeats: Repeats | None = None
    leak: Leak | None = None
    residuals: Residuals | None = None
    columns: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    target: Tensor = field(repr=False)
    weight: Tensor | None = field(default=None, repr=False)
    kept: Tensor = field(repr=False)
    says: tuple[str, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        """The share of yes, by weight; NaN where there are not two classes."""
        return self.classes.shares[1] if self.task == "binary" and self.classes else float("nan")

    def __str__(self) -> str:
        lines = [*self.says, *(f"! {one}" for one in self.warnings)]
        return "\n".join(lines)
