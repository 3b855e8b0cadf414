"""What an error says of inputs whose shapes do not go together."""

from __future__ import annotations

from itertools import zip_longest
import math
from typing import TYPE_CHECKING

from torch import Tensor

from .instead import as_written, fitting_text
from .mending import mend

if TYPE_CHECKING:
    from .loss import Loss

Inputs = tuple[Tensor, ...]
Shape = tuple[int, ...]


def mismatch(loss: Loss, inputs: Inputs) -> str:
    """What an error says of inputs whose axes do not line up, with what to write instead."""
    named = loss.named_domains
    who = type(loss).__name__
    got = ", ".join(f"{name} {_shape(x)}" for (name, _), x in zip(named, inputs, strict=True))
    wants = ", ".join(f"{name} [{', '.join(('*batch', *domain.axes))}]" for name, domain in named)
    fix = mend(loss, inputs) or fitting_text(loss, inputs).lstrip()
    fix = _in_words(loss, inputs, fix.strip())
    return f"{who}: {got} do not line up. {fix} Wanted: {wants}. Nothing is broadcast here."


def rows_of_an_image(loss: Loss, inputs: Inputs, batch: Shape) -> str:
    """What an error says of images where the pixels of an example are one axis: each row would be a mask."""
    name, domain = loss.named_domains[0]
    pixels = inputs[0].shape[inputs[0].ndim - len(domain.axes)]
    return (
        f"{as_written(loss)}: the pixels of an example are one axis, so {name} {_shape(inputs[0])} would be "
        f"{math.prod(batch)} masks of {pixels} pixels: the rows of images. {mend(loss, inputs)}".rstrip()
    )


def wrong_size(loss: Loss, inputs: Inputs, name: str, size: int, x: Tensor) -> str:
    """What an error says of an input whose last axis has not as many entries as it must."""
    domain = dict(loss.named_domains)[name]
    axis = domain.axes[-1]
    seen = f"{as_written(loss)}: the last axis of {name} {_shape(x)} holds the {axis}, and there are {size}"
    fix = mend(loss, inputs)
    if not fix and axis == "parameters" and len(inputs) > 1 and x.ndim == inputs[1].ndim:
        order = f"in the order that help(wald.{type(loss).__name__}) says"
        fix = f"Put them side by side: {name} = torch.stack([...], -1), {order}."
    return f"{seen}, not {x.shape[-1]}. {fix}".rstrip()


def _in_words(loss: Loss, inputs: Inputs, fix: str) -> str:
    """What torch would make of inputs that do not line up, and the fix; without a fix, what may be the matter."""
    named = loss.named_domains
    if len(inputs) == 2 and not any(domain.axes for _, domain in named):
        (first, _), (second, _) = named
        a, b = inputs[0].shape, inputs[1].shape
        if (would := _broadcast(a, b)) is not None:
            wider, narrower, shape = (first, second, a) if math.prod(a) >= math.prod(b) else (second, first, b)
            as_it_is = f"If that is meant, use {narrower}.expand{_tuple(shape)}, which says so, to match {wider}."
            return f"They would broadcast to {_tuple(would)}. {fix or as_it_is}"
    if fix:
        return fix
    sizes: dict[str, dict[str, int]] = {}
    for (name, domain), x in zip(named, inputs, strict=True):
        own = zip(reversed(domain.axes), reversed(x.shape), strict=False)
        for axis, size in [("the first axis", x.shape[0] if x.ndim else 1), *own]:
            sizes.setdefault(axis, {})[name] = size
    for axis, found in sizes.items():
        if len({*found.values()}) > 1:
            counted = ", ".join(f"{size} in {name}" for name, size in found.items())
            return f"The sizes of {axis} differ ({counted}): were they taken from the same batch?"
    return "Their sizes differ: were they taken from the same batch?"


def _broadcast(a: Shape, b: Shape) -> Shape | None:
    # torch.broadcast_shapes loads a computer algebra system when it is first called.
    pairs = list(zip_longest(reversed(a), reversed(b), fillvalue=1))
    if any(x != y and 1 not in (x, y) for x, y in pairs):
        return None
    return tuple(y if x == 1 else x for x, y in reversed(pairs))


def _shape(x: Tensor) -> str:
    return _tuple(x.shape)


def _tuple(shape: tuple[int, ...]) -> str:
    return str(tuple(shape))
