"""What the losses of overlap do alike: masks of one object or of classes, where their axes lie, which are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...core import DomainError, DtypeError, Loss, ShapeError
from ...core.instead import as_written
from ...core.mending import mend

if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["binary", "multilabel", "multiclass"]
    Absent = Literal["count", "skip", "zero"]


class OverPixels(Loss):
    """A loss of masks with the field `axis`, which it declares for itself.

    It stands behind the family among the bases: `class Boundary(Supervised, OverPixels)`.
    """

    if TYPE_CHECKING:
        axis: int

    def layers(self) -> str:
        """What lies in one pixel: "binary", "multilabel" or "multiclass"."""
        return "binary"

    def in_plain_layout(self) -> Loss:
        return self if self.axis == -1 else self.replace(axis=-1)

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        return self.plain, self.pixels_last(*inputs), weight, mask

    def pixels_last(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The inputs in plain layout."""
        return pixels_last(self, self.layers(), self.axis, *inputs)


class OverMasks(OverPixels):
    """A loss of overlaps with `kind`, `absent`, `background`, `ignore_index` and `axis`, each declared for itself."""

    if TYPE_CHECKING:
        kind: Kind
        absent: Absent
        background: bool
        ignore_index: int | None

    def layers(self) -> str:
        return self.kind

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return (self.masks(*inputs)[2] != 0).any(-1).any(-1) if self.absent == "skip" else None

    def refuse(self, *inputs: Tensor) -> None:
        refuse_outside(self, self.kind, self.ignore_index, *inputs)

    def masks(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is predicted to be inside each mask, what to be outside, and the truth: each (*batch, masks, pixels)."""
        inside, outside, truth = masks_of(self.kind, self.ignore_index, prediction, target)
        if self.background or self.kind == "binary":
            return inside, outside, truth
        return inside[..., 1:, :], outside[..., 1:, :], truth[..., 1:, :]

    def over_masks(self, costs: Tensor, truth: Tensor) -> Tensor:
        """The mean over the masks of an example of what each costs, by the policy for those that are empty in truth."""
        if self.absent == "count":
            return costs.mean(-1)
        here = (truth != 0).any(-1)
        total = torch.where(here, costs, torch.zeros_like(costs)).sum(-1)
        return total / (here.sum(-1).clamp(min=1) if self.absent == "skip" else costs.shape[-1])


def pixels_last(loss: Loss, kind: str, axis: int, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The same masks with all pixels of an example in one axis, and classes or labels behind them.

    Args:
        loss: for messages.
        kind: "binary", "multilabel" or "multiclass".
        axis: -1 where they lie so already; 1 for (batch, classes, *space), or (batch, *space) of one mask.
        inputs: the prediction, and one tensor or more that goes with it.

    Raises:
        DtypeError: one of them is not a tensor.
        ShapeError: they do not go together.
    """
    if axis == -1:
        return inputs
    for x in inputs:
        if not isinstance(x, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DtypeError(f"{loss}: an input is a {type(x).__name__}, not a tensor. Use torch.as_tensor(...).")
    prediction, *others = inputs
    shape, least = tuple(prediction.shape), 2 if kind == "binary" else 3
    if len(shape) < least:
        raise ShapeError(
            f"{loss}: axis=1 wants prediction (batch, {'' if least == 2 else 'classes, '}*space), got {shape}."
        )
    wanted = (shape[0], *shape[2:]) if kind == "multiclass" else shape
    for x in others:
        if tuple(x.shape) != wanted:
            ids = "class ids " if kind == "multiclass" else ""
            told = f"{as_written(loss)}: prediction is {shape}, so target is {ids}{wanted}; got {tuple(x.shape)}."
            raise ShapeError(f"{told} {mend(loss, inputs)}".rstrip())

    def laid(x: Tensor) -> Tensor:
        classes = kind != "binary" and tuple(x.shape) == shape
        return x.movedim(1, -1).flatten(1, -2) if classes else x.flatten(1)

    return tuple(laid(x) for x in inputs)


def masks_of(kind: str, ignore_index: int | None, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits and truth in plain layout as masks: the share inside, the share outside, and the truth.

    Each is (*batch, masks, pixels). Where the target is `ignore_index`, all three are 0.
    """
    if kind == "multiclass":
        ids = torch.arange(prediction.shape[-1], device=target.device)
        labels = (target.unsqueeze(-1) == ids).to(prediction.dtype)
    else:
        labels = target
    counted = None
    if ignore_index is not None:
        counted = target != ignore_index
        counted = counted.unsqueeze(-1) if kind == "multiclass" else counted
        # Nothing hidden in the scores of a pixel that is left out reaches a gradient.
        prediction = torch.where(counted, prediction, torch.zeros_like(prediction))
        labels = torch.where(counted, labels, torch.zeros_like(labels))
    p = prediction.softmax(-1) if kind == "multiclass" else prediction.sigmoid()
    # For a sigmoid 1 - p is as exact as p, so that what little is wrong with a sure mask is not rounded away.
    rest = 1 - p if kind == "multiclass" else (-prediction).sigmoid()
    if counted is not None:
        p, rest = p * counted, rest * counted
    if kind == "binary":
        return p.unsqueeze(-2), rest.unsqueeze(-2), labels.unsqueeze(-2)
    return p.mT, rest.mT, labels.mT


def refuse_outside(loss: Loss, kind: str, ignore_index: int | None, prediction: Tensor, target: Tensor) -> None:
    """Raise if a target is neither a class (or from 0 to 1) nor what marks pixels to leave out.

    Raises:
        DomainError: with the value, and what to pass.
    """
    highest = prediction.shape[-1] - 1 if kind == "multiclass" else 1
    outside = (target < 0) | (target > highest)
    if ignore_index is not None:
        outside = outside & (target != ignore_index)
    if outside.any():
        value = target[outside][0].item()
        wanted = f"class ids from 0 to {highest}" if kind == "multiclass" else "numbers from 0 to 1"
        image = "" if kind == "multiclass" else " Was the mask read from an image? Use target / 255."
        raise DomainError(
            f"{type(loss).__name__}: target contains {value:g}; expected {wanted}. If {value:g} marks pixels to leave "
            f"out, pass ignore_index={value:g}.{image}"
        )


def counts(inside: Tensor, outside: Tensor, truth: Tensor, common: str = "product") -> tuple[Tensor, Tensor, Tensor]:
    """How much of each mask is rightly in, wrongly in and wrongly out, over the last axis.

    Args:
        inside: the share of each pixel that is predicted to be in the mask.
        outside: the share that is predicted to be out of it; both are 0 for a pixel that does not count.
        truth: the share that is in truth in it.
        common: what a pixel has in common with the truth: "product", or "minimum", by which a soft mask that is
            exactly the truth lacks nothing. Of labels both are the same.
    """
    if common == "minimum":
        return torch.minimum(inside, truth).sum(-1), (inside - truth).relu().sum(-1), (truth - inside).relu().sum(-1)
    return (inside * truth).sum(-1), (inside * (1 - truth)).sum(-1), (outside * truth).sum(-1)


def share_lost(lost: Tensor, whole: Tensor, above: float, below: float) -> Tensor:
    """1 - (whole - lost + above) / (whole + below), which is 0 where there is nothing at all to lose."""
    size = whole + below
    nothing = size == 0
    return torch.where(nothing, torch.zeros_like(size), (lost + (below - above)) / torch.where(nothing, 1.0, size))
