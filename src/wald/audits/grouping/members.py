"""Which test rows are in which group, and which groups are too small to be judged."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from ..evidence import Evidence
from ..statistics import Sample

#: Groups that are worth fewer rows of equal weight than this are named and not judged.
SMALLEST = 30

#: A group that lies in fewer clusters than this is named and not judged: its spread between clusters is unknown.
FEWEST_CLUSTERS = 8


@dataclass(frozen=True)
class Group:
    """Some of the test rows.

    Attributes:
        name: such as "term = 60".
        rows: which rows these are.
        grouping: the grouping that it belongs to, such as "term".
    """

    name: str
    rows: Tensor
    grouping: str = ""


@dataclass(frozen=True)
class Members:
    """The groups of a case.

    Attributes:
        judged: those that are large enough.
        small: the names of the others.
        codes: for each grouping, the number of the group of each row, (rows,).
        labels: for each grouping, the names of its groups, by their number.
    """

    judged: list[Group]
    small: list[str]
    codes: dict[str, Tensor]
    labels: dict[str, list[str]]


def members(evidence: Evidence) -> Members:
    """The groups among the rows that are looked at."""
    judged: list[Group] = []
    small: list[str] = []
    codes: dict[str, Tensor] = {}
    names: dict[str, list[str]] = {}
    chosen = evidence.chosen.tolist()
    for grouping, labels in evidence.case.groups.items():
        kinds: list[Hashable] = sorted({labels[row] for row in chosen}, key=str)
        number = {kind: place for place, kind in enumerate(kinds)}
        codes[grouping] = torch.tensor([number[labels[row]] for row in chosen])
        names[grouping] = [f"{grouping} = {kind}" for kind in kinds]
        for place, name in enumerate(names[grouping]):
            rows = (codes[grouping] == place).nonzero()[:, 0]
            if not large_enough(evidence.sample, rows):
                small.append(name)
            elif len(rows) < evidence.rows:
                judged.append(Group(name, rows, grouping))
    return Members(judged, small, codes, names)


def crossings(evidence: Evidence, groups: Members) -> tuple[list[Group], int]:
    """The intersections of two groups that are large enough, and how many are not."""
    found: list[Group] = []
    small = 0
    for first, second in combinations(groups.codes, 2):
        many = len(groups.labels[second])
        cell = groups.codes[first] * many + groups.codes[second]
        order, sizes = cell.argsort(stable=True), torch.bincount(cell)
        for place, rows in enumerate(order.split(sizes.tolist())):
            one, other = divmod(place, many)
            alone = min(int((groups.codes[first] == one).sum()), int((groups.codes[second] == other).sum()))
            # A crossing that is one of its groups whole says nothing new.
            if 0 < len(rows) < alone:
                if large_enough(evidence.sample, rows):
                    found.append(Group(f"{groups.labels[first][one]} and {groups.labels[second][other]}", rows))
                else:
                    small += 1
    return found, small


def large_enough(sample: Sample, rows: Tensor) -> bool:
    """Whether these rows can be judged: enough of them by weight, in enough clusters."""
    if len(rows) < SMALLEST:
        return False
    part = sample.part(rows)
    return part.effective >= SMALLEST and units_of(part) >= FEWEST_CLUSTERS


def units_of(sample: Sample) -> int:
    """How many clusters, or rows that stand alone, a sample has."""
    return sample.rows if sample.cluster is None else len(sample.cluster.unique())
