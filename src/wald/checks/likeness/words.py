"""How losses, factors and fields are spoken of in what is found of a claim."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ...core import Loss
from .battery import battery
from .fitting import starts
from .traces import Likeness

#: Choices of a field that are a mistake where only the name of a loss was said.
FLAWED = {
    ("KLDivergence", "direction", "reverse"): "arguments swapped: KL(prediction || target) where "
    "KL(target || prediction) is what the name stands for",
}


def choice(loss: Loss) -> tuple[str, str, Any]:
    """The choice of a loss that its name alone does not allow to be otherwise."""
    direction = getattr(loss, "direction", None)
    return (type(loss).__name__, "direction", direction)


def choices(loss: Loss) -> tuple[str, ...]:
    """The fields that are no numbers, with their values."""
    return tuple(
        f"{one.name}={getattr(loss, one.name)}"
        for one in dataclasses.fields(loss)  # pyright: ignore[reportArgumentType]
        if not isinstance(getattr(loss, one.name), float)
    )


def with_fields(loss: Loss, fields: dict[str, float]) -> Loss | None:
    """The loss with these fields; None where they are out of its range."""
    try:
        return loss.replace(**fields)
    except (ValueError, TypeError):
        return None


def same_fields(one: Loss, other: Loss, names: set[str]) -> bool:
    """Whether two losses agree in the fields of these names."""
    for each in dataclasses.fields(one):  # pyright: ignore[reportArgumentType]
        if each.name not in names:
            continue
        a, b = getattr(one, each.name), getattr(other, each.name)
        if isinstance(a, float) and isinstance(b, float):
            if not math.isclose(a, b, rel_tol=0.02, abs_tol=1e-4):
                return False
        elif a != b:
            return False
    return True


def _fields(loss: Loss) -> list[tuple[str, Any]]:
    return [(each.name, getattr(loss, each.name)) for each in dataclasses.fields(loss)]  # pyright: ignore[reportArgumentType]


def changes_of(said: Loss, found: Loss, names: set[str]) -> list[str]:
    """In which of its fields a loss is not what it says."""
    told: list[str] = []
    # A loss of a loss has no defaults.
    default = said if any(isinstance(value, Loss) for _, value in _fields(said)) else starts(type(said))[0]
    for each in dataclasses.fields(said):  # pyright: ignore[reportArgumentType]
        a, b = getattr(said, each.name), getattr(found, each.name)
        if (
            each.name not in names
            or a == b
            or (isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=0.02))
        ):
            continue
        numbers = isinstance(a, float) and isinstance(b, float)
        if numbers and math.isclose(b, 1 - a, abs_tol=1e-3):
            told.append(f"{each.name} inverted (1 - {a:g})")
        elif numbers and a and math.isclose(b, 1 / a, rel_tol=1e-3):
            told.append(f"{each.name} inverted (1 / {a:g})")
        elif numbers and math.isclose(b, a * a, rel_tol=1e-3):
            told.append(f"{each.name} squared")
        elif b in (getattr(default, each.name), None) or b == 0:
            told.append(f"{each.name} has no effect: it says {short(a)} and acts as {short(b)}")
        else:
            told.append(f"{each.name} acts as {short(b)} where it says {short(a)}")
    return told or ["its fields are others"]


def short(value: Any) -> str:
    """A value of a field, as text."""
    return f"{value:g}" if isinstance(value, float) else repr(value)


def scale_words(likeness: Likeness) -> str:
    """The factor and the constant, as words before the name of a loss."""
    plus = f"{likeness.shift:.4g} plus " if likeness.shift and likeness.relation in ("affine", "flipped") else ""
    if likeness.relation not in ("affine", "flipped") or likeness.scale == 1:
        return plus
    return f"{plus}{likeness.scale:.4g} times "


def scale_name(scale: float, loss: Loss) -> str:
    """What is known to lead to this factor."""
    domains = [domain for _, domain in loss.named_domains]
    name = type(loss).__name__
    if name == "Focal" and 0 < scale < 1 and getattr(loss, "alpha", 0) is None and domains[0].axes == ():
        return f"alpha on both classes: {scale:.4g} multiplies positives and negatives alike, so it only rescales"
    if domains[0].axes == ("classes",) and math.isclose(scale, 1 / battery(loss)[0].shape[-1], rel_tol=1e-3):
        return "mean over rows and classes, where the classes of a row are to be added"
    logs = {
        "BinaryCrossEntropy",
        "CrossEntropy",
        "Focal",
        "KLDivergence",
        "NextToken",
        "InfoNCE",
        "BradleyTerry",
        "DPO",
    }
    if domains[0].axes == ("levels",) and math.isclose(scale, battery(loss)[0].shape[-1], rel_tol=1e-3):
        return "sum over the levels, where their mean is usual"
    for base in (2, 10):
        power = 1 if name in logs else 2 if name == "SquaredLog" else 0
        if power and math.isclose(scale, math.log(base) ** -power, rel_tol=1e-4):
            return f"logarithm to base {base}"
    return ""


def names_of(loss: Loss) -> tuple[str, ...]:
    """What the inputs of a loss are called."""
    return tuple(name for name, _ in loss.named_domains)


def call_of(loss: Loss) -> str:
    """The canonical call, as Python."""
    return f"wald.{loss}({', '.join(names_of(loss))})"
