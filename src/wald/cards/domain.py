"""Where the value of one example lives: the vocabulary of cards."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """An interval of reals or integers, with named axes where an example is not one number.

    Attributes:
        says: what an error message calls a value of this domain.
        low: the smallest value; `open_low` says that it is itself outside.
        high: the largest value.
        open_low: whether `low` is excluded.
        integer: whether only whole numbers belong.
        axes: an example's own axes, which come last in a tensor.
        soft: the same input may also be given as probabilities over these axes, as floats.
        size: how many entries the last axis has, where that is fixed.
        logits: whether the values are unnormalised scores, so that probabilities are out of place.
        normalised: "linear" if the entries along the last axis add to 1, "log" if their exponentials do.
        typical: the range that tests and checks draw from.
        safe: stands in for the values of masked examples, so that no formula meets what was hidden.
    """

    says: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    integer: bool = False
    axes: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()
    size: int | None = None
    logits: bool = False
    normalised: Literal["", "linear", "log"] = ""
    typical: tuple[float, float] = (-3.0, 3.0)
    safe: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether some finite values are outside."""
        return self.low > -math.inf or self.high < math.inf

    @property
    def interval(self) -> str:
        """The interval as people write it: `[0, 1]`, `(0, inf)`, `{0, 1, ...}`."""
        if self.integer:
            return f"{{{self.low:g}, ..., {self.high:g}}}" if self.high < math.inf else f"{{{self.low:g}, ...}}"
        left = "(" if self.open_low or self.low == -math.inf else "["
        right = ")" if self.high == math.inf else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"

    def of(self, *axes: str, size: int | None = None) -> Domain:
        """The same domain for each entry of an example with these axes, the last of them of this size."""
        return replace(self, axes=axes, size=size)


Real = Domain(says="a real number")
Positive = Domain(says="a positive number", low=0.0, open_low=True, typical=(0.1, 4.0), safe=1.0)
NonNegative = Domain(says="a number that is not negative", low=0.0, typical=(0.0, 4.0))
AboveMinusOne = Domain(says="a number above -1", low=-1.0, open_low=True, typical=(-0.5, 4.0))
Logit = Domain(says="a logit", logits=True)
BinaryTarget = Domain(says="0, 1 or a probability between", low=0.0, high=1.0, typical=(0.0, 1.0))
Label = Domain(says="0 or 1", low=0, high=1, integer=True, typical=(0, 1))
Logits = Domain(says="logits", logits=True, axes=("classes",))
ClassId = Domain(says="a class id", low=0, integer=True, typical=(0, 3))
ClassTarget = Domain(says="a class id", low=0, integer=True, soft=("classes",), typical=(0, 3))
Probabilities = Domain(says="probabilities", low=0.0, high=1.0, axes=("classes",), normalised="linear")
LogProbabilities = Domain(says="log-probabilities", high=0.0, axes=("classes",), normalised="log")
Vector = Domain(says="a vector", axes=("features",))
Parameters = Domain(says="parameters of a distribution", axes=("parameters",))
PlainParameters = Domain(
    says="parameters of a distribution, as they are", axes=("parameters",), typical=(0.1, 4.0), safe=1.0
)
