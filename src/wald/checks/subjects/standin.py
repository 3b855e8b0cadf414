"""What stands in for a foreign loss while it is measured."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
import inspect
from typing import Any


class StandIn:
    """A foreign loss, called as it is.

    It keeps the loss from ending the process by `exit`, and lets another take its place for a while, so that what
    was found out about calling the one serves for the other.

    Attributes:
        loss: the loss itself.
        exits: what it said each time that it called `exit`.
    """

    def __init__(self, loss: Callable[..., Any]) -> None:
        self.loss = loss
        self.exits: list[str] = []
        # A built-in does not say what it takes.
        with suppress(TypeError, ValueError):
            self.__signature__ = inspect.signature(getattr(loss, "forward", loss))

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """What the loss gives."""
        try:
            return self.loss(*inputs, **options)
        except SystemExit as left:
            said = f"exit({'' if left.code is None else repr(left.code)})"
            self.exits.append(said)
            raise RuntimeError(f"it called {said}") from None

    def __getattr__(self, name: str) -> Any:
        # Only for what is not set here: attributes by which a loss tells how it wants to be called.
        if name == "loss":
            raise AttributeError(name)
        return getattr(self.loss, name)

    @contextmanager
    def replaced(self, other: Callable[..., Any]) -> Generator[None]:
        """Another loss in its place."""
        loss, self.loss = self.loss, other
        try:
            yield
        finally:
            self.loss = loss
