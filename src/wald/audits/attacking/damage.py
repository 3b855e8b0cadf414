"""What the metric is worth under an attack, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ..evidence import Evidence
from ..statistics import Bootstrap, Sample, percentiles, whole_sample, wilson
from .curve import Curve
from .record import Record


@dataclass(frozen=True, eq=False)
class Damage:
    """The metric under one attack: its distance to perfect.

    Attributes:
        value: on all rows.
        drawn: in each resample.
    """

    value: float
    drawn: Tensor

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return percentiles(self.drawn)


@dataclass(frozen=True, eq=False)
class Gauge:
    """Measures the metric on the rows that were attacked.

    Attributes:
        evidence: what they are part of.
        chosen: which of its rows they are.
    """

    evidence: Evidence
    chosen: Tensor

    @cached_property
    def sample(self) -> Sample:
        """What these rows count for."""
        return self.evidence.sample.part(self.chosen)

    @cached_property
    def _bootstrap(self) -> Bootstrap:
        budget = self.evidence.budget
        decomposable = self.evidence.by_metric.decomposable
        return self.sample.bootstrap(budget.draws if decomposable else budget.whole_draws)

    def of_scores(self, score: Tensor) -> Damage:
        """The metric of these scores."""
        stick = self.evidence.by_metric
        if stick.each is not None:
            return self.of_values(stick.values(score, self.chosen))

        def cost(rows: Tensor) -> float:
            return stick.mean(score[rows], self.chosen[rows])

        return Damage(stick.mean(score, self.chosen), whole_sample(cost, self._bootstrap))

    def of_values(self, values: Tensor) -> Damage:
        """The mean of one value a row."""
        return Damage(self.sample.mean(values), self._bootstrap.means(values))

    def of_record(self, record: Record) -> Damage:
        """The metric at the worst inputs that were found."""
        if self.evidence.by_metric.decomposable:
            return self.of_values(record.harm)
        return self.of_scores(record.victim.scores(record.inputs).cpu())

    def along(self, curve: Curve) -> dict[float, Damage]:
        """The metric at each reach, by multiples of the stated one."""
        first = next(iter(curve.found.values())).victim
        found = {0.0: self.of_scores(first.plain.cpu())}
        return found | {share: self.of_record(record) for share, record in sorted(curve.found.items())}

    def by_chance(self, curve: Curve) -> dict[float, Damage]:
        """The metric when inputs are moved at random."""
        return {share: self.of_scores(score) for share, score in sorted(curve.chance.items())}

    def share(self, flags: Tensor) -> tuple[float, tuple[float, float]]:
        """The share of rows of which something holds, and its interval. Wilson's, where each row stands alone."""
        share = self.sample.mean(flags.double())
        if self.sample.cluster is None and not self.sample.ordered:
            return share, wilson(share * self.sample.effective, self.sample.effective)
        return share, percentiles(self.sample.bootstrap(self.evidence.budget.draws).means(flags.double()))


@dataclass(frozen=True)
class Worsening:
    """By which share a metric gets worse.

    Attributes:
        effect: the share.
        interval: its 95 % interval.
        error: its standard error.
    """

    effect: float
    interval: tuple[float, float]
    error: float


def worsening(plain: Damage, hit: Damage, rows: int) -> Worsening:
    """The harm as a share of what the metric was; with one that was perfect, as if one row had been as bad as after."""
    least = max(abs(hit.value) / rows, 1e-12)
    drawn = (hit.drawn - plain.drawn) / plain.drawn.abs().clamp_min(least)
    effect = (hit.value - plain.value) / max(abs(plain.value), least)
    finite = drawn[drawn.isfinite()]
    return Worsening(effect, percentiles(drawn), float(finite.std()) if len(finite) > 1 else float("nan"))
