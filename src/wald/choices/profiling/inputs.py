"""What inputs add to the picture of a target: wrong labels, twins, a column that knows too much, residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...audits import CaseError
from ...audits.inspecting.crossfit import Learner, folds_of
from ...audits.inspecting.features import described
from ...audits.inspecting.flips import flipped, flips
from ...audits.inspecting.single import single_columns
from ...audits.reading.rows import as_tensor
from ...audits.statistics import Sample, generator
from ...audits.tables import codec_of, is_table, wants_codec
from ..errors import ChoiceError
from .facts import Leak, Noise, Repeats, Residuals

#: Rows that the small learner and the search for a leak look at, at most.
_LEARNED, _SEARCHED = 3_000, 20_000

#: Fewer rows tell nothing of wrong labels; and in a class rarer than this, a few wrong ones cannot be counted.
_FEWEST, _RARE = 200, 0.02

#: Wrong labels that are planted: what is not found then would not have been found before either.
_PLANTED = 0.1

#: A category of at most so many values becomes one column for each.
_LEVELS = 20

_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs as numbers.

    Attributes:
        columns: one for each input, (rows, columns) float64; categories by their codes.
        wide: the same with one column for each value of a category.
        names: of `columns`.
    """

    columns: Tensor
    wide: Tensor
    names: tuple[str, ...]

    def of(self, rows: Tensor) -> Inputs:
        """Some of the rows."""
        return Inputs(self.columns[rows], self.wide[rows], self.names)


def read_inputs(given: Any, rows: int) -> Inputs:
    """Inputs of any kind as numbers.

    Raises:
        ChoiceError: there is not one row of inputs for each target, or they cannot be read.
    """
    if hasattr(given, "toarray"):
        given = given.toarray()
    if isinstance(given, np.ndarray) and not given.flags.writeable:
        # Torch warns of arrays that it could not write to.
        given = given.copy()
    try:
        if is_table(given) or wants_codec(given, gaps=True):
            codec = codec_of([given])
            columns = codec.encode(given)
            names = codec.features
            codes = [len(c.levels) if place == 0 else 0 for c in codec.columns for place in range(len(c.names))]
        else:
            found = as_tensor("inputs", given).detach().cpu()
            columns = found.reshape(len(found), -1).double()
            names = tuple(f"column {number}" for number in range(columns.shape[1]))
            codes = [0] * columns.shape[1]
    except CaseError as error:
        raise ChoiceError(str(error)) from None
    if len(columns) != rows:
        raise ChoiceError(f"there are {len(columns)} rows of inputs and {rows} targets; one target a row.")
    return Inputs(columns, _wide(columns, codes), tuple(names))


def _wide(columns: Tensor, codes: list[int]) -> Tensor:
    parts: list[Tensor] = []
    for place, many in enumerate(codes):
        column = columns[:, place]
        known = column.long().clamp_min(0)
        if 2 < many <= _LEVELS and int(known.max()) < many:
            parts.append(functional.one_hot(known, many).double())
        else:
            parts.append(column[:, None])
    return torch.cat(parts, 1) if parts else columns


def leak(inputs: Inputs, target: Tensor, sample: Sample, *, numbers: bool) -> Leak | None:
    """The column that decides most on its own; None where it cannot be told."""
    if inputs.columns.shape[1] == 0:
        return None
    rows = _some(sample, _SEARCHED, "leak")
    told = single_columns(inputs.columns[rows], target[rows], sample.part(rows), numbers=numbers)
    return None if told is None else Leak(column=inputs.names[told.column], explained=told.explained,
                                          interval=told.interval)  # fmt: skip


def repeats(inputs: Inputs, target: Tensor, *, numbers: bool) -> Repeats:
    """Rows with the same inputs, and how far their targets lie apart."""
    rows = np.ascontiguousarray((inputs.columns + 0.0).numpy())
    if rows.shape[1] == 0:
        return Repeats(rows=0, apart=0.0)
    _, place, counts = np.unique(
        rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel(),
        return_inverse=True, return_counts=True,
    )  # fmt: skip
    kind, many = torch.from_numpy(place.reshape(-1)), torch.from_numpy(counts)
    twin = many[kind] > 1
    if not bool(twin.any()):
        return Repeats(rows=0, apart=0.0)
    kind, here = kind[twin], target[twin]
    if numbers:
        sums = torch.zeros(len(many), dtype=torch.float64).index_add_(0, kind, here)
        own = here - (sums / many)[kind]
        # A mean of few twins lies nearer to them than the truth does.
        free = float(len(here) - len(kind.unique()))
        total = float((target - target.mean()).square().mean())
        return Repeats(rows=len(here), apart=min(1.0, float(own.square().sum()) / free / total))
    classes = int(target.max()) + 1
    _, pairs = (kind * classes + here).unique(return_counts=True)
    which = (kind * classes + here).unique() // classes
    most = torch.zeros(len(many), dtype=torch.long).scatter_reduce_(0, which, pairs, "amax")
    return Repeats(rows=len(here), apart=1 - float(most.sum()) / len(here))


def noise(inputs: Inputs | None, label: Tensor, sample: Sample) -> Noise:
    """How many labels seem wrong, by what rows that are alike say; not known where planted ones are not found."""
    if inputs is None:
        return Noise(why="it takes inputs to see a wrong label: give X")
    if sample.rows < _FEWEST or inputs.wide.shape[1] == 0:
        return Noise(why=f"{sample.rows} rows are too few to tell a wrong label from a hard one ({_FEWEST} are wanted)")
    least = float(torch.bincount(label).min()) / len(label)
    rows = _some(sample, _LEARNED, "noise")
    kinds, label = label[rows].unique(return_inverse=True)
    classes, sample = len(kinds), sample.part(rows)
    if classes < 2 or least < _RARE:
        return Noise(
            why=f"the rarest class has {100 * least:.3g} % of the rows: a few wrong labels in it matter much, and "
            "so few cannot be counted"
        )
    source = generator(sample.seed, "noise")
    known = described(inputs.wide[rows], source)
    if known.shape[1] == 0:
        return Noise(why="the inputs never vary")
    learner = Learner(known, folds_of(sample, source), source)
    planted, _ = flipped(label, classes, _PLANTED, source)
    if flips(_expected(learner, planted, classes), planted, sample, _DRAWS).interval[0] <= 0.02:
        return Noise(
            why=f"these inputs foretell the target too little: {100 * _PLANTED:.0f} % planted wrong labels do not show"
        )
    found = flips(_expected(learner, label, classes), label, sample, _DRAWS)
    return Noise(share=found.share, interval=found.interval)


def residuals(inputs: Inputs | None, target: Tensor, sample: Sample, centre: float, *, counts: bool) -> Residuals:
    """What a small learner leaves of numbers (rows,); without inputs, their distances from the centre."""
    rows = _some(sample, _LEARNED, "residuals")
    here, fitted = target[rows], False
    expected = torch.full_like(here, centre)
    if inputs is not None and len(rows) >= 50 and inputs.wide.shape[1] > 0:
        source = generator(sample.seed, "residuals")
        known = described(inputs.wide[rows], source)
        if known.shape[1] > 0:
            part = sample.part(rows)
            expected, fitted = Learner(known, folds_of(part, source), source).expected(here), True
    size = (here - expected).abs()
    scale = 1.4826 * float(size.median())
    if scale == 0:
        scale = float(size.square().mean()) ** 0.5
    total = float((here - here.mean()).square().mean())
    dispersion = None
    if counts:
        mean = expected.clamp_min(0.05 * float(here.mean())) if fitted else here.mean().expand_as(here)
        dispersion = max(0.0, float(((here - mean).square() - mean).sum() / mean.square().sum()))
    return Residuals(
        scale=scale, largest=float(size.max()), fitted=fitted, dispersion=dispersion,
        explained=1 - float(size.square().mean()) / total if fitted and total > 0 else 0.0,
    )  # fmt: skip


def _expected(learner: Learner, label: Tensor, classes: int) -> Tensor:
    return learner.expected(functional.one_hot(label, classes).double())


def _some(sample: Sample, most: int, purpose: str) -> Tensor:
    if sample.rows <= most:
        return torch.arange(sample.rows)
    return torch.randperm(sample.rows, generator=generator(sample.seed, "profile", purpose))[:most].sort().values
