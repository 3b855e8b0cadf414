"""A correction: from the raw predictions of a loss to probabilities of the true base rate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import ChoiceError
from .arrays import as_numbers
from .undo import Read, Undo


@dataclass(frozen=True, kw_only=True, repr=False)
class Correction:
    """What turns raw predictions into probabilities of the true base rate; see `prior_correction`, `recalibration`.

    A frozen value: it prints, compares and pickles, and is called like a function. Raw predictions are what the model
    emits, exactly as its loss takes it: (rows,) for a yes or a no, (rows, classes) for one of several, (rows, labels)
    for several that may be true at once. Tensors of any float type, arrays and lists will do; the answer is a tensor
    of at least single precision, worked out in double, and differentiable where `raw` is.

    Attributes:
        says: what it does and why, in a sentence or two.
        undo: takes back what the loss does to probabilities.
        shift: then added to the log-odds: one number, or one for each class or label.
        axis: where the classes or labels lie in `raw`.
        single: whether it is of one yes or no a row, so that further columns are a mistake.
    """

    says: str
    undo: Undo = field(default_factory=Read)
    shift: float | tuple[float, ...] = 0.0
    axis: int = -1
    single: bool = False

    def logits(self, raw: Any) -> Tensor:
        """Log-odds of yes; for several classes, log-probabilities. Of the shape of `raw`.

        Raises:
            ChoiceError: `raw` has another shape than the correction is for, or holds NaN.
        """
        given = self._laid_out(raw)
        found = self.undo.logits(given.double())
        shift: Any = self.shift
        found = found + (found.new_tensor(shift) if isinstance(shift, tuple) else shift)
        if self.undo.several:
            found = found.log_softmax(-1)
        return found.to(given.dtype).movedim(-1, self.axis) if given.ndim else found.to(given.dtype)

    def probabilities(self, raw: Any) -> Tensor:
        """The probability of yes, or of each class, in the order of the classes. Of the shape of `raw`.

        Raises:
            ChoiceError: `raw` has another shape than the correction is for, or holds NaN.
        """
        found = self.logits(raw)
        return found.softmax(self.axis) if self.undo.several else torch.sigmoid(found)

    def __call__(self, raw: Any) -> Tensor:
        """The probabilities."""
        return self.probabilities(raw)

    @property
    def several(self) -> bool:
        """Whether it is of classes of which one is true, and not of a yes or no for every entry."""
        return self.undo.several

    def moved(self, shift: float | tuple[float, ...], says: str) -> Correction:
        """The same, with a further shift of the log-odds and a further sentence."""
        both = torch.as_tensor(self.shift, dtype=torch.float64) + torch.as_tensor(shift, dtype=torch.float64)
        total: float | tuple[float, ...] = tuple(both.tolist()) if both.ndim else float(both)
        return replace(self, shift=total, says=f"{self.says} {says}".strip())

    def __repr__(self) -> str:
        return f"Correction: {self.says}"

    def _laid_out(self, raw: Any) -> Tensor:
        given = as_numbers("raw", raw)
        shape = tuple(given.shape)
        columns = len(self.shift) if isinstance(self.shift, tuple) else self.undo.columns
        if self.undo.several or columns is not None:
            what = "classes" if self.undo.several else "labels"
            if not -given.ndim <= self.axis < given.ndim or (self.undo.several and shape[self.axis] < 2):
                many = columns or "the number of"
                raise ChoiceError(
                    f"this correction is of several {what}, so raw is (rows, {many} {what}), as the loss takes it; got "
                    f"{shape}. For the log-odds of a yes or no give single rates: trained=0.5, actual=0.001."
                )
            if columns is not None and shape[self.axis] != columns:
                raise ChoiceError(
                    f"this correction is of {columns} {what}, so raw is (rows, {columns}); got {shape}. Make it from "
                    "the loss and the rates that the model was trained with."
                )
            return given.movedim(self.axis, -1)
        if self.single and given.ndim > 1 and shape[-1] != 1:
            raise ChoiceError(
                f"this correction is of one yes or no, so raw is (rows,); got {shape}. For several classes give one "
                "rate for each: trained=(0.5, 0.5), actual=(0.999, 0.001)."
            )
        return given
