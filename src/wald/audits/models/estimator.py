"""A model of another library as a function of tensors that emits what the loss takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
import warnings

import numpy as np
import torch
from torch import Tensor

from ..errors import CaseError
from ..metrics.forms import Form, converted, one_column, two_columns
from ..reading.libraries import pandas
from ..tables import Codec
from .source import Ask, Source
from .wanted import Wanted


class Estimator:
    """(rows, features) → predictions as the loss takes them.

    Attributes:
        source: the model, and how it is asked.
        wanted: what the loss takes.
        codec: how the tensor becomes the table that the model takes; None where it takes the numbers themselves.
        notes: what a reader of the results should know of how predictions were read.
    """

    def __init__(self, source: Source, wanted: Wanted, codec: Codec | None, sample: Any) -> None:
        """Choose how the model is asked, on a few rows that it must accept.

        Raises:
            CaseError: it does not accept them, or does not say what the loss takes.
        """
        self.source, self.wanted, self.codec = source, wanted, codec
        if source.classes and wanted.form in ("numbers", "log-numbers"):
            raise CaseError(
                f"the model tells {len(source.classes)} classes apart, and the loss is one for numbers. Give a loss "
                'for classes, such as loss="cross_entropy".'
            )
        if source.classes and not wanted.by_class and len(source.classes) != 2:
            raise CaseError(
                f"the model tells {len(source.classes)} classes apart, and the loss takes one number a row. Give a "
                'loss for several classes, such as loss="cross_entropy".'
            )
        self.notes: tuple[str, ...] = ()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.asked: Form = self._asked(sample)

    @property
    def original(self) -> Any:
        """The model as it was given."""
        return self.source.original

    def __call__(self, inputs: Tensor) -> Tensor:
        """The predictions for these rows."""
        return self.on_table(self.table(inputs))

    def emitting(self, wanted: Wanted, inputs: Tensor) -> Estimator:
        """The same model for another loss."""
        return self if wanted == self.wanted else Estimator(self.source, wanted, self.codec, self.table(inputs[:64]))

    def table(self, inputs: Tensor) -> Any:
        """The rows as the model takes them."""
        if self.codec is not None:
            return self.codec.decode(inputs)
        values = inputs.detach().cpu().numpy()
        names = self.source.names
        if names and _knows_frames(self.original) and values.ndim == 2 and values.shape[1] == len(names):
            return pandas().DataFrame(values, columns=list(names))
        return values

    def on_table(self, table: Any) -> Tensor:
        """The predictions for rows that are given as the model takes them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _tensor(self.source.says[self.asked](table))
        return self._formed(found)

    def _formed(self, found: Tensor) -> Tensor:
        if not self.source.classes:
            found = found[:, 0] if found.ndim == 2 and found.shape[-1] == 1 else found
            numbers: tuple[Form, ...] = ("numbers", "log-numbers")
            return converted(found, self.asked, self.wanted.form) if self.wanted.form in numbers else found
        # What was promoted to log-odds is read as such.
        form: Form = "logits" if self.asked == "margins" else self.asked
        if len(self.source.classes) == 2:
            found = one_column(found, form)
        found = converted(found, form, self.wanted.form)
        return two_columns(found, self.wanted.form) if self.wanted.by_class else found

    def _asked(self, sample: Any) -> Form:
        says, want = self.source.says, self.wanted.form
        if not self.source.classes:
            if want not in ("numbers", "log-numbers"):
                self.notes += (f"the model's numbers are taken as {want}, which the loss takes",)
                return "numbers"
            return want if want in says else "numbers"
        if want in says and want != "logits":
            return want
        if "logits" in says:
            return "logits"
        if "margins" in says and ("probabilities" not in says or _same(says, sample)):
            if "probabilities" not in says and want != "margins":
                self.notes += (
                    f"{type(self.original).__name__} gives distances from a border and no probabilities; they are read "
                    "as log-odds, which they need not be",
                )
            return "margins"
        return "probabilities"


def _same(says: Any, sample: Any) -> bool:
    """Whether scores are the log-odds of the probabilities, which they say with more digits."""
    margins, chances = (_tensor(says[form](sample)).double() for form in ("margins", "probabilities"))
    if margins.ndim == 1:
        return torch.allclose(torch.sigmoid(margins), chances[:, -1], atol=1e-6)
    return margins.shape == chances.shape and torch.allclose(margins.softmax(-1), chances, atol=1e-6)


def _tensor(values: Any) -> Tensor:
    found = torch.from_numpy(np.array(values, copy=True)) if not isinstance(values, Tensor) else values.detach().cpu()
    return found if found.is_floating_point() else found.double()


def _knows_frames(model: Any) -> bool:
    return hasattr(model, "feature_names_in_")


class Foreign:
    """A function of arrays or tables as a function of tensors."""

    def __init__(self, original: Callable[[Any], Any], table: Ask) -> None:
        self.original, self.table = original, table

    def __call__(self, inputs: Tensor) -> Tensor:
        """The predictions for these rows."""
        return self.on_table(self.table(inputs))

    def on_table(self, table: Any) -> Tensor:
        """The predictions for rows that are given as the function takes them."""
        return _tensor(self.original(table))
