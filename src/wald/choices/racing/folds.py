"""Which rows train and which are held out: the same for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...audits.statistics import generator
from ..errors import ChoiceError


@dataclass(frozen=True, eq=False)
class Split:
    """One division of the rows.

    Attributes:
        repeat: of which dealing of the rows it is.
        fold: which of its parts is held out.
        train: numbers of the training rows, rising.
        test: numbers of the held-out rows, rising.
        seed: what everything that is random in training comes from, the same for every candidate.
    """

    repeat: int
    fold: int
    train: Any
    test: Any
    seed: int


@dataclass(frozen=True, eq=False)
class Structure:
    """What a division of rows must respect.

    Attributes:
        rows: how many rows there are.
        classes: the class of each row; None where the target is a number.
        cluster: the cluster of each row; None where each stands alone.
        ordered: whether rows come in order of time.
    """

    rows: int
    classes: Any = None
    cluster: Any = None
    ordered: bool = False

    def part(self, rows: Any) -> Structure:
        """The same of some of the rows."""
        return Structure(
            len(rows),
            None if self.classes is None else self.classes[rows],
            None if self.cluster is None else self.cluster[rows],
            self.ordered,
        )

    @property
    def rarest(self) -> int:
        """How many rows, or clusters, hold the rarest class; all of them where there are no classes."""
        if self.classes is None:
            return self.rows if self.cluster is None else len(np.unique(self.cluster))
        if self.cluster is None:
            return int(np.unique(self.classes, return_counts=True)[1].min())
        return min(len(np.unique(self.cluster[self.classes == one])) for one in np.unique(self.classes))


def splits_of(structure: Structure, folds: int, repeats: int, seed: int) -> tuple[Split, ...]:
    """Every row is held out once in each repeat; in order of time, later rows after a model of the earlier ones.

    Raises:
        ChoiceError: there are too few rows, clusters or members of a class for two folds.
    """
    if structure.ordered:
        return _forward(structure, folds, seed)
    folds = min(folds, structure.rarest)
    if folds < 2:
        what = "row" if structure.cluster is None else "cluster"
        held = "the rarest class is" if structure.classes is not None else "the data are"
        raise ChoiceError(
            f"{held} in {structure.rarest} {what}: it cannot be both trained on and held out. Bring more rows, or "
            "leave that class out."
        )
    found: list[Split] = []
    for repeat in range(repeats):
        part = _dealt(structure, folds, _numbers(seed, "folds", repeat))
        for fold in range(folds):
            test = part == fold
            found.append(Split(repeat, fold, np.flatnonzero(~test), np.flatnonzero(test), _seed(seed, repeat, fold)))
    return tuple(found)


def inner_splits(structure: Structure, seed: int, parts: int) -> tuple[tuple[Any, Any], ...]:
    """Divisions of training rows for tuning: (rows to fit, rows to judge), by their place among the training rows.

    In order of time, the last fifth judges. Too few rows to divide judge what they themselves have trained.
    """
    everything = (np.arange(structure.rows), np.arange(structure.rows))
    if structure.ordered:
        cut = structure.rows - max(1, structure.rows // 5)
        held = np.arange(structure.rows) >= cut
        if structure.cluster is not None:
            held &= ~np.isin(structure.cluster, structure.cluster[:cut])
        if cut < 1 or not held.any() or not _all_classes(structure, np.arange(cut)):
            return (everything,)
        return ((np.arange(cut), np.flatnonzero(held)),)
    parts = min(parts, structure.rarest)
    if parts < 2:
        return (everything,)
    part = _dealt(structure, parts, _numbers(seed, "inner"))
    return tuple((np.flatnonzero(part != one), np.flatnonzero(part == one)) for one in range(parts))


def sampled(structure: Structure, rows: int, seed: int) -> Any:
    """So many rows, about, of the same classes and whole clusters; in order of time the latest ones."""
    if rows >= structure.rows:
        return np.arange(structure.rows)
    if structure.ordered:
        return np.arange(structure.rows - rows, structure.rows)
    parts = max(2, round(structure.rows / rows))
    return np.flatnonzero(_dealt(structure, parts, _numbers(seed, "sample")) == 0)


def _dealt(structure: Structure, parts: int, source: Any) -> Any:
    """The part of each row: every class is dealt out evenly, and clusters stay whole."""
    if structure.cluster is None:
        label = structure.classes if structure.classes is not None else np.zeros(structure.rows, dtype=int)
        return _dealt_evenly(label, parts, source)
    clusters, cluster = np.unique(structure.cluster, return_inverse=True)
    label = np.zeros(len(clusters), dtype=int)
    if structure.classes is not None:
        # A cluster is dealt out as one of the rarest class that it holds.
        known, many = np.unique(structure.classes, return_counts=True)
        for rank, one in enumerate(known[np.argsort(-many, kind="stable")]):
            label[cluster[structure.classes == one]] = rank
    return _dealt_evenly(label, parts, source)[cluster]


def _dealt_evenly(label: Any, parts: int, source: Any) -> Any:
    shuffled = source.permutation(len(label))
    order = shuffled[np.argsort(label[shuffled], kind="stable")]
    part = np.empty(len(label), dtype=np.int64)
    part[order] = (np.arange(len(label)) + source.integers(parts)) % parts
    return part


def _forward(structure: Structure, folds: int, seed: int) -> tuple[Split, ...]:
    """Rows are cut into runs; each but the first is predicted by a model of those before it."""
    edges = np.linspace(0, structure.rows, folds + 2).astype(int)
    found: list[Split] = []
    for fold in range(folds):
        train, test = np.arange(edges[fold + 1]), np.arange(edges[fold + 1], edges[fold + 2])
        if structure.cluster is not None:
            # What is known of a cluster must not be seen before it is predicted.
            train = train[~np.isin(structure.cluster[train], structure.cluster[test])]
        if len(test) and len(train) and _all_classes(structure, train):
            found.append(Split(0, fold, train, test, _seed(seed, 0, fold)))
    if not found:
        raise ChoiceError(
            f"in order of time no part of the {structure.rows} rows comes after rows of every class, so that nothing "
            "could be trained. Bring a longer history, or leave ordered= out."
        )
    return tuple(found)


def _all_classes(structure: Structure, rows: Any) -> bool:
    return structure.classes is None or len(np.unique(structure.classes[rows])) == len(np.unique(structure.classes))


def _seed(seed: int, *purpose: object) -> int:
    return int(generator(seed, "race", *purpose).initial_seed() % 2**31)


def _numbers(seed: int, *purpose: object) -> Any:
    return np.random.default_rng(generator(seed, "race", *purpose).initial_seed())
