"""From a call of a loss to a number: what is admitted, what is left out, what is computed, what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..cards import Domain
from .admission import (
    DtypeError,
    Named,
    ShapeError,
    Usual,
    line_up,
    lined_up,
    refuse_probabilities,
    refuse_values,
    refuse_weight,
    settled,
    visible,
    whole_numbers,
)
from .implementation import Implementation, fastest
from .instead import misfit_counts, refused_counts, refused_reduction
from .reduction import Empty, Reduction, nonzero, or_nothing, ratio
from .tally import Tally
from .tensors import wide, without_autocast

if TYPE_CHECKING:
    from .loss import Loss

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What the fields of a loss settle about every call of it.

    Attributes:
        named: the inputs and where each lives.
        usual: for each input the dtype that nearly all callers give it, and how many axes of its own it then has;
            None where inputs share an axis, so that a closer look is needed.
        bounded: where the inputs are of which some values are outside the domain.
        logits: where the inputs are that could be mistaken for probabilities.
        classes: where the input is whose last axis holds the classes.
        ids: where the inputs are that are whole numbers, and never probabilities.
        coupled: whether the examples meet each other.
        refuses: whether the loss has a `refuse` of its own.
    """

    named: Named
    usual: Usual | None
    bounded: tuple[int, ...]
    logits: tuple[int, ...]
    classes: int | None
    ids: tuple[int, ...]
    coupled: bool
    refuses: bool

    @classmethod
    def of(cls, named: Named, *, coupled: bool, refuses: bool) -> CallPlan:
        """The plan for these inputs."""
        domains = [domain for _, domain in named]
        return cls(
            named,
            usual=None if sum(bool(d.axes) for d in domains) > 1 or any(d.size for d in domains) else _usual(domains),
            bounded=tuple(i for i, d in enumerate(domains) if d.bounded),
            logits=tuple(i for i, d in enumerate(domains) if d.logits and d.axes),
            classes=next((i for i, d in enumerate(domains) if d.axes == ("classes",)), None),
            ids=tuple(i for i, d in enumerate(domains) if d.integer and not d.soft),
            coupled=coupled,
            refuses=refuses,
        )


def _usual(domains: Sequence[Domain]) -> Usual:
    return tuple((torch.int64 if d.integer else torch.float32, len(d.axes)) for d in domains)


@dataclass(slots=True)
class Examples:
    """The values of a batch, before they are reduced.

    Attributes:
        values: one value for each example, 0 where an example is left out.
        keep: which examples count; None for all.
        weight: the caller's weights; None for 1.
        share: what each example adds to the denominator beside its weight (its class weight); None for 1.
    """

    values: Tensor
    keep: Tensor | None
    weight: Tensor | None
    share: Tensor | None

    def weighted(self) -> Tensor:
        """The values, each times its weight."""
        return self.values if self.weight is None else self.values * self.weight

    def mass(self) -> Tensor:
        """What each example adds to the denominator."""
        mass = torch.ones_like(self.values) if self.share is None else self.share
        mass = mass if self.weight is None else mass * self.weight
        return mass if self.keep is None else torch.where(self.keep, mass, torch.zeros_like(mass))


def reduced(
    loss: Loss,
    inputs: Inputs,
    weight: Tensor | None,
    mask: Tensor | None,
    reduction: Reduction,
    normalizer: str | float | Tensor | None,
    empty: Empty,
) -> Tensor:
    """The reduced loss of a batch; the arguments are those of `Loss.__call__`."""
    loss, inputs, keep, weight = _admitted(loss, inputs, weight, mask)
    whole = reduction in ("mean", "sum") and (normalizer is None or reduction == "mean")
    faster = fastest(loss, inputs)
    if whole and faster is not None and faster.skips and keep is not None and inputs[0].numel():
        shown = _secured(loss, inputs, keep, all_of_them=False)
        mean = _in_one_pass(faster, loss, shown, keep, weight, reduction, normalizer, empty)
        if mean is not None:
            return mean
    inputs = _secured(loss, inputs, keep)
    if keep is not None:
        faster = fastest(loss, inputs)
    elif whole and faster is not None and inputs[0].numel():
        mean = _in_one_pass(faster, loss, inputs, None, None, reduction, normalizer, empty)
        if mean is not None:
            return mean
    return summarised(_examples(loss, inputs, keep, weight, faster), reduction, normalizer, empty)


def summarised(found: Examples, reduction: Reduction, normalizer: str | float | Tensor | None, empty: Empty) -> Tensor:
    """What the values of a batch come to; the arguments are those of `Loss.__call__`."""
    values = found.values
    if reduction == "mean":
        if found.keep is None and found.share is None and normalizer is None and values.numel():
            return values.mean()
        return ratio(found.weighted().sum(), divisor(found, normalizer), empty)
    if normalizer is not None:
        raise ValueError(f'normalizer={normalizer!r} belongs to reduction="mean", got reduction={reduction!r}.')
    if reduction == "sum":
        return found.weighted().sum()
    if reduction == "none":
        return found.weighted()
    if callable(reduction):
        mass = torch.ones_like(values) if found.weight is None else found.weight
        return reduction(values, mass if found.keep is None else mass * found.keep)
    raise refused_reduction(reduction)


def which(loss: Loss, *inputs: Tensor) -> str:
    """The name of the implementation that `loss(*inputs)` runs.

    Raises:
        DomainError, DtypeError, ShapeError: as `loss(*inputs)` would.

    >>> import torch, wald
    >>> wald.which(wald.Huber(), torch.zeros(3), torch.ones(3))
    'torch.nn.functional.huber_loss'
    """
    loss, inputs, keep, _ = _admitted(loss, inputs, None, None)
    found = fastest(loss, _secured(loss, inputs, keep))
    return found.name if found else f"definition ({type(loss).__name__}.per_example)"


def tallied(
    loss: Loss, inputs: Inputs, weight: Tensor | None, mask: Tensor | None, normalizer: str | None, empty: Empty
) -> Tally:
    """What a batch contributes to the cost of a data set; the arguments are those of `Loss.tally`."""
    loss, inputs, keep, weight = _admitted(loss, inputs, weight, mask)
    inputs = _secured(loss, inputs, keep)
    return tally_of(_examples(loss, inputs, keep, weight, fastest(loss, inputs)), normalizer, empty)


def tally_of(found: Examples, normalizer: str | None, empty: Empty) -> Tally:
    """What these examples contribute to the cost of a data set; the arguments are those of `Loss.tally`."""
    values = found.weighted()
    everyone = torch.full_like(values, 1.0, requires_grad=False)
    kept = everyone if found.keep is None else found.keep.to(values.dtype)
    rows = wide(kept).sum()
    return Tally(
        total=wide(values).sum(),
        count=rows if normalizer == "rows" else wide(found.mass()).sum(),
        examples=rows,
        masked=wide(everyone).sum() - rows,
        nonfinite=wide((~found.values.detach().isfinite()).to(values.dtype)).sum(),
        infeasible=torch.zeros_like(rows),
        empty=empty,
    )


def _admitted(
    loss: Loss, inputs: Inputs, weight: Tensor | None, mask: Tensor | None
) -> tuple[Loss, Inputs, Tensor | None, Tensor | None]:
    """The arranged loss, its inputs in the dtypes of its formula, which examples count, and their weights."""
    plain, inputs, weight, mask = loss.arranged(inputs, weight, mask)
    if plain is not loss:
        return _admitted(plain, inputs, weight, mask)
    plan = loss._call  # pyright: ignore[reportPrivateUsage]
    batch = None if plan.usual is None else lined_up(plan.usual, inputs)
    usual = batch is not None
    if batch is None:
        batch = line_up(loss, inputs)
    if plan.logits:
        refuse_probabilities(loss, inputs)
    if not usual:
        inputs = settled(loss, inputs)
    keep = loss.kept(*inputs)
    if weight is None and mask is None:
        return loss, inputs, keep, None
    keep = which_count(loss, keep, batch, weight, mask)
    if weight is not None:
        refuse_weight(loss, weight)
        weight = weight.to(inputs[0].dtype)
    return loss, inputs, keep, weight


def _secured(loss: Loss, inputs: Inputs, keep: Tensor | None, *, all_of_them: bool = True) -> Inputs:
    """The inputs with nothing hidden in them, once their values are known to be in their domains.

    An implementation that skips hidden examples needs that only of inputs whose values are looked at.
    """
    plan = loss._call  # pyright: ignore[reportPrivateUsage]
    if keep is not None:
        inputs = made_safe(loss, inputs, keep, all_of_them=all_of_them or plan.refuses)
    if plan.ids and any(inputs[place].is_floating_point() for place in plan.ids):
        inputs = whole_numbers(loss, inputs)
    if plan.bounded:
        refuse_values(loss, inputs)
    if plan.refuses and all(visible(x) for x in inputs):
        loss.refuse(*inputs)
    return inputs


def which_count(
    loss: Loss,
    keep: Tensor | None,
    batch: tuple[int, ...],
    weight: Tensor | None,
    mask: Tensor | None,
    *,
    who: str | None = None,
    weight_name: str = "weight",
) -> Tensor | None:
    """Which examples count: what the inputs say (`keep`), the mask and the weights all have a say.

    Args:
        loss: whose examples these are.
        keep: what its inputs say; None for all.
        batch: the shape of the values.
        weight: what each counts.
        mask: True to keep.
        who: who asks, for messages; None for the loss.
        weight_name: what the caller calls the weights.

    Raises:
        DtypeError: mask or weight is not a tensor.
        ShapeError: mask or weight do not have the shape of the batch.
        TypeError: the mask is of floats.
    """
    for name, given in (("mask", mask), (weight_name, weight)):
        if given is None:
            continue
        if not isinstance(given, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DtypeError(f"{who or type(loss).__name__}: {refused_counts(name, given)}")
        if given.shape != batch:
            raise ShapeError(f"{who or type(loss).__name__}: {misfit_counts(loss, name, given, batch)}")
        if name == "mask" and given.is_floating_point():
            raise TypeError(
                f"{who or type(loss).__name__}: mask is {given.dtype}; True keeps. Numbers go to {weight_name}=."
            )
        said = given if given.dtype == torch.bool else given != 0
        keep = said if keep is None else keep & said
    return keep


def made_safe(loss: Loss, inputs: Inputs, keep: Tensor, *, all_of_them: bool) -> Inputs:
    """Examples that are left out, replaced by safe values, so that nothing hidden in them reaches the formula."""
    return tuple(
        torch.where(keep.reshape(keep.shape + (1,) * (x.ndim - keep.ndim)), x, torch.full_like(x, _stand_in(domain, x)))
        if all_of_them or domain.bounded or domain.normalised
        else x
        for (_, domain), x in zip(loss.named_domains, inputs, strict=True)
    )


def _stand_in(domain: Domain, x: Tensor) -> float:
    """A safe value; entries that add up to 1 share alike."""
    soft = domain.soft and x.is_floating_point()
    if not (soft or domain.normalised):
        return domain.safe
    return -math.log(x.shape[-1]) if domain.normalised == "log" else 1 / x.shape[-1]


def _in_one_pass(
    faster: Implementation,
    loss: Loss,
    inputs: Inputs,
    keep: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    normalizer: str | float | Tensor | None,
    empty: Empty,
) -> Tensor | None:
    """The mean or the sum by an implementation that makes it without the values; None where it cannot."""
    if (weight is not None and weight.requires_grad) or (isinstance(normalizer, Tensor) and normalizer.requires_grad):
        return None
    with without_autocast(inputs[0]):
        if keep is None and normalizer is None:
            return faster.mean(loss, *inputs) if reduction == "mean" else faster.mean(loss, *inputs, denominator=1.0)
        counts = None if keep is None else _counts(keep, weight, inputs[0].dtype)
        if reduction == "sum":
            return faster.mean(loss, *inputs, weight=counts, denominator=1.0)
        own = len(loss.named_domains[0][1].axes)
        blank = inputs[0].new_zeros(()).expand(inputs[0].shape[: inputs[0].ndim - own])
        denominator = divisor(Examples(blank, keep, weight, loss.share(*inputs)), normalizer)
        mean = faster.mean(loss, *inputs, weight=counts, denominator=nonzero(denominator, empty))
    return None if mean is None else or_nothing(mean, denominator, empty)


def _counts(keep: Tensor, weight: Tensor | None, dtype: torch.dtype) -> Tensor:
    """What each example counts, in one tensor: its weight, or 0 where it is left out."""
    return keep.to(dtype) if weight is None else torch.where(keep, weight, torch.zeros_like(weight))


def _examples(
    loss: Loss, inputs: Inputs, keep: Tensor | None, weight: Tensor | None, faster: Implementation | None
) -> Examples:
    values = _values(loss, inputs, keep, faster)
    if keep is not None:
        values = torch.where(keep, values, torch.zeros_like(values))
    return Examples(values, keep, weight, loss.share(*inputs))


def _values(loss: Loss, inputs: Inputs, keep: Tensor | None, faster: Implementation | None) -> Tensor:
    compute = loss.per_example if faster is None else partial(faster.run, loss)
    with without_autocast(inputs[0]):
        # The examples of a coupled loss meet each other, so it must know itself which of them are left out.
        return compute(*inputs, keep=keep) if loss._call.coupled else compute(*inputs)  # pyright: ignore[reportPrivateUsage]


def divisor(found: Examples, normalizer: str | float | Tensor | None) -> Tensor:
    """What the mean of these examples divides by."""
    if normalizer is None:
        return found.mass().sum()
    if isinstance(normalizer, Tensor):
        return normalizer.to(found.values)
    if normalizer == "rows":
        return (torch.ones_like(found.values) if found.keep is None else found.keep.to(found.values.dtype)).sum()
    if isinstance(normalizer, str):
        raise ValueError(f'normalizer must be None, "rows", a number or a tensor, got {normalizer!r}.')
    return found.values.new_full((), float(normalizer))
