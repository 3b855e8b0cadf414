"""How hard the rows of each group pull on the model, by the loss itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..evidence import Evidence
from .members import Group


@dataclass(frozen=True)
class Pull:
    """The share of the gradient of each group over its share of the rows: 1 is its fair share.

    Attributes:
        loss: by the case's loss.
        sound: by the log loss or the squared error at the same predictions; what is harder pulls harder there too.
        ratio: the first over the second: what the loss itself adds or takes away.
        draws: the ratio in bootstrap resamples, (groups, draws).
    """

    loss: Tensor
    sound: Tensor
    ratio: Tensor
    draws: Tensor


def pull(evidence: Evidence, groups: list[Group]) -> Pull | None:
    """What the loss makes of each group; None where its rows have no gradient of their own."""
    if evidence.space is None or not evidence.cost.separable:
        return None
    space, target = evidence.space, evidence.target
    truth = target.double() if target.is_floating_point() else target
    own = _slopes(lambda score: evidence.cost.each(evidence.emit(score), truth), evidence.score)
    sound = _slopes(lambda score: space.reference(score, truth), evidence.score)
    if own is None or sound is None or not bool((own > 0).any() and (sound > 0).any()):
        return None
    member = torch.zeros(len(groups), evidence.rows, dtype=torch.float64)
    for index, group in enumerate(groups):
        member[index, group.rows] = 1
    sums = torch.cat([torch.stack([own, sound]), member, member * own, member * sound])
    weight = evidence.sample.weight
    mass = torch.ones(evidence.rows, dtype=torch.float64) if weight is None else weight.double()
    shares = _shares((sums @ mass / mass.sum())[:, None], len(groups))
    drawn = _shares(evidence.bootstrap.means(sums), len(groups))
    loss, fair = shares[0][:, 0], shares[1][:, 0]
    return Pull(loss, fair, loss / fair, drawn[0] / drawn[1])


def _shares(means: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    (own, sound), rest = means[:2], means[2:]
    rows, by_own, by_sound = rest.split(groups)
    rows = rows.clamp_min(1e-300)
    return by_own / rows / own, (by_sound / rows / sound).clamp_min(1e-300)


def _slopes(values: Callable[[Tensor], Tensor], score: Tensor) -> Tensor | None:
    """The size of the gradient of each row's loss in its score."""
    score = score.double().detach().requires_grad_()
    try:
        (slope,) = torch.autograd.grad(values(score).sum(), score)
    except RuntimeError:
        # A loss without a graph (counts, ranks) pulls nothing.
        return None
    found = slope.detach().reshape(len(slope), -1).norm(dim=-1)
    return found if bool(found.isfinite().all()) else None
