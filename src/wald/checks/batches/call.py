"""How a loss is called with a saved batch: which tensor is which of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
import inspect
from typing import Any, Final

import torch
from torch import Tensor

from ...cards import Domain
from ...core import Loss
from ..subjects.discover import Unknown, subject_of
from ..subjects.subject import Subject
from ..subjects.target import Target, resolve
from .names import aliases, role
from .read import Batch, BatchError
from .torch_losses import known_as, meaning

#: Weights of classes belong to the loss, and are no property of the examples.
_OF_CLASSES: Final = ("cross_entropy", "nll_loss", "multi_margin_loss")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One input of a loss.

    Attributes:
        name: what the loss calls it.
        role: prediction, target, reference, weight, mask, length, or nothing where it cannot be told.
        saved: the name under which the batch holds it.
        domain: where it lives, as far as that is known without measuring.
        keyword: whether it is passed by name.
    """

    name: str
    role: str
    saved: str
    domain: Domain | None = None
    keyword: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """A loss, and how a batch is given to it.

    Attributes:
        name: what a report calls it.
        recipe: a line of Python that makes it under the name `loss`; empty where only the caller can.
        function: what is called.
        slots: its inputs.
        known: its name in `torch.nn.functional`; empty for any other loss.
    """

    name: str
    recipe: str
    function: Callable[..., Any]
    slots: tuple[Slot, ...]
    known: str = ""

    @property
    def loss(self) -> Loss | None:
        """The `Loss` itself, where it is one."""
        return self.function if isinstance(self.function, Loss) else None

    def __call__(self, inputs: Mapping[str, Tensor], **options: Any) -> Any:
        """What the loss gives for these inputs, by the names of the slots."""
        return self._called(self.function, inputs, **options)

    def each(self, inputs: Mapping[str, Tensor]) -> Tensor | None:
        """The value of each example before they are averaged; None where the loss does not say."""
        if self.loss is not None:
            return self(inputs, reduction="none")
        if isinstance(self.function, torch.nn.Module) and isinstance(getattr(self.function, "reduction", None), str):
            apart: Any = copy(self.function)
            apart.reduction = "none"
            return self._called(apart, inputs)
        return self(inputs, reduction="none") if "reduction" in _parameters(self.function) else None

    @cached_property
    def meant(self) -> Subject | None:
        """How a foreign loss of two inputs is meant, found out by measuring; None where it cannot be told."""
        if self.loss is not None or self.known or [s.role for s in self.slots][:2] != ["prediction", "target"]:
            return None
        try:
            found = subject_of(Target(loss=self.function, name=self.name, recipe=self.recipe))
        except Exception:
            return None
        return None if isinstance(found, Unknown) else found

    def class_axis(self, ndim: int) -> int:
        """Which axis of the scores lists the classes: the last, or the second where the loss is torch's."""
        if self.loss is not None:
            return getattr(self.loss, "axis", -1)
        return 1 if ndim > 2 else -1

    @property
    def ignored(self) -> int:
        """The class id that marks what is to be left out."""
        found = getattr(self.function, "ignore_index", None)
        return -100 if found is None else found

    def text(self, inputs: Mapping[str, str]) -> str:
        """The call as Python text, each input as the text given for it."""
        told = [f"{slot.name}={inputs[slot.name]}" if slot.keyword else inputs[slot.name] for slot in self.slots]
        return f"loss({', '.join(told)})"

    def _called(self, function: Callable[..., Any], inputs: Mapping[str, Tensor], **options: Any) -> Any:
        # What a loss does to its inputs is done to copies, and a leaf must not be written to.
        given = {name: x.clone() for name, x in inputs.items()}
        places = [given[slot.name] for slot in self.slots if not slot.keyword]
        return function(*places, **{slot.name: given[slot.name] for slot in self.slots if slot.keyword}, **options)


def calling(target: object, batch: Batch) -> tuple[Call, dict[str, Tensor], tuple[str, ...]]:
    """The call, its inputs by slot, and the names in the batch of which the loss makes no use.

    Raises:
        TargetError: `target` is no loss.
        BatchError: an input of the loss is not in the batch; the message gives the nearest name.
    """
    asked = resolve(target)
    needed, offered = _wanted(asked)
    if batch.slope is not None and any(slot.name == "gradient" for slot in needed):
        # What the loss is of, not what was saved beside it.
        batch = replace(batch, tensors={**batch.tensors, "gradient": batch.slope}, slope=None)
    found = _matched(asked.name, needed, batch)
    left = [key for key in batch.tensors if key not in found.values()]
    for slot in offered:
        known = {key.lower(): key for key in left}
        names = aliases(slot.name) if slot.role in ("weight", "mask") and slot.name != "reduction" else (slot.name,)
        if (key := next((known[name] for name in names if name in known), None)) is not None:
            found[slot.name] = key
            left.remove(key)
    slots = tuple(replace(slot, saved=found[slot.name]) for slot in [*needed, *offered] if slot.name in found)
    inputs = {slot.name: _usable(slot, batch.tensors[slot.saved]) for slot in slots}
    call = Call(name=asked.name, recipe=asked.recipe, function=asked.loss, slots=slots, known=known_as(asked.loss))
    return call, inputs, tuple(left)


def _usable(slot: Slot, x: Tensor) -> Tensor:
    """A mask that was saved as numbers is one still."""
    return x != 0 if slot.role == "mask" and x.dtype != torch.bool else x


def _wanted(asked: Target) -> tuple[list[Slot], list[Slot]]:
    """The inputs that the loss needs, and those that it would also take."""
    loss = asked.loss
    if isinstance(loss, Loss):
        needed = [Slot(name=name, role=_role(loss, name), saved="", domain=d) for name, d in loss.named_domains]
        return needed, [Slot(name=name, role=name, saved="", keyword=True) for name in ("weight", "mask")]
    domains = meaning(loss)
    names, optional = _arguments(loss)
    needed = [
        Slot(name=name, role=_role_by_place(name, place, len(names)), saved="", domain=domains.get(name))
        for place, name in enumerate(names)
    ]
    if needed and not any(slot.role == "prediction" for slot in needed):
        needed[0] = replace(needed[0], role="prediction")
    of_classes = known_as(loss) in _OF_CLASSES
    spare = [
        Slot(name=name, role="class weight" if of_classes and name == "weight" else role(name), saved="", keyword=True)
        for name in optional
    ]
    return needed, spare


def _role(loss: Loss, name: str) -> str:
    named = role(name)
    if named in ("target", "reference"):
        return named
    return "prediction"


def _role_by_place(name: str, place: int, count: int) -> str:
    named = role(name)
    if named:
        return named
    return "target" if count == 2 and place == 1 else "prediction"


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(getattr(function, "forward", function)).parameters
    except (TypeError, ValueError):
        return {}  # a built-in, which does not say what it takes


def _arguments(function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """The names of what must be given by place, and of what may be given by name."""
    parameters = _parameters(function).values()
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one.name for one in parameters if one.default is one.empty and one.kind in by_place]
    if len(needed) < 2 and any(one.kind is one.VAR_POSITIONAL for one in parameters):
        needed = ["prediction", "target"]
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    settings = ("reduction", "reduce", "size_average")
    optional = [
        one.name
        for one in parameters
        if one.kind in by_name and one.name not in settings and not (one.default is one.empty and one.name in needed)
    ]
    return needed or ["prediction", "target"], optional


def _matched(who: str, needed: Sequence[Slot], batch: Batch) -> dict[str, str]:
    """The name in the batch for each needed input: by name, then by another name for it, then by order."""
    keys = {key.lower(): key for key in batch.tensors}
    found = {slot.name: keys[slot.name.lower()] for slot in needed if slot.name.lower() in keys}
    for slot in needed:
        if slot.name in found:
            continue
        group = aliases(slot.name)
        if len(group) == 1 and slot.role in ("prediction", "target") and len(needed) == 2:
            group = aliases(slot.role)
        free = [keys[name] for name in group if name in keys and keys[name] not in found.values()]
        if free:
            found[slot.name] = free[0]
    open_slots = [slot for slot in needed if slot.name not in found]
    if not open_slots:
        return found
    left = [key for key in batch.tensors if key not in found.values()]
    unnamed = all(key.isdigit() for key in batch.tensors)
    if len(left) == len(open_slots) or (unnamed and len(left) >= len(open_slots)):
        return found | {slot.name: key for slot, key in zip(open_slots, left, strict=False)}
    raise BatchError(_missing(who, needed, open_slots, left, batch))


def _missing(who: str, needed: Sequence[Slot], absent: Sequence[Slot], left: list[str], batch: Batch) -> str:
    takes = " and ".join(slot.name for slot in needed)
    near = [
        f"{close[0]!r} looks like {slot.name}"
        for slot in absent
        if (close := get_close_matches(slot.name, left, n=1, cutoff=0.5))
    ]
    hint = f" {'; '.join(near)}: save it under that name." if near else ""
    return (
        f"{who} takes {takes}; {', '.join(slot.name for slot in absent)} is not in {batch.name}, which holds "
        f"{', '.join(batch.tensors)}.{hint or f' Save it as {absent[0].name!r}.'}"
    )
