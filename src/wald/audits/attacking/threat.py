"""What an adversary can do to the inputs of a case."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import CaseError
from ..evidence import Evidence
from ..input_space import Bound
from ..statistics import Sample
from .region import Choice, Region


@dataclass(frozen=True, eq=False)
class Threat:
    """How far each entry of a row may move, and what it can become.

    Attributes:
        reach: how far, in multiples of the scale.
        scale: of each entry, in the shape of a row; 0 to hold it fixed.
        low: the least that each entry can be.
        high: the most.
        step: each moves in multiples of this; 0 for any amount.
        choices: columns that change from one option to another.
    """

    reach: float
    scale: Tensor
    low: Tensor
    high: Tensor
    step: Tensor
    choices: tuple[Choice, ...] = ()

    @classmethod
    def of(cls, evidence: Evidence) -> Threat:
        """What the case says, and what its rows show where it is silent.

        Raises:
            CaseError: the input space does not fit the inputs.
        """
        inputs, space = evidence.inputs.float(), evidence.case.input_space
        if evidence.inputs.is_floating_point():
            inputs = evidence.inputs
        seen = inputs
        if evidence.case.train is not None:
            seen = torch.cat([inputs, evidence.case.train[0].to(inputs)])
        features = evidence.case.features
        width = inputs[0].numel()
        integer = _entries(evidence, space.places(space.integer, features), inputs)
        fixed = _entries(evidence, space.places(space.immutable, features), inputs)
        groups = [_entries(evidence, group, inputs) for group in space.groups(features)]
        if groups and inputs.ndim != 2:
            raise CaseError(
                f"InputSpace: categorical columns are those of a table, and the inputs are {tuple(inputs.shape)}."
            )
        low = _bound(space.low, inputs, seen.amin(0))
        high = _bound(space.high, inputs, seen.amax(0))
        if bool((low > high).any()):
            raise CaseError("InputSpace: low is above high for some feature.")
        step = _bound(space.step, inputs, torch.zeros_like(low))
        flat = step.reshape(-1)
        flat[list(integer)] = flat[list(integer)].clamp_min(1.0)
        scale = _scale(evidence, inputs, declared=integer)
        chosen = {column for group in groups for column in group}
        held = torch.zeros(width, dtype=torch.bool)
        held[[*fixed, *chosen]] = True
        given = evidence.case.attack.scale
        free = [
            group
            for group in groups
            if not set(group) & set(fixed) and (given is None or any(given[column] > 0 for column in group))
        ]
        return cls(
            reach=evidence.case.attack.reach,
            scale=torch.where(held.to(scale.device).reshape(scale.shape), 0.0, scale),
            low=low,
            high=high,
            step=step,
            choices=tuple(_choice(seen, group) for group in free),
        )

    @property
    def movable(self) -> bool:
        """Whether anything can be moved at all."""
        return bool((self.scale > 0).any()) or bool(self.choices)

    @property
    def moved(self) -> int:
        """How many entries of a row can move."""
        return int((self.scale > 0).sum()) + len(self.choices)

    def region(self, inputs: Tensor, share: float) -> Region:
        """Around these rows, so many reaches far; infinitely many lead to the limits of each entry that moves.

        What changes from one option to another cannot change by half, so it is held fixed below one reach.
        """
        far = self.high - self.low
        size = torch.where(self.scale > 0, far, 0.0) if share == torch.inf else self.scale * (self.reach * share)
        choices = self.choices if share >= 1 else ()
        return Region.around(inputs, size, (self.low, self.high), self.step, choices)

    def relaxed(self) -> Threat:
        """Every entry that moves, by any amount: what an attack by gradients is judged on."""
        return replace(self, step=torch.zeros_like(self.step), choices=())

    def unbound(self) -> Threat:
        """Every entry, whoever can change it, over all of its range."""
        return replace(self.relaxed(), scale=torch.ones_like(self.scale))


def _scale(evidence: Evidence, inputs: Tensor, declared: tuple[int, ...]) -> Tensor:
    """How far one reach moves each entry: what the case says, or a standard deviation, and nothing for flags."""
    given = evidence.case.attack.scale
    if given is not None:
        return torch.tensor(given).to(inputs).reshape(inputs.shape[1:])
    return deviations(evidence, inputs, declared)


def deviations(evidence: Evidence, inputs: Tensor, declared: tuple[int, ...] = ()) -> Tensor:
    """The standard deviation of each entry; 0 for flags.

    Args:
        evidence: for what the rows count, and whether they are series.
        inputs: (rows, ...).
        declared: entries that are no flags, whatever values they take.
    """
    shape = inputs.shape[1:]
    flat = inputs.reshape(len(inputs), -1)
    lowest, highest = flat.amin(0), flat.amax(0)
    flags = ((flat == lowest) | (flat == highest)).all(0)
    # A whole number is no flag because it happens to take two values.
    flags[list(declared)] = False
    if evidence.case.input_space.series and inputs.ndim > 1:
        # One scale for all steps of a feature: a move of a step means the same at any time.
        spread = _spread(flat.reshape(len(flat), shape[0], -1), evidence.sample)
        spread = spread.square().mean(0).sqrt().expand(shape[0], -1).reshape(-1)
        return torch.where(spread > 0, spread, 0.0).to(inputs).reshape(shape)
    spread = _spread(flat, evidence.sample)
    return torch.where(flags, 0.0, spread).to(inputs).reshape(shape)


def _spread(values: Tensor, sample: Sample) -> Tensor:
    """The standard deviation over rows; of a series, of a step about the mean over all rows and steps."""
    values = values.double()
    weight = torch.ones(len(values), dtype=torch.float64) if sample.weight is None else sample.weight
    share = (weight / weight.sum()).to(values.device).reshape(-1, *[1] * (values.ndim - 1))
    centre = (share * values).sum(0)
    if values.ndim == 3:
        centre = centre.mean(0)
    return (share * (values - centre).square()).sum(0).sqrt()


def _bound(given: Bound, inputs: Tensor, otherwise: Tensor) -> Tensor:
    if given is None:
        return otherwise.clone()
    found = torch.as_tensor(given).to(inputs)
    shape = inputs.shape[1:]
    if found.ndim and found.numel() != shape.numel():
        raise CaseError(f"InputSpace: a bound has {found.numel()} numbers, and a row has {shape.numel()} entries.")
    return found.reshape(shape).clone() if found.ndim else found.expand(shape).clone()


def _entries(evidence: Evidence, columns: tuple[int, ...], inputs: Tensor) -> tuple[int, ...]:
    """The entries of a row that columns are: of a series of several features, a feature at every step."""
    entries = inputs[0].numel()
    every = evidence.case.input_space.series and inputs.ndim == 3
    width = inputs.shape[-1] if every else entries
    for column in columns:
        if not -width <= column < width:
            raise CaseError(f"InputSpace: there is no column {column}; a row has {width}.")
    places = [column % width for column in columns]
    return tuple(range(entries)[place] for column in places for place in range(column, entries, width))


def _choice(seen: Tensor, columns: tuple[int, ...]) -> Choice:
    return Choice(torch.tensor(columns, device=seen.device), seen[:, list(columns)].unique(dim=0))
