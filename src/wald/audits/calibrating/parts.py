"""Parts of the rows in which predictions are looked at: by what was predicted, and by each feature."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...findings.words import number_words
from ..evidence import Evidence
from ..statistics import Sample

#: A part holds this many rows at least, counted as rows of equal weight, this share of them, and this many clusters.
SMALLEST, _SHARE, _UNITS = 40, 0.05, 10

#: Bins of predictions and of a feature, values of a feature that are parts of their own, and features, at most.
_BINS, _FEATURE_BINS, _VALUES, _FEATURES = 10, 5, 8, 40


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the rows.

    Attributes:
        name: in words: "where age is 60 to 70".
        rows: their numbers.
        by: what they are divided by.
    """

    name: str
    rows: Tensor
    by: str


def parts_of(evidence: Evidence) -> list[Part]:
    """All rows; bins of predictions; and values or bins of each feature of a table."""
    least = max(SMALLEST, int(_SHARE * evidence.rows))
    found = [Part("overall", torch.arange(evidence.rows), "all rows")]
    found += _divided("the prediction", evidence.prediction.detach().double(), _BINS, least)
    inputs, space = evidence.inputs.detach().cpu(), evidence.case.input_space
    if inputs.ndim == 2 and space.tokens is None and not space.series:
        names = evidence.case.features or tuple(f"feature {place}" for place in range(inputs.shape[1]))
        for place in range(min(inputs.shape[1], _FEATURES)):
            found += _divided(names[place], inputs[:, place].double(), _FEATURE_BINS, least)
    return [part for place, part in enumerate(found) if place == 0 or _known(evidence.sample.part(part.rows))]


def _known(sample: Sample) -> bool:
    return sample.effective >= SMALLEST and sample.units >= _UNITS


def _divided(by: str, values: Tensor, bins: int, least: int) -> list[Part]:
    """A part for each value of a few, or bins of equal size."""
    kinds = values.unique()
    if len(kinds) < 2:
        return []
    if len(kinds) <= _VALUES:
        place = torch.bucketize(values, kinds)
        names = [f"where {by} is {number_words(kind)}" for kind in kinds.tolist()]
    else:
        many = max(1, min(bins, len(values) // least))
        edges = torch.quantile(values, torch.linspace(0, 1, many + 1, dtype=torch.float64)[1:-1]).unique()
        place = torch.bucketize(values, edges)
        own = [values[place == index] for index in range(len(edges) + 1)]
        names = [
            f"where {by} is {number_words(float(x.min()))} to {number_words(float(x.max()))}" for x in own if len(x)
        ]
        place = place.unique(return_inverse=True)[1]
    found = [Part(name, (place == index).nonzero()[:, 0], by) for index, name in enumerate(names)]
    return [part for part in found if least <= len(part.rows) < len(values)]
