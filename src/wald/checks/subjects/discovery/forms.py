"""How a loss is called: from an example's prediction and target to the arguments that its author expects.

What is measured has its examples first and the prediction before the target. A form brings them into the order and
the shapes that a foreign loss takes, and says so as a line of Python, so that a reader sees what was run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from ....cards import Domain


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The shape in which a loss takes the examples of one input.

    Attributes:
        column: whether they have a last axis of one entry.
        image: over how many spatial axes they are laid out: each is a pixel then, and its entries come first.
        ahead: how many axes of one entry come before them.
        whole: whether they are given as whole numbers.
    """

    column: bool = False
    image: int = 0
    ahead: int = 0
    whole: bool = False

    def of(self, x: Tensor) -> Tensor:
        """Examples in this shape."""
        if self.image:
            x = x.movedim(0, -1)[(None, slice(None), *[None] * (self.image - 1))]
        if self.ahead:
            x = x[(None,) * self.ahead]
        if self.column:
            x = x[..., None]
        return x.long() if self.whole else x

    def written(self, text: str) -> str:
        """The same as Python."""
        if self.image:
            text += f".movedim(0, -1)[None, :{', None' * (self.image - 1)}]"
        if self.ahead:
            text += f"[{', '.join(['None'] * self.ahead)}]"
        if self.column:
            text += "[..., None]"
        return f"{text}.long()" if self.whole else text


PLAIN: Final = Layout()
COLUMN: Final = Layout(column=True)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of a loss, made from one input.

    Attributes:
        place: which input.
        entry: which of its last axis; None for all.
        keyword: the name by which it is given; empty for by position.
        layout: its shape.
    """

    place: int
    entry: int | None = None
    keyword: str = ""
    layout: Layout = PLAIN

    def of(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """The argument."""
        x = inputs[self.place]
        return self.layout.of(x if self.entry is None else x[..., self.entry])

    def written(self, names: tuple[str, ...]) -> str:
        """The argument as Python."""
        name = names[self.place]
        text = self.layout.written(name if self.entry is None else f"{name}[..., {self.entry}]")
        return f"{self.keyword}={text}" if self.keyword else text


@dataclass(frozen=True, kw_only=True)
class Form:
    """A way to call a loss.

    Attributes:
        domains: the inputs, in the order of a `Subject`, and where each lives.
        arguments: what the loss is given.
        flat: whether its values come in other axes and are laid out as a row.
        task: the kind of problem that such a call is for; "other" where the call does not say.
        emitted: the places of the inputs that a model emits.
    """

    domains: tuple[tuple[str, Domain], ...]
    arguments: tuple[Argument, ...]
    flat: bool = False
    task: str = "other"
    emitted: tuple[int, ...] = (0,)

    @property
    def plain(self) -> bool:
        """Whether the inputs are the arguments as they are."""
        return not self.flat and self.arguments == tuple(Argument(place=i) for i in range(len(self.domains)))

    def bind(self, loss: Callable[..., Any]) -> Callable[..., Any]:
        """The loss as a function of the inputs."""
        if self.plain:
            return loss

        def call(*inputs: Tensor) -> Any:
            given = [one.of(inputs) for one in self.arguments if not one.keyword]
            named = {one.keyword: one.of(inputs) for one in self.arguments if one.keyword}
            value = loss(*given, **named)
            return value.flatten() if self.flat else value

        return call

    def written(self, loss: str = "given") -> str:
        """The loss as a function of the inputs, as Python."""
        names = tuple(name for name, _ in self.domains)
        call = f"{loss}({', '.join(one.written(names) for one in self.arguments)})"
        return f"lambda {', '.join(names)}: {call}{'.flatten()' * self.flat}"

    def recipe(self, recipe: str, name: str) -> str:
        """A line of Python that makes the loss as a function of the inputs, from the one that makes the loss."""
        if self.plain:
            return recipe
        made = f"{recipe}; given = loss" if recipe else "given = loss"
        return f"{made}; loss = {self.written()}{'' if recipe else f'  # given: {name}, as it was checked'}"
