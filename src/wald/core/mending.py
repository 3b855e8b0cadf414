"""Inputs that do not line up, and what would make them: each replacement is tried before it is told.

Told are, in this order: ids in place of a one-hot table, another layout or kind of the same loss, one small change of
an input (an axis of size 1), both together, inputs in another order, and losses nearby that take them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import permutations
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .instead import as_written

if TYPE_CHECKING:
    from ..cards import Domain
    from .loss import Loss

Inputs = tuple[Any, ...]
T = TypeVar("T")

_trying = False


class Change(NamedTuple):
    """A small change of one input.

    Attributes:
        place: which input.
        text: what to write instead of it.
        becomes: what it then is.
        why: why that may be meant, in a sentence with a space behind it.
    """

    place: int
    text: str
    becomes: Tensor
    why: str = ""


def mend(loss: Loss, inputs: Inputs) -> str:
    """What to write instead of `loss(*inputs)`, in a sentence with a space behind it; "" where nothing would help."""
    return _tried(_mended, loss, inputs, "")


def fitting(loss: Loss, inputs: Inputs) -> list[str]:
    """Losses of the same area that take these inputs, as they are written, the nearest first; two at most."""
    return _tried(_fitting, loss, inputs, [])


def _tried(search: Callable[[Loss, Inputs], T], loss: Loss, inputs: Inputs, nothing: T) -> T:
    """What a search finds; what it tries and fails is not mended in its turn."""
    global _trying
    if _trying or torch.compiler.is_compiling() or not all(isinstance(x, Tensor) for x in inputs):
        return nothing
    _trying = True
    try:
        return search(loss, inputs)
    finally:
        _trying = False


def _mended(loss: Loss, inputs: Inputs) -> str:
    who = type(loss).__name__
    names = [name for name, _ in loss.named_domains]
    changes = [change for change in _changes(loss, inputs) if _fits(loss, _with(inputs, change.place, change.becomes))]
    others = list(_other_layouts(loss))
    # What an input says of itself, that it is one-hot, comes before what may be meant by the whole.
    if told := [change for change in changes if change.why]:
        return f"{told[0].why}Use {_either(told)}. "
    both = [
        (other, change)
        for other in others
        for change in _changes(other, inputs)
        if _fits(other, _with(inputs, change.place, change.becomes))
    ]
    one_hot = [(other, change) for other, change in both if "one-hot" in change.why]
    for other in () if one_hot else others:
        if _fits(other, inputs):
            return f"{_reason(loss, other)}Use {as_written(other)}. "
    if changes:
        return f"Use {_either(changes)}. "
    for other, change in one_hot or both:
        called = ", ".join(change.text if at == change.place else name for at, name in enumerate(names))
        return f"{_reason(loss, other)}{change.why}Use {as_written(other)}({called}). "
    for texts, become in _changes_of_all(loss, inputs):
        if _fits(loss, become):
            return f"Use {as_written(loss)}({', '.join(texts)}). "
    for order in permutations(range(len(inputs))):
        if _fits(loss, tuple(inputs[k] for k in order)):
            return f"The inputs look swapped: {who} takes {', '.join(names)}, in this order. "
    return ""


def _either(changes: list[Change]) -> str:
    return " or ".join([*dict.fromkeys(change.text for change in changes)][:2])


def _reason(loss: Loss, other: Loss) -> str:
    moved = getattr(loss, "axis", None) != getattr(other, "axis", None)
    return "The classes look to be on axis 1. " if moved and "classes" in other.named_domains[0][1].axes else ""


def _with(inputs: Inputs, place: int, x: Tensor) -> Inputs:
    return (*inputs[:place], x, *inputs[place + 1 :])


def _other_layouts(loss: Loss) -> Iterator[Loss]:
    """The same loss with its classes on axis 1, of another kind, or both."""
    declared = {field.name: field for field in fields(loss)}  # pyright: ignore[reportArgumentType]
    kinds = declared["kind"].metadata["choices"] if "kind" in declared else ()
    axes = (1,) if "axis" in declared and getattr(loss, "axis", 1) != 1 else ()
    own = getattr(loss, "kind", None)
    # Several classes are meant more often than several labels.
    kinds = [kind for kind in ("multiclass", "multilabel", "binary") if kind in kinds and kind != own]
    changes: list[dict[str, Any]] = [{"axis": axis} for axis in axes]
    changes += [{"kind": kind} for kind in kinds]
    changes += [{"kind": kind, "axis": axis} for kind in kinds for axis in axes]
    for change in changes:
        try:
            yield loss.replace(**change)
        except (TypeError, ValueError):
            continue


def _changes(loss: Loss, inputs: Inputs) -> Iterator[Change]:
    named = loss.named_domains
    if len(named) != len(inputs):
        return
    for place, (name, domain) in enumerate(named):
        x = inputs[place]
        if domain.integer and x.ndim > 1:
            yield from _from_one_hot(place, name, domain, x, inputs[0])
        if domain.integer and _whole(x):
            why = f"{name} is {str(x.dtype).removeprefix('torch.')}, and ids are whole numbers. "
            yield Change(place, f"{name}.long()", x.long(), why)
    single = not any(domain.axes for _, domain in named)
    if single:
        # An axis that is missing is added before one that is too many is taken away: of a column and a row both do.
        for place, (name, _) in enumerate(named):
            for axis in (-1, 1)[: inputs[place].ndim]:
                yield Change(place, f"{name}.unsqueeze({axis})", inputs[place].unsqueeze(axis))
    for place, (name, domain) in enumerate(named):
        x = inputs[place]
        for axis in (-1, 1)[: max(x.ndim - 1, 0)]:
            if x.shape[axis] == 1:
                yield Change(place, f"{name}.squeeze({axis})", x.squeeze(axis))
                if domain.integer and _whole(x):
                    yield Change(place, f"{name}.squeeze({axis}).long()", x.squeeze(axis).long())
        if x.ndim > 2 and domain.axes and "pixels" not in domain.axes:
            yield Change(place, f"{name}.transpose(0, 1)", x.transpose(0, 1))
            yield Change(place, f"{name}.movedim(1, -1)", x.movedim(1, -1))
        if x.ndim > 2 and getattr(loss, "axis", -1) == 1:
            yield Change(place, f"{name}.movedim(-1, 1)", x.movedim(-1, 1))
        if x.ndim > 1 and single:
            yield Change(place, f"{name}.mT", x.mT)
        batch = inputs[0].shape[: inputs[0].ndim - len(named[0][1].axes)]
        if place and not domain.axes and x.ndim == 1 and len(batch) > 1 and x.numel() == math.prod(batch):
            yield Change(place, f"{name}.reshape{tuple(batch)}", x.reshape(batch))


def _changes_of_all(loss: Loss, inputs: Inputs) -> Iterator[tuple[list[str], Inputs]]:
    """Changes of several inputs at once: what to write for each, and what they become."""
    from .admission import visible

    named = loss.named_domains
    names = [name for name, _ in named]
    first, *rest = inputs
    own = named[0][1].axes
    if own == ("pixels", "classes") and first.ndim > 3 and len(rest) == 1 and rest[0].ndim == first.ndim - 1:
        yield [f"{names[0]}.flatten(2).mT", f"{names[1]}.flatten(1)"], (first.flatten(2).mT, rest[0].flatten(1))
    if own == ("pixels", "classes") and first.ndim > 3 and len(rest) == 1 and rest[0].shape == first.shape[:-1]:
        yield [f"{names[0]}.flatten(1, -2)", f"{names[1]}.flatten(1)"], (first.flatten(1, -2), rest[0].flatten(1))
    if own == ("pixels",) and first.ndim > 2 and all(x.shape == first.shape for x in rest):
        yield [f"{name}.flatten(1)" for name in names], tuple(x.flatten(1) for x in inputs)
    if own == ("features",) and first.ndim == 3 and len(rest) == 1 and rest[0].shape == first.shape[:1]:
        # Several views of each example, as SupCon's authors lay them out.
        views = first.shape[1]
        texts = [f"{names[0]}.flatten(0, 1)", f"{names[1]}.repeat_interleave({views})"]
        yield texts, (first.flatten(0, 1), rest[0].repeat_interleave(views))
    if "length" in names and len(names) > 1 and len(inputs) == len(names) and rest[0].ndim == 1:
        # Texts one behind the other, as torch's CTC takes them too.
        length = inputs[names.index("length")]
        told = length.ndim == 1 and not length.is_floating_point() and visible(length)
        if told and int(length.sum()) == rest[0].numel():
            padded = pad_sequence(rest[0].split(length.tolist()), batch_first=True)
            text = f"torch.nn.utils.rnn.pad_sequence({names[1]}.split(length.tolist()), batch_first=True)"
            yield [names[0], text, *names[2:]], (first, padded, *rest[1:])


def _from_one_hot(place: int, name: str, domain: Domain, x: Tensor, first: Tensor) -> Iterator[Change]:
    from .admission import visible

    why = f"{name} is {str(x.dtype).removeprefix('torch.')} and looks one-hot. "
    for axis in (-1, 1)[: x.ndim - 1]:
        # Where its values cannot be seen, its shape has to do.
        seen = visible(x)
        hot = bool((x.sum(axis) == 1).all() and ((x == 0) | (x == 1)).all()) if seen else x.shape == first.shape
        if hot and x.shape[axis] > 1:
            yield Change(place, f"{name}.argmax({axis})", x.int().argmax(axis), why)
            if domain.soft and not x.is_floating_point():
                yield Change(place, f"{name}.float()", x.float(), why)


def _whole(x: Tensor) -> bool:
    """Whether a float tensor is known to hold whole numbers."""
    from .admission import visible

    return visible(x) and x.is_floating_point() and bool((x == x.round()).all())


def _fits(loss: Loss, inputs: Inputs) -> bool:
    """Whether a loss would let these inputs in, as far as shapes and types go."""
    from .admission import line_up

    try:
        plain, laid, _, _ = loss.arranged(inputs, None, None)
        if plain is not loss:
            return _fits(plain, laid)
        line_up(loss, laid)
    except (ValueError, TypeError, IndexError, RuntimeError):
        return False
    domains = [domain for _, domain in loss.named_domains]
    return laid[0].is_floating_point() and all(
        not (domain.integer and not domain.soft and x.is_floating_point())
        for domain, x in zip(domains, laid, strict=True)
    )


def _fitting(loss: Loss, inputs: Inputs) -> list[str]:
    from ..cards import shelf

    known = shelf.catalogue()
    own = known.get(type(loss).__name__)
    if own is None:
        return []
    axes = [domain.axes for _, domain in loss.named_domains]
    found: list[tuple[int, int, str]] = []
    for entry in known.values():
        if entry.area != own.area or entry.name == own.name or (usual := _made(entry)) is None:
            continue
        other = next((one for one in (usual, *_other_layouts(usual)) if _fits(one, inputs)), None)
        shared = len({*own.card.tags} & {*entry.card.tags})
        if other is None or not shared:
            continue
        named = other.named_domains
        # What is wanted is near by its words, its fields and what it takes; of equals, what more people know.
        alike = sum(domain.axes == mine for (_, domain), mine in zip(named, axes, strict=False))
        near = shared + len(own.fields.keys() & entry.fields.keys()) + 2 * alike
        shown = f"{as_written(other)}({', '.join(name for name, _ in named)})"
        found.append((near, len(entry.card.aliases) + len(entry.card.ports), f"wald.{shown}"))
    return [shown for _, _, shown in sorted(found, reverse=True)[:2]]


def _made(entry: Any) -> Loss | None:
    from .loss import KINDS

    try:
        return KINDS[entry.name](**entry.defaults)
    except (TypeError, ValueError, KeyError):
        return None
