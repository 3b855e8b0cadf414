"""Faster ways to compute what a loss already means, each held to the definition by one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .loss import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """A faster `per_example` of one loss, and the inputs that it accepts.

    Attributes:
        of: the loss that it computes.
        name: what `wald.which` calls it.
        accepts: whether it can compute this loss on these inputs.
        run: the same values as `per_example`.
        mean: their mean in one pass, or None where it has none for this loss; only all examples alike are asked for.
    """

    of: type[Any]
    name: str
    accepts: Callable[..., bool]
    run: Callable[..., Tensor]
    mean: Callable[..., Tensor | None]


def _always(*_: Any) -> bool:
    return True


def _never(*_: Any) -> None:
    return None


_TABLE: Final[dict[type, list[Implementation]]] = {}


def implements(
    of: type[Any],
    *,
    name: str,
    accepts: Callable[..., bool] = _always,
    mean: Callable[..., Tensor | None] = _never,
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Register the decorated function as a faster `per_example` of `of`, where `accepts(loss, *inputs)`."""

    def register(run: Callable[..., Tensor]) -> Callable[..., Tensor]:
        _TABLE.setdefault(of, []).append(Implementation(of=of, name=name, accepts=accepts, run=run, mean=mean))
        return run

    return register


def implementations() -> Iterator[Implementation]:
    """All of them, for the one test that holds each to its definition."""
    for found in _TABLE.values():
        yield from found


def fastest(loss: Loss, inputs: tuple[Tensor, ...]) -> Implementation | None:
    """The first implementation that accepts these inputs; None stands for the definition.

    Under `torch.compile` the definition is what the compiler fuses best.
    """
    found = _TABLE.get(type(loss))
    if found is not None and not torch.compiler.is_compiling():
        for candidate in found:
            if candidate.accepts(loss, *inputs):
                return candidate
    return None


def which(loss: Loss, *inputs: Tensor) -> str:
    """The name of the implementation that `loss(*inputs)` runs.

    >>> import torch, wald
    >>> wald.which(wald.Huber(), torch.zeros(3), torch.ones(3))
    'torch.nn.functional.huber_loss'
    """
    arranged = loss.arranged(inputs, None, None)[0]
    found = fastest(arranged, loss.prepared(*inputs))
    return found.name if found else f"definition ({type(loss).__name__}.per_example)"
