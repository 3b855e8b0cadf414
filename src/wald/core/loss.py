"""The one abstraction: a loss is a frozen value with one definition, `per_example`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
import json
import math
from typing import Any, ClassVar, Final, Self, cast, dataclass_transform

import torch
from torch import Tensor

from ..cards import Card, Domain, param
from ..cards.param import settle
from .admission import Named, line_up, refuse_probabilities, refuse_values, refuse_weight, settled, visible
from .implementation import fastest
from .reduction import Empty, Reduction, ratio
from .tally import Tally
from .tensors import wide

Inputs = tuple[Tensor, ...]

#: Every concrete loss, by the name that `to_dict` writes.
KINDS: Final[dict[str, type[Loss]]] = {}


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

    def total(self) -> Tensor:
        """The sum of weighted values."""
        return (self.values if self.weight is None else self.values * self.weight).sum()

    def mass(self) -> Tensor:
        """What each example adds to the denominator."""
        mass = torch.ones_like(self.values) if self.share is None else self.share
        mass = mass if self.weight is None else mass * self.weight
        return mass if self.keep is None else torch.where(self.keep, mass, torch.zeros_like(mass))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(param,))
class Loss(ABC):
    """Tensors in, one value per example out.

    A loss writes its fields, its `card` and `per_example`, and is final: to change one, wrap it. The first
    input is what the model emits; the families below name the inputs.

    `loss(*inputs)` checks the inputs against the card, replaces masked examples by safe values before the
    formula, computes in fp32 or wider, and reduces. `loss.per_example(*inputs)` is the bare definition.
    """

    card: ClassVar[Card]
    per_example: Any

    def __init_subclass__(cls, *, kw_only: bool = True, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        dataclass(frozen=True, kw_only=kw_only, repr=False)(cls)
        if "card" in vars(cls):
            KINDS[_name(cls)] = cls

    def __post_init__(self) -> None:
        settle(self)
        # Worked out once: a call must not spend its time on what the fields have settled.
        card = self.card
        domains = tuple(cast("Mapping[str, Domain]", card.inputs).items())
        plan = CallPlan.of(domains, coupled=card.coupling == "coupled", refuses=type(self).refuse is not Loss.refuse)
        object.__setattr__(self, "_call", plan)
        object.__setattr__(self, "_plain", self.in_plain_layout())

    # What a loss may say beside its formula.

    def kept(self, *inputs: Tensor) -> Tensor | None:
        """Which examples count, as far as the inputs themselves say (ignored targets); None for all."""
        return None

    def share(self, *inputs: Tensor) -> Tensor | None:
        """What each example adds to the denominator beside its weight (its class weight); None for 1."""
        return None

    def refuse(self, *inputs: Tensor) -> None:
        """Raise `DomainError` for values that no domain can tell apart; called only where looking is free."""

    def in_plain_layout(self) -> Loss:
        """The same loss for inputs in plain layout: an example's own axes last, nothing shifted."""
        return self

    def arranged(
        self, inputs: Inputs, weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, Inputs, Tensor | None, Tensor | None]:
        """The loss in plain layout (`self.plain`), and the same examples laid out for it."""
        return self, inputs, weight, mask

    # How a loss is called.

    def __call__(
        self,
        *inputs: Tensor,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
        normalizer: str | float | Tensor | None = None,
        empty: Empty = "zero",
        **named: Tensor,
    ) -> Tensor:
        """The reduced loss, by the fastest implementation that accepts the inputs.

        Args:
            inputs: tensors, in the order of the card; they may also be given by name.
            weight: one number for each example, not negative; 0 leaves an example out, k counts it k times.
            mask: one boolean for each example, True to keep it.
            reduction: "mean", "sum", "none" (one value for each example) or a functional such as `CVaR(0.1)`.
            normalizer: what the mean divides by: None for the sum of weights, "rows" for the number of
                unmasked examples, or a number (the tokens of all micro-batches and ranks, say).
            empty: what the mean of nothing is: "zero" (with a zero gradient), "nan" or "raise".
            named: inputs by name.
        """
        return self._reduced(self._bound(inputs, named), weight, mask, reduction, normalizer, empty)

    def tally(
        self,
        *inputs: Tensor,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        normalizer: str | None = None,
        empty: Empty = "zero",
        **named: Tensor,
    ) -> Tally:
        """What this batch contributes to the cost of a data set; see `Tally`."""
        return self._tallied(self._bound(inputs, named), weight, mask, normalizer, empty)

    def prepared(self, *inputs: Tensor) -> Inputs:
        """The inputs as the definition of the arranged loss gets them: checked, and in the compute dtype."""
        loss, inputs, _, _ = self.arranged(inputs, None, None)
        line_up(loss, inputs)
        return settled(loss, inputs)

    def to(self, *_: Any, **__: Any) -> Self:
        """The loss itself: it holds no tensors, so it is on every device. Old training scripts run."""
        return self

    # A loss as a value.

    @property
    def named_domains(self) -> Named:
        """The inputs of this loss and where each lives."""
        return self._call.named

    @property
    def plain(self) -> Loss:
        """The same loss for inputs in plain layout, worked out once."""
        return self._plain

    _call: ClassVar[CallPlan]
    _plain: ClassVar[Loss]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, from which `wald.from_dict` makes the loss again."""
        facts: dict[str, Any] = {"loss": _name(type(self))}
        for field in fields(self):  # pyright: ignore[reportArgumentType]
            value = getattr(self, field.name)
            if isinstance(value, Loss):
                value = value.to_dict()
            facts[field.name] = list(value) if isinstance(value, tuple) else value
        return facts

    @property
    def id(self) -> str:
        """A short name to log with a run, the same in every process and version for the same loss."""
        told = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return f"{type(self).__name__}-{sha256(told.encode()).hexdigest()[:12]}"

    def replace(self, **changes: Any) -> Self:
        """The same loss with some fields changed."""
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)  # pyright: ignore[reportArgumentType]
            if not (field.metadata.get("quiet") and getattr(self, field.name) == field.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]
        return _rebuilt, (type(self), values)

    # The way from a call to a number.

    def _bound(self, inputs: Inputs, named: Mapping[str, Tensor]) -> Inputs:
        if not named:
            return inputs
        names = [name for name, _ in self.named_domains]
        if unknown := sorted(named.keys() - set(names)):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}; it has no input {', '.join(unknown)}.")
        given = dict(zip(names, inputs, strict=False)) | dict(named)
        if missing := [name for name in names if name not in given]:
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}; {', '.join(missing)} is missing.")
        return tuple(given[name] for name in names)

    def _admitted(
        self, inputs: Inputs, weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, Inputs, Tensor | None, Tensor | None]:
        """The arranged loss, its inputs as its formula takes them, which examples count, and their weights."""
        loss, inputs, weight, mask = self.arranged(inputs, weight, mask)
        if loss is not self:
            return loss._admitted(inputs, weight, mask)
        batch = line_up(self, inputs)
        if self._call.logits:
            refuse_probabilities(self, inputs)
        inputs = settled(self, inputs)
        keep = _kept(self, inputs, batch, weight, mask)
        if weight is not None:
            refuse_weight(self, weight)
            weight = weight.to(inputs[0].dtype)
        if keep is not None:
            inputs = _safe(self, inputs, keep)
        if self._call.bounded:
            refuse_values(self, inputs)
        if self._call.refuses and all(visible(x) for x in inputs):
            self.refuse(*inputs)
        return self, inputs, keep, weight

    def _reduced(
        self,
        inputs: Inputs,
        weight: Tensor | None,
        mask: Tensor | None,
        reduction: Reduction,
        normalizer: str | float | Tensor | None,
        empty: Empty,
    ) -> Tensor:
        loss, inputs, keep, weight = self._admitted(inputs, weight, mask)
        if reduction == "mean" and keep is None and normalizer is None and inputs[0].numel():
            mean = _mean(loss, inputs)
            if mean is not None:
                return mean
        found = _examples(loss, inputs, keep, weight)
        values = found.values
        if reduction == "mean":
            if found.keep is None and found.share is None and normalizer is None and values.numel():
                return values.mean()
            return ratio(found.total(), _denominator(found, normalizer), empty)
        if normalizer is not None:
            raise ValueError(f'normalizer={normalizer!r} belongs to reduction="mean", got reduction={reduction!r}.')
        if reduction == "sum":
            return found.total()
        if reduction == "none":
            return values if found.weight is None else values * found.weight
        if callable(reduction):
            mass = torch.ones_like(values) if found.weight is None else found.weight
            return reduction(values, mass if found.keep is None else mass * found.keep)
        raise ValueError(
            f'reduction must be "mean", "sum", "none" or a functional such as wald.CVaR(0.1), got {reduction!r}.'
        )

    def _tallied(
        self, inputs: Inputs, weight: Tensor | None, mask: Tensor | None, normalizer: str | None, empty: Empty
    ) -> Tally:
        found = _examples(*self._admitted(inputs, weight, mask))
        values = found.values if found.weight is None else found.values * found.weight
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


class Supervised(Loss):
    """A loss of what the model emits, untransformed, against what was observed."""

    @abstractmethod
    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        """One value for each example, in plain differentiable torch: the definition."""

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]  (two named inputs, and a faster call)
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
        normalizer: str | float | Tensor | None = None,
        empty: Empty = "zero",
    ) -> Tensor:
        """The reduced loss; see `Loss.__call__`."""
        return self._reduced((prediction, target), weight, mask, reduction, normalizer, empty)


class Contrastive(Loss):
    """A loss of embeddings against each other: what belongs together is near, what does not is far."""


class Preference(Loss):
    """A loss of how a model scores a chosen and a rejected answer."""


class Generative(Loss):
    """A loss of the scores that a critic gives to real and generated examples."""


def _name(kind: type[Loss]) -> str:
    if kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return kind.__name__
    return f"{kind.__module__}:{kind.__qualname__}"


def _rebuilt(kind: type[Loss], values: dict[str, Any]) -> Loss:
    return kind(**values)


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


def _mean(loss: Loss, inputs: Inputs) -> Tensor | None:
    """The mean over all examples in one pass, where an implementation has that."""
    found = None if loss._call.coupled else fastest(loss, inputs)  # pyright: ignore[reportPrivateUsage]
    return None if found is None else found.mean(loss, *inputs)


def _examples(loss: Loss, inputs: Inputs, keep: Tensor | None, weight: Tensor | None) -> Examples:
    values = _values(loss, inputs, keep)
    if keep is not None:
        values = torch.where(keep, values, torch.zeros_like(values))
    return Examples(values, keep, weight, loss.share(*inputs))


def _values(loss: Loss, inputs: Inputs, keep: Tensor | None) -> Tensor:
    device = inputs[0].device.type
    if torch.is_autocast_enabled(device):
        # The inputs are already as wide as they need to be; autocast would narrow a matrix product again.
        with torch.autocast(device, enabled=False):
            return _computed(loss, inputs, keep)
    return _computed(loss, inputs, keep)


def _computed(loss: Loss, inputs: Inputs, keep: Tensor | None) -> Tensor:
    if loss._call.coupled:  # pyright: ignore[reportPrivateUsage]
        # The examples of such a loss meet each other, so it must know itself which of them are left out.
        return loss.per_example(*inputs, keep=keep)
    found = fastest(loss, inputs)
    return loss.per_example(*inputs) if found is None else found.run(loss, *inputs)


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
