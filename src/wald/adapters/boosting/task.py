"""What is boosted: a loss, the numbers that a booster adds up for it, and how these are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ...core import Loss
from ..emission import Emission, emission_for_classes, emission_for_numbers
from .closed_forms import ClosedForm, closed_form
from .errors import BoostingError
from .labels import Classes, Floats, classes_of, numbers_of

#: Tasks of a card that a table of rows and a column of targets can be.
_ROWS = ("binary", "multiclass", "regression", "other")


@dataclass(frozen=True, eq=False)
class Task:
    """A loss and what a booster emits for it.

    A booster adds up `columns` free numbers a row, the score, (rows, columns). The emission makes of them the
    prediction as the loss takes it; `natural` makes of that what a person asks for.

    Attributes:
        loss: what is minimised.
        emission: from scores to predictions.
        classes: of a classification; None where numbers are predicted.
        sort: whether predicted quantiles are put in rising order.
    """

    loss: Loss
    emission: Emission
    classes: Classes | None
    sort: bool = False

    @classmethod
    def of(cls, loss: Loss, y: Any, *, sort: bool = False) -> Task:
        """What boosting a loss on these targets means.

        Raises:
            BoostingError: the loss is not one of rows and targets, or does not go with y.
        """
        if isinstance(loss, type) and issubclass(loss, Loss):
            raise BoostingError(f"{loss.__name__} is a class; write {loss.__name__}().")
        if not isinstance(loss, Loss):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BoostingError(
                f"a loss of wald is wanted, got {loss!r}. A formula of your own becomes one as a class with a card; "
                "see CONTRIBUTING.md, or wald.get(name) for one that stands."
            )
        names = [name for name, _ in loss.named_domains]
        if loss.card.coupling == "coupled" or loss.card.task not in _ROWS or len(names) != 2:
            raise BoostingError(
                f"{loss} takes {', '.join(names)} of whole batches or pairs, and a booster has a target for each row. "
                "Use a loss of one row, such as wald.BinaryCrossEntropy(), wald.CrossEntropy() or wald.Squared()."
            )
        axes = loss.named_domains[0][1].axes
        whole = loss.named_domains[1][1].integer
        if loss.card.task in ("binary", "multiclass") or whole:
            levels = getattr(loss, "levels", None)
            size = loss.named_domains[0][1].size
            ordered = int(levels) if isinstance(levels, int) else size if axes == ("classes",) else None
            return cls.known(loss, classes_of(y, ordered=ordered, several=bool(axes)), sort)
        numbers_of(y)
        return cls.known(loss, None, sort)

    @classmethod
    def known(cls, loss: Loss, classes: Classes | None, sort: bool) -> Task:
        """The same where the classes are known already."""
        try:
            found = emission_for_numbers(loss) if classes is None else emission_for_classes(loss, len(classes.labels))
        except ValueError as error:
            raise BoostingError(str(error)) from None
        return cls(loss, found, classes, sort)

    @property
    def columns(self) -> int:
        """How many numbers a booster adds up for each row."""
        return self.emission.outputs

    @property
    def plain(self) -> bool:
        """Whether the score is the prediction itself."""
        return self.emission.way == "as it is" and self.emission.second == "as it is"

    @cached_property
    def form(self) -> ClosedForm | None:
        """Its derivatives in closed form, looked up once: CatBoost asks for them a thousand times a tree."""
        return closed_form(self.loss) if self.plain else None

    @property
    def in_units(self) -> bool:
        """Whether every score is a number in the unit of the target."""
        return self.plain and self.emission.form == "numbers" and all(self.emission.measured)

    def encoded(self, y: Any) -> Floats:
        """Targets as a booster takes them: numbers, or class numbers, (rows,)."""
        return numbers_of(y) if self.classes is None else self.classes.encoded(y)

    def target(self, labels: NDArray[Any], dtype: torch.dtype) -> Tensor:
        """Encoded targets as the loss takes them."""
        return torch.from_numpy(np.ascontiguousarray(labels)).to(torch.int64 if self._whole else dtype)

    def values(self, score: Tensor, target: Tensor) -> Tensor:
        """The loss of each row: score (rows, columns), target as `target` makes it."""
        found = self.loss.plain.per_example(self.emission.emit(score), target)
        return found if found.ndim == 1 else found.reshape(len(found), -1).mean(-1)

    def admit(self, labels: Floats) -> None:
        """Let the loss look at these targets once.

        Raises:
            DomainError: some have no meaning for it, such as a negative count.
        """
        score = torch.zeros(len(labels), self.columns, dtype=torch.float64)
        self.loss(self.emission.emit(score), self.target(labels, torch.float64))

    def raw(self, score: NDArray[Any]) -> Tensor:
        """The prediction as the loss takes it: score (rows, columns)."""
        return self.emission.emit(torch.from_numpy(np.ascontiguousarray(score)).to(torch.float64))

    def natural(self, raw: Tensor) -> NDArray[Any]:
        """What a person asks for.

        Classes: a probability for each, (rows, classes), or the decided classes, (rows,), where the loss has no
        probabilities. Numbers: themselves, (rows,) or (rows, columns), never their logarithms.
        """
        form = self.emission.form
        if self.classes is None:
            return self._number(raw).numpy()
        if hasattr(self.loss, "probabilities") and raw.ndim == 2:
            return self.loss.probabilities(raw).numpy()  # pyright: ignore[reportAttributeAccessIssue]
        if form == "margins":
            decided = (raw > 0).long() if raw.ndim == 1 else raw.argmax(-1)
            return self.classes.labels[decided.numpy()]
        found = raw
        if form == "logits":
            found = raw.sigmoid() if raw.ndim == 1 else raw.softmax(-1)
        elif form == "log-probabilities":
            found = raw.exp()
        return (torch.stack([1 - found, found], -1) if found.ndim == 1 else found).numpy()

    def _number(self, raw: Tensor) -> Tensor:
        if self.sort and raw.ndim == 2:
            return raw.sort(-1).values
        if self.emission.form == "log-numbers":
            return raw.exp()
        if raw.ndim == 2:
            # The second of two parameters may be emitted as a logarithm; a person asks for the thing itself.
            scale, shortfall = getattr(self.loss, "scale", None), getattr(self.loss, "shortfall", None)
            if scale in ("log_variance", "log_std"):
                return torch.stack([raw[:, 0], (raw[:, 1] * (2 if scale == "log_std" else 1)).exp()], -1)
            if shortfall == "log":
                sign = -1.0 if getattr(self.loss, "tail", "lower") == "lower" else 1.0
                return torch.stack([raw[:, 0], sign * raw[:, 1].exp()], -1)
        return raw

    @cached_property
    def _whole(self) -> bool:
        domain = self.loss.named_domains[1][1]
        return domain.integer and not (self.classes is not None and self.classes.soft)
