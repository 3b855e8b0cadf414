"""Faster ways to compute what a loss already means, each held to the definition by one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .loss import Loss


class Mean(Protocol):
    """A weighted mean of a loss in one pass: Σ weight · value / denominator."""

    def __call__(
        self, loss: Any, *inputs: Tensor, weight: Tensor | None = None, denominator: Tensor | float | None = None
    ) -> Tensor | None:
        """The mean, or None where it has none for this loss or these arguments.

        Args:
            loss: the loss, in plain layout.
            inputs: as the definition takes them.
            weight: what each example counts, of the shape of the batch, 0 for one that is left out; None for 1.
                It has no gradient.
            denominator: what the sum is divided by, never 0; None for the mass of the examples, which without
                weights and class weights is their number.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """A faster `per_example` of one loss, and the inputs that it accepts.

    Attributes:
        of: the loss that it computes.
        name: what `wald.which` calls it.
        accepts: whether it can compute this loss on these inputs.
        run: the same values as `per_example`, and `keep=` as it has where the examples meet each other.
        mean: their weighted mean in one pass.
        skips: whether `mean` passes over examples of weight 0, so that nothing hidden in them need be made safe.
    """

    of: type[Any]
    name: str
    accepts: Callable[..., bool]
    run: Callable[..., Tensor]
    mean: Mean
    skips: bool


def _always(*_: Any) -> bool:
    return True


def _never(*_: Any, **__: Any) -> None:
    return None


_TABLE: Final[dict[type, list[Implementation]]] = {}


def implements(
    of: type[Any],
    *,
    name: str,
    accepts: Callable[..., bool] = _always,
    mean: Mean = _never,
    skips: bool = False,
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Register the decorated function as a faster `per_example` of `of`, where `accepts(loss, *inputs)`.

    Of several that accept the same inputs the one that was registered first runs.
    """

    def register(run: Callable[..., Tensor]) -> Callable[..., Tensor]:
        found = Implementation(of=of, name=name, accepts=accepts, run=run, mean=mean, skips=skips)
        _TABLE.setdefault(of, []).append(found)
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
