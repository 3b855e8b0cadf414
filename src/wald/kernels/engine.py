"""What computes a loss and its gradient in one pass over the data: an engine, and what it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a batch: what is read, and where the results go.

    Attributes:
        loss: a loss whose examples do not meet, one number or one row each.
        prediction: what the gradient is of.
        target: the truth.
        weight: what each example counts; one that counts 0 is left out: nothing in it is looked at, and its gradient
            is 0. None counts all alike.
        scale: what the gradient is multiplied by, beside the weight.
        values: takes the values of the examples, unweighted; None where they are not wanted.
        gradient: takes weight · scale · slope; it may be the prediction itself, to be overwritten.
    """

    loss: Any
    prediction: Tensor
    target: Tensor
    weight: Tensor | None = None
    scale: float = 1.0
    values: Tensor | None = None
    gradient: Tensor | None = None

    def pieces(self, size: int) -> Iterator[Pass]:
        """The same over so many examples at a time, along the first axis."""
        for begin in range(0, len(self.prediction), size):
            here = slice(begin, begin + size)
            yield replace(
                self,
                prediction=self.prediction[here],
                target=self.target[here],
                weight=None if self.weight is None else self.weight[here],
                values=None if self.values is None else self.values[here],
                gradient=None if self.gradient is None else self.gradient[here],
            )


#: `engine(asked) -> total`: fills in the values and the gradient, and gives Σ weight · value.
Engine = Callable[[Pass], float]
