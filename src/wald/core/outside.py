"""What an error says of values that a formula has no meaning for."""

from __future__ import annotations

from dataclasses import fields, replace
import math
from typing import TYPE_CHECKING

from torch import Tensor

from ..cards import Domain

if TYPE_CHECKING:
    from .loss import Loss

Inputs = tuple[Tensor, ...]


def outside(loss: Loss, inputs: Inputs, place: int, seen: Tensor, low: float, high: float) -> str:
    """What an error says of values outside the domain, with what is usually the matter.

    Args:
        loss: whose inputs these are.
        inputs: all of them.
        place: where the one stands that has such values.
        seen: those of its values that were looked at.
        low: the least that it may be.
        high: the most.
    """
    name, domain = loss.named_domains[place]
    below = seen <= low if domain.open_low else seen < low
    bad = seen[below | (seen > high)]
    value = bad[0].item()
    share = bad.numel() / seen.numel()
    if domain.integer:
        upper = f" to {high:g}" if high < math.inf else " on"
        kind = "class ids" if domain.says == "a class id" else domain.says + ","
        allowed = f"{kind} from {low:g}{upper}" if domain.says != "0 or 1" else "0 or 1"
    else:
        allowed = replace(domain, low=low, high=high, integer=False).interval
    cause = swapped(loss, inputs, place) or _cause(loss, place, value, bad, high)
    return (
        f"{type(loss).__name__}: {name} contains {value:g} ({share:.1%} of its values are outside); "
        f"expected {allowed}. {cause}"
    )


def swapped(loss: Loss, inputs: Inputs, place: int) -> str:
    """That two inputs stand in each other's place, if both would be right there; what a model emits may be anything."""
    named = loss.named_domains
    for other, (name, domain) in enumerate(named):
        if (
            0 in (other, place)
            or other == place
            or inputs[other].shape != inputs[place].shape
            or domain.axes != named[place][1].axes
        ):
            continue
        if _inside(named[place][1], inputs[other]) and _inside(domain, inputs[place]):
            order = ", ".join(each for each, _ in named)
            return f"{named[place][0]} and {name} look swapped: {type(loss).__name__} takes {order}, in this order."
    return ""


def _inside(domain: Domain, x: Tensor) -> bool:
    from .admission import extremes, visible

    if not visible(x) or not x.numel():
        return False
    low, high = extremes(x.detach())
    whole = not domain.integer or not x.is_floating_point() or bool((x == x.round()).all())
    return whole and (low > domain.low if domain.open_low else low >= domain.low) and high <= domain.high


def _cause(loss: Loss, place: int, value: float, bad: Tensor, high: float) -> str:
    name, domain = loss.named_domains[place]
    if domain.integer:
        # With one score for each example there is nothing to choose between.
        if high == 0 and value == 1 and "classes" in loss.named_domains[0][1].axes:
            first = loss.named_domains[0][0]
            return f"One score for each example is a yes or a no: BinaryCrossEntropy()({first}.squeeze(-1), {name})."
        if value == high + 1 and bool((bad == value).all()):
            return f"Do your ids start at 1? Use {name} - 1."
        if "length" in dict(loss.named_domains):
            if value == getattr(loss, "blank", None):
                return f"{value:g} is the blank; give symbols other ids ({name} + 1), or set blank=."
            return f"What lies beyond the length is not looked at: use length=({name} != {value:g}).sum(-1)."
        ignores = "ignore_index" in {field.name for field in fields(loss)}  # pyright: ignore[reportArgumentType]
        out = f"If {value:g} marks what to leave out, pass mask={name} != {value:g}"
        out += f", or set the field ignore_index={value:g}" if ignores else ""
        return f"{out}." if value < 0 or high == math.inf else f"{out}; else add output units."
    if high == 1 and value == -1:
        return f"Labels -1 and +1? Use ({name} + 1) / 2."
    if high == 1 and 1 < value <= 255 and value == round(value):
        return f"Did you mean {name} / 255, or, if {value:g} marks what to leave out, mask={name} != {value:g}?"
    if value == -100:
        return f"If -100 marks what to leave out, pass mask={name} != -100."
    if place == 0 and domain.high == math.inf and domain.low in (0, -1):
        return f"What a model emits is brought there by torch.nn.functional.softplus({name})."
    if place == 0 and (domain.low, domain.high) == (0, 1):
        return f"Scores are brought there by {name}.sigmoid()."
    return f"Leave such examples out with mask=, or see `wald show` for a loss of {name} on this scale."
