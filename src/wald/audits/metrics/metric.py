"""A metric: what the user is judged by, as opposed to what is minimised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import inspect
from math import isfinite, isnan
from typing import Any

from torch import Tensor

from ...findings.words import number_words
from ..statistics import weighted_mean
from .forms import Form, converted

Columns = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Metric:
    """What counts, as opposed to what is minimised.

    Give `per_example` where the metric is a mean over rows, `of` where it needs the whole sample (AUC).

    Attributes:
        name: what people call it.
        per_example: (prediction, target, **columns) → one value for each row.
        of: (prediction, target, **columns) → one number.
        lower_is_better: whether less is better.
        unit: what a value is counted in, such as "dollars".
        perfect: the value of a perfect prediction; 0 or 1 by default, infinite where none is known.
        elicits: the statistic that a prediction must be to come off best, in the words of a card
            ("mean", "median", "probability", "ranking", ...); None where that is not known.
        decision: the rule by which a prediction becomes a decision, in words.
        columns: names of the case's columns that are passed to the function.
        takes: the form of prediction that the function takes, such as "probabilities"; None for predictions as the
            loss takes them.
        given: the form in which the predictions of its case come, which the case fills in; None for logits, or
            numbers where the function takes numbers.

    >>> import torch
    >>> from wald import Metric
    >>> def late(prediction, target):
    ...     return (prediction - target).clamp_min(0)
    >>> Metric(name="delay", per_example=late, unit="minutes").value(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 3.0]))
    1.0
    """

    name: str
    per_example: Callable[..., Tensor] | None = None
    of: Callable[..., Tensor | float] | None = None
    lower_is_better: bool = True
    unit: str = ""
    perfect: float | None = None
    elicits: str | None = None
    decision: str = ""
    columns: tuple[str, ...] = ()
    takes: Form | None = None
    given: Form | None = None

    def __post_init__(self) -> None:
        if (self.per_example is None) == (self.of is None):
            raise ValueError(
                f"Metric {self.name!r} takes exactly one of per_example= (one value for each row, where the metric "
                "is their mean) and of= (one number for a whole sample)."
            )
        if self.perfect is not None and isnan(self.perfect):
            raise ValueError(f"Metric {self.name!r}: perfect is NaN; give math.inf where no best value is known.")
        object.__setattr__(self, "columns", tuple(self.columns))

    @property
    def decomposable(self) -> bool:
        """Whether it is a mean over rows."""
        return self.per_example is not None

    @property
    def best(self) -> float:
        """The value of a perfect prediction; infinite where none is known."""
        return self.perfect if self.perfect is not None else 0.0 if self.lower_is_better else 1.0

    def values(self, prediction: Tensor, target: Tensor, columns: Columns | None = None) -> Tensor:
        """One value for each row.

        Raises:
            TypeError: the metric needs a whole sample.
            ValueError: the function gave something else than one number a row.
        """
        if self.per_example is None:
            raise TypeError(f"Metric {self.name!r} needs a whole sample; it has no value for a single row.")
        found = self.per_example(self._read(prediction), target, **self._chosen(columns))
        if not isinstance(found, Tensor) or found.shape != prediction.shape[:1]:  # pyright: ignore[reportUnnecessaryIsInstance]
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                f"Metric {self.name!r}: per_example must give one value for each of {len(prediction)} rows, got "
                f"{got}. Leave the mean out, or use of=."
            )
        return found.detach().double()

    def value(
        self, prediction: Tensor, target: Tensor, columns: Columns | None = None, weight: Tensor | None = None
    ) -> float:
        """The metric of a whole sample.

        Raises:
            TypeError: the rows have weights, and `of` takes no `weight=`.
        """
        if self.per_example is not None:
            return weighted_mean(self.values(prediction, target, columns), weight)
        assert self.of is not None  # noqa: S101  (one of the two is given)
        if weight is None:
            return float(self.of(self._read(prediction), target, **self._chosen(columns)))
        if not self.weighs:
            raise TypeError(
                f"Metric {self.name!r} takes no weights, and the rows have them. Give its function a keyword weight= "
                "(one number a row), or leave the weights out of the case."
            )
        return float(self.of(self._read(prediction), target, weight=weight, **self._chosen(columns)))

    @property
    def weighs(self) -> bool:
        """Whether weights of rows can be respected."""
        if self.of is None:
            return True
        try:
            return "weight" in inspect.signature(self.of).parameters
        except (TypeError, ValueError):
            return False

    def shortfall(self, value: Any) -> Any:
        """How far a value is from perfect, so that less is better; the value as a cost where no best is known."""
        cost = value if self.lower_is_better else -value
        if not isfinite(self.best):
            return cost
        return cost - self.best if self.lower_is_better else cost + self.best

    def natural(self, shortfall: float) -> float:
        """The value behind a shortfall."""
        best = self.best if isfinite(self.best) else 0.0
        return best + shortfall if self.lower_is_better else best - shortfall

    def told(self, shortfall: float) -> str:
        """The value behind a shortfall, as a person would write it: "474 dollars"."""
        return f"{number_words(self.natural(shortfall))} {self.unit}".rstrip()

    def describe(self) -> str:
        """Its name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def _read(self, prediction: Tensor) -> Tensor:
        """The prediction as the function takes it."""
        if self.takes is None:
            return prediction
        # Where nobody says in which form predictions come, they are what most losses take.
        usual: Form = "numbers" if self.takes == "numbers" else "logits"
        return converted(prediction, self.given or usual, self.takes)

    def _chosen(self, columns: Columns | None) -> dict[str, Tensor]:
        given = columns or {}
        if missing := [name for name in self.columns if name not in given]:
            raise ValueError(
                f"Metric {self.name!r} needs the columns {', '.join(self.columns)}; {', '.join(missing)} is not "
                "in the case. Give Case(columns={...: one value for each test row})."
            )
        return {name: given[name] for name in self.columns}


def capitalised(name: str) -> str:
    """A name at the beginning of a line; AUC stays AUC."""
    return name[:1].upper() + name[1:]
