"""A model of another library, as what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..metrics.forms import Form

#: A table as the model takes it → one value a row, or one for each class.
Ask = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Source:
    """What a model says of a row, in the forms in which it says it.

    Attributes:
        original: the model.
        says: how it is asked, by the form of the answer.
        classes: its classes in the order in which it speaks of them; empty for a regression.
        loss: the loss that it is trained by, in words, where training is its own affair.
        names: the names of the columns that it was trained on; empty where it knows none.
    """

    original: Any
    says: Mapping[Form, Ask]
    classes: tuple[Hashable, ...] = ()
    loss: str = ""
    names: tuple[str, ...] = field(default=())
