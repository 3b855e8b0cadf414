"""What a loss of scores against a class makes of the probabilities of the classes.

For two dozen laws over the classes the expected cost is minimised from several starts, all of them at once.
Where the gradient does not vanish at the end, as with kinks or a best place at infinity, nothing is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .grids import inside
from .subject import CLASSES, Subject
from .verdict import Verdict, no, unresolved, yes

_LAWS, _STARTS, _STEPS = 24, 2, 60
#: A gradient this small, beside the cost of a random start, has vanished.
_STILL = 1e-7


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What was found; the words are those of a card."""

    calibrated: Verdict
    proper: Verdict
    invertible: Verdict
    symmetric: Verdict
    elicits: str


def measure_multiclass(subject: Subject) -> Scores:
    """What `subject`, a loss of one score a class against a class id, makes of the probabilities."""
    symmetric = _symmetric(subject)
    laws = _laws(subject)
    found = _best(subject, laws)
    if isinstance(found, str):
        open_ = unresolved(found)
        return Scores(calibrated=open_, proper=open_, invertible=open_, symmetric=symmetric, elicits="unresolved")
    best, cost = found
    proper = _proper(subject, laws, best, cost)
    return Scores(
        calibrated=_calibrated(laws, best),
        proper=proper,
        invertible=_invertible(laws, best),
        symmetric=symmetric,
        elicits="distribution" if proper.word == "yes" else "unresolved",
    )


def _laws(subject: Subject) -> Tensor:
    """Laws over the classes: near ties without a majority, and the usual."""
    scores = 1.2 * torch.randn(_LAWS - 4, _size(subject), generator=subject.generator(), dtype=torch.float64)
    flat = torch.full((4, _size(subject)), 1.0, dtype=torch.float64)
    flat[:, 0] += torch.tensor([0.05, 0.1, 0.3, 0.6], dtype=torch.float64)
    return torch.cat([flat / flat.sum(1, keepdim=True), scores.softmax(1)])


def _size(subject: Subject) -> int:
    return subject.prediction.size or CLASSES


def _costs(subject: Subject, scores: Tensor) -> Tensor:
    """What each row of scores costs under each class; shape (rows, classes)."""
    size = _size(subject)
    x = inside(subject.prediction, scores).to(subject.dtype).repeat_interleave(size, 0)
    ids = torch.arange(size).repeat(len(scores))
    return subject.values(x, subject.observed(ids, size)).reshape(len(scores), size).double()


def _best(subject: Subject, laws: Tensor) -> tuple[Tensor, Tensor] | str:
    """The best scores for each law and what they cost, or why they were not found.

    Every row takes damped Newton steps of its own: what does not lead down is taken back, and damped more.
    """
    weight = laws.repeat(_STARTS, 1)
    scores = 0.5 * torch.randn(weight.shape, generator=subject.generator(), dtype=torch.float64)
    damping = torch.full((len(weight), 1, 1), 1e-2, dtype=torch.float64)
    identity = torch.eye(scores.shape[1], dtype=torch.float64)
    first = (_costs(subject, scores) * weight).sum(1)
    if not bool(first.isfinite().all()):
        return "it is not finite where the class is sure"
    try:
        cost, slope, bend = _expanded(subject, scores, weight)
        for _ in range(_STEPS):
            if bool(slope.abs().max() <= 1e-3 * _STILL * first.abs().mean()):
                break
            step = torch.linalg.solve(bend + damping * identity, slope.unsqueeze(2)).squeeze(2)
            step = step * (4 / step.norm(dim=1, keepdim=True).clamp(min=4))
            tried = _expanded(subject, scores - step, weight)
            better = tried[0] <= cost
            scores = torch.where(better.unsqueeze(1), scores - step, scores)
            cost = torch.where(better, tried[0], cost)
            slope = torch.where(better.unsqueeze(1), tried[1], slope)
            bend = torch.where(better.reshape(-1, 1, 1), tried[2], bend)
            damping = torch.where(better.reshape(-1, 1, 1), damping / 5, damping * 4).clamp(1e-12, 1e6)
    except RuntimeError as error:
        return f"its expected cost cannot be minimised: {str(error).partition(chr(10))[0]}"
    still = _STILL * subject.close / 1e-9
    if not bool(slope.abs().max() <= still * float(first.abs().mean() + 1e-3)):
        return "its expected cost has kinks, or no least value; only smooth ones with a minimum are resolved yet"
    if bool((scores - scores.mean(1, keepdim=True)).abs().max() > 40):
        return "its expected cost is least at infinity"
    cost, scores = cost.reshape(_STARTS, -1), scores.reshape(_STARTS, len(laws), -1)
    return scores[cost.argmin(0), torch.arange(len(laws))], cost.amin(0)


def _expanded(subject: Subject, scores: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The expected cost of each row of scores, its gradient and a Hessian that is not negative."""
    scores = scores.detach().requires_grad_()
    cost = (_costs(subject, scores) * weight).sum(1)
    (slope,) = torch.autograd.grad(cost.sum(), scores, create_graph=True)
    rows = [torch.zeros_like(scores) for _ in range(scores.shape[1])]
    if slope.requires_grad:
        rows = [torch.autograd.grad(entry.sum(), scores, retain_graph=True)[0] for entry in slope.unbind(1)]
    bend = torch.stack(rows, 1).detach()
    values, vectors = torch.linalg.eigh((bend + bend.mT) / 2)
    return cost.detach(), slope.detach(), vectors @ torch.diag_embed(values.abs()) @ vectors.mT


def _proper(subject: Subject, laws: Tensor, best: Tensor, cost: Tensor) -> Verdict:
    apart = (best.softmax(-1) - laws).abs().amax(1)
    at_truth = (_costs(subject, laws.log()).detach() * laws).sum(1)
    worst = int(apart.argmax())
    loose = 1e-4 if subject.dtype is torch.float64 else 1e-2
    if bool((apart <= loose).all()) and bool((at_truth - cost <= 1e-3 * loose * cost.abs().clamp(min=1e-3)).all()):
        return yes("for every law the true probabilities are the best prediction")
    law, told = (", ".join(f"{p:.2f}" for p in row) for row in (laws[worst], best[worst].softmax(-1)))
    return no(f"for the law ({law}) its best prediction means ({told})", law=laws[worst].tolist())


def _calibrated(laws: Tensor, best: Tensor) -> Verdict:
    wrong = best.argmax(1) != laws.argmax(1)
    if not bool(wrong.any()):
        return yes("for every law the best prediction has the right class on top")
    law = laws[int(wrong.nonzero()[0])]
    return no(
        f"for the law ({', '.join(f'{p:.2f}' for p in law)}) its best prediction puts another class on top",
        law=law.tolist(),
    )


def _invertible(laws: Tensor, best: Tensor) -> Verdict:
    centred = best - best.mean(1, keepdim=True)
    between = torch.cdist(centred, centred) / torch.cdist(laws, laws).clamp(min=1e-12)
    between.fill_diagonal_(torch.inf)
    if bool(between.min() > 1e-3):
        return yes("different laws have different best predictions")
    first, second = divmod(int(between.argmin()), len(laws))
    return no("two laws have the same best prediction", laws=[laws[first].tolist(), laws[second].tolist()])


def _symmetric(subject: Subject) -> Verdict:
    scores = 3 * torch.randn(256, _size(subject), generator=subject.generator(), dtype=torch.float64)
    total = _costs(subject, scores).detach().sum(1)
    close = 1e-9 if subject.dtype is torch.float64 else 1e-4
    if bool((total - total[0]).abs().max() <= close * (1 + total.abs().max())):
        return yes("the losses of all classes add to a constant")
    return no(f"the losses of all classes add to {total.min():.4g} here and {total.max():.4g} there")
