"""A term of an objective: a loss, how much it counts, and which tensors it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import Final

from torch import Tensor

from ..core import Loss

#: What a call gives beside the inputs of a loss, one number or truth for each example.
_ABOUT_EXAMPLES: Final = ("weight", "mask")


@dataclass(frozen=True)
class Term:
    """A loss within an objective.

    Attributes:
        loss: what is minimised; its mean is the term's value.
        weight: how much the term counts, from 0; at 0 it is computed and reported, and trains nothing.
        reads: for inputs that go by another name, the name of the tensor to read:
            `reads={"prediction": "mask_logits", "target": "mask"}`. "weight" and "mask" can be renamed as well,
            and None leaves out one that is given for all terms: `reads={"mask": None}`.

    Raises:
        TypeError: `loss` is not a loss, or `weight` not a number.
        ValueError: `weight` is negative or not finite, or `reads` renames what the loss does not take.

    >>> import wald
    >>> wald.Term(wald.Huber(), weight=0.1).weight
    0.1
    """

    loss: Loss
    weight: float = 1.0
    reads: Mapping[str, str | None] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if isinstance(self.loss, type):
            raise TypeError(f"a term holds a loss, got the class {self.loss.__name__}; write {self.loss.__name__}()")
        if not isinstance(self.loss, Loss):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"a term holds a loss, got {self.loss!r}; a function becomes one as a subclass of wald.Supervised, and "
                "a weight goes beside its loss: Term(loss, weight=0.1)"
            )
        if isinstance(self.weight, (bool, str)) or not hasattr(self.weight, "__float__"):
            raise TypeError(f"weight must be a number, got {self.weight!r}")
        weight = float(self.weight)
        if not 0 <= weight < math.inf:
            raise ValueError(f"weight must be a finite number >= 0, got {weight!r}; a negative one would maximise")
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "reads", None if self.reads is None else dict(self.reads))
        takes, who = [*self.inputs, *_ABOUT_EXAMPLES], type(self.loss).__name__
        if unknown := sorted((self.reads or {}).keys() - {*takes}):
            raise ValueError(f"{who} takes {', '.join(takes)}; reads names {', '.join(unknown)}")
        if unread := [name for name in self.inputs if name not in self.sources]:
            raise ValueError(f"{who} needs {', '.join(unread)}; None leaves out weight or mask only")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of the loss, in the order of its card."""
        return tuple(name for name, _ in self.loss.named_domains)

    @property
    def sources(self) -> dict[str, str]:
        """The name of the tensor that each input is read from."""
        names = {name: name for name in (*self.inputs, *_ABOUT_EXAMPLES)} | dict(self.reads or {})
        return {name: source for name, source in names.items() if source is not None}

    def read(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the loss is called with, by its own names, out of these tensors.

        Raises:
            TypeError: a tensor that the term reads is not there.
        """
        optional = [name for name in _ABOUT_EXAMPLES if name not in (self.reads or {})]
        sources = {name: source for name, source in self.sources.items() if source in tensors or name not in optional}
        if missing := [name for name, source in sources.items() if source not in tensors]:
            wants, got = ", ".join(sources.values()), ", ".join(tensors)
            raise TypeError(
                f"{type(self.loss).__name__} reads {wants}; {sources[missing[0]]} is missing, got {got}. "
                f'If it goes by another name, Term(loss, reads={{"{missing[0]}": "..."}}) says so.'
            )
        return {name: tensors[source] for name, source in sources.items()}
