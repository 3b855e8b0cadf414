"""How the values of a batch become one number: means of all, of the tail, of the worst group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

Empty = Literal["zero", "nan", "raise"]


class EmptyBatchError(ValueError):
    """Nothing is left to average, and the caller asked to be told."""


class Functional(Protocol):
    """A reduction of per-example values other than a mean: a tail, a group."""

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """One number from values and weights of the same shape; a weight of zero is an example left out."""
        ...


Reduction = Literal["mean", "sum", "none"] | Functional


def ratio(total: Tensor, count: Tensor, empty: Empty) -> Tensor:
    """The total over the count, and for a count of zero what `empty` says, with a gradient of zero."""
    return or_nothing(total / nonzero(count, empty), count, empty)


def nonzero(count: Tensor, empty: Empty) -> Tensor:
    """The count, or 1 where it is zero and `empty` allows that."""
    nothing = count == 0
    if empty == "raise":
        if torch.compiler.is_compiling():
            raise ValueError('empty="raise" must look at the data, which torch.compile cannot; use "zero" or "nan".')
        if nothing:
            raise EmptyBatchError(
                "every example is masked, ignored or of weight zero, so there is nothing to average. The usual "
                'cause: truncation removed every label. Use empty="zero" for 0 with a zero gradient.'
            )
    return torch.where(nothing, torch.ones_like(count), count)


def or_nothing(mean: Tensor, count: Tensor, empty: Empty) -> Tensor:
    """A mean, or what `empty` calls the mean of nothing."""
    return torch.where(count == 0, torch.full_like(mean, torch.nan), mean) if empty == "nan" else mean


@dataclass(frozen=True)
class CVaR:
    """The mean of the worst `level` share of the examples, by weight: the conditional value at risk.

    At `level=1` it is the mean, as it goes to 0 the maximum. The example on the border counts in part, so the
    value is continuous in `level`. Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038.

    >>> import torch, wald
    >>> wald.Absolute()(torch.tensor([1.0, 2.0, 3.0, 6.0]), torch.zeros(4), reduction=wald.CVaR(0.5))
    tensor(4.5000)
    """

    level: float

    def __post_init__(self) -> None:
        if self.level <= 0 or self.level > 1:
            raise ValueError(f"CVaR: level must be in (0, 1], the share of examples in the tail, got {self.level}")

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """The mean of the worst `level` share of the total weight."""
        ranked, order = values.flatten().sort(descending=True)
        mass = weight.flatten()[order]
        return _mean_between(ranked, mass, 0.0, self.level)


@dataclass(frozen=True)
class TrimmedMean:
    """The mean without the highest `high` and the lowest `low` share of the examples, by weight.

    Trimming the highest keeps a few wild examples from steering the rest. Huber & Ronchetti 2009,
    Robust Statistics, doi:10.1002/9780470434697.

    >>> import torch, wald
    >>> wald.Absolute()(torch.tensor([1.0, 2.0, 3.0, 99.0]), torch.zeros(4), reduction=wald.TrimmedMean(0.25))
    tensor(2.)
    """

    high: float
    low: float = 0.0

    def __post_init__(self) -> None:
        if self.high < 0 or self.low < 0 or self.high + self.low >= 1:
            raise ValueError(
                f"TrimmedMean: high and low are shares that leave something over, got {self.high} and {self.low}"
            )

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """The mean of what is left."""
        ranked, order = values.flatten().sort(descending=True)
        mass = weight.flatten()[order]
        return _mean_between(ranked, mass, self.high, 1 - self.low)


@dataclass(frozen=True, eq=False)
class WorstGroup:
    """The largest of the groups' weighted means: training it serves the group that is served worst.

    `groups` holds a group id for each example, from 0. A group without unmasked examples does not take part.
    Sagawa et al. 2020, arXiv:1911.08731.

    >>> import torch, wald
    >>> group = torch.tensor([0, 0, 1])
    >>> wald.Absolute()(torch.tensor([1.0, 2.0, 6.0]), torch.zeros(3), reduction=wald.WorstGroup(group))
    tensor(6.)
    """

    groups: Tensor
    count: int | None = None

    def __call__(self, values: Tensor, weight: Tensor) -> Tensor:
        """The mean of the worst group."""
        if self.groups.shape != values.shape:
            raise ValueError(
                f"WorstGroup: groups {tuple(self.groups.shape)} and values {tuple(values.shape)} differ; give one "
                "group id for each example."
            )
        groups = self.groups.flatten().to(torch.int64)
        # Counting the groups means looking at the data; a caller who compiles gives the count.
        count = self.count if self.count is not None else int(groups.max()) + 1 if groups.numel() else 1
        empty = values.new_zeros(count)
        totals = empty.index_add(0, groups, (values * weight).flatten())
        masses = empty.index_add(0, groups, weight.flatten())
        present = masses > 0
        means = totals / torch.where(present, masses, torch.ones_like(masses))
        worst = torch.where(present, means, torch.full_like(means, -torch.inf)).max()
        return torch.where(present.any(), worst, (values * weight).sum())


def _mean_between(ranked: Tensor, mass: Tensor, start: float, stop: float) -> Tensor:
    """The mean of ranked values between two shares of their total mass, border examples in part."""
    upto = mass.cumsum(0)
    total = mass.sum()
    inside = torch.minimum(upto, stop * total) - torch.maximum(upto - mass, start * total)
    inside = inside.clamp(min=0)
    # A value that takes no part must not leave a NaN (0 × ∞) behind.
    kept = torch.where(inside > 0, ranked, torch.zeros_like(ranked))
    return ratio((kept * inside).sum(), inside.sum(), "zero")
