"""What a preflight looks at: a loss and the rows that it is to be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ...audits.reading.labels import are_names
from ...core import Loss, Supervised, gradient_and_hessian, value_checks
from ..correcting.arrays import as_numbers, as_row_weights, as_tensor
from ..errors import ChoiceError

#: So many rows are looked at, evenly spread, where each costs a search.
MANY = 200_000


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A loss and rows that it accepts.

    Attributes:
        loss: of a prediction and a target.
        target: as the loss takes it, in double precision where it is no class number.
        prediction: as the loss takes it; None before there is a model.
        weight: one for each row, adding to 1.
    """

    loss: Supervised
    target: Tensor
    prediction: Tensor | None
    weight: Tensor

    @property
    def own(self) -> tuple[str, ...]:
        """An example's own axes in the prediction."""
        return self.loss.named_domains[0][1].axes

    @property
    def numbers(self) -> bool:
        """Whether one number is predicted for a number, and not a class."""
        return self.own == () and self.loss.card.task == "regression"

    @property
    def binary(self) -> bool:
        """Whether every entry is a yes or no."""
        return self.own == () and self.loss.card.task == "binary"

    @property
    def columns(self) -> int | None:
        """How many entries a prediction has; None for one number."""
        if not self.own:
            return None
        if self.prediction is not None:
            return self.prediction.shape[-1]
        size = self.loss.named_domains[0][1].size
        if size is None and self.own == ("classes",) and not self.target.is_floating_point():
            size = max(int(self.target.max()) + 1, 2)
        return size if size is not None else self.target.shape[-1] if self.target.ndim > 1 else 2

    def constant(self, value: Tensor) -> Tensor:
        """The same prediction for every row."""
        return value.expand(len(self.target), *value.shape).contiguous()

    def costs(self, prediction: Tensor) -> Tensor:
        """One value a row."""
        with value_checks(False):
            found = self.loss(prediction, self.target, reduction="none").double()
        return found.reshape(len(self.target), -1).mean(-1)

    def mean(self, prediction: Tensor) -> float:
        """The mean loss as training would have it, class weights in the denominator where the loss says so."""
        with value_checks(False):
            weight = self.weight * len(self.weight)
            if self.target.ndim > 1 and self.loss.named_domains[1][1].axes == () and not self.own:
                weight = weight[:, None].expand(self.target.shape)
            return float(self.loss(prediction, self.target, weight=weight).double())

    @cached_property
    def slopes(self) -> tuple[Tensor, Tensor]:
        """Gradient and second derivative of every row at the predictions, in what is predicted."""
        assert self.prediction is not None  # noqa: S101  (asked for only where there are some)
        return slopes_at(self.loss, self.prediction, self.target)

    def at(self, prediction: Tensor) -> Rows:
        """The same rows with these predictions."""
        return Rows(loss=self.loss, target=self.target, prediction=prediction, weight=self.weight)


def slopes_at(loss: Loss, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient and second derivative of every row."""
    with value_checks(False):
        found = gradient_and_hessian(loss, prediction.double(), target)
    return found[0].detach(), found[1].detach()


def read_rows(loss: Supervised, target: Any, prediction: Any, weight: Any) -> Rows:
    """The rows as the loss takes them.

    Raises:
        ChoiceError: these are no numbers, there are none, or the numbers of rows differ.
    """
    domain = loss.named_domains[1][1]
    if are_names(target):
        raise ChoiceError(
            f"target holds names, and {type(loss).__name__} takes {domain.says}. Number them first, as "
            "numpy.unique(target, return_inverse=True)[1] does."
        )
    held = as_tensor("target", target).detach().cpu()
    said = None if prediction is None else as_numbers("prediction", prediction).detach().double()
    if held.ndim == 0 or not len(held):
        raise ChoiceError("target is empty or a single number; a preflight looks at rows, the more the better.")
    if said is not None and (said.ndim == 0 or len(said) != len(held)):
        raise ChoiceError(f"there are {len(held)} targets and predictions of shape {tuple(said.shape)}; one row each.")
    if said is not None and said.ndim == held.ndim + 1 and said.shape[-1] == 1 and not loss.named_domains[0][1].axes:
        # A column of one is what estimators and tables have.
        said = said.squeeze(-1)
    mass = as_row_weights(weight, len(held))
    mass = torch.ones(len(held), dtype=torch.float64) if mass is None else mass.cpu()
    soft = bool(domain.soft) and held.is_floating_point() and held.ndim > 1
    if domain.integer and not soft and held.is_floating_point() and bool((held == held.round()).all()):
        held = held.long()
    elif not domain.integer or soft:
        held = held.double()
    return Rows(loss=loss, target=held, prediction=said, weight=mass / mass.sum())


def few(rows: Rows) -> Rows:
    """Evenly spread rows where there are very many, and none that counts for nothing."""
    counts = rows.weight > 0
    ignored = rows.loss.kept(*(rows.target, rows.target))
    if ignored is not None and ignored.shape == counts.shape:
        counts &= ignored
    kept = counts.nonzero()[:, 0]
    if len(kept) > MANY:
        kept = kept[torch.linspace(0, len(kept) - 1, MANY).long()]
    said = None if rows.prediction is None else rows.prediction[kept]
    mass = rows.weight[kept]
    return Rows(loss=rows.loss, target=rows.target[kept], prediction=said, weight=mass / mass.sum())
