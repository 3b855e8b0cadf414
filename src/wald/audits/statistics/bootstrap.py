"""Resampling of rows: paired, weighted, by cluster, and in blocks of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .random import generator

#: Fewer clusters do not know how much they differ: intervals from them are far too narrow, and are left unknown.
FEWEST = 8

#: Draws × units that are worth holding in memory between two uses.
_HELD = 10_000_000

#: More rows or clusters than this are resampled in as many blocks: the spread of a mean is the same, the work is not.
_UNITS = 20_000


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """The same resamples of rows for everything that is compared, so that every comparison is paired.

    What is drawn is a unit: a row, a cluster of rows that belong together, or, of very many of these, one of 20,000
    blocks of them, random or of neighbours in time. A mean is Σwx / Σw of the rows that were drawn.

    Attributes:
        rows: how many rows there are.
        draws: how many resamples.
        seed: what the resamples are drawn from; equal seeds are equal resamples.
        weight: what each row counts for, (rows,); None for 1.
        cluster: the number of the cluster that each row belongs to, (rows,) from 0; None where each stands alone.
        block: the mean length of the runs of rows (or clusters) that are drawn together, where they come in order of
            time; 0 for none. Politis & Romano 1994, doi:10.1080/01621459.1994.10476870.
    """

    rows: int
    draws: int
    seed: int
    weight: Tensor | None = None
    cluster: Tensor | None = None
    block: int = 0

    def means(self, values: Tensor) -> Tensor:
        """The mean of each resample: values (..., rows) become (..., draws); NaN where the clusters are too few."""
        if self.cluster is not None and self.units < FEWEST:
            return torch.full((*values.shape[:-1], self.draws), torch.nan, dtype=torch.float64)
        flat = values.double().reshape(-1, self.rows)
        weight = torch.ones(self.rows, dtype=torch.float64) if self.weight is None else self.weight.double()
        totals, masses = self._by_unit(flat * weight), self._by_unit(weight[None])[0]
        parts = [(totals @ counts.T) / (counts @ masses) for counts in self.counts()]
        return torch.cat(parts, -1).reshape(*values.shape[:-1], -1)

    def counts(self) -> Iterator[Tensor]:
        """How often each unit was drawn, (some draws, units) at a time."""
        if self.draws * self.units <= _HELD:
            yield self._held
            return
        source, step = self._source(), max(1, _HELD // self.units)
        for start in range(0, self.draws, step):
            yield self._counted(source, min(step, self.draws - start))

    def masses(self) -> Iterator[Tensor]:
        """How much each row counts in each resample, (some draws, rows): how often it was drawn, times its weight."""
        step = max(1, _HELD // self.rows)
        for held in self.counts():
            for counts in held.split(step):
                rows = counts if self._unit is None else counts[:, self._unit]
                yield rows if self.weight is None else rows * self.weight

    def indices(self) -> Iterator[Tensor]:
        """The rows of one resample at a time, for what is no mean. With clusters their number varies."""
        source = self._source()
        for _ in range(self.draws):
            drawn = self._drawn(source, 1)[0]
            if self._unit is None:
                yield drawn
                continue
            order, starts, sizes = self._members
            many = sizes[drawn]
            ends = many.cumsum(0)
            within = torch.arange(int(ends[-1])) - (ends - many).repeat_interleave(many)
            yield order[starts[drawn].repeat_interleave(many) + within]

    @property
    def units(self) -> int:
        """How many things are drawn in a resample."""
        return self.rows if self._unit is None else int(self._unit.max()) + 1

    @cached_property
    def _unit(self) -> Tensor | None:
        """The unit of each row; None where rows are drawn one by one."""
        if self.cluster is not None:
            many = int(self.cluster.max()) + 1
            return self.cluster.long() if many <= _UNITS else self._merged(many)[self.cluster.long()]
        return None if self.rows <= _UNITS else self._merged(self.rows)

    def _merged(self, many: int) -> Tensor:
        """The block of each of very many rows or clusters: neighbours in time, or drawn at random."""
        if self.block:
            return torch.arange(many) * _UNITS // many
        return torch.randperm(many, generator=generator(self.seed, "blocks", many)) % _UNITS

    @cached_property
    def _run(self) -> float:
        """The mean length of a run, in units."""
        many = self.rows if self.cluster is None else int(self.cluster.max()) + 1
        return self.block * min(1.0, _UNITS / many)

    @cached_property
    def _members(self) -> tuple[Tensor, Tensor, Tensor]:
        """The rows ordered by unit, where each unit begins among them, and how many it has."""
        assert self._unit is not None  # noqa: S101
        sizes = torch.bincount(self._unit)
        return self._unit.argsort(stable=True), sizes.cumsum(0) - sizes, sizes

    @cached_property
    def _held(self) -> Tensor:
        return self._counted(self._source(), self.draws)

    def _by_unit(self, values: Tensor) -> Tensor:
        if self._unit is None:
            return values
        return torch.zeros(len(values), self.units, dtype=torch.float64).index_add(1, self._unit, values)

    def _source(self) -> torch.Generator:
        return generator(self.seed, "bootstrap", self.rows)

    def _drawn(self, source: torch.Generator, draws: int) -> Tensor:
        """The units of some resamples, (draws, units)."""
        units = self.units
        drawn = torch.randint(units, (draws, units), generator=source)
        if self._run <= 1:
            return drawn
        # A run goes on with the next unit, and ends with chance 1 / its mean length.
        fresh = torch.rand(draws, units, generator=source) < 1 / self._run
        fresh[:, 0] = True
        place = torch.arange(units).expand(draws, units)
        begun = torch.where(fresh, place, 0).cummax(-1).values
        return (drawn.gather(1, begun) + place - begun) % units

    def _counted(self, source: torch.Generator, draws: int) -> Tensor:
        units = self.units
        drawn = self._drawn(source, draws)
        drawn += torch.arange(draws)[:, None] * units
        return torch.bincount(drawn.flatten(), minlength=draws * units).reshape(draws, units).double()


def weighted_mean(values: Tensor, weight: Tensor | None = None) -> float:
    """Σwx / Σw over the rows; the plain mean without weights."""
    values = values.double()
    if weight is None:
        return float(values.mean())
    return float((values * weight).sum() / weight.sum())


def whole_sample(value: Callable[[Tensor], float], bootstrap: Bootstrap) -> Tensor:
    """The bootstrap draws of a statistic of a whole sample: `value` takes the rows of a resample."""
    return torch.tensor([value(rows) for rows in bootstrap.indices()], dtype=torch.float64)
