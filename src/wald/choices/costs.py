"""What decisions cost: the numbers that come before every loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..audits import Metric
from .errors import ChoiceError

#: A number for all rows, one for each row, or the name of the column that holds them.
Amount = float | Tensor | str

_SHORT = {"fn": "false_negative", "fp": "false_positive", "tp": "true_positive", "tn": "true_negative"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Costs:
    """What a yes or a no costs, where the truth is yes or no.

    A gain is a negative cost. Each amount is a number, one number a row (the amount of each transaction, say), or the
    name of a column that holds them.

    Attributes:
        false_negative: of a no where yes is true: a fraud that passes.
        false_positive: of a yes where no is true: an honest customer who is stopped.
        true_positive: of a right yes, such as what the check itself costs.
        true_negative: of a right no.
        unit: what all this is counted in, such as "dollars".

    Raises:
        ChoiceError: an amount is NaN or infinite, or a mistake costs no more than the right decision.

    >>> from wald.choices import Costs
    >>> costs = Costs(false_negative=100.0, false_positive=1.0)
    >>> round(costs.threshold, 4)
    0.0099
    """

    false_negative: Amount = 1.0
    false_positive: Amount = 1.0
    true_positive: Amount = 0.0
    true_negative: Amount = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        for name in _SHORT.values():
            object.__setattr__(self, name, _amount(name, getattr(self, name)))
        if self.columns:
            return
        for mistake, right in (("false_negative", "true_positive"), ("false_positive", "true_negative")):
            extra = torch.as_tensor(getattr(self, mistake)) - torch.as_tensor(getattr(self, right))
            # A row in which nothing is at stake is as good as any decision of it, and harms nobody else's.
            wrong = extra < 0 if extra.ndim and bool((extra > 0).any()) else extra <= 0
            if bool(wrong.any()):
                seen = f"{int(wrong.sum())} of {extra.numel()} rows" if extra.ndim else f"{float(extra):g} more"
                raise ChoiceError(
                    f"Costs: a {mistake.replace('_', ' ')} must cost more than a {right.replace('_', ' ')}, or there "
                    f"is nothing to decide; it does not ({seen}). Gains are negative costs: look at the signs."
                )

    @classmethod
    def read(cls, text: str, *, unit: str = "") -> Costs:
        """The costs that somebody wrote in short: "fn=100,fp=1", or "fn=amount,fp=5" with the name of a column.

        Raises:
            ChoiceError: a part is no `fn=`, `fp=`, `tp=` or `tn=`.

        >>> Costs.read("fn=100, fp=1").false_negative
        100.0
        """
        given: dict[str, Amount] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals or not value or name not in {*_SHORT, *_SHORT.values()}:
                raise ChoiceError(
                    f"costs are written like fn=100,fp=1 (false negative, false positive; tp and tn too); got {part!r}."
                )
            try:
                given[_SHORT.get(name, name)] = float(value)
            except ValueError:
                given[_SHORT.get(name, name)] = value
        return cls(**given, unit=unit)  # pyright: ignore[reportArgumentType]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that the amounts are yet to be read from."""
        return tuple({value: None for name in _SHORT.values() if isinstance(value := getattr(self, name), str)})

    @property
    def each(self) -> bool:
        """Whether rows have costs of their own."""
        return any(not isinstance(getattr(self, name), float) for name in _SHORT.values())

    def on(self, columns: Mapping[str, Tensor]) -> Costs:
        """The same costs with the named columns filled in.

        Raises:
            ChoiceError: a column is not there.
        """
        if missing := [name for name in self.columns if name not in columns]:
            raise ChoiceError(
                f"Costs: there is no column {', '.join(missing)}; there are {', '.join(columns) or 'none'}. "
                "Give columns={name: one number for each row}."
            )
        given = {name: getattr(self, name) for name in _SHORT.values()}
        return replace(self, **{name: columns[v] for name, v in given.items() if isinstance(v, str)})

    def rows(self, chosen: Tensor) -> Costs:
        """The costs of some of the rows."""
        given = {name: getattr(self, name) for name in _SHORT.values()}
        return replace(self, **{name: value[chosen] for name, value in given.items() if isinstance(value, Tensor)})

    @property
    def threshold(self) -> Any:
        """The probability of yes from which on a yes costs less: a number, or a tensor with one for each row.

        (fp − tn) / (fp − tn + fn − tp): Elkan 2001, The Foundations of Cost-Sensitive Learning, IJCAI.
        """
        miss, alarm = self._excess()
        whole = alarm + miss
        if isinstance(whole, Tensor) and bool((whole == 0).any()):
            return torch.where(whole == 0, 0.5, alarm / torch.where(whole == 0, 1.0, whole))
        return alarm / whole

    def weight(self, target: Tensor) -> Tensor:
        """How much is at stake in each row: what the wrong decision costs beyond the right one, (rows,)."""
        miss, alarm = (torch.as_tensor(x, dtype=torch.float64) for x in self._excess())
        return torch.where(target.bool(), miss, alarm)

    def paid(self, decision: Tensor, target: Tensor) -> Tensor:
        """What each row costs: decision and target (rows,), 0 or 1."""
        fn, fp, tp, tn = (torch.as_tensor(getattr(self, name), dtype=torch.float64) for name in _SHORT.values())
        yes, true = decision.bool(), target.bool()
        return torch.where(true, torch.where(yes, tp, fn), torch.where(yes, fp, tn))

    @property
    def metric(self) -> Metric:
        """The cost a row of deciding for the least expected cost, by probabilities.

        The amounts of rows are columns of the metric, under the names that the costs give them.
        """
        if any(isinstance(getattr(self, name), Tensor) for name in _SHORT.values()):
            raise ChoiceError(
                "Costs: a metric takes the amounts of rows as columns, so that they follow the rows that it is "
                'measured on. Write Costs(false_negative="amount", ...) and give columns={"amount": ...}.'
            )

        def cost(probability: Tensor, target: Tensor, **columns: Tensor) -> Tensor:
            costs = self.on(columns)
            return costs.paid(probability >= costs.threshold, target)

        return Metric(
            name="cost", per_example=cost, unit=f"{self.unit} a row".strip(), takes="probabilities",
            elicits="probability", decision="the decision of least expected cost", columns=self.columns,
            perfect=None if self._free_when_right else float("-inf"),
        )  # fmt: skip

    @property
    def _free_when_right(self) -> bool:
        return bool(self.true_positive == 0.0 and self.true_negative == 0.0)

    def _excess(self) -> tuple[Any, Any]:
        if self.columns:
            raise ChoiceError(
                f"Costs: {', '.join(self.columns)} names columns that have not been read yet. Use "
                "costs.on({name: one number for each row}) first."
            )
        values: list[Any] = [getattr(self, field.name) for field in fields(self) if field.name != "unit"]
        miss, alarm, hit, pass_by = values
        return miss - hit, alarm - pass_by


def _amount(name: str, given: Any) -> Amount:
    if isinstance(given, str):
        return given
    try:
        # A copy, as what a table gives may not be written to, and torch warns of that.
        value = given.double() if isinstance(given, Tensor) else torch.from_numpy(np.array(given, dtype="float64"))
    except (TypeError, ValueError, RuntimeError):
        raise ChoiceError(f"Costs: {name} is a number, one a row, or a column's name; got {given!r}.") from None
    if value.ndim > 1 or not bool(value.isfinite().all()):
        seen = f"shape {tuple(value.shape)}" if value.ndim > 1 else f"{int((~value.isfinite()).sum())} not finite"
        raise ChoiceError(f"Costs: {name} is a finite number, or one for each row (rows,); got {seen}.")
    number = float(value) if value.ndim == 0 else 0.0
    return number if value.ndim == 0 and isfinite(number) else value
