"""What the inputs of a model are, and how far somebody could move them."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import CaseError

#: One number for all features, or one for each.
Bound = float | tuple[float, ...] | None
#: Columns, by their number or by the name that the case's `features` gives them.
Columns = tuple[int | str, ...]
#: Columns of which each stands alone, and groups of them that change together.
Grouped = tuple[int | str | Columns, ...]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """How far an adversary, or an honest mistake, can move the inputs.

    Attributes:
        reach: the largest move of a feature, in multiples of its `scale`; of tokens, how many of a row may change.
        scale: one number for each feature, 0 to hold it fixed; None for the standard deviation of each feature
            that takes more than two values, and 0 for the others, which are flags.
        tolerance: how much worse the metric may get, as a share of its distance to perfect without attack; None to
            measure without judging.

    Raises:
        CaseError: a reach that is not above 0, a tolerance below 0.

    >>> from wald.audits import Attack
    >>> Attack(reach=0.1, tolerance=0.5)
    Attack(reach=0.1, scale=None, tolerance=0.5)
    """

    reach: float = 0.25
    scale: tuple[float, ...] | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if not self.reach > 0:
            raise CaseError(f"Attack: reach is how far features move, and must be above 0; got {self.reach}.")
        if self.tolerance is not None and not self.tolerance >= 0:
            raise CaseError(f"Attack: tolerance is a share of the metric, 0 or more; got {self.tolerance}.")


@dataclass(frozen=True, kw_only=True)
class InputSpace:
    """The inputs that can occur: what moves them stays inside.

    Attributes:
        low: the least that a feature can be; None for the least that was seen.
        high: the most.
        step: features move in multiples of this; None for any amount. Integers have a step of 1.
        integer: columns that hold whole numbers.
        categorical: columns that hold codes of categories: they may take any code that was seen, and none between.
            A tuple of columns is one category in several flags, of which any pattern that was seen can occur.
        immutable: columns that nobody can change.
        tokens: the size of the vocabulary, where inputs are token numbers; None where they are not.
        series: whether the second axis of the inputs is time, (rows, steps) or (rows, steps, features).

    >>> from wald.audits import InputSpace
    >>> space = InputSpace(integer=("age",), categorical=(("rents", "owns"),), immutable=("sex",))
    >>> space.groups(("sex", "age", "rents", "owns"))
    ((2, 3),)
    """

    low: Bound = None
    high: Bound = None
    step: Bound = None
    integer: Columns = ()
    categorical: Grouped = ()
    immutable: Columns = ()
    tokens: int | None = None
    series: bool = False

    def groups(self, features: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
        """The numbers of the columns of each category.

        Raises:
            CaseError: a name that is not among the features.
        """
        return tuple(self.places(one if isinstance(one, tuple) else (one,), features) for one in self.categorical)

    def places(self, columns: Columns, features: tuple[str, ...]) -> tuple[int, ...]:
        """The numbers of these columns.

        Raises:
            CaseError: a name that is not among the features.
        """
        found: list[int] = []
        for column in columns:
            if isinstance(column, str):
                if column not in features:
                    known = ", ".join(features) or "none: give Case(features=...)"
                    raise CaseError(f"InputSpace: there is no feature {column!r}; there are {known}.")
                found.append(features.index(column))
            else:
                found.append(column)
        return tuple(found)
