"""What a loss of several classes does to probabilities, and how to undo it without a single label."""

from __future__ import annotations

import torch
from torch import Tensor

from ..costing.cost import Cost

#: More classes than this are not read: the work grows with their square.
_MOST = 64

#: Numbers that are worth holding at once.
_AT_ONCE = 4_000_000

#: Rows on which the reading is tried before it is believed, and how far from them is looked for better scores.
_TRIED, _NEAR = 40, (0.3, 1.0)


def meant_classes(cost: Cost, score: Tensor, source: torch.Generator) -> Tensor | None:
    """The log-probabilities of the classes for which each row of scores is the best that the loss knows.

    Where scores s are best for the probabilities η, the expected gradient Σ η_k ∂ℓ(s, k)/∂s is 0; so η is read
    from the gradients of the row's K possible losses. Right for cross-entropy, focal loss, label smoothing, the
    generalised cross-entropy and any other loss whose best scores tell the probabilities.

    Args:
        cost: the loss.
        score: (rows, classes).
        source: what the trials are drawn from.

    Returns:
        (rows, classes) in float64, or None: the loss has rows that depend on each other, too many classes, or best
        scores that leave several probabilities possible (hinge losses, the absolute error of a softmax).
    """
    rows, classes = score.shape
    if not cost.separable or classes > _MOST or rows == 0:
        return None
    score = score.detach().double()
    few = score[torch.randperm(rows, generator=source)[: 10 * _TRIED]]
    # Far out every loss is nearly flat; where the model is least sure, flatness means something.
    few = few[few.softmax(-1).amax(-1).argsort()[:_TRIED]]
    tried = _read(cost, few)
    if tried is None or not _best_there(cost, few, tried, source):
        return None
    return None if _read(cost, score) is None else believed_classes(cost, score)


def believed_classes(cost: Cost, score: Tensor) -> Tensor:
    """The same, row by row and without a trial, for a loss of which `meant_classes` has found that it can be read."""
    score = score.detach().double()
    found = torch.cat([_solved(cost, part) for part in score.split(max(1, _AT_ONCE // score.shape[-1] ** 2))])
    # Far out, gradients are lost to rounding, and with them what a few rows mean.
    return torch.where(found.isfinite().all(-1, keepdim=True), found, score.log_softmax(-1))


def _read(cost: Cost, score: Tensor) -> Tensor | None:
    """Log η from the vanishing expected gradient; NaN in rows where it is not settled; None where most are not."""
    found = torch.cat([_solved(cost, part) for part in score.split(max(1, _AT_ONCE // score.shape[-1] ** 2))])
    return found if float(found.isfinite().all(-1).double().mean()) >= 0.9 else None


def _solved(cost: Cost, score: Tensor) -> Tensor:
    pulls = torch.stack([_pull(cost, score, k) for k in range(score.shape[-1])], -1)
    # In units of the largest pull of each label, and then of each score: both span many powers of ten.
    size = pulls.abs().amax(-2)
    pulls = pulls / size[:, None]
    pulls = pulls / pulls.abs().amax(-1, keepdim=True)
    # The equations of a loss that sees differences of scores only say one thing twice; the sum of η takes its place.
    place = score.argmax(-1)
    rows = torch.arange(len(score))
    left, system = pulls[rows, place], pulls.clone()
    system[rows, place] = 1 / size * size.amin(-1, keepdim=True)
    known = torch.zeros_like(score)
    known[rows, place] = 1.0
    scaled = torch.linalg.solve_ex(system, known[..., None])[0][..., 0]
    missed = (left * scaled).sum(-1).abs() > 1e-6 * (left * scaled).abs().sum(-1)
    eta = scaled / size
    eta = eta / eta.sum(-1, keepdim=True)
    settled = eta.isfinite().all(-1) & (eta > -1e-9).all(-1) & ~missed
    return torch.where(settled[:, None], eta.clamp_min(1e-300).log(), torch.nan)


def _pull(cost: Cost, score: Tensor, k: int) -> Tensor:
    """The gradient of the loss by the scores, were the label k."""
    leaf = score.clone().requires_grad_(True)
    with torch.enable_grad():
        total = cost.each(leaf, torch.full((len(score),), k)).sum()
    return torch.autograd.grad(total, leaf)[0]


def _best_there(cost: Cost, score: Tensor, meant: Tensor, source: torch.Generator) -> bool:
    """Whether every other score, near and far, costs more under the probabilities that were read."""
    eta = meant.exp()
    kept = eta.isfinite().all(-1)
    score, eta = score[kept], eta[kept]
    rows, classes = score.shape
    away = torch.randn(len(_NEAR) * 4, classes, generator=source, dtype=torch.float64)
    away = away - away.mean(-1, keepdim=True)
    away = away / away.norm(dim=-1, keepdim=True) * torch.tensor(_NEAR).repeat_interleave(4)[:, None]
    others = torch.cat([score[:, None], score[:, None] + away, score[None].expand(rows, -1, -1)], 1)
    flat = others.reshape(-1, classes)
    each = torch.stack([cost.each(flat, torch.full((len(flat),), k)).detach() for k in range(classes)], -1)
    expected = (each.reshape(rows, -1, classes) * eta[:, None]).sum(-1)
    scale = expected.abs().mean().clamp_min(1e-12)
    rise = (expected[:, 1:] - expected[:, :1]) / scale
    near, far = rise[:, : len(away)], rise[:, len(away) :]
    # Nearby everything else is worse, or the loss does not tell one probability from the next.
    return bool((near > 1e-9).double().mean() > 0.95) and float(far.min()) > -1e-6
