"""What the losses over classes do alike: classes may lie on any axis, and an id marks what to leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ...core import Loss
from .softmax import classes_last, not_ignored


class OverClasses(Loss):
    """A loss with the fields `axis` and `ignore_index`, which each declares for itself.

    It stands behind the family among the bases: `class LDAM(Supervised, OverClasses)`.
    """

    if TYPE_CHECKING:
        axis: int
        ignore_index: int

    def in_plain_layout(self) -> Loss:
        return self if self.axis == -1 else self.replace(axis=-1)

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        return self.plain, classes_last(self, self.axis, *inputs), weight, mask

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return not_ignored(inputs[1], self.ignore_index)
