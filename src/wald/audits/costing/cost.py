"""A loss seen from outside: values for rows, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
import copy
import inspect

import torch
from torch import Tensor, nn
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from ...core import Loss, value_checks
from ..statistics import weighted_mean

Foreign = Callable[..., Tensor]


class Coupled(TypeError):  # noqa: N818  (it names a kind of loss; nothing went wrong)
    """The loss of a row depends on other rows, so rows have no values of their own."""


class Cost:
    """One interface to wald's losses and to any callable (prediction, target).

    Attributes:
        loss: the loss itself.
        separable: whether rows have values of their own.
    """

    def __init__(self, loss: Foreign, prediction: Tensor, target: Tensor) -> None:
        """Find out how `loss` reduces, on a few rows that it must accept.

        Raises:
            Exception: whatever the loss raises on these rows.
        """
        self.loss = loss
        if isinstance(loss, Loss):
            # Once with its own checks on: what it refuses here must be mended before anything is measured.
            loss(prediction, target)
        few = _few(target)
        self._rowwise = _rowwise(loss, prediction[few].detach(), target[few])
        self.separable = self._rowwise is not None

    def each(self, prediction: Tensor, target: Tensor) -> Tensor:
        """One value for each row, differentiable, in the dtype of the loss.

        Raises:
            Coupled: rows have no values of their own.
        """
        if self._rowwise is None:
            raise Coupled(f"{self.loss}: the value of a row depends on the other rows.")
        with value_checks(False):
            return self._rowwise(prediction, target)

    def total(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The mean loss of the rows, differentiable; the loss of the whole where rows are coupled."""
        if self._rowwise is not None:
            return self.each(prediction, target).mean()
        with value_checks(False):
            return self.loss(prediction, target)

    def mean(self, prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> float:
        """The mean loss as a number. A foreign loss whose rows are coupled cannot respect weights."""
        if self._rowwise is not None:
            return weighted_mean(self.each(prediction, target).detach(), weight)
        if weight is not None and self.takes("weight"):
            with value_checks(False):
                return float(self.loss(prediction, target, weight=weight.to(prediction.dtype)).detach())
        return float(self.total(prediction, target).detach())

    def takes(self, name: str) -> bool:
        """Whether the loss can be called with this argument."""
        if isinstance(self.loss, Loss):
            return name in ("weight", "mask")
        try:
            return name in inspect.signature(self.loss).parameters
        except (TypeError, ValueError):
            return False

    @staticmethod
    def interval(loss: object) -> tuple[float, float]:
        """The interval in which the predictions of a loss live, as far as it says."""
        if isinstance(loss, Loss):
            first = loss.named_domains[0][1]
            return (first.low, first.high)
        return (-torch.inf, torch.inf)

    @property
    def name(self) -> str:
        """What to call the loss."""
        if isinstance(self.loss, Loss | nn.Module):
            return str(self.loss)
        return getattr(self.loss, "__name__", None) or type(self.loss).__name__


def _few(target: Tensor) -> Tensor:
    """A few rows, of different targets where possible, so that no loss looks simpler than it is."""
    order = target.reshape(len(target), -1)[:, 0].argsort()
    return order[torch.linspace(0, len(order) - 1, min(7, len(order))).long()]


def _rowwise(loss: Foreign, prediction: Tensor, target: Tensor) -> Foreign | None:
    """The function that gives one value a row, or None where there is none."""
    if isinstance(loss, Loss):
        if loss.card.coupling == "coupled":
            return None
        return lambda p, y: _flat(loss(p, y, reduction="none"), len(p))
    found = loss(prediction, target)
    if found.shape == target.shape or found.shape == prediction.shape[:1] != ():
        return lambda p, y: _flat(loss(p, y), len(p))
    if found.ndim:
        raise ValueError(
            f"the loss gave {tuple(found.shape)} for {len(prediction)} rows; one value, or one a row, is wanted"
        )
    # torch's own losses say how they reduce, and unreduced they are fast.
    if isinstance(loss, nn.Module) and getattr(loss, "reduction", None) == "mean":
        unreduced = copy.copy(loss)
        unreduced.reduction = "none"  # pyright: ignore[reportArgumentType]
        values = unreduced(prediction, target)
        if values.shape == target.shape and torch.allclose(values.mean(), found, rtol=1e-4, equal_nan=True):
            return lambda p, y: _flat(unreduced(p, y), len(p))
    singles = torch.stack([loss(prediction[i : i + 1], target[i : i + 1]) for i in range(len(prediction))])
    if not any(torch.allclose(whole, found, rtol=1e-4, atol=1e-6) for whole in (singles.mean(), singles.sum())):
        return None

    def alone(p: Tensor, y: Tensor) -> Tensor:
        return loss(p[None], y[None])

    batched = vmap(alone)
    try:
        batched(prediction, target)
    except Exception:
        return lambda p, y: torch.stack([alone(a, b) for a, b in zip(p, y, strict=True)])
    return batched


def _flat(values: Tensor, rows: int) -> Tensor:
    return values if values.ndim == 1 else values.reshape(rows, -1).mean(-1)
