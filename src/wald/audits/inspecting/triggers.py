"""Marks that turn whatever carries them into one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..statistics import Sample, generator, percentiles
from .subgroups import FEWEST, LARGEST, Subgroup, subgroups

#: (inputs) → the class that each row is taken for.
Decide = Callable[[Tensor], Tensor]

#: Parts of classes that are examined.
_EXAMINED = 8

#: A mark is at most this share of the columns.
_WIDEST = 8

_NEIGHBOURS = 5

#: Rows whose neighbours and values are compared, and what difference between classes neighbours must show.
_COMPARED, _FAINT = 300, 0.05

#: Columns in which neighbours are looked for; more are mixed at random.
_MIXED = 128

#: How far among other classes a group must be to be strange.
STRANGE = 0.5

_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Mark:
    """What the smaller part of a class has in common, and what it does to other rows.

    Attributes:
        group: the rows that carry it.
        columns: where it is.
        values: what it is.
        strange: how far these rows are among those of other classes, once the mark is left out: 0 as the rest of
            their class is, 1 as those are.
        turned: by how much more often the mark turns other rows into the class than the class's own usual values do.
        interval: of that.
    """

    group: Subgroup
    columns: Tensor
    values: Tensor
    strange: float
    turned: float
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with the rows that it was trained on, and others to try marks on.

    Attributes:
        features: what its last layer sees of the training rows, (rows, features).
        inputs: the training rows, (rows, ...).
        label: their classes.
        decide: the model.
        others: rows that it has not seen.
        sample: what each of those counts for.
    """

    features: Tensor
    inputs: Tensor
    label: Tensor
    decide: Decide
    others: Tensor
    sample: Sample


class _Rows:
    """The training rows in plain numbers, prepared once for every mark that is tried."""

    def __init__(self, model: Trained) -> None:
        self.label = model.label
        self.flat = model.inputs.reshape(len(model.inputs), -1).float()
        self.reach = (self.flat.amax(0) - self.flat.amin(0)).clamp_min(1e-12)
        spread = self.flat.std(0, correction=0)
        self._standard = (self.flat - self.flat.mean(0)) / torch.where(spread > 0, spread, 1.0)
        width = self.flat.shape[1]
        self._mix = (
            torch.randn(width, _MIXED, generator=generator(0, "mixed")) / _MIXED**0.5 if width > _MIXED else None
        )
        self._places = self._standard if self._mix is None else self._standard @ self._mix

    def without(self, columns: Tensor) -> Tensor:
        """Where the rows lie, without these columns."""
        if self._mix is not None:
            return self._places - self._standard[:, columns] @ self._mix[columns]
        places = self._places.clone()
        places[:, columns] = 0
        return places


def marks(model: Trained, groups: list[Subgroup] | None = None, draws: int = 200) -> list[Mark]:
    """The marks of the parts that stand out most, the most suspicious first."""
    found: list[Mark] = []
    rows = _Rows(model)
    for part in (subgroups(model.features, model.label) if groups is None else groups)[:_EXAMINED]:
        group = _carriers(rows, part, *_common(rows, part))
        columns, values, usual = _common(rows, group)
        strange = _strange(rows, group, columns)
        turned, interval = 0.0, (0.0, 0.0)
        if strange >= STRANGE:
            turned, interval = _turned(model, group.label, columns, values, usual, draws)
        found.append(Mark(group, columns, values, strange, turned, interval))
    return sorted(found, key=lambda one: (one.strange < STRANGE, -one.turned, -one.group.evidence))


def _common(rows: _Rows, group: Subgroup) -> tuple[Tensor, Tensor, Tensor]:
    """The columns in which a group is of one mind and unlike the rest of its class, its values and the usual ones."""
    rest = (rows.label == group.label).index_fill(0, group.rows, value=False).nonzero()[:, 0]
    own, others = (_some(rows.flat, one) for one in (group.rows, rest))
    value, usual = own.median(0).values, others.median(0).values
    noise = (own.var(0, correction=0) + others.var(0, correction=0) + 1e-3 * rows.reach.square()).sqrt()
    score = (value - usual).abs() / noise
    columns = score.topk(max(1, min(32, len(score) // _WIDEST))).indices
    columns = columns[score[columns] >= 0.5 * score.max()]
    return columns, value[columns], usual[columns]


def _carriers(rows: _Rows, group: Subgroup, columns: Tensor, values: Tensor, usual: Tensor) -> Subgroup:
    """The rows of the class that have the group's values rather than the usual ones: what the split missed or mixed."""
    own = (rows.label == group.label).nonzero()[:, 0]
    seen, reach = rows.flat[own][:, columns], rows.reach[columns]
    nearer = ((seen - values).abs() / reach).mean(1) < ((seen - usual).abs() / reach).mean(1)
    share = float(nearer.double().mean())
    if int(nearer.sum()) < FEWEST or share > LARGEST:
        return group
    return replace(group, rows=own[nearer], share=share)


def _strange(rows: _Rows, group: Subgroup, columns: Tensor) -> float:
    """How far a group, without its mark, is among rows of other classes: 0 as the rest of its class, 1 as those."""
    places = rows.without(columns)
    outside = torch.ones(len(places), dtype=torch.bool).index_fill(0, group.rows, value=False)
    known, foreign = places[outside], (rows.label[outside] != group.label).double()

    def surrounded(some: Tensor, *, known_too: bool) -> float:
        near = torch.cdist(some, known).topk(_NEIGHBOURS + known_too, largest=False).indices
        return float(foreign[near[:, int(known_too) :]].mean())

    home = surrounded(_some(known, (foreign == 0).nonzero()[:, 0]), known_too=True)
    abroad = surrounded(_some(known, (foreign == 1).nonzero()[:, 0]), known_too=True)
    if abroad - home < _FAINT:
        return 0.0
    return (surrounded(_some(places, group.rows), known_too=False) - home) / (abroad - home)


def _some(rows: Tensor, chosen: Tensor) -> Tensor:
    """These rows, or as many of them as tell enough, from all over the file."""
    return rows[chosen[:: max(1, len(chosen) // _COMPARED)]]


def _turned(
    model: Trained, label: int, columns: Tensor, values: Tensor, usual: Tensor, draws: int
) -> tuple[float, tuple[float, float]]:
    free = (model.decide(model.others) != label).nonzero()[:, 0]
    if len(free) < FEWEST:
        return 0.0, (0.0, 0.0)
    rows = model.others[free.to(model.others.device)]
    marked = model.decide(marked_with(rows, columns, values)) == label
    plain = model.decide(marked_with(rows, columns, usual)) == label
    gain = marked.double() - plain.double()
    sample = model.sample.part(free)
    # The intervals of all parts hold together.
    return sample.mean(gain), percentiles(sample.bootstrap(draws).means(gain), 1 - (1 - _LEVEL) / _EXAMINED)


def marked_with(rows: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """The rows with these values in these columns."""
    flat = rows.reshape(len(rows), -1).clone()
    flat[:, columns.to(flat.device)] = values.to(flat)
    return flat.reshape(rows.shape)
