"""The terms that a loss adds up, seen while it runs.

Every operation of torch passes by while the loss is called. What depends on the prediction is followed from one to
the next, and where two single numbers are added or subtracted the parts are written down, with the line that did it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
import inspect
import linecache
from types import FrameType
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_ADDS: Final = {
    torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__, Tensor.add_,
    torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__isub__, Tensor.sub_,
}  # fmt: skip
#: What takes no more from a tensor than its shape and kind.
_FRESH: Final = {
    Tensor.new_zeros, Tensor.new_ones, Tensor.new_full, Tensor.new_tensor, Tensor.new_empty,
    torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like, torch.rand_like, torch.randn_like,
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One part of a sum, in one call of the loss.

    Attributes:
        line: the file and the number of the line that adds it.
        place: 0 for what stands on the left, 1 for what stands on the right.
        value: what it was.
        follows: whether a gradient goes through it.
    """

    line: tuple[str, int]
    place: int
    value: float
    follows: bool

    @property
    def text(self) -> str:
        """The line as it is written; empty where the source is not at hand."""
        return linecache.getline(*self.line).strip()


def terms_of(call: Callable[..., Tensor], prediction: Tensor, *rest: Tensor) -> list[Term]:
    """The single numbers that depend on `prediction` and that a call of `call` adds to others."""
    seen = _Seen()
    x = prediction.detach().clone().requires_grad_()
    with seen:
        seen.follow([x])
        call(x, *rest)
    return seen.terms


class _Seen(TorchFunctionMode):
    """Follows what depends on the prediction through every operation."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: list[Term] = []
        # The tensors themselves are held, so that no identity is given to another while it counts.
        self._depends: dict[int, Tensor] = {}

    def follow(self, found: Iterable[Tensor]) -> None:
        """Take these for dependent on the prediction."""
        self._depends |= {id(one): one for one in found}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = list(_tensors((args, kwargs or {})))
        if func not in _FRESH and any(id(one) in self._depends for one in given):
            self.follow(_tensors(result))
            if func in _ADDS and isinstance(result, Tensor) and result.ndim == 0:
                self._note(args)
        return result

    def _note(self, parts: tuple[Any, ...]) -> None:
        line = _line(inspect.currentframe())
        for place, part in enumerate(parts[:2]):
            if isinstance(part, Tensor) and part.ndim == 0 and id(part) in self._depends:
                self.terms.append(Term(line, place, float(part.detach()), part.requires_grad))


def _tensors(thing: Any) -> Iterator[Tensor]:
    match thing:
        case Tensor():
            yield thing
        case list() | tuple():
            for one in thing:
                yield from _tensors(one)
        case dict():
            for one in thing.values():
                yield from _tensors(one)
        case _:
            return


def _line(frame: FrameType | None) -> tuple[str, int]:
    """Where the loss is written: the nearest line that is neither torch's nor ours."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name != __file__ and "/torch/" not in name:
            return name, frame.f_lineno
        frame = frame.f_back
    return "", 0
