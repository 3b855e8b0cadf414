"""From a call of a loss to a number: what is admitted, what is left out, what is computed, what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..cards import Domain
from .admission import Named, line_up, refuse_probabilities, refuse_values, refuse_weight, settled, visible
from .implementation import Implementation, fastest
from .reduction import Empty, Reduction, ratio
from .tally import Tally
from .tensors import wide

if TYPE_CHECKING:
    from .loss import Loss

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What the fields of a loss settle about every call of it.

    Attributes:
        named: the inputs and where each lives.
        bounded: whether some input has values outside its domain.
        logits: whether some input could be mistaken for probabilities.
        coupled: whether the examples meet each other.
        refuses: whether the loss has a `refuse` of its own.
    """

    named: Named
    bounded: bool
    logits: bool
    coupled: bool
    refuses: bool

    @classmethod
    def of(cls, named: Named, *, coupled: bool, refuses: bool) -> CallPlan:
        """The plan for these inputs."""
        domains = [domain for _, domain in named]
        return cls(
            named,
            bounded=any(d.bounded or d.normalised for d in domains),
            logits=any(d.logits and d.axes for d in domains),
            coupled=coupled,
            refuses=refuses,
        )


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
    faster = _faster(loss, inputs)
    if faster is not None and reduction == "mean" and keep is None and normalizer is None and inputs[0].numel():
        mean = faster.mean(loss, *inputs)
        if mean is not None:
            return mean
    found = _examples(loss, inputs, keep, weight, faster)
    values = found.values
    if reduction == "mean":
        if found.keep is None and found.share is None and normalizer is None and values.numel():
            return values.mean()
        return ratio(found.weighted().sum(), _denominator(found, normalizer), empty)
    if normalizer is not None:
        raise ValueError(f'normalizer={normalizer!r} belongs to reduction="mean", got reduction={reduction!r}.')
    if reduction == "sum":
        return found.weighted().sum()
    if reduction == "none":
        return found.weighted()
    if callable(reduction):
        mass = torch.ones_like(values) if found.weight is None else found.weight
        return reduction(values, mass if found.keep is None else mass * found.keep)
    raise ValueError(
        f'reduction must be "mean", "sum", "none" or a functional such as wald.CVaR(0.1), got {reduction!r}.'
    )


def tallied(
    loss: Loss, inputs: Inputs, weight: Tensor | None, mask: Tensor | None, normalizer: str | None, empty: Empty
) -> Tally:
    """What a batch contributes to the cost of a data set; the arguments are those of `Loss.tally`."""
    loss, inputs, keep, weight = _admitted(loss, inputs, weight, mask)
    found = _examples(loss, inputs, keep, weight, _faster(loss, inputs))
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
    """The arranged loss, its inputs as its formula takes them, which examples count, and their weights."""
    plain, inputs, weight, mask = loss.arranged(inputs, weight, mask)
    if plain is not loss:
        return _admitted(plain, inputs, weight, mask)
    plan = loss._call  # pyright: ignore[reportPrivateUsage]
    batch = line_up(loss, inputs)
    if plan.logits:
        refuse_probabilities(loss, inputs)
    inputs = settled(loss, inputs)
    keep = _kept(loss, inputs, batch, weight, mask)
    if weight is not None:
        refuse_weight(loss, weight)
        weight = weight.to(inputs[0].dtype)
    if keep is not None:
        inputs = _safe(loss, inputs, keep)
    if plan.bounded:
        refuse_values(loss, inputs)
    if plan.refuses and all(visible(x) for x in inputs):
        loss.refuse(*inputs)
    return loss, inputs, keep, weight


def _kept(
    loss: Loss, inputs: Inputs, batch: tuple[int, ...], weight: Tensor | None, mask: Tensor | None
) -> Tensor | None:
    """Which examples count: the mask, the weights and the targets all have a say."""
    keep = loss.kept(*inputs)
    for name, given in (("mask", mask), ("weight", weight)):
        if given is None:
            continue
        if tuple(given.shape) != tuple(batch):
            fix = f"{name}[..., None].expand{tuple(batch)}" if given.shape == batch[:-1] else f"one {name} an example"
            raise ValueError(
                f"{type(loss).__name__}: {name} {tuple(given.shape)} must have the shape of the batch, "
                f"{tuple(batch)}. Use {fix}."
            )
        if name == "mask" and given.is_floating_point():
            raise TypeError(f"{type(loss).__name__}: mask is {given.dtype}; True keeps. Numbers go to weight=.")
        said = given if given.dtype == torch.bool else given != 0
        keep = said if keep is None else keep & said
    return keep


def _safe(loss: Loss, inputs: Inputs, keep: Tensor) -> Inputs:
    """Examples that are left out, replaced by safe values, so that nothing hidden in them reaches the formula."""
    return tuple(
        torch.where(keep.reshape(keep.shape + (1,) * (x.ndim - keep.ndim)), x, torch.full_like(x, _stand_in(domain, x)))
        for (_, domain), x in zip(loss.named_domains, inputs, strict=True)
    )


def _stand_in(domain: Domain, x: Tensor) -> float:
    """A safe value; entries that add up to 1 share alike."""
    soft = domain.soft and x.is_floating_point()
    if not (soft or domain.normalised):
        return domain.safe
    return -math.log(x.shape[-1]) if domain.normalised == "log" else 1 / x.shape[-1]


def _faster(loss: Loss, inputs: Inputs) -> Implementation | None:
    """What computes this loss on these inputs faster than its definition, asked once a call."""
    return None if loss._call.coupled else fastest(loss, inputs)  # pyright: ignore[reportPrivateUsage]


def _examples(
    loss: Loss, inputs: Inputs, keep: Tensor | None, weight: Tensor | None, faster: Implementation | None
) -> Examples:
    values = _values(loss, inputs, keep, faster)
    if keep is not None:
        values = torch.where(keep, values, torch.zeros_like(values))
    return Examples(values, keep, weight, loss.share(*inputs))


def _values(loss: Loss, inputs: Inputs, keep: Tensor | None, faster: Implementation | None) -> Tensor:
    device = inputs[0].device.type
    if torch.is_autocast_enabled(device):
        # The inputs are already as wide as they need to be; autocast would narrow a matrix product again.
        with torch.autocast(device, enabled=False):
            return _computed(loss, inputs, keep, faster)
    return _computed(loss, inputs, keep, faster)


def _computed(loss: Loss, inputs: Inputs, keep: Tensor | None, faster: Implementation | None) -> Tensor:
    if loss._call.coupled:  # pyright: ignore[reportPrivateUsage]
        # The examples of such a loss meet each other, so it must know itself which of them are left out.
        return loss.per_example(*inputs, keep=keep)
    return loss.per_example(*inputs) if faster is None else faster.run(loss, *inputs)


def _denominator(found: Examples, normalizer: str | float | Tensor | None) -> Tensor:
    if normalizer is None:
        return found.mass().sum()
    if isinstance(normalizer, Tensor):
        return normalizer.to(found.values)
    if normalizer == "rows":
        return (torch.ones_like(found.values) if found.keep is None else found.keep.to(found.values.dtype)).sum()
    if isinstance(normalizer, str):
        raise ValueError(f'normalizer must be None, "rows", a number or a tensor, got {normalizer!r}.')
    return found.values.new_full((), float(normalizer))
