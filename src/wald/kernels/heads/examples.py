"""What a call of a loss of a head is about: which hidden rows, against what, how much each counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor

from ...core import Loss, ShapeError
from ...core.admission import line_up, refuse_values, refuse_weight, visible
from ...core.call import Examples, which_count
from .admitting import WHO, Few
from .head import Head
from .truth import Truth


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The examples that a loss is asked about, laid out flat, those that do not count left out where that is free.

    Attributes:
        loss: in plain layout.
        batch: the shape of the values before they are laid out flat.
        truth: the targets.
        rows: the hidden row of each example that is computed; None for all in their order.
        found: which of all examples these are; None for all.
        keep: which of all examples count, of the shape of `batch`; None for all.
        weight: what each of all examples counts, of the shape of `batch`; None for 1.
        hides: whether examples that do not count are computed too, and must be made safe.
    """

    loss: Loss
    batch: tuple[int, ...]
    truth: Truth
    rows: Tensor | None
    found: Tensor | None
    keep: Tensor | None
    weight: Tensor | None
    hides: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the values that are computed: one a row, or one a number of the row."""
        lead = len(self.batch) - self._behind
        rows = len(self.found) if self.found is not None else prod(self.batch[:lead])
        return (rows, *self.batch[lead:])

    @property
    def _behind(self) -> int:
        return 0 if self.loss.named_domains[0][1].axes else 1

    def taken(self, x: Tensor) -> Tensor:
        """Those of one number an example that are computed."""
        flat = x.reshape(-1, *x.shape[len(x.shape) - self._behind :] if self._behind else ())
        return flat if self.found is None else flat[self.found]

    def spread(self, values: Tensor, fill: float = 0) -> Tensor:
        """One number a row that is computed, in the place of its example; `fill` for the others."""
        if self.found is not None:
            blank = values.new_full((prod(self.batch), *values.shape[1:]), fill)
            values = blank.index_copy(0, self.found, values)
        return values.reshape(self.batch)


def laid_out(
    loss: Loss, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """The loss in plain layout, and the same examples laid out for it."""
    after, inputs, weight, mask = loss.arranged(inputs, weight, mask)
    return (loss, inputs, weight, mask) if after is loss else laid_out(after, inputs, weight, mask)


def asked(
    loss: Loss, hidden: Tensor, head: Head, target: Tensor | Few, weight: Tensor | None, mask: Tensor | None
) -> Asked:
    """The examples of a call.

    Raises:
        ShapeError: something does not line up.
        DomainError: a target has no meaning for the loss.
    """
    classes = len(head.weight)
    few = target if isinstance(target, tuple) else None
    # Each hidden row goes through the layout of the loss as its number: a shift or a mask then tells which are meant.
    numbers = torch.arange(hidden[..., 0].numel(), device=hidden.device).reshape(hidden.shape[:-1])
    numbers = numbers.unsqueeze(-1).expand(*hidden.shape[:-1], classes)
    told = target[0][..., 0] if isinstance(target, tuple) else target
    plain, arranged, weight, mask = laid_out(loss, (numbers, told), weight, mask)
    placed, told = arranged
    if placed.shape[-1] != classes or (placed.ndim > 1 and placed.numel() and placed.stride(-1) and classes > 1):
        raise ShapeError(f"{loss}: a linear head has its classes on the last axis. Use axis=-1.")
    blank = hidden.new_zeros((), dtype=torch.promote_types(torch.float32, hidden.dtype)).expand(placed.shape)
    domain = plain.named_domains[1][1]
    if not told.is_floating_point():
        told = told.to(torch.int64 if domain.integer else blank.dtype)
    batch = tuple(line_up(plain, (blank, told)))
    keep = plain.kept(blank, told)
    if weight is not None or mask is not None:
        keep = which_count(plain, keep, batch, weight, mask, who=WHO, weight_name="token_weight")
    if weight is not None:
        refuse_weight(plain, weight, "token_weight")
        weight = weight.to(blank.dtype)
    whole = bool(plain.named_domains[0][1].axes)
    rows = None if placed.shape == numbers.shape else placed[..., 0].reshape(-1)
    found = None
    if keep is not None and whole and keep.device.type == "cpu":
        found = keep.reshape(-1).nonzero().squeeze(-1)
        rows = found if rows is None else rows[found]
    hides = keep is not None and found is None
    if hides and keep is not None and not told.is_floating_point() and whole:
        told = torch.where(keep, told, torch.zeros_like(told))
    if few is not None:
        ids, target = (x.reshape(-1, x.shape[-1]) for x in few)
        ids = ids.to(torch.int64)
        # The ids of a row that is left out may be anything.
        ids = torch.where(keep.reshape(-1, 1), ids, torch.zeros_like(ids)) if hides and keep is not None else ids
        truth = Truth(target, ids, found)
    else:
        dense = not whole or (told.is_floating_point() and bool(domain.soft))
        truth = Truth(told.reshape(-1, *((classes,) if dense else ())), None, found)
    return Asked(plain, batch, truth, rows, found, keep, weight, hides)


def refuse_targets(asked: Asked, classes: int, wide: torch.dtype) -> None:
    """Raise if a target that counts has no meaning for the loss."""
    # Of distributions a few rows are looked at: all of them together are as large as the logits.
    truth, count = asked.truth, asked.shape[0]
    some = truth.at(slice(0, min(count, 64) if truth.soft else count))
    if some.few is None:
        _refuse(asked.loss, some.target, classes, wide)
    else:
        _refuse(asked.loss, some.few.reshape(-1), classes, wide)
        _refuse(asked.loss, some.target, some.target.shape[-1], wide)


def _refuse(loss: Loss, target: Tensor, classes: int, wide: torch.dtype) -> None:
    if visible(target) and target.numel():
        batch = target.shape[:-1] if target.is_floating_point() else target.shape
        refuse_values(loss, (target.new_zeros((), dtype=wide).expand(*batch, classes), target))


def shares(asked: Asked, classes: int, wide: torch.dtype) -> Tensor | None:
    """What each example that is computed adds to the denominator beside its weight; None for 1."""
    count, parts = asked.shape[0], list[Tensor]()
    step = max(1, (1 << 18) // max(classes, 1)) if asked.truth.soft else max(count, 1)
    for low in range(0, max(count, 1), step):
        target = asked.truth.at(slice(low, min(low + step, count))).dense(classes, wide)
        behind = () if asked.loss.named_domains[0][1].axes == () else (classes,)
        lead = target.shape[:-1] if target.is_floating_point() and behind else target.shape
        share = asked.loss.share(target.new_zeros((), dtype=wide).expand(*lead, *behind), target)
        if share is None:
            return None
        parts.append(share)
    return torch.cat(parts)


def counted(asked: Asked, classes: int, wide: torch.dtype, values: Tensor) -> Examples:
    """The examples that are computed, as the reductions of a loss take them."""
    keep = asked.taken(asked.keep) if asked.hides and asked.keep is not None else None
    weight = None if asked.weight is None else asked.taken(asked.weight)
    return Examples(values, keep, weight, shares(asked, classes, wide))


def everyone(asked: Asked, some: Examples) -> Examples:
    """All examples, those that are not computed too, of the shape of the batch."""
    if asked.found is None:
        shaped = {
            name: None if (x := getattr(some, name)) is None else x.reshape(asked.batch) for name in ("values", "share")
        }
        return replace(some, keep=asked.keep, weight=asked.weight, **shaped)
    share = None if some.share is None else asked.spread(some.share)
    return Examples(asked.spread(some.values), asked.keep, asked.weight, share)
