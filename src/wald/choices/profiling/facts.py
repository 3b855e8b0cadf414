"""What can be known of a target before anything is trained on it, fact by fact."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

Task = Literal["binary", "multiclass", "ordinal", "regression"]

#: Where numbers live. "counts" are whole and not negative, "share" lies between 0 and 1.
Support = Literal["real", "non-negative", "positive", "counts", "share"]


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of a target, in the order in which they are numbered.

    Attributes:
        names: what they are called; of two the second is "yes".
        counts: how many rows each has.
        shares: the weight of each as a share of all; the shares of the rows without weights.
    """

    names: tuple[Hashable, ...]
    counts: tuple[int, ...]
    shares: tuple[float, ...]

    @property
    def rarest(self) -> int:
        """The number of the class with the fewest rows."""
        return min(range(len(self.counts)), key=lambda one: (self.counts[one], -one))

    @property
    def commonest(self) -> int:
        """The number of the class with the most weight."""
        return max(range(len(self.shares)), key=lambda one: (self.shares[one], -one))

    @property
    def imbalance(self) -> float:
        """How many times as much weight the commonest class has as the rarest."""
        least = min(self.shares)
        return max(self.shares) / least if least > 0 else float("inf")

    def per_fold(self, folds: int = 5) -> float:
        """How many rows of the rarest class one of so many folds will have, on average."""
        return min(self.counts) / folds


@dataclass(frozen=True, kw_only=True)
class Tail:
    """How far out the far values of a target lie.

    The index is that of Pareto: moments of its order and above do not exist. It is 1 / shape; a shape of 0 is the
    tail of an exponential or lognormal, below 0 that of a bounded target.

    Attributes:
        side: which tail is the heavier, "upper" or "lower".
        hill: the shape by Hill 1975, of the outermost 5 %; it is never below 0.
        moment: by Dekkers, Einmahl & de Haan 1989.
        weighted: by probability-weighted moments of the excesses, Hosking & Wallis 1987; at most 1.
        interval: of 95 %, around the moment estimate.
        stable: whether the moment estimates from the outermost 2.5 %, 5 % and 10 % agree within their errors.
        kurtosis: the fourth standardised moment; 3 for a bell curve.
        top: the share of the variance that the 1 % of the rows furthest from the mean carry; 0.085 for a bell curve.
    """

    side: Literal["upper", "lower"]
    hill: float
    moment: float
    weighted: float
    interval: tuple[float, float]
    stable: bool
    kurtosis: float
    top: float

    @property
    def index(self) -> float:
        """The order from which on moments do not exist; infinite where all do."""
        return 1 / self.moment if self.moment > 0 else float("inf")

    @property
    def heavy(self) -> bool:
        """Whether few rows decide every squared error: by their share of the variance and by the shape of the tail."""
        return self.top >= 0.3 and self.interval[0] > 0


@dataclass(frozen=True, kw_only=True)
class Outliers:
    """Values beyond robust fences, and what they do.

    Attributes:
        fences: the quartiles moved out by 1.5 times their distance (Tukey 1977).
        share: of the rows beyond them; 0.7 % for a bell curve.
        far: how many lie beyond fences twice as far out.
        apart: how many lie beyond a gap that the tail of the others does not explain.
        mean_within: the mean without the far ones.
    """

    fences: tuple[float, float]
    share: float
    far: int
    apart: int
    mean_within: float


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A target of numbers, in its own unit; statistics are weighted, counts are of rows.

    Attributes:
        support: where the values live.
        mean: their mean.
        spread: their standard deviation.
        scale: 1.4826 times the median distance from the median, the standard deviation of a bell curve; where that
            is 0, from the quartiles; 0 where these are equal too.
        quantiles: the values at 1, 5, 10, 25, 50, 75, 90, 95 and 99 %, by level.
        low: the least value.
        high: the largest.
        skewness: the third standardised moment.
        zeros: how many rows are 0.
        negatives: how many rows are below 0.
        whole: whether all values are whole numbers.
        distinct: how many different values there are.
        unit: what nearly all values are multiples of; None where there is no such step.
        heaped: a step whose multiples are too common, and how many times as common as their neighbours.
        capped: (value, rows) at an end where values pile up, as they do where a measurement stops.
        modes: how many humps: 1, or 2 where a single one is implausible.
        tail: None where there are too few rows to tell.
        outliers: None where half of all rows have one value.
    """

    support: Support
    mean: float
    spread: float
    scale: float
    quantiles: Mapping[float, float]
    low: float
    high: float
    skewness: float
    zeros: int
    negatives: int
    whole: bool
    distinct: int
    unit: float | None = None
    heaped: tuple[float, float] | None = None
    capped: tuple[tuple[float, int], ...] = ()
    modes: int = 1
    tail: Tail | None = None
    outliers: Outliers | None = None

    @property
    def median(self) -> float:
        """The value at 50 %."""
        return self.quantiles[0.5]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The rows of one group.

    Attributes:
        kind: what kind of group it is, where there are several kinds; else empty.
        name: what it is called.
        rows: how many.
        mean: the mean of a target of numbers or the rate of the second of two classes; NaN for more classes.
        error: the standard error of that.
        least: how many rows of the class that it has fewest of; the rows of a target of numbers.
    """

    name: Hashable
    rows: int
    mean: float
    error: float
    least: int
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Rows that belong together, such as the visits of one patient.

    Attributes:
        many: how many clusters.
        largest: the rows of the largest.
        alike: how many times as large the variance of the mean is as that of as many rows on their own.
    """

    many: int
    largest: int
    alike: float


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the order of the rows tells of the target.

    Attributes:
        given: whether the order was said to be one of time; else it is that of the file.
        alike: how alike neighbours are: 0 not at all, 1 the same.
        error: the standard error of that in a random order.
        early: the mean (of two classes, the rate; of more, the share of the commonest) of the first third.
        late: that of the last third.
        gap_error: the standard error of late − early, with neighbours that are alike allowed for.
    """

    given: bool
    alike: float
    error: float
    early: float
    late: float
    gap_error: float

    @property
    def follows(self) -> bool:
        """Whether neighbours are alike beyond chance, and enough to matter."""
        return self.alike > 0.05 and self.alike > 4 * self.error

    @property
    def drifts(self) -> bool:
        """Whether early and late rows differ beyond chance."""
        return isfinite(self.gap_error) and abs(self.late - self.early) > 4 * self.gap_error


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How many labels seem wrong.

    Attributes:
        share: of the labels, the likeliest; None where it is not known.
        interval: of 95 %.
        why: why it is not known.
    """

    share: float | None = None
    interval: tuple[float, float] | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Rows whose inputs are the same.

    Attributes:
        rows: how many have a twin.
        apart: of these, the share whose label is not the commonest among its twins; of numbers, the share of the
            variance that lies between twins. No model of these inputs can know that.
    """

    rows: int
    apart: float


@dataclass(frozen=True, kw_only=True)
class Leak:
    """The column that decides most on its own.

    Attributes:
        column: its name.
        explained: the share of a constant's error that it removes in rows that it was not seen with.
        interval: of 95 %.
    """

    column: str
    explained: float
    interval: tuple[float, float]

    @property
    def suspicious(self) -> bool:
        """Whether it decides nearly alone."""
        return self.interval[0] >= 0.9


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """What a small learner leaves of a target of numbers, in rows that it has not seen.

    Attributes:
        scale: 1.4826 times their median size, the standard deviation of a bell curve; in the target's unit.
        largest: the largest size.
        explained: the share of the variance that the learner explains; 0 or less where it learns nothing.
        dispersion: k of a variance m + k·m² about the expected m, for counts; None for other targets.
        fitted: whether inputs were used; without them, residuals are distances from the median.
    """

    scale: float
    largest: float
    explained: float
    dispersion: float | None
    fitted: bool
