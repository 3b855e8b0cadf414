"""Intervals and tests, seeded and vectorised. Each is held to its false-alarm rate by a test on null data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from math import sqrt
from statistics import NormalDist

import torch
from torch import Tensor

#: Draws × rows that are worth holding in memory between two uses.
_HELD = 10_000_000


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A random generator of its own for each purpose, so that no probe's numbers depend on which ran before it."""
    name = repr((seed, *purpose)).encode()
    return torch.Generator().manual_seed(int.from_bytes(sha256(name).digest()[:7], "big"))


@dataclass(frozen=True)
class Bootstrap:
    """The same resamples of rows for everything that is compared, so that every comparison is paired.

    Attributes:
        rows: how many rows there are.
        draws: how many resamples.
        seed: what the resamples are drawn from; equal seeds are equal resamples.
    """

    rows: int
    draws: int
    seed: int

    def counts(self) -> Iterator[Tensor]:
        """How often each row was drawn, (some draws, rows) at a time."""
        if self.draws * self.rows <= _HELD:
            yield self._held
            return
        source, step = self._source(), max(1, _HELD // self.rows)
        for start in range(0, self.draws, step):
            yield self._counted(source, min(step, self.draws - start))

    def means(self, values: Tensor) -> Tensor:
        """The mean of each resample: values (..., rows) become (..., draws)."""
        flat = values.double().reshape(-1, self.rows)
        return torch.cat([flat @ counts.T for counts in self.counts()], -1).reshape(*values.shape[:-1], -1) / self.rows

    def indices(self) -> Iterator[Tensor]:
        """The rows of one resample at a time, for what is no mean."""
        source = self._source()
        for _ in range(self.draws):
            yield torch.randint(self.rows, (self.rows,), generator=source)

    @cached_property
    def _held(self) -> Tensor:
        return self._counted(self._source(), self.draws)

    def _source(self) -> torch.Generator:
        return generator(self.seed, "bootstrap", self.rows)

    def _counted(self, source: torch.Generator, draws: int) -> Tensor:
        drawn = torch.randint(self.rows, (draws, self.rows), generator=source)
        drawn += torch.arange(draws)[:, None] * self.rows
        return torch.bincount(drawn.flatten(), minlength=draws * self.rows).reshape(draws, self.rows).double()


def percentiles(draws: Tensor, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; unknown (infinite) where too few draws came out finite."""
    finite = draws[draws.isfinite()].double()
    if len(finite) < 0.9 * len(draws) or len(finite) < 20:
        return (-torch.inf, torch.inf)
    low, high = torch.quantile(finite, torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    return (float(low), float(high))


def wilson(successes: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share, which stays inside [0, 1]. Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    if trials == 0:
        return (0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, extra = successes / trials, z * z / trials
    centre = (share + extra / 2) / (1 + extra)
    half = z / (1 + extra) * sqrt(share * (1 - share) / trials + extra / (4 * trials))
    # At 0 and at all the bound is 0 and 1 exactly; rounding must not say otherwise.
    return (
        0.0 if successes <= 0 else max(0.0, centre - half),
        1.0 if successes >= trials else min(1.0, centre + half),
    )


def detectable(standard_error: float, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest effect that would have been seen with this power."""
    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * standard_error


def permutation_p(observed: float, null: Tensor) -> float:
    """The share of null draws at least as large as what was observed, the observed one counted: never 0."""
    return (1 + int((null >= observed).sum())) / (1 + null.numel())


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: rejecting those below α holds the chance of any false alarm to α.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics.
    """
    adjusted = [1.0] * len(p)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        least = max(least, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = least
    return adjusted


def kendall(x: Tensor, y: Tensor, *, tie: float = 1e-9) -> Tensor:
    """Kendall's τ-b between the last axes of x and y; the axes before them are a batch.

    Args:
        x: (..., k).
        y: (..., k).
        tie: differences up to this share of the range count as ties.

    Returns:
        (...), NaN where one side is constant. Kendall 1945, doi:10.1093/biomet/33.3.239.
    """
    first, second = torch.triu_indices(x.shape[-1], x.shape[-1], 1)

    def order(values: Tensor) -> Tensor:
        gap = values[..., first] - values[..., second]
        scale = values.amax(-1, keepdim=True) - values.amin(-1, keepdim=True)
        return torch.where(gap.abs() <= tie * scale, 0.0, gap.sign()).double()

    up, over = order(x), order(y)
    pairs = (up.abs().sum(-1) * over.abs().sum(-1)).sqrt()
    return (up * over).sum(-1) / pairs


def cox(score: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cox's recalibration: the intercept and slope of label ~ sigmoid(intercept + slope · score), by Newton.

    Args:
        score: (n,) logits.
        label: (..., n) in [0, 1].
        weight: (..., n) counts of the rows; None for 1.

    Returns:
        (..., 2), NaN where nothing can be fitted (one class only, a constant score, separable classes).
        Cox 1958, doi:10.1093/biomet/45.3-4.562.
    """
    score, label = score.double(), label.double()
    weight = torch.ones_like(label) if weight is None else weight.double()
    centre, spread = score.mean(), score.std().clamp_min(1e-12)
    z = (score - centre) / spread
    mass = weight.sum(-1)
    rate = ((weight * label).sum(-1) / mass).clamp(1e-6, 1 - 1e-6)
    a, b = torch.logit(rate), torch.zeros_like(rate)
    da = db = torch.ones_like(rate)
    for _ in range(30):
        p = torch.sigmoid(a[..., None] + b[..., None] * z)
        gap, bend = weight * (label - p), weight * p * (1 - p)
        g0, g1 = gap.sum(-1), (gap * z).sum(-1)
        h00, h01, h11 = bend.sum(-1), (bend * z).sum(-1), (bend * z * z).sum(-1)
        determinant = (h00 * h11 - h01 * h01).clamp_min(1e-12)
        # A step of more than 2 overshoots where a resample has few of one class.
        da = ((h11 * g0 - h01 * g1) / determinant).clamp(-2, 2)
        db = ((h00 * g1 - h01 * g0) / determinant).clamp(-2, 2)
        a, b = a + da, b + db
        if float(torch.maximum(da.abs(), db.abs()).max()) < 1e-8:
            break
    # Where a step is still being taken the classes separate, or one is missing: there is no maximum.
    lost = (torch.maximum(da.abs(), db.abs()) > 1e-3) | (a.abs() > 40)
    slope = b / spread
    fitted = torch.stack([a - slope * centre, slope], -1)
    return torch.where(lost[..., None], torch.nan, fitted)


def cox_draws(score: Tensor, label: Tensor, bootstrap: Bootstrap) -> Tensor:
    """The intercept and slope of each resample, (draws, 2): one Newton step from those of all rows.

    A full fit of each resample costs a hundred times as much and hardly differs.
    """
    score, label = score.double(), label.double()
    fitted = cox(score, label)
    chance = torch.sigmoid(fitted[0] + fitted[1] * score)
    gap, bend = label - chance, chance * (1 - chance)
    parts = bootstrap.means(torch.stack([gap, gap * score, bend, bend * score, bend * score * score]))
    g0, g1, h00, h01, h11 = parts
    determinant = h00 * h11 - h01 * h01
    step = torch.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], -1) / determinant[:, None]
    return fitted + torch.where(determinant[:, None] > 1e-12, step, torch.nan)


def slope_p(score: Tensor, label: Tensor, draws: int, source: torch.Generator) -> float:
    """The p-value of "the slope of Cox's recalibration is 1", whatever its intercept.

    Labels are drawn from the forecasts, moved by one constant to the observed mean (consistency resampling:
    Bröcker & Smith 2007, doi:10.1175/WAF993.1), and compared by the efficient score of the slope, which needs no
    fit: Rao 1948, doi:10.1017/S0305004100023987.
    """
    score, label = score.double(), label.double()
    centred = score + _intercept(score, label)
    chance = torch.sigmoid(centred)
    bend = chance * (1 - chance)
    # What is left of the score once a constant is taken out, so that the constant's own error does not count.
    apart = score - (bend * score).sum() / bend.sum().clamp_min(1e-300)
    drawn = (torch.rand(draws, len(score), generator=source, dtype=torch.float64) < chance).double()
    return permutation_p(abs(float((label - chance) @ apart)) * (1 - 1e-12), ((drawn - chance) @ apart).abs())


def mean_p(score: Tensor, label: Tensor, draws: int, source: torch.Generator) -> float:
    """The p-value of "the mean forecast is the mean of what happened", by drawing labels from the forecasts."""
    chance, label = torch.sigmoid(score.double()), label.double()
    drawn = (torch.rand(draws, len(chance), generator=source, dtype=torch.float64) < chance).double()
    gap = abs(float((label - chance).mean()))
    return permutation_p(gap * (1 - 1e-12), (drawn - chance).mean(-1).abs())


def _intercept(score: Tensor, label: Tensor) -> Tensor:
    """The constant that brings the mean forecast to the mean of what happened, by bisection."""
    rate = label.mean().clamp(1e-9, 1 - 1e-9)
    low, high = torch.tensor(-60.0, dtype=torch.float64), torch.tensor(60.0, dtype=torch.float64)
    for _ in range(60):
        middle = (low + high) / 2
        above = torch.sigmoid(score + middle).mean() > rate
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def whole_sample(value: Callable[[Tensor], float], bootstrap: Bootstrap) -> Tensor:
    """The bootstrap draws of a statistic of a whole sample: `value` takes the rows of a resample."""
    return torch.tensor([value(rows) for rows in bootstrap.indices()], dtype=torch.float64)
