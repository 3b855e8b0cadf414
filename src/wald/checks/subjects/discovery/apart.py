"""Whether rows are examples of their own, by the slopes of parts of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from ..subject import Inputs, Subject

#: Parts of a batch of seven.
_PARTS = ([0, 1, 2], [2, 3, 4], [1, 3, 6])


def separate(subject: Subject, inputs: Inputs) -> bool:
    """Whether the slope of a row depends on no other row, but for one factor that all have in common."""
    whole = slope(subject, inputs)
    if whole is None:
        return False
    parts = [slope(subject, tuple(x[rows] for x in inputs)) for rows in _PARTS]
    return all(part is not None and along(whole[rows], part) for rows, part in zip(_PARTS, parts, strict=True))


def along(a: Tensor, b: Tensor) -> bool:
    """Whether one is the other times one factor."""
    a, b = a.flatten(), b.flatten()
    size = a.norm() * b.norm()
    return bool(size > 0) and bool((a @ b).abs() / size > 1 - 1e-6)


def slope(subject: Subject, inputs: Inputs) -> Tensor | None:
    """The derivative of a batch in its prediction; None where there is none that is finite."""
    x = inputs[0].detach().clone().requires_grad_()
    try:
        found = torch.autograd.grad(subject.batch(x, *inputs[1:]).sum(), x)[0]
    except Exception:
        return None
    return found if bool(found.isfinite().all()) else None
