"""The inverse of a loss of several classes.

Where scores z are the best for the distribution p, the expected loss is level: Σ_y p_y ∂ℓ(z, y)/∂z_k = 0 for every k.
That is linear in p, so p follows from the slopes under each class, without a search.

Most losses of a softmax ask of class y only how its score stands against all others together. Then the flows balance
pair by pair, p_y ∂ℓ(z, y)/∂z_k = p_k ∂ℓ(z, k)/∂z_y, and log-probabilities follow from quotients, exact however small.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Final

import torch
from torch import Tensor

from .one import NotInvertible
from .slopes import Foreign, slopes_by_class, values
from .undo import Undo

#: The least probability that a linear system can tell from none.
_LEAST: Final = 1e-7

#: Rows of random scores on which the inverse is tried, and random steps away from each.
_ROWS: Final = 48
_STEPS: Final = 96


@dataclass(frozen=True)
class BySlopes(Undo):
    """Log-probabilities from the slopes of the loss under each class.

    Attributes:
        loss: the loss.
        classes: how many there must be; None for any number.
        balanced: whether flows balance pair by pair.
    """

    loss: Foreign
    classes: int | None
    balanced: bool

    @property
    def several(self) -> bool:
        """Classes compete."""
        return True

    @property
    def columns(self) -> int | None:
        """As many as the loss has fields for."""
        return self.classes

    def logits(self, raw: Tensor) -> Tensor:
        """The log-probabilities for which each row of scores would be the best."""
        # A shift of all scores says nothing of the classes, and some losses (z-loss) ask for this one.
        raw = raw - raw.logsumexp(-1, keepdim=True)
        return _by_pairs(self.loss, raw) if self.balanced else _by_solving(self.loss, raw)


def inverse_of_several(loss: Foreign, classes: int | None) -> BySlopes:
    """The inverse of a loss of scores (rows, classes) against class numbers, once it is known to have one.

    Raises:
        NotInvertible: it has none; the message is the reason.
    """
    many = classes or 3
    source = torch.Generator().manual_seed(0)
    # Scores of several sharpness: some losses tell probabilities apart in a narrow range only.
    size = torch.logspace(-2, 0.5, _ROWS, dtype=torch.float64)[:, None]
    raw = size * torch.randn(_ROWS, many, generator=source, dtype=torch.float64)
    raw = raw - raw.logsumexp(-1, keepdim=True)
    flows = slopes_by_class(loss, raw)
    if not bool(flows.isfinite().all()) or not bool((flows.abs().sum((1, 2)) > 0).all()):
        raise NotInvertible("it has no slope where scores are ordinary")
    for balanced in (True, False):
        found = BySlopes(loss, classes, balanced)
        chance = found.logits(raw).exp()
        inside = chance.isfinite().all(-1) & (chance > 2 * _LEAST).all(-1)
        left = (chance[:, :, None] * flows).sum(1).abs().amax(-1) / flows.abs().amax((1, 2))
        held = inside & (left < 1e-8)
        if int(held.sum()) >= _ROWS // 6 and not bool((inside & ~held).any()):
            _refuse_unless_best(loss, raw[held], chance[held], source)
            _refuse_unless_telling(flows[held])
            return found
    raise NotInvertible("for no distribution of the classes are its scores level, so they do not tell one")


def _by_pairs(loss: Foreign, raw: Tensor) -> Tensor:
    flows = slopes_by_class(loss, raw)
    # Against the likeliest class, of which most is known.
    first = raw.detach().argmax(-1, keepdim=True)[..., None]
    out = flows.gather(-2, first.expand(*flows.shape[:-2], 1, flows.shape[-1])).squeeze(-2)
    back = flows.gather(-1, first.expand(*flows.shape[:-1], 1)).squeeze(-1)
    own = torch.zeros_like(out, dtype=torch.bool).scatter(-1, first.squeeze(-1), True)
    ones = torch.ones_like(out)
    return (torch.where(own, ones, out).log() - torch.where(own, ones, back).log()).log_softmax(-1)


def _by_solving(loss: Foreign, raw: Tensor) -> Tensor:
    flows = slopes_by_class(loss, raw).mT
    classes = raw.shape[-1]
    # The slopes along a shift of all scores add to zero, so that a row of ones can be added to every equation.
    scale = flows.abs().amax((-2, -1), keepdim=True).clamp_min(torch.finfo(raw.dtype).tiny)
    held = flows / scale + 1 / classes
    found = torch.linalg.solve_ex(held, torch.full_like(raw, 1 / classes).unsqueeze(-1))[0].squeeze(-1)
    # Rows that no distribution explains lie beyond what the loss can be best for: the nearest that can is certain.
    return found.nan_to_num(1 / classes).clamp_min(_LEAST).log().log_softmax(-1)


def _refuse_unless_best(loss: Foreign, raw: Tensor, chance: Tensor, source: torch.Generator) -> None:
    """Raise if somewhere else the expected loss is lower than where it is level."""
    classes = raw.shape[-1]
    size = torch.logspace(-1, math.log10(30.0), _STEPS, dtype=torch.float64)[:, None, None]
    step = size * torch.randn(_STEPS, *raw.shape, generator=source, dtype=torch.float64)
    tried = torch.cat([raw[None], raw + step, raw.expand(len(raw), *raw.shape).transpose(0, 1)])
    cost = torch.zeros(tried.shape[:-1], dtype=torch.float64)
    for k in range(classes):
        ids = torch.full(tried.shape[:-1], k)
        cost += chance[:, k] * _values(loss, tried, ids)
    worse = cost.amin(0) < cost[0] - 1e-7 * (1 + cost[0].abs())
    if bool(worse.any()):
        row = int((cost[0] - cost.amin(0)).argmax())
        shown = ", ".join(f"{float(p):.2g}" for p in chance[row])
        raise NotInvertible(f"for a distribution of {shown} its slopes vanish where it is not least")


def _refuse_unless_telling(flows: Tensor) -> None:
    """Raise if two distributions share their best scores."""
    singular = torch.linalg.svdvals(flows)
    if bool((singular[:, -2] < 1e-9 * singular[:, 0]).any()):
        raise NotInvertible("several distributions of the classes have the same best scores")


def _values(loss: Foreign, raw: Tensor, ids: Tensor) -> Tensor:
    rows = raw.reshape(-1, raw.shape[-1])
    with torch.no_grad():
        return values(loss, rows, ids.reshape(-1)).reshape(raw.shape[:-1])
