"""A term of an objective: a loss, how much it counts, and which tensors it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import inspect
import math
from typing import Final

from torch import Tensor, nn

from ..core import Loss

#: What a call gives beside the inputs of a loss, one number or truth for each example.
_ABOUT_EXAMPLES: Final = ("weight", "mask")

_UNNAMED: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
)


@dataclass(frozen=True)
class Term:
    """A loss within an objective.

    Attributes:
        loss: what is minimised; its mean is the term's value.
        weight: how much the term counts, from 0; at 0 it is computed and reported, and trains nothing.
        reads: for inputs that go by another name, the name of the tensor to read:
            `reads={"prediction": "mask_logits", "target": "mask"}`. "weight" and "mask" can be renamed as well,
            and None leaves out one that is given for all terms: `reads={"mask": None}`.
        heads: for inputs that a module makes, that module: `heads={"cosine": wald.Proxies(10, 64)}`. It is called with
            the tensors that its `forward` names, here `embedding`, which the term reads in place of the input. The
            objective holds it, with its parameters and its state; whoever trains calls its `update`.

    Raises:
        TypeError: `loss` is not a loss, `weight` not a number, or a head not a module whose `forward` names its inputs.
        ValueError: `weight` is negative or not finite, `reads` renames what is not taken, or `heads` make what the loss
            does not take.

    >>> import torch, wald
    >>> wald.Term(wald.Huber(), weight=0.1).weight
    0.1
    >>> term = wald.Term(wald.ProxyAnchor(), heads={"cosine": wald.Proxies(classes=3, features=4)})
    >>> objective = wald.Objective(proxies=term)
    >>> objective(embedding=torch.randn(8, 4), label=torch.arange(8) % 3).total.backward()
    >>> [name for name, _ in objective.named_parameters()]
    ['proxies_cosine.vectors']
    """

    loss: Loss
    weight: float = 1.0
    reads: Mapping[str, str | None] | None = field(default=None, hash=False)
    heads: Mapping[str, nn.Module] | None = field(default=None, hash=False, repr=False)
    #: What each head is called with, by the input that it makes.
    _called: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

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
        object.__setattr__(self, "heads", None if self.heads is None else dict(self.heads))
        object.__setattr__(self, "_called", {name: _called_with(head) for name, head in (self.heads or {}).items()})
        who = type(self.loss).__name__
        if unknown := sorted((self.heads or {}).keys() - {*self.inputs}):
            raise ValueError(f"{who} takes {', '.join(self.inputs)}; heads make {', '.join(unknown)}")
        takes = [*self.taken, *_ABOUT_EXAMPLES]
        if unknown := sorted((self.reads or {}).keys() - {*takes}):
            raise ValueError(f"{who} takes {', '.join(takes)}; reads names {', '.join(unknown)}")
        if unread := [name for name in self.taken if name not in self.sources]:
            raise ValueError(f"{who} needs {', '.join(unread)}; None leaves out weight or mask only")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of the loss, in the order of its card."""
        return tuple(name for name, _ in self.loss.named_domains)

    @property
    def taken(self) -> tuple[str, ...]:
        """The inputs of the loss, and in place of one that a head makes what that head is called with."""
        return tuple(dict.fromkeys(each for name in self.inputs for each in self._called.get(name, (name,))))

    @property
    def sources(self) -> dict[str, str]:
        """The name of the tensor that each of what is taken is read from."""
        names = {name: name for name in (*self.taken, *_ABOUT_EXAMPLES)} | dict(self.reads or {})
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
        given = {name: tensors[source] for name, source in sources.items()}
        if not self.heads:
            return given
        made = {name: head(**{each: given[each] for each in self._called[name]}) for name, head in self.heads.items()}
        return {name: x for name, x in (given | made).items() if name in (*self.inputs, *_ABOUT_EXAMPLES)}


def _called_with(head: nn.Module) -> tuple[str, ...]:
    """The names of what a module must be given.

    Raises:
        TypeError: this is no module, or its `forward` does not name what it takes.
    """
    if not isinstance(head, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a head is a module, such as wald.Proxies(10, 64), got {head!r}")
    parameters = inspect.signature(head.forward).parameters.values()
    named = tuple(each.name for each in parameters if each.default is each.empty and each.kind not in _UNNAMED)
    if not named or any(each.kind in _UNNAMED for each in parameters):
        raise TypeError(
            f"the forward of {type(head).__name__} must name what it is called with, as in forward(self, embedding), "
            f"got {inspect.signature(head.forward)}. Call it yourself, and give the objective what it makes."
        )
    return named
