"""What can be said: a winner, a tie, too few rows, a metric that is the problem, or nothing beyond a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf, isfinite

import torch

from ...findings.words import number_words
from ..candidate import Candidate
from .reading import Judge
from .result import Advantage, Verdict
from .standing import Standing

#: Of what the best gains over a constant prediction: so little decides nothing, however surely it is seen; and so
#: much must be ruled out before candidates are called equal.
NEGLIGIBLE, PRACTICAL = 0.005, 0.1

#: Relative differences this small are made by arithmetic.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Judgement:
    """What can be said of candidates by their places among those that have a value.

    Attributes:
        verdict: in a word.
        says: in a sentence or two.
        recommended: the plainest within one standard error of the best.
        best: the one with the best value.
        practical: the difference that matters.
        rows_needed: how many rows it would take to tell; None where that is not the question.
    """

    verdict: Verdict
    says: str
    recommended: int
    best: int
    practical: float
    rows_needed: int | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences of all pairs, and to the constant, with their intervals.

    Attributes:
        standing: of the candidates, and of the constant, which is the last.
        half: half the width of the interval of each difference, (k + 1, k + 1).
    """

    standing: Standing
    half: torch.Tensor

    @classmethod
    def of(cls, standing: Standing) -> Comparison:
        """All pairs of candidates share one width, and all comparisons with the constant another."""
        last = len(standing.costs) - 1
        half = torch.zeros(last + 1, last + 1, dtype=torch.float64)
        pairs = [(i, j) for i in range(last) for j in range(i)]
        for some in (pairs, [(i, last) for i in range(last)]):
            if not some:
                continue
            for (i, j), width in zip(some, standing.halves(some).tolist(), strict=True):
                half[i, j] = half[j, i] = width
        return cls(standing, half)

    def over(self, one: int, other: int) -> Advantage:
        """By how much one is better than the other."""
        value = float(self.standing.costs[other] - self.standing.costs[one])
        half = float(self.half[one, other])
        if abs(value) <= _ROUNDING * float(self.standing.costs[one].abs()):
            # Sums in another order differ by as much.
            half = max(half, abs(value))
        return Advantage(value, value - half, value + half)

    @property
    def constant(self) -> int:
        """The place of the constant."""
        return len(self.standing.costs) - 1


def judgement(
    comparison: Comparison, candidates: Sequence[Candidate], judge: Judge, rows: int, signal: str
) -> Judgement:
    """What can be said.

    Args:
        comparison: the candidates that have a value, and the constant.
        candidates: these candidates.
        judge: the metric.
        rows: how many were held out.
        signal: what shows that the predictions know something, in words; empty where nothing does.
    """
    jury = _Jury(comparison, tuple(candidates), judge, rows, signal)
    if jury.constant_is_perfect:
        return jury.found(
            "metric is the problem",
            f"a constant prediction already has a perfect {judge.metric.name} of {jury.constant}, so it rewards no "
            "model. Choose a metric that also counts the other kind of mistake.",
        )
    if not jury.gain.sure:
        return jury.beside_a_constant()
    if all(jury.equals(place, jury.best) for place in jury.rivals):
        return jury.undisputed()
    return jury.disputed()


@dataclass(frozen=True, eq=False)
class _Jury:
    """What the judgement is made from."""

    comparison: Comparison
    candidates: tuple[Candidate, ...]
    judge: Judge
    rows: int
    signal: str

    @cached_property
    def plain_first(self) -> list[int]:
        return sorted(range(self.comparison.constant), key=lambda place: (self.candidates[place].plainness, place))

    @cached_property
    def best(self) -> int:
        return min(self.plain_first, key=self.cost)

    @cached_property
    def gain(self) -> Advantage:
        """Of the best over the constant."""
        return self.comparison.over(self.best, self.comparison.constant)

    @cached_property
    def rivals(self) -> list[int]:
        """Those that are not surely worse than the best, the plainest first."""
        worth = NEGLIGIBLE * self._gained

        def beaten(place: int) -> bool:
            lead = self.comparison.over(self.best, place)
            return lead.sure and lead.value > worth

        return [place for place in self.plain_first if not beaten(place)]

    @cached_property
    def recommended(self) -> int:
        """The plainest within one standard error of the best, or nearer than matters.

        What is not surely worse may still be likely worse: in doubt the estimate decides, and plainness among those
        that it cannot tell apart. Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees.
        """
        errors, worth = self.comparison.standing.errors, NEGLIGIBLE * self._gained

        def near(place: int) -> bool:
            return self.comparison.over(self.best, place).value <= max(float(errors[self.best, place]), worth)

        return next(place for place in self.plain_first if place == self.best or near(place))

    @property
    def practical(self) -> float:
        return PRACTICAL * self._gained

    @property
    def _gained(self) -> float:
        return max(0.0, self.gain.value) if isfinite(self.gain.value) else 0.0

    @property
    def constant_is_perfect(self) -> bool:
        best = self.judge.metric.best
        return isfinite(best) and self.cost(self.comparison.constant) <= 1e-12 * (1 + abs(best))

    @property
    def constant(self) -> str:
        """Its metric, in words."""
        return self.judge.metric.told(self.cost(self.comparison.constant))

    def cost(self, place: int) -> float:
        return float(self.comparison.standing.costs[place])

    def equals(self, place: int, other: int) -> bool:
        return bool(self.comparison.standing.same[place, other])

    def told(self, place: int) -> str:
        return f"{self.judge.metric.name} {self.judge.metric.told(self.cost(place))}"

    def found(self, verdict: Verdict, says: str, needed: float = inf) -> Judgement:
        many = _rounded(needed) if isfinite(needed) else None
        told = f" About {many:,} rows would tell." if many is not None else ""
        return Judgement(verdict, says + told, self.recommended, self.best, self.practical, many)

    def beside_a_constant(self) -> Judgement:
        """Nothing is surely better than a constant: the rows are too few, the metric is blind, or nothing is known."""
        metric, gain, name = self.judge.metric, self.gain, self.candidates[self.best].name
        whole = abs(self.cost(self.comparison.constant)) if isfinite(metric.best) else 0.0
        # Where there is an order that decisions do not use, the metric is blamed unless much may still be gained; and
        # never where it is what mistakes cost, which is what counts, or sees all that predictions say.
        sees_all = self.judge.ranks or metric.elicits in ("probability", "distribution", "mean")
        blamed = bool(self.signal) and metric.name != "cost" and not sees_all
        much = (2.5 if blamed else 1.0) * PRACTICAL * whole
        if whole and much < gain.high < inf:
            return self.found(
                "not enough data",
                f"no candidate is surely better than a constant ({metric.name} {self.constant}), but on {self.rows:,} "
                f"rows the best, {name}, may be better by up to {number_words(gain.high)}.",
                self.rows * ((gain.high - gain.value) / max(gain.value, PRACTICAL * whole)) ** 2,
            )
        seen = (
            f"the best constant has {metric.name} {self.constant}, and no candidate surely does better (the best, "
            f"{name}: {self.told(self.best)})"
        )
        if blamed:
            return self.found(
                "metric is the problem",
                f"{seen}, although {self.signal}. What the models know is not seen by {metric.name}; judge by "
                + (
                    "what a mistake costs, or by ranks or probabilities."
                    if self.judge.classes
                    else "errors in the unit of the target, or by the share of them that is explained."
                ),
            )
        if self.signal:
            known = f"The models know something ({self.signal}), but not enough to decide otherwise."
        else:
            known = "The columns say nothing about the target that this learner can use; no loss mends that."
        return self.found("nothing beats a constant", f"{seen}. {known}")

    def undisputed(self) -> Judgement:
        """All that are not beaten predict the same, as far as the metric sees."""
        name, many = self.candidates[self.recommended].name, len(self.rivals)
        equal = "" if many == 1 else f" ({many} candidates cannot be told apart by it)"
        beaten = [place for place in self.plain_first if place not in self.rivals]
        if not beaten:
            return self.found("tie", f"nothing is better than {name}: {self.told(self.best)}{equal}.")
        least = min(self.comparison.over(self.best, place).low for place in beaten)
        return self.found(
            "winner",
            f"{name} has the best {self.told(self.best)}, better than every other by at least {number_words(least)}"
            f"{equal}.",
        )

    def disputed(self) -> Judgement:
        """Several may be the best: does it matter which?"""
        chosen = self.recommended
        others = [place for place in self.rivals if not self.equals(place, chosen)]
        risk, rival = max(
            ((self.comparison.over(place, chosen), place) for place in others), key=lambda one: one[0].high
        )
        seen = (
            f"{len(self.rivals)} of {len(self.candidates)} candidates are not surely worse than the best "
            f"({self.candidates[self.best].name}: {self.told(self.best)}); {self.candidates[chosen].name} is the "
            "plainest within one standard error of it"
        )
        share = f"a tenth of what is gained over a constant ({number_words(self.practical)})"
        if risk.high <= self.practical:
            return self.found(
                "tie", f"{seen}, and loses at most {number_words(max(0.0, risk.high))}, less than {share}."
            )
        lead = max(0.0, risk.value)
        return self.found(
            "not enough data",
            f"{seen}, but {self.candidates[rival].name} may be better by up to {number_words(risk.high)}, more than "
            f"{share}, on {self.rows:,} rows.",
            self.rows * ((risk.high - risk.value) / max(self.practical - lead, lead, 1e-300)) ** 2,
        )


def _rounded(rows: float) -> int:
    """Two digits are more than such a guess is worth."""
    whole = ceil(rows)
    step = 10 ** max(0, len(str(whole)) - 2)
    return ceil(whole / step) * step
