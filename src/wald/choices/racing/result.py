"""What a race came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Literal

import torch
from torch import Tensor

from ...audits import Metric
from ..candidate import Candidate
from .folds import Split

Verdict = Literal["winner", "tie", "not enough data", "metric is the problem", "nothing beats a constant"]


@dataclass(frozen=True)
class Advantage:
    """By how much one prediction is better than another, in the unit of the metric.

    Attributes:
        value: above 0 where it is better, whatever the direction of the metric.
        low: the lower end of the interval.
        high: the upper end. The intervals of a race hold for all its pairs at once, at 95 %.
    """

    value: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether it is better beyond what chance explains."""
        return self.low > 0


@dataclass(frozen=True)
class Calibration:
    """Whether predictions mean what they say, before any threshold was moved.

    Attributes:
        error: the mean gap between prediction and what happened, in tenths of the predictions; None where the loss
            does not ask for a mean.
        predicted: the mean prediction.
        observed: the mean of what happened.
    """

    error: float | None
    predicted: float
    observed: float


@dataclass(frozen=True)
class GroupGap:
    """How far apart groups are.

    Attributes:
        worst: the group for which the metric is worst.
        value: the metric there.
        gap: how much better the best group is.
    """

    worst: str
    value: float
    gap: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One candidate in the table.

    Attributes:
        candidate: what ran.
        value: the metric of its held-out predictions; NaN where it failed.
        interval: of the metric, for this candidate alone.
        over_plain: how much better than the plain loss it is; None for itself and where one failed.
        over_best: how much better than the best it is, so never above 0; None for itself.
        over_constant: how much better than the best constant prediction.
        calibration: whether predictions mean what they say; None where they are neither probabilities nor numbers.
        groups: for each kind of group, how far apart groups are.
        tail: the mean cost of the 5 % of rows that cost most; None where rows have no cost of their own.
        settings: what was chosen, with how often.
        shift: what was added to log-odds on average to move the threshold; None where it was not moved.
        same_as: the candidates that cannot be told from it by the metric on any row.
        seconds: of training one model.
        failure: why it has no value; empty where it has one.
        warning: the first warning of its training; empty for none.
    """

    candidate: Candidate
    value: float = nan
    interval: tuple[float, float] = (nan, nan)
    over_plain: Advantage | None = None
    over_best: Advantage | None = None
    over_constant: Advantage | None = None
    calibration: Calibration | None = None
    groups: Mapping[str, GroupGap] = field(default_factory=dict[str, GroupGap])
    tail: float | None = None
    settings: Mapping[str, int] = field(default_factory=dict[str, int])
    shift: float | None = None
    same_as: tuple[str, ...] = ()
    seconds: float = nan
    failure: str = ""
    warning: str = ""

    @property
    def name(self) -> str:
        """What a table calls it."""
        return self.candidate.name

    def row(self) -> dict[str, Any]:
        """As plain data, without what a clock has measured."""

        def told(one: Advantage | None) -> list[float] | None:
            return None if one is None else [one.value, one.low, one.high]

        calibration = self.calibration
        return {
            "name": self.name,
            "loss": str(self.candidate.loss),
            "after": self.candidate.after,
            "value": self.value if isfinite(self.value) else None,
            "interval": list(self.interval),
            "over_plain": told(self.over_plain),
            "over_best": told(self.over_best),
            "over_constant": told(self.over_constant),
            "calibration": None if calibration is None else
            [calibration.error, calibration.predicted, calibration.observed],
            "groups": {kind: [one.worst, one.value, one.gap] for kind, one in self.groups.items()},
            "tail": self.tail,
            "settings": dict(self.settings),
            "shift": self.shift,
            "same_as": list(self.same_as),
            "failure": self.failure,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Race:
    """Candidates on the same rows, folds and seeds, with what can be said about which is best.

    Attributes:
        metric: what counted.
        entries: one for each candidate, in the order given.
        verdict: what can be said.
        says: the verdict in a sentence or two, with numbers.
        recommended: the plainest candidate within one standard error of the best; empty where none has a value.
        best: the candidate with the best value.
        constant: the metric of the best constant prediction.
        practical: a difference below this does not matter: a tenth of what the best gains over a constant.
        rows: how many rows were held out.
        rows_needed: how many rows it would take to tell, about; None where that is not the question.
        learner: what was trained.
        splits: the divisions of the rows.
        plan: what a budget left out; empty where nothing was.
        interrupted: what is missing because somebody stopped it; empty where nothing is.
        predictions: for each candidate that has a value, its held-out predictions: log-odds or numbers, (rows,) or
            (rows, columns), of the first dealing of the rows; NaN where a row was never held out.
        seconds: all of it.
    """

    metric: Metric
    entries: tuple[Entry, ...]
    verdict: Verdict
    says: str
    recommended: str
    best: str
    constant: float
    practical: float
    rows: int
    rows_needed: int | None
    learner: str
    splits: tuple[Split, ...]
    plan: str = ""
    interrupted: str = ""
    predictions: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    seconds: float = nan

    def entry(self, name: str) -> Entry:
        """The candidate of this name.

        Raises:
            KeyError: there is none.
        """
        for one in self.entries:
            if one.name == name:
                return one
        raise KeyError(f"no candidate is called {name!r}; there are {', '.join(one.name for one in self.entries)}")

    def table(self) -> list[dict[str, Any]]:
        """All rows as plain data, the same bit for bit however many processes worked on them."""
        return [one.row() for one in self.entries]

    def __str__(self) -> str:
        width = max(len(one.name) for one in self.entries)
        lines = [f"{self.verdict}: {self.says}"]
        for one in sorted(
            self.entries, key=lambda one: self.metric.shortfall(one.value) if isfinite(one.value) else 1e300
        ):
            told = f"failed: {one.failure}" if one.failure else f"{one.value:.6g}"
            if one.over_best is not None:
                told += f"  ({one.over_best.value:+.3g}, {one.over_best.low:+.3g} to {one.over_best.high:+.3g})"
            lines.append(f"  {one.name:<{width}}  {told}")
        return "\n".join(lines)


def held_out(natural: list[Tensor], splits: tuple[Split, ...], rows: int) -> Tensor:
    """The predictions of the first dealing, each in its row's place."""
    found = torch.full((rows, *natural[0].shape[1:]), nan, dtype=torch.float64)
    for predicted, split in zip(natural, splits, strict=True):
        if split.repeat == splits[0].repeat:
            found[torch.from_numpy(split.test)] = predicted
    return found
