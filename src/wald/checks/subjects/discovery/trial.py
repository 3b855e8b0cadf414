"""Calls that may fail, and what they said, so that the most helpful of it can be told.

A loss is tried in many ways, and most of them are wrong: what it said to those is noise. The error of the first
way that fits the names of its parameters comes first; an error that came every time is the loss's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor

from ..subject import Inputs, Subject
from .forms import Form
from .sweep import swept

#: How many examples a batch of a trial has: odd, and no other axis is as long.
ROWS: Final = 7


@dataclass(frozen=True)
class Unknown:
    """No way to call a loss was found.

    Attributes:
        why: what it said to the attempt that fitted it best.
        fix: what to change.
    """

    why: str
    fix: str = ""


@dataclass
class Trial:
    """A loss that is tried out.

    Attributes:
        start: all that is known of it before the first call.
        forms: how the subjects that came of it are called.
        said: what went wrong in each attempt, in order.
        returned: what it gave in place of a tensor, and what to do about it.
    """

    start: Subject
    said: list[str] = field(default_factory=list[str])
    returned: Unknown | None = None

    def subject(self, form: Form, **facts: Any) -> Subject:
        """The subject that a form makes of the loss."""
        name, recipe = self.start.name, self.start.recipe
        note = "" if form.plain else f"called as {form.written('loss').partition(': ')[2]}"
        made: dict[str, Any] = {
            "call": form.bind(self.start.call),
            "recipe": form.recipe(recipe, name),
            "domains": form.domains,
            "emitted": form.emitted,
            "task": form.task,
            "note": note,
        }
        return replace(self.start, **{**made, **facts})

    def value(self, subject: Subject, *inputs: Tensor) -> Tensor | None:
        """What the loss gives, if that is finite."""
        first = inputs[0].detach().clone().requires_grad_()
        try:
            found: Any = subject.batch(first, *inputs[1:])
        except Exception as error:
            self.said.append(told(error))
            return None
        if not isinstance(found, Tensor):
            self.returned = self.returned or _not_a_tensor(found)
            return None
        found = found.detach()
        if why := _unusable(found, first):
            self.said.append(why)
            return None
        return found

    def wide(self, subject: Subject, *inputs: Tensor) -> tuple[Subject, Inputs] | None:
        """The subject in the widest dtype in which it takes these inputs, and they in that dtype."""
        for dtype in (torch.float64, torch.float32):
            cast = tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)
            value = self.value(subject, *cast)
            # What answers in single precision whatever it is asked in is no more precise than that.
            if value is not None and (value.dtype is not torch.float32 or dtype is torch.float32):
                return replace(subject, dtype=dtype), cast
        return None

    def settled(self, subject: Subject, form: Form, inputs: Inputs) -> Subject:
        """The subject with values of its own for each example, laid out as a row if they come otherwise."""
        value = self.value(subject, *inputs)
        n = len(inputs[0])
        if value is not None and value.ndim > 1 and value.shape[0] != n and value.numel() == n:
            form = replace(form, flat=True)
            subject = replace(subject, call=form.bind(self.start.call), recipe=self.subject(form).recipe)
        return swept(subject, form, self.start.call, inputs)

    def unknown(self, expected: str) -> Unknown:
        """Why no way was found, and what to change."""
        if self.returned is not None:
            return self.returned
        return Unknown(why=next(self._best(), "it gave no finite number for anything that was tried"), fix=expected)

    def _best(self) -> Iterator[str]:
        """What went wrong, the most helpful first."""
        if not self.said:
            return
        counts = Counter(_kind(one) for one in self.said)
        kind, times = counts.most_common(1)[0]
        if times > 0.6 * len(self.said):
            yield next(one for one in self.said if _kind(one) == kind)
        yield from self.said


def _unusable(found: Tensor, first: Tensor) -> str:
    """What is wrong with what a loss gave for a batch; nothing if it will do."""
    if found.layout is not torch.strided or found.device != first.device:
        return f"it returned a tensor that is {found.layout} on {found.device}".replace("torch.", "")
    if not found.is_floating_point():
        return f"it returned a tensor of {str(found.dtype).removeprefix('torch.')}, through which no gradient comes"
    n = len(first)
    row = found.shape == first.shape[: found.ndim]
    if found.numel() not in (1, n) and not row:
        return (
            f"it gave a tensor of shape {tuple(found.shape)} for a batch of {n}: neither one value nor one an example"
        )
    strange = found.flatten()[~found.flatten().isfinite()]
    return f"it gave {strange[0].item()}" if len(strange) else ""


def told(error: Exception) -> str:
    """An error in one line."""
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else f"{type(error).__name__}, without a word"


def _kind(said: str) -> str:
    return "".join(letter for letter in said if not letter.isdigit())


def _not_a_tensor(found: Any) -> Unknown:
    """What was returned in place of a tensor, and what to return."""
    kind = type(found).__name__
    if found is None:
        return Unknown(why="it returned None, not a tensor", fix="Return the loss: a return may be missing.")
    if isinstance(found, bool | int | float):
        return Unknown(
            why=f"it returned a {kind}, not a tensor, and nothing can be trained with a number of Python",
            fix="Return the tensor itself: leave out .item() and float(...).",
        )
    if isinstance(found, dict | tuple | list) and not found:
        return Unknown(why=f"it returned an empty {kind}", fix="Return the loss as a tensor.")
    if isinstance(found, dict):
        keys = [key for key in found if isinstance(found[key], Tensor)]
        key = next((key for key in keys if "loss" in str(key).lower()), keys[0] if keys else "loss")
        return Unknown(
            why=f"it returned a dict with the keys {', '.join(map(repr, list(found)[:5]))}, not a tensor",
            fix=f"Check the part that is trained with: lambda *inputs: loss(*inputs)[{key!r}].",
        )
    if isinstance(found, tuple | list):
        place = next((i for i, each in enumerate(found) if isinstance(each, Tensor)), 0)
        return Unknown(
            why=f"it returned a {kind} of {len(found)}, not a tensor",
            fix=f"Check the part that is trained with: lambda *inputs: loss(*inputs)[{place}].",
        )
    if type(found).__module__.partition(".")[0] == "numpy":
        return Unknown(
            why=f"it returned a {kind} of numpy, not a tensor, and no gradient comes through numpy",
            fix="Compute it in torch from the prediction to the end, without .numpy() and .detach().",
        )
    return Unknown(why=f"it returned a {kind}, not a tensor", fix="Return a tensor: the loss, or one value an example.")
