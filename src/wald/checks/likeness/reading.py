"""A foreign loss, read in one convention: what it gives on a battery, alone and in batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar
import warnings

import torch
from torch import Tensor

from ...core import Loss
from ..subjects.subject import one_by_one
from .battery import BATCH, Inputs, batches, battery, learned
from .conventions import Convention
from .traces import Trace, trace

#: How many examples a batch has in which a reduction is looked for: odd, and no other axis is as long.
_SEVEN = 7

R = TypeVar("R", bound="Reading")


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """What a loss gives when it is called in one convention.

    Attributes:
        call: the loss.
        convention: how it is called.
        inputs: what it is given, before the convention changes it.
        learned: the places of the inputs in which its gradient is taken.
        coupled: whether examples meet, so that a unit is a batch.
        dtype: the widest in which it answers.
        each: gives the value of each example in one sweep, where a way to that is known.
    """

    call: Callable[..., Any]
    convention: Convention
    inputs: Inputs
    learned: tuple[int, ...]
    coupled: bool
    dtype: torch.dtype
    each: Callable[..., Tensor] | None = None

    def batch(self, *inputs: Tensor) -> Tensor:
        """What it gives for these inputs of the catalogue's loss."""
        found = self.call(*self._given(inputs))
        return found if found.is_floating_point() else found.double()

    def _given(self, inputs: Inputs) -> Inputs:
        """The inputs as it takes them, and copies, so that it may do to them what it likes."""
        given = (x.clone() for x in self.convention.of(inputs))
        return tuple(x.to(self.dtype) if x.is_floating_point() else x for x in given)

    @cached_property
    def alone(self) -> Trace:
        """What it gives for each unit by itself."""
        if self.coupled:
            return trace(self._by_batches, self.inputs, self.learned)
        return trace(self._one_by_one, self.inputs, self.learned)

    @cached_property
    def together(self) -> Trace:
        """What it gives for batches of a few."""
        return trace(self._by_batches, self.inputs, self.learned)

    @cached_property
    def value(self) -> Tensor:
        """What it gives for seven examples."""
        return self.batch(*(x[:_SEVEN] for x in self.inputs)).detach().double()

    def _by_batches(self, *inputs: Tensor) -> Tensor:
        return torch.stack([self.batch(*few).mean() for few in batches(inputs)])

    def _one_by_one(self, *inputs: Tensor) -> Tensor:
        if self.each is not None:
            return self.each(*self._given(inputs))

        def call(*row: Tensor) -> Tensor:
            return self.batch(*row).mean()

        few = tuple(x[:3] for x in inputs)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*performance drop.*")
                swept = one_by_one(call, few, together=True)
            together = torch.allclose(swept, one_by_one(call, few, together=False), rtol=1e-6, equal_nan=True)
        except Exception:
            together = False
        return one_by_one(call, inputs, together=together)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadAs(Reading):
    """A loss that is read as one of the catalogue is.

    Attributes:
        loss: the loss of the catalogue, which takes the same inputs.
    """

    loss: Loss


def read_as(
    call: Callable[..., Any], convention: Convention, loss: Loss, each: Callable[..., Tensor] | None = None
) -> ReadAs | str:
    """The reading of `call` on the battery of `loss`, or what it said when it was called so."""
    return answering(
        ReadAs(
            call=call,
            convention=convention,
            inputs=battery(loss),
            learned=learned(loss),
            coupled=loss.card.coupling == "coupled",
            dtype=torch.float64,
            each=each,
            loss=loss,
        )
    )


def answering(reading: R) -> R | str:
    """The reading in the widest dtype in which it answers, or what the loss said."""
    said = ""
    for dtype in (torch.float64, torch.float32):
        found = replace(reading, dtype=dtype)
        try:
            value = found.value
            alone = found.alone
        except Exception as error:
            said = said or f"{type(error).__name__}: {error}".partition("\n")[0]
            continue
        del value
        units = len(found.inputs[0]) // (BATCH if found.coupled else 1)
        if len(alone.values) == units:
            return found
        said = said or "it gave no value for each example"
    return said
