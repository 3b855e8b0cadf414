"""Whether a loss of two numbers compares two outputs of a model, and so has no target at all.

A preference loss takes the score of what was chosen and of what was not. It depends on their difference alone, falls
all the way as that grows, and never gets anywhere: no score is the right one.
"""

from __future__ import annotations

import torch

from ..subjects.grids import pairs, spread
from ..subjects.subject import Subject

_FAR = torch.tensor([1e3, 1e4, 1e6], dtype=torch.float64)


def compares(subject: Subject) -> bool:
    """Whether `subject` is a comparison of its two inputs, which is no regression of one on the other."""
    if subject.task != "regression" or not subject.scalar or subject.whole:
        return False
    if any(domain.bounded for _, domain in subject.domains):
        return False
    x = spread(subject.prediction, 41, subject.generator(), wide=False).to(subject.dtype)
    y = torch.tensor([-1.3, 0.4, 2.1], dtype=subject.dtype)
    with torch.no_grad():
        here, moved = (subject.values(*(part + by for part in pairs(x, y))).double() for by in (0.0, 0.7))
        table = here.reshape(len(x), len(y))
        side = _FAR.to(subject.dtype)
        far = [subject.values(sign * side, torch.zeros_like(side)).double() for sign in (1, -1)]
    step = table.diff(dim=0)
    one_way = bool((step < 0).all() | (step > 0).all())
    same = bool(((here - moved).abs() <= 100 * subject.close * (1 + here.abs())).all())
    # It comes to rest on the good side, and not below all bounds.
    rests = any(bool((end - end[0]).abs().max() <= 1e-6) for end in far)
    return one_way and same and rests
