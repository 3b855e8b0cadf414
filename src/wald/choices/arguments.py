"""What `wald.choose` is asked, read and refused before anything is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from torch import Tensor

from ..audits import CaseError, Metric
from ..audits.metrics import metric_of
from ..audits.tables import is_table
from ..core import Loss
from ..losses import Pinball
from .candidate import Candidate
from .costs import Costs
from .errors import ChoiceError

#: Where no metric was named: what counts, and what it rewards.
_USUAL = {
    "regression": ("root_mean_squared_error", "small squared errors, whose root is in the unit of the target"),
    "": ("log_loss", "honest probabilities, from which every decision follows"),
}


def refuse_counts(**given: Any) -> None:
    """Whole numbers, by name: those that must be 1 or more, 2 for folds.

    Raises:
        ChoiceError: one of them is not.
    """
    for name, value in given.items():
        least = {"folds": 2, "repeats": 1, "seed": 0}.get(name, -1)
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if name == "jobs" and (value is None or (whole and value != 0)):
            continue
        if name == "jobs":
            raise ChoiceError(f"jobs is a number of processes, such as 2, or -1 for all cores; got {value!r}.")
        if not whole or value < least:
            raise ChoiceError(f"{name} is a whole number, at least {least}; got {value!r}.")


def refuse_inputs(inputs: Any, *, own: bool) -> None:
    """Inputs that no learner can take, said before they are looked at.

    Args:
        inputs: X.
        own: whether the learner is the user's own, which may take what ours cannot.

    Raises:
        ChoiceError: X is no table of rows and columns.
    """
    if inputs is None:
        raise ChoiceError("X is None, so there is nothing to learn from. Give a table or an array (rows, columns).")
    if hasattr(inputs, "toarray"):
        raise ChoiceError(
            f"X is a sparse matrix {tuple(inputs.shape)}, and the rows are looked at one by one here. Give X.toarray()."
        )
    if is_table(inputs):
        names = [*inputs.columns] if hasattr(inputs, "columns") else []
        if twice := sorted({str(one) for one in names if names.count(one) > 1}):
            raise ChoiceError(f"X has two columns that are called {twice[0]!r}; rename one of them.")
    shape = tuple(getattr(inputs, "shape", ()) or np.shape(inputs))
    if not own and len(shape) > 2:
        raise ChoiceError(
            f"X has the shape {shape}, and these learners take a table (rows, columns). Give X.reshape(len(X), -1), "
            "or a learner of your own: learner=lambda loss, seed: an object with fit(X, y) and raw(X)."
        )
    if not own and len(shape) == 2 and shape[1] == 0:
        raise ChoiceError(f"X has {shape[0]} rows and no column, so there is nothing to learn from. Give one at least.")


def costs_of(
    costs: Costs | Mapping[str, Any] | str | None, inputs: Any, columns: Mapping[str, Any] | None, unit: str
) -> tuple[Costs | None, dict[str, Any]]:
    """The costs, and the columns that they name.

    Raises:
        ChoiceError: they are no costs, or name a column that is nowhere.
    """
    known: dict[str, Any] = dict(columns or {})
    if costs is None:
        return None, known
    if isinstance(costs, str):
        costs = Costs.read(costs, unit=unit)
    elif isinstance(costs, Mapping):
        costs = _from_dict(costs, unit)
    elif not isinstance(costs, Costs):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ChoiceError(
            'costs say what mistakes cost, such as costs="fn=100,fp=1" (false negative, false positive); got '
            f"{costs!r}."
        )
    if any(isinstance(getattr(costs, one.name), Tensor) for one in fields(costs)):
        raise ChoiceError(
            "the costs hold one number for each row, and folds cannot follow them. Name the column: "
            'costs=wald.Costs(false_negative="amount"), columns={"amount": numbers}.'
        )
    here = list(inputs.columns) if is_table(inputs) and hasattr(inputs, "columns") else []
    for column in costs.columns:
        if column not in known and column in here:
            known[column] = inputs[column]
    if missing := [column for column in costs.columns if column not in known]:
        near = _nearest(missing[0], [*here, *known])
        raise ChoiceError(
            f"the costs name {', '.join(missing)}, which is no column of X and not in columns={near}. Give "
            f"columns={{{missing[0]!r}: one number for each row}}."
        )
    return costs, known


def _from_dict(given: Mapping[str, Any], unit: str) -> Costs:
    short = {"fn": "false_negative", "fp": "false_positive", "tp": "true_positive", "tn": "true_negative"}
    amounts = {short.get(str(name), str(name)): value for name, value in given.items()}
    known = {one.name for one in fields(Costs)}
    if strange := [name for name in amounts if name not in known]:
        raise ChoiceError(
            f"costs hold {strange[0]!r}; they are false_negative, false_positive, true_positive and true_negative, or "
            "fn, fp, tp and tn."
        )
    return Costs(**{"unit": unit} | amounts)


def _nearest(name: str, known: Sequence[Any]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [str(one) for one in known], n=1, cutoff=0.6)
    return f" (the nearest is {near[0]})" if near else ""


def metric_asked(metric: Any, costs: Costs | None, quantiles: Any, lower_is_better: bool | None) -> Metric | None:
    """What counts: what was named, or else what the costs or the quantiles say; None where nothing does.

    Raises:
        ChoiceError: it is no metric.
    """
    if metric is not None:
        try:
            return metric_of(metric, lower_is_better=lower_is_better)
        except CaseError as error:
            raise ChoiceError(str(error)) from None
    if costs is not None:
        return costs.metric
    levels = levels_of(quantiles)
    if not levels:
        return None
    return Metric(
        name="pinball loss", per_example=PinballValue(levels), takes="numbers",
        elicits=f"quantile({levels[0]:g})" if len(levels) == 1 else None,
    )  # fmt: skip


def usual_metric(task: str) -> tuple[Metric, str]:
    """The metric for a task where none was named, and a note that says so."""
    name, why = _USUAL.get(task, _USUAL[""])
    found = metric_of(name)
    return found, f"No metric was named, so {found.name} counts: it rewards {why}. Name what you are judged by."


@dataclass(frozen=True)
class PinballValue:
    """The pinball loss of each row, on average over the levels.

    Attributes:
        levels: of the quantiles that are predicted, in rising order.
    """

    levels: tuple[float, ...]

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions (rows,) for one level, (rows, levels) for several; target (rows,)."""
        level = self.levels if prediction.ndim > 1 else self.levels[0]
        return Pinball(level=level)(prediction, target, reduction="none")


def levels_of(quantiles: Any) -> tuple[float, ...]:
    """Levels in rising order, from one number or several."""
    if quantiles is None:
        return ()
    if isinstance(quantiles, int | float):
        return (float(quantiles),)
    return tuple(sorted(float(one) for one in quantiles))


def losses_of(losses: Any) -> tuple[Any, ...]:
    """The losses that were asked for: one, or several."""
    if losses is None:
        return ()
    if isinstance(losses, str | Loss | Candidate | type) or not isinstance(losses, Iterable):
        return (losses,)
    several: Iterable[Any] = losses
    return tuple(several)


def kinds_of(groups: Any) -> dict[str, Any]:
    """Groups by what kind they are."""
    if groups is None:
        return {}
    if isinstance(groups, Mapping):
        return {str(kind): values for kind, values in groups.items()}
    if is_table(groups) and hasattr(groups, "columns"):
        return {str(kind): groups[kind] for kind in groups.columns}
    return {str(getattr(groups, "name", None) or "group"): groups}


def rows_of(values: Any, rows: Any) -> Any:
    """Some rows of whatever holds them, in its own type."""
    if hasattr(values, "to_pandas") and not hasattr(values, "iloc"):
        values = values.to_pandas()
    if len(rows) == len(values):
        return values
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    return values[rows] if isinstance(values, Tensor) else np.asarray(values)[rows]
