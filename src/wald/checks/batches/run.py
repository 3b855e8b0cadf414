"""A loss with a batch before it: what it gives, what its gradient is, and the same for a part of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import torch
from torch import Tensor
from torch.func import vmap

from ...cards import Domain
from .call import Call, Slot

Kind = Literal["error", "nan", "inf", "nan gradient", "inf gradient", "no gradient", "zero gradient", "fine"]

#: Where a value for each example is had only by calling the loss for each of them, it is had for so many.
_FEW: Final = 64
#: Roles whose tensors are weighed against each other by the loss, and not made by the model.
_FIXED: Final = ("target", "reference", "weight", "mask", "length", "class weight")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a loss did with a batch.

    Attributes:
        error: what it raised.
        value: what it gave.
        slopes: the gradient, by slot.
        connected: whether it has a gradient at all.
    """

    error: Exception | None = None
    value: Tensor | None = None
    slopes: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    connected: bool = True

    @cached_property
    def kind(self) -> Kind:
        """What is wrong with it at first sight."""
        if self.error is not None or self.value is None:
            return "error"
        if not bool(self.value.isfinite().all()):
            return "nan" if bool(self.value.isnan().any()) else "inf"
        if not self.connected:
            return "no gradient"
        if not all(bool(x.isfinite().all()) for x in self.slopes.values()):
            return "nan gradient" if any(bool(x.isnan().any()) for x in self.slopes.values()) else "inf gradient"
        if not any(bool(x.any()) for x in self.slopes.values()):
            return "zero gradient"
        return "fine"

    @property
    def broken(self) -> bool:
        """Whether value or gradient is not finite, or there is none."""
        return self.kind in ("error", "nan", "inf", "nan gradient", "inf gradient")

    @property
    def total(self) -> float:
        """The value as one number; NaN where there is none."""
        if self.value is None:
            return float("nan")
        return self.value.double().mean().item() if self.value.numel() else float("nan")

    @property
    def steepness(self) -> float:
        """The norm of the whole gradient."""
        return sum(x.double().square().sum().item() for x in self.slopes.values()) ** 0.5


class Run:
    """A call and its inputs; nothing is computed before it is asked for, and nothing twice."""

    def __init__(self, call: Call, inputs: Mapping[str, Tensor]) -> None:
        self.call = call
        self.inputs = dict(inputs)

    # Its inputs.

    def slots(self, *roles: str) -> list[Slot]:
        """The inputs with one of these roles."""
        return [slot for slot in self.call.slots if slot.role in roles]

    def named(self, role: str) -> Tensor | None:
        """The first input with this role."""
        found = self.slots(role)
        return self.inputs[found[0].name] if found else None

    @property
    def prediction(self) -> Tensor:
        """What the model emitted; the first of several."""
        found = self.named("prediction")
        return next(iter(self.inputs.values())) if found is None else found

    @property
    def target(self) -> Tensor | None:
        """What was observed."""
        return self.named("target")

    @property
    def classes(self) -> tuple[Tensor, Tensor, int] | None:
        """Scores with their class axis last, the class ids or their shares, and where the axis was; None without."""
        pair = self.pair
        if pair is None:
            return None
        scores, target = self.inputs[pair[0].name], self.inputs[pair[1].name]
        if not scores.is_floating_point() or scores.ndim < 1:
            return None
        axis = self.call.class_axis(scores.ndim)
        if target.ndim == scores.ndim - 1 and not target.is_floating_point():
            moved = scores.movedim(axis, -1)
            return (moved, target, axis) if moved.shape[:-1] == target.shape else None
        domain = self.domain(pair[0])
        if target.shape == scores.shape and target.is_floating_point() and domain is not None and domain.axes:
            return scores.movedim(axis, -1), target.movedim(axis, -1), axis
        return None

    @property
    def pair(self) -> tuple[Slot, Slot] | None:
        """Prediction and target, where those are all that a loss compares."""
        ours = [slot for slot in self.call.slots if slot.role not in ("weight", "mask", "class weight")]
        return (ours[0], ours[1]) if [slot.role for slot in ours] == ["prediction", "target"] else None

    @property
    def emitted(self) -> list[Slot]:
        """The inputs through which a model learns."""
        return [s for s in self.call.slots if s.role not in _FIXED and self.inputs[s.name].is_floating_point()]

    def axis(self, slot: Slot) -> int | None:
        """The axis along which a slot lists the examples; None where it does not."""
        x = self.inputs[slot.name]
        if slot.role == "class weight" or slot.name == "pos_weight" or x.ndim == 0:
            return None
        if slot.name == "log_probs" and self.call.known == "ctc_loss":
            return 1 if x.ndim == 3 else None
        return 0

    @cached_property
    def rows(self) -> int:
        """How many examples there are; 0 for an empty batch, 1 where no axis lists them."""
        sizes = [self.inputs[s.name].shape[a] for s in self.call.slots if (a := self.axis(s)) is not None]
        return sizes[0] if sizes else 1

    # The same with other inputs.

    def put(self, **changes: Tensor) -> Run:
        """The same call with some inputs changed."""
        return Run(self.call, self.inputs | changes)

    def take(self, rows: Tensor) -> Run:
        """These examples alone."""

        def part(slot: Slot) -> Tensor:
            x, axis = self.inputs[slot.name], self.axis(slot)
            return x.index_select(axis, rows.to(x.device)) if axis is not None and x.shape[axis] == self.rows else x

        return Run(self.call, {s.name: part(s) for s in self.call.slots})

    def without(self, rows: Tensor) -> Run:
        """All but these examples."""
        keep = torch.ones(self.rows, dtype=torch.bool)
        keep[rows.cpu()] = False
        return self.take(keep.nonzero().flatten())

    def cast(self, dtype: torch.dtype) -> Run:
        """The same in another floating-point type."""
        return self.put(**{name: x.to(dtype) for name, x in self.inputs.items() if x.is_floating_point()})

    # What the loss makes of it.

    @cached_property
    def outcome(self) -> Outcome:
        """What the loss gives for the batch, and its gradient."""
        leaves = {slot.name: self.inputs[slot.name].detach().clone().requires_grad_() for slot in self.emitted}
        try:
            found: Any = self.call(self.inputs | leaves)
            if not isinstance(found, Tensor):
                raise TypeError(f"it returned a {type(found).__name__}, not a tensor")
            if not leaves or not found.requires_grad:
                return Outcome(value=found.detach(), connected=False)
            slopes = torch.autograd.grad(found.sum(), list(leaves.values()), materialize_grads=True)
        except Exception as error:
            return Outcome(error=error)
        return Outcome(value=found.detach(), slopes=dict(zip(leaves, slopes, strict=True)))

    @cached_property
    def values(self) -> Tensor | None:
        """The loss of each example, shape (rows,), in double precision; None where that cannot be had."""
        with torch.no_grad():
            try:
                found = self.call.each(self.inputs)
            except Exception:
                found = None
            if found is None and (whole := self.outcome.value) is not None and whole.ndim:
                found = whole
            if found is not None and found.ndim and found.shape[0] == self.rows:
                return by_row(found.detach().double()).mean(1)
            return self._swept()

    def _swept(self) -> Tensor | None:
        listed = [slot for slot in self.call.slots if self.axis(slot) == 0]
        if not self.rows or any(self.inputs[slot.name].shape[0] != self.rows for slot in listed):
            return None
        fixed = {name: x for name, x in self.inputs.items() if name not in {slot.name for slot in listed}}

        def alone(*row: Tensor) -> Tensor:
            given = {slot.name: x.unsqueeze(0) for slot, x in zip(listed, row, strict=True)}
            return self.call(fixed | given).sum()

        inputs = [self.inputs[slot.name] for slot in listed]
        try:
            return vmap(alone)(*inputs).double()
        except Exception:
            if self.rows > _FEW:
                return None
        try:
            return torch.stack([alone(*row) for row in zip(*inputs, strict=True)]).double()
        except Exception:
            return None

    @cached_property
    def suspects(self) -> Tensor:
        """The examples whose own value or gradient is not finite, as far as the whole batch shows it."""
        bad = torch.zeros(self.rows, dtype=torch.bool)
        for slot in self.emitted:
            slope, axis = self.outcome.slopes.get(slot.name), self.axis(slot)
            if slope is not None and axis is not None and slope.shape[axis] == self.rows:
                bad |= by_row((~slope.isfinite()).movedim(axis, 0)).any(1).cpu()
        told_apart = bool(bad.any()) and not bool(bad.all())
        if not told_apart and (values := self.values) is not None and not bool(values.isfinite().all()):
            bad = ~values.isfinite().cpu()
        return bad.nonzero().flatten()

    # What its inputs mean.

    def domain(self, slot: Slot) -> Domain | None:
        """Where an input lives: as its card or its documentation says it, or else as was measured."""
        if slot.domain is not None:
            return slot.domain
        pair, meant = self.pair, self.call.meant
        if meant is None or pair is None or slot.name not in (pair[0].name, pair[1].name):
            return None
        found = meant.domains[0 if slot.name == pair[0].name else 1][1]
        # It was measured on small batches of our own; if this one has other axes it is used in another way.
        return found if self.inputs[slot.name].ndim > len(found.axes) else None


def by_row(x: Tensor) -> Tensor:
    """The same numbers, one row for each example, shape (rows, entries)."""
    return x.reshape(x.shape[0], -1) if x.numel() else x.new_zeros((x.shape[0], 1))
