"""The one abstraction: a loss is a frozen value with one definition, `per_example`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from hashlib import sha256
import json
from typing import TYPE_CHECKING, Any, ClassVar, Final, Never, Self, cast, dataclass_transform

from torch import Tensor
from torch.compiler import is_compiling

from ..cards import Card, Domain, Formula, param
from ..cards.param import settle
from ..cards.ports import preset
from .admission import Named, line_up, settled
from .call import CallPlan, Inputs, reduced, tallied
from .instead import no_attribute, refused_call, refused_fields, refused_sum
from .reduction import Empty, Reduction
from .tally import Tally

#: Stands for an input that is not given.
_ABSENT: Final[Any] = None

#: Every concrete loss, by the name that `to_dict` writes.
KINDS: Final[dict[str, type[Loss]]] = {}


def _takes_like(kind: type[Loss]) -> None:
    """Let the constructor take `like`: the fields of a port, behind those that are given."""
    made = kind.__init__

    @wraps(made)
    def construct(self: Loss, *args: Any, like: str | None = None, **given: Any) -> None:
        if like is not None:
            given = {**preset(kind.__name__, kind.card.ports, like), **given}
        # A compiler cannot read the fields of a class; what it traces has run before.
        if not is_compiling() and (refused := refused_fields(kind, args, given)) is not None:
            raise refused
        made(self, *args, **given)

    kind.__init__ = construct


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

    if TYPE_CHECKING:
        #: Every loss can be made `like="keras"`: at the fields at which it is that of another library.
        like: str | None = param(default=None)

    def __init_subclass__(cls, *, kw_only: bool = True, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        dataclass(frozen=True, kw_only=kw_only, repr=False)(cls)
        _takes_like(cls)
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
        return reduced(self, self._bound(inputs, named), weight, mask, reduction, normalizer, empty)

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
        return tallied(self, self._bound(inputs, named), weight, mask, normalizer, empty)

    def prepared(self, *inputs: Tensor) -> Inputs:
        """The inputs as the definition of the arranged loss gets them: checked, and in the compute dtype."""
        loss, inputs, _, _ = self.arranged(inputs, None, None)
        line_up(loss, inputs)
        return settled(loss, inputs)

    def to(self, *_: Any, **__: Any) -> Self:
        """The loss itself: it holds no tensors, so it is on every device. Old training scripts run."""
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Only for what is not there. Names with underscores are how Python and its libraries ask what an object is.
            raise AttributeError(name) if name.startswith("_") else no_attribute(self, name)

    def _refuse_sum(self, _: object) -> Never:
        raise refused_sum(self)

    __add__ = __radd__ = __mul__ = __rmul__ = _refuse_sum

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

    def reference_points(self, **sizes: float) -> dict[str, float]:
        """Values at which a training curve stops for a reason: perfect, chance, collapse, floor, as far as they exist.

        Args:
            sizes: what they depend on beside the fields, such as `classes` or `batch`.

        Raises:
            TypeError: a value depends on a size that is not given; the message names it.

        >>> import wald
        >>> wald.CrossEntropy().reference_points(classes=10)["chance"]  # doctest: +ELLIPSIS
        2.302585...
        """
        told = {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]
        found: dict[str, float] = {}
        for name, value in cast("Mapping[str, float | str]", self.card.points).items():
            try:
                found[name] = Formula(value)(**told, **sizes) if isinstance(value, str) else float(value)
            except NameError as error:
                raise TypeError(
                    f"{type(self).__name__}: {name} is {value}, and {error.name} is not known here. "
                    f"Use reference_points({error.name}=...)."
                ) from None
        return found

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

    def _bound(self, inputs: Inputs, named: Mapping[str, Tensor]) -> Inputs:
        if not named:
            return inputs
        names = [name for name, _ in self.named_domains]
        given = dict(zip(names, inputs, strict=False)) | dict(named)
        if len(inputs) > len(names) or given.keys() != {*names}:
            raise refused_call(self, inputs, named)
        return tuple(given[name] for name in names)


class Supervised(Loss):
    """A loss of what the model emits, untransformed, against what was observed."""

    @abstractmethod
    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        """One value for each example, in plain differentiable torch: the definition."""

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]  (two named inputs, and a faster call)
        self,
        prediction: Tensor = _ABSENT,
        target: Tensor = _ABSENT,
        *others: Never,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: Reduction = "mean",
        normalizer: str | float | Tensor | None = None,
        empty: Empty = "zero",
        **unknown: Never,
    ) -> Tensor:
        """The reduced loss; see `Loss.__call__`."""
        if prediction is _ABSENT or target is _ABSENT or others or unknown:
            # Where there are others, both were given by place.
            two = {} if others else {"prediction": prediction, "target": target}
            named = {name: x for name, x in (two | unknown).items() if x is not _ABSENT}
            raise refused_call(self, (prediction, target, *others) if others else (), named)
        return reduced(self, (prediction, target), weight, mask, reduction, normalizer, empty)


class Contrastive(Loss):
    """A loss of embeddings against each other: what belongs together is near, what does not is far."""


class Listwise(Loss):
    """A loss of the scores of a list of items against how relevant each is; a relevance of -inf is an empty place."""


class Preference(Loss):
    """A loss of how a model scores a chosen and a rejected answer."""


class Policy(Loss):
    """A loss of how likely a policy makes the actions that were taken, and of what they earned."""


class Generative(Loss):
    """A loss of the scores that a critic gives to real and generated examples."""


def _name(kind: type[Loss]) -> str:
    if kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return kind.__name__
    return f"{kind.__module__}:{kind.__qualname__}"


def _rebuilt(kind: type[Loss], values: dict[str, Any]) -> Loss:
    return kind(**values)
