"""A case on its way from what was given to what is worked with."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..models import Source
from ..tables import Codec

if TYPE_CHECKING:
    from ..case import Case


@dataclass
class Reading:
    """A case on its way from what was given to what is worked with.

    Attributes:
        splits: inputs and targets by the name of the split, which is how errors call it.
        source: a model of another library, the first time that it is seen.
        codec: how inputs were written as numbers.
        classes: the names of the classes, where they have names.
        notes: what a reader of the report should know.
    """

    case: Case
    splits: dict[str, tuple[Any, Any]]
    source: Source | None = None
    codec: Codec | None = None
    classes: tuple[Hashable, ...] = ()
    notes: tuple[str, ...] = ()


def many_classes(reading: Reading) -> int:
    """How many classes there are; 0 where targets are no classes, or nobody says."""
    if reading.source is not None:
        return len(reading.source.classes)
    if reading.classes:
        return len(reading.classes)
    prediction: Any = reading.case.prediction
    if getattr(prediction, "ndim", 1) == 2:
        return int(prediction.shape[1])
    return 0
