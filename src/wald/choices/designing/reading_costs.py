"""Costs from however somebody wrote them: a value, a text, a dict, a matrix."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from torch import Tensor

from ..costs import Costs
from ..errors import ChoiceError


def read_costs(given: Any, unit: str) -> Costs | tuple[tuple[float, ...], ...]:
    """Costs of a yes or a no, or a matrix of several classes, from however they were written."""
    if isinstance(given, Costs):
        return replace(given, unit=unit) if unit else given
    if isinstance(given, str):
        text = given.strip()
        if "=" in text:
            return Costs.read(text, unit=unit)
        return _square(_rows(text), unit)
    if isinstance(given, Mapping):
        short = {"fn": "false_negative", "fp": "false_positive", "tp": "true_positive", "tn": "true_negative"}
        named = {short.get(str(name), str(name)): cost for name, cost in cast("Mapping[Any, Any]", given).items()}
        if unknown := sorted(named.keys() - {*short.values()}):
            raise ChoiceError(
                f"costs know fn, fp, tp and tn (false_negative and so on); got {', '.join(unknown)}. Costs of several "
                "classes are a matrix, costs[true][decided]."
            )
        return Costs(**named, unit=unit)
    if isinstance(given, Tensor) or hasattr(given, "tolist"):
        return _square(given.tolist(), unit)
    if isinstance(given, Sequence):
        return _square(given, unit)
    raise ChoiceError(
        'costs are a wald.Costs, a text such as "fn=100,fp=1", a dict {"fn": 100, "fp": 1}, or a matrix '
        f"costs[true][decided]; got {type(given).__name__}."
    )


def _rows(text: str) -> Any:
    """A matrix that was written as [[0, 1], [5, 0]] or as 0,1;5,0."""
    try:
        return literal_eval(text) if text.startswith(("[", "(")) else [
            [float(cost) for cost in row.split(",")] for row in text.split(";") if row.strip()
        ]  # fmt: skip
    except (ValueError, SyntaxError):
        raise ChoiceError(
            'costs are written as "fn=100,fp=1", or as a matrix "0,1,1;10,0,10;1,1,0" (rows: what is true); got '
            f"{text!r}."
        ) from None


def _square(rows: Any, unit: str) -> Costs | tuple[tuple[float, ...], ...]:
    try:
        matrix = tuple(tuple(float(cost) for cost in row) for row in rows)
    except (TypeError, ValueError):
        raise ChoiceError(f"costs as a matrix are rows of numbers, costs[true][decided]; got {rows!r}.") from None
    if len(matrix) < 2 or any(len(row) != len(matrix) for row in matrix):
        shape = f"{len(matrix)} rows of {', '.join(str(len(row)) for row in matrix) or 'nothing'}"
        raise ChoiceError(f"costs as a matrix are square, a row and a column for each class; got {shape}.")
    if any(cost != cost or abs(cost) == float("inf") for row in matrix for cost in row):
        raise ChoiceError(
            "costs as a matrix are finite numbers; there is NaN or an infinity. For 'never', take a cost far above "
            "the others."
        )
    if len(matrix) == 2:
        (right_no, alarm), (miss, right_yes) = matrix
        return Costs(
            false_negative=miss, false_positive=alarm, true_positive=right_yes, true_negative=right_no, unit=unit
        )
    return matrix
