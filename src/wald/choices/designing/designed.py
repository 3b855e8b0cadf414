"""A design: the loss that follows from what is wanted, where a decision follows from it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Figure, Report
from ...findings.plain import to_plain
from ..costs import Costs
from ..errors import ChoiceError
from .measuring import Measure, checked
from .saving import Saving, saving_of
from .stakes import Stakes, as_numbers, labels
from .tuning import Tuning

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, kw_only=True)
class Option:
    """Another loss that would do, or nearly.

    Attributes:
        loss: the loss.
        why: when to take it, and what is different.
        score: where its raw prediction is cut for a decision; None where nothing is cut.
    """

    loss: Loss
    why: str
    score: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """The loss that follows from what is wanted; `print` it to read why.

    Attributes:
        asked: what was asked for, in words.
        loss: what to train with.
        estimates: the statistic that its minimiser is, in the words of a card ("quantile(0.9)"); None where it has
            no such name.
        reads: what a prediction then is, in words.
        decide: what to do with it, in words.
        why: how this follows, a paragraph.
        consistent: whether the best prediction for the loss is also best for what was asked.
        threshold: the true probability of yes from which on a yes is right: a number, or one for each row; None
            where there is no yes, or where it must be tuned first (`tuned`).
        score: where that lies on the raw prediction of `loss`: say yes where it is at least this.
        costs: what decisions cost, where that was given.
        alternatives: what else would do.
        warnings: what to look out for.
        changes: what a changed loss does otherwise than the one that it was made from, as measured.
        unit: what costs are counted in.
        figures: the loss, and what else can be drawn.

    >>> import wald
    >>> design = wald.design(statistic="quantile=0.9")
    >>> design.loss
    Pinball(level=0.9)
    >>> design.check().card["elicits"]
    'quantile(0.9)'
    """

    asked: str
    loss: Loss
    why: str
    estimates: str | None = None
    reads: str = ""
    decide: str = ""
    consistent: bool = True
    threshold: Any = None
    score: float | None = None
    costs: Costs | None = None
    alternatives: tuple[Option, ...] = ()
    warnings: tuple[str, ...] = ()
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])
    unit: str = ""
    figures: tuple[Figure, ...] = ()
    stakes: Stakes | None = field(default=None, repr=False)
    tuning: Tuning | None = field(default=None, repr=False)
    measures: tuple[Measure, ...] = field(default=(), repr=False)

    @property
    def figure(self) -> Figure | None:
        """The first of the figures."""
        return self.figures[0] if self.figures else None

    def weight(self, target: Any, columns: Mapping[str, Any] | None = None) -> Tensor:
        """How much each row counts in training: loss(prediction, target, weight=design.weight(target)).

        Args:
            target: 0 or 1, (rows,).
            columns: the columns that the costs name, one number for each row.

        Returns:
            (rows,), what a wrong decision costs beyond the right one; all ones where the loss has the costs in it.

        Raises:
            ChoiceError: a column is missing, or the rows are not those of the costs.

        >>> import wald
        >>> design = wald.design(costs="fn=amount,fp=5")
        >>> design.weight([1, 0, 1], {"amount": [100.0, 20.0, 7.0]}).tolist()
        [100.0, 5.0, 7.0]
        """
        truth = as_numbers(target, "weight")
        if self.costs is None or not self.costs.each:
            return torch.ones(truth.shape[:1], dtype=torch.float64)
        labels(truth, "weight")
        costs = self.costs.on(_tensors(columns)) if self.costs.columns else self.costs
        sizes = {len(x) for x in vars(costs).values() if isinstance(x, Tensor)}
        if sizes - {len(truth)}:
            raise ChoiceError(f"weight: the costs are of {sorted(sizes)} rows and the target has {len(truth)}.")
        return costs.weight(truth)

    def decision(self, prediction: Any, columns: Mapping[str, Any] | None = None) -> Tensor:
        """The decision of least expected cost.

        Args:
            prediction: true probabilities of yes (rows,), or of the classes (rows, classes); amounts as they are.
            columns: the columns that the costs name.

        Returns:
            True for yes, the class decided for, or the amount, (rows,).

        Raises:
            ChoiceError: the design has no costs, or the prediction is none of these.
        """
        return self._stakes("decision").decided(as_numbers(prediction, "decision"), _tensors(columns))

    def saving(self, prediction: Any, target: Any = None, columns: Mapping[str, Any] | None = None) -> Saving:
        """What deciding by this design costs, and what it saves against the decision at one half and against none.

        Args:
            prediction: true probabilities of yes (rows,), or of the classes (rows, classes); amounts as they are.
            target: what came, (rows,); None for what the probabilities promise.
            columns: the columns that the costs name.

        Raises:
            ChoiceError: the design has no costs, or the prediction is none of these.

        >>> import wald
        >>> design = wald.design(costs="fn=100,fp=1")
        >>> round(design.saving([0.2, 0.02, 0.001], [1, 0, 0]).against_half, 4)
        99.0
        """
        stakes = self._stakes("saving")
        predicted = as_numbers(prediction, "saving")
        truth = None if target is None else as_numbers(target, "saving")
        if truth is not None and truth.shape != predicted.shape[:1]:
            raise ChoiceError(f"saving wants a target for each row, ({len(predicted)},); got {tuple(truth.shape)}.")
        if bool(predicted.isnan().any()) or (truth is not None and bool(truth.isnan().any())):
            raise ChoiceError("saving: there is NaN among the predictions or targets; leave those rows out.")
        ways = stakes.ways(predicted, truth, _tensors(columns))
        return saving_of(ways, unit=self.unit, expected=truth is None)

    def tuned(self, prediction: Any, target: Any, weight: Any = None) -> tuple[float, float]:
        """The threshold that makes the asked-for metric best on rows that the model was not trained on.

        Args:
            prediction: probabilities of yes, or any score that rises with them, (rows,).
            target: 0 or 1, (rows,).
            weight: of each row.

        Returns:
            The value from which on to say yes, and the metric that is reached there.

        Raises:
            ChoiceError: the metric has no threshold, or there are no rows of both kinds.

        >>> import wald
        >>> threshold, f1 = wald.design(metric="f1").tuned([0.9, 0.4, 0.35, 0.1], [1, 0, 1, 0])
        >>> round(threshold, 3), round(f1, 3)
        (0.225, 0.8)
        """
        if self.tuning is None:
            raise ChoiceError(f"{self.asked}: there is no threshold to tune. {self.decide or self.reads}".rstrip())
        score, truth = as_numbers(prediction, "tuned"), as_numbers(target, "tuned")
        labels(truth, "tuned")
        return self.tuning.best(score, truth, None if weight is None else as_numbers(weight, "tuned"))

    def check(self, seed: int = 0) -> Report:
        """Measure the loss with `wald.check`, and hold it to what the design says of it.

        Returns:
            A report: its card is what was measured; D101 says whether the minimiser is the asked-for statistic.
        """
        return self._checked if seed == 0 else checked(self, seed)

    @cached_property
    def _checked(self) -> Report:
        return checked(self, 0)

    def report(self) -> Report:
        """The design as a report, with the measured card: what the page shows."""
        from .telling import as_report

        return as_report(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that strict JSON can hold; `wald.from_dict(facts["loss"])` makes the loss again."""
        names = (
            "asked", "estimates", "reads", "decide", "why", "consistent", "threshold", "score", "warnings", "changes",
            "unit",
        )  # fmt: skip
        facts: dict[str, Any] = {"schema": 1, "kind": "design", "loss": self.loss.to_dict(), "id": self.loss.id}
        facts |= {name: to_plain(getattr(self, name)) for name in names}
        facts["alternatives"] = [
            {"loss": one.loss.to_dict(), "why": one.why, "score": one.score} for one in self.alternatives
        ]
        facts["figures"] = [figure.to_dict() for figure in self.figures]
        return facts

    def json(self, indent: int | None = 2) -> str:
        """The same as strict JSON."""
        import json

        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    def html(self) -> str:
        """One self-contained page with the pictures and the measured card."""
        return self.report().html()

    def text(self, *, width: int = 100) -> str:
        """The design in about twenty lines."""
        from .telling import told_in_lines

        return "\n".join(line for line, _ in told_in_lines(self, width))

    def __str__(self) -> str:
        return self.text()

    def __rich__(self) -> Text:
        from .telling import in_colour

        return in_colour(self)

    def _repr_html_(self) -> str:
        from ...findings.page import render_frame

        return render_frame(self.report())

    def _stakes(self, what: str) -> Stakes:
        if self.stakes is None:
            raise ChoiceError(
                f"{what}: this design knows no costs; it was made from {self.asked}. Use wald.design(costs=...), or "
                "wald.design(underage=..., overage=...) for amounts."
            )
        return self.stakes


def _tensors(columns: Mapping[str, Any] | None) -> dict[str, Tensor]:
    return {name: as_numbers(column, f"the column {name!r}") for name, column in (columns or {}).items()}
