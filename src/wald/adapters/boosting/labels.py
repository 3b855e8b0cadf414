"""What a user gives as y and weights, as arrays that a booster takes; and class numbers, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BoostingError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of a problem, in the order of the columns of a prediction.

    Attributes:
        labels: as the user writes them, in rising order, (classes,).
        soft: whether targets are probabilities of the second of two classes.
    """

    labels: NDArray[Any]
    soft: bool = False

    def encoded(self, y: Any) -> Floats:
        """Class numbers, or probabilities as they are: y (rows,).

        Raises:
            BoostingError: y holds a class that was not there when the adapter was made.
        """
        given = column(y, "y")
        if self.soft:
            return _numbers(given, "y")
        if given.dtype.kind == "f" and self.labels.dtype.kind in "iub":
            found = _numbers(given, "y")
        else:
            found = given.astype(self.labels.dtype) if self.labels.dtype.kind in "US" else given
        place = np.searchsorted(self.labels, found).clip(max=len(self.labels) - 1)
        unknown = self.labels[place] != found
        if unknown.any():
            raise BoostingError(
                f"y holds {found[unknown][0]!r} ({int(unknown.sum())} of {len(found)} rows), which is none of the "
                f"classes that this adapter was made for: {_listed(self.labels)}. Make it from a y that holds every "
                "class."
            )
        return place.astype(np.float64)


def classes_of(y: Any, *, ordered: int | None = None, several: bool) -> Classes:
    """The classes in y.

    Args:
        y: one label a row: numbers, booleans or words.
        ordered: how many classes the loss is for, where it says so and their numbers are 0, 1, 2, ...
        several: whether the loss tells more than two apart.

    Raises:
        BoostingError: there are less than two, or more than the loss is for.
    """
    given = column(y, "y")
    if given.dtype.kind == "f":
        numbers = _numbers(given, "y")
        if not several and (numbers >= 0).all() and (numbers <= 1).all() and not np.isin(numbers, (0.0, 1.0)).all():
            return Classes(np.array([0, 1]), soft=True)
        if (numbers != np.round(numbers)).any():
            raise BoostingError(
                f"y holds {numbers[numbers != np.round(numbers)][0]:g}, and this loss tells classes apart, which are "
                "words or whole numbers. For a number as the target use a loss of numbers, such as wald.Squared()."
            )
        given = numbers.astype(np.int64)
    if ordered is not None and given.dtype.kind in "iu" and given.min() >= 0 and given.max() < ordered:
        return Classes(np.arange(ordered))
    labels = np.unique(given)
    if len(labels) < 2:
        raise BoostingError(
            f"y holds one class, {labels[0]!r}, in all {len(given)} rows, so there is nothing to tell apart. Look at "
            "how the rows were selected."
        )
    if not several and len(labels) > 2:
        raise BoostingError(
            f"this loss is for two classes, and y has {len(labels)}: {_listed(labels)}. Use a loss of several "
            "classes, such as wald.CrossEntropy()."
        )
    return Classes(labels)


def numbers_of(y: Any) -> Floats:
    """Targets that are numbers, (rows,).

    Raises:
        BoostingError: they are words, or some are not finite.
    """
    return _numbers(column(y, "y"), "y")


def weights_of(weight: Any, rows: int) -> Floats | None:
    """Weights, one a row; None where there are none.

    Raises:
        BoostingError: there is not one for each row, one is negative or not finite, or all are 0.
    """
    if weight is None:
        return None
    found = _numbers(column(weight, "weight"), "weight")
    if len(found) != rows:
        raise BoostingError(f"weight has {len(found)} rows and y {rows}; give one weight for each row.")
    if (found < 0).any():
        raise BoostingError(
            f"weight contains {found.min():g}, and a negative weight would drive the loss of its row up. Use weights "
            "from 0."
        )
    if not (found > 0).any():
        raise BoostingError("every weight is 0, so no row is left to learn from.")
    return found


def column(given: Any, name: str) -> NDArray[Any]:
    """One value a row, (rows,), as an array of numpy.

    Raises:
        BoostingError: it is empty, or has several columns.
    """
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    if hasattr(given, "to_numpy"):
        given = given.to_numpy()
    found = np.asarray(given)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1 or not len(found):
        raise BoostingError(
            f"{name} has the shape {found.shape}; it holds one value for each row, (rows,), and at least one row."
        )
    if found.dtype.kind == "O":
        # Words and numbers of pandas arrive as objects; one type for all of them can be sorted and compared.
        missing = [value is None or value != value for value in found]
        if any(missing):
            raise BoostingError(f"{name} is missing in {sum(missing)} of {len(found)} rows. Leave these rows out.")
        found = np.array(found.tolist())
    return found


def _numbers(found: NDArray[Any], name: str) -> Floats:
    if found.dtype.kind not in "fiub":
        raise BoostingError(f"{name} holds {found[0]!r}, which is no number, and this loss wants numbers.")
    numbers = found.astype(np.float64)
    if not np.isfinite(numbers).all():
        bad = int((~np.isfinite(numbers)).sum())
        raise BoostingError(f"{name} is NaN or infinite in {bad} of {len(numbers)} rows. Leave these rows out.")
    return numbers


def _listed(labels: NDArray[Any]) -> str:
    shown = ", ".join(repr(getattr(one, "item", lambda one=one: one)()) for one in labels[:5])
    return shown + (", ..." if len(labels) > 5 else "")
