"""What losses over all pairs of a positive and a negative share."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...core import ShapeError


def one_batch_of_scores(loss: str, **inputs: Tensor) -> None:
    """Raise unless there is one batch axis: it says which examples meet.

    Raises:
        ShapeError: there is none, or more than one.
    """
    (name, x), *_ = inputs.items()
    if x.ndim != 1:
        flat = " and ".join(f"{name}.flatten()" for name in inputs)
        raise ShapeError(
            f"{loss}: {name} {tuple(x.shape)} must be (N,), as the one batch axis says which examples meet. "
            f"Use {flat} if all of them do, or torch.vmap(loss)({', '.join(inputs)}) for separate batches."
        )


def mean_over(total: Tensor, count: Tensor) -> Tensor:
    """A mean, which of nothing is 0."""
    return total / torch.where(count > 0, count, torch.ones_like(count))


def hinge_over_pairs(ordered: Tensor, yes: Tensor, no: Tensor, margin: float, power: int) -> tuple[Tensor, Tensor]:
    """For each score what it costs as a positive against all negatives, and as a negative against all positives.

    A pair costs max(0, margin - lead)**power. The sums over all partners take one pass over the sorted scores.

    Args:
        ordered: the scores, ascending, in float64.
        yes: how far each is a positive.
        no: how far each is a negative.
        margin: the lead that costs nothing.
        power: 1 or 2.
    """
    as_no = _reached(ordered, yes, ordered + margin, power)
    upside_down = -ordered.flip(-1)
    return _reached(upside_down, no.flip(-1), upside_down + margin, power).flip(-1), as_no


def _reached(points: Tensor, mass: Tensor, ends: Tensor, power: int) -> Tensor:
    """Σ mass · max(0, end - point)**power for each of the ends, which lie above the points of the same place.

    The sums grow from gap to gap, and every term of them is positive: however far apart the points lie, nothing
    cancels.
    """
    last = (torch.searchsorted(points.detach(), ends.detach()) - 1).clamp(min=0)
    gap, count = points.diff(dim=-1), mass.cumsum(-1)
    before = count[..., :-1]
    once = _from_nothing(gap * before)
    rest = ends - points.gather(-1, last)
    straight = once.gather(-1, last)
    if power == 1:
        return straight + rest * count.gather(-1, last)
    twice = _from_nothing(gap * (2 * once[..., :-1] + gap * before))
    return twice.gather(-1, last) + rest * (2 * straight + rest * count.gather(-1, last))


def _from_nothing(steps: Tensor) -> Tensor:
    """Running sums that begin with 0."""
    return F.pad(steps.cumsum(-1), (1, 0))
