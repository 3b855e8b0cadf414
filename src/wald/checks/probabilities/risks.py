"""The expected cost of scores under laws over the classes, and how low it gets on either side of a decision.

A cloud of scores of all orders and magnitudes is called once: what each costs under each class gives its expected
cost under every law. From the best of the cloud the expected cost is then minimised, for all laws at once; and once
more under the condition that a wrong class is on top, where the score of the right one is written as that of a rival
less a square.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..subjects.grids import inside
from ..subjects.subject import CLASSES, Subject
from .quasi_newton import minimise
from .simplex import Laws, cloud, laws

#: Beyond this a score stands for infinity.
_FAR = 60.0


@dataclass(frozen=True, kw_only=True)
class Risks:
    """What was looked at, and what it costs.

    Attributes:
        subject: the loss.
        laws: the laws over the classes.
        scores: the predictions; shape (points, classes).
        costs: what each costs under each class; same shape.
        risk: what each costs in expectation under each law; shape (laws, points).
        scale: how much the expected cost of common scores differs, for each law.
        sloped: whether its derivatives are those of its values; None where it has none.
    """

    subject: Subject
    laws: Laws
    scores: Tensor
    costs: Tensor
    risk: Tensor
    scale: Tensor
    sloped: bool | None

    @property
    def least(self) -> Tensor:
        """The least expected cost for each law."""
        return self.risk.amin(1)

    @property
    def best(self) -> Tensor:
        """The best scores for each law."""
        return self.scores[self.risk.argmin(1)]

    @property
    def noise(self) -> Tensor:
        """How far an expected cost is off by rounding and by what is left to gain, for each law."""
        if self.subject.dtype is torch.float64:
            return 1e-8 * self.scale
        size = self.least.abs()
        return 5e-7 * torch.maximum(torch.maximum(size, size.median()), 1e-2 * self.scale)

    def tops(self) -> Tensor:
        """The least expected cost with each class on top; shape (laws, classes)."""
        top = self.scores.argmax(1).expand_as(self.risk)
        return torch.full_like(self.laws.every, torch.inf).scatter_reduce(1, top, self.risk, "amin")

    def sides(self) -> tuple[Tensor, Tensor]:
        """The least expected cost with the likeliest class on top, and with another, for each law."""
        tops, own = self.tops(), self.laws.every.argmax(1, keepdim=True)
        return tops.gather(1, own).squeeze(1), tops.scatter(1, own, torch.inf).amin(1)

    def at(self, scores: Tensor) -> Tensor:
        """What each row of scores costs in expectation under the law in the same place."""
        return (costs(self.subject, scores).detach() * self.laws.every).sum(1)


def size_of(subject: Subject) -> int:
    """How many classes its predictions have."""
    return subject.prediction.size or CLASSES


def costs(subject: Subject, scores: Tensor) -> Tensor:
    """What each row of scores costs under each class; shape (rows, classes)."""
    return _costs(subject, scores.repeat_interleave(size_of(subject), 0))


def _costs(subject: Subject, repeated: Tensor) -> Tensor:
    """The same, of rows that are there once for each class."""
    size = size_of(subject)
    x = inside(subject.prediction, repeated).to(subject.dtype)
    ids = torch.arange(size).repeat(len(x) // size)
    return subject.values(x, subject.observed(ids, size)).reshape(-1, size).double()


def _blur(subject: Subject, scores: Tensor) -> Tensor:
    """How much the rounding of its scores may change what each row costs; shape (rows, classes)."""
    size = size_of(subject)
    x = scores.repeat_interleave(size, 0).requires_grad_()
    value = _costs(subject, x)
    if not value.requires_grad:
        return torch.zeros_like(value)
    (slope,) = torch.autograd.grad(value.sum(), x, materialize_grads=True)
    return torch.finfo(subject.dtype).eps * (slope * x.detach()).abs().sum(1).reshape(-1, size).nan_to_num()


def risks_of(subject: Subject) -> Risks | str:
    """The expected costs of `subject`, or why there are none."""
    size, fast = size_of(subject), subject.together
    # A design and no draw: what is looked at is the same whatever the seed.
    generator = torch.Generator().manual_seed(0)
    chosen = laws(size, generator, count=31 if fast else 8, base=3 if fast else 2)
    every = chosen.every
    sloped = _sloped(subject, size)
    points = cloud(size, generator, dense=fast, rounding=torch.finfo(subject.dtype).eps).to(subject.dtype).double()
    far = points.abs().amax(1) > _FAR
    if sloped is None:
        points, far = points[~far], far[~far]  # steps: nothing more is to be gained far out
    table = costs(subject, points).detach()
    if sloped is not None:
        # Far out what is lost by rounding would pass for a gain.
        table[far] += _blur(subject, points[far])
    common = points.abs().amax(1) <= 2.1
    if not bool(table[common].isfinite().all()):
        return "it is not finite where the class is sure"
    table = table.nan_to_num(nan=torch.inf, posinf=torch.inf)
    risk = every @ table.T
    scale = (risk[:, common].amax(1) - risk[:, common].amin(1)).clamp(min=1e-9 * (1 + table[common].abs().max()))
    found = Risks(subject=subject, laws=chosen, scores=points, costs=table, risk=risk, scale=scale, sloped=sloped)
    if not sloped:
        return found
    fresh = _refined(found, calls=160 if fast else 40)
    fresh = fresh.to(subject.dtype).double()
    more = costs(subject, fresh).detach().nan_to_num(nan=torch.inf, posinf=torch.inf)
    return Risks(
        subject=subject,
        laws=chosen,
        scores=torch.cat([points, fresh]),
        costs=torch.cat([table, more]),
        risk=torch.cat([risk, every @ more.T], 1),
        scale=scale,
        sloped=True,
    )


def _sloped(subject: Subject, size: int) -> bool | None:
    """Whether its derivatives lead from value to value; None where it has none."""
    generator = subject.generator()
    scores = torch.randn(8, size, generator=generator, dtype=torch.float64)
    step = 1e-5 if subject.dtype is torch.float64 else 1e-2
    way = torch.randn(scores.shape, generator=generator, dtype=torch.float64)
    x = scores.clone().requires_grad_()
    value = costs(subject, x)
    if not value.requires_grad:
        return None
    (slope,) = torch.autograd.grad(value.sum(), x)
    up, down = (costs(subject, scores + sign * step * way).detach().sum(1) for sign in (0.5, -0.5))
    rise, told = (up - down) / step, (slope * way).sum(1)
    # A kink may be in between, so one or two may differ.
    agree = (rise - told).abs() <= 1e-3 * (1 + rise.abs().amax())
    return int(agree.sum()) >= 6


def _refined(risks: Risks, *, calls: int) -> Tensor:
    """Better scores than those of the cloud: the best anywhere, and the best with each rival on top."""
    every, plain = risks.laws.every, risks.laws.plain
    size = every.shape[1]
    fast = risks.subject.together
    near = risks.scores.abs().amax(1) <= _FAR / 2
    scores, risk = risks.scores[near], risks.risk[:, near]
    top = every.argmax(1)
    rows, starts, tops, rivals = [], [], [], []

    def add(which: Tensor, start: Tensor, rival: Tensor | None = None) -> None:
        rows.append(which)
        starts.append(start)
        tops.append(top[which])
        rivals.append(torch.full_like(which, -1) if rival is None else rival)

    order = torch.arange(len(every))
    first = risk.topk(2, dim=1, largest=False).indices
    add(order, scores[first[:, 0]])
    if fast:
        add(order, scores[first[:, 1]])
    tilts = torch.arange(len(every) - size, len(every))
    watched = torch.cat([torch.arange(len(plain)), tilts])
    over = scores.argmax(1)
    if fast:
        for rival in range(size):
            among = watched[top[watched] != rival]
            least = risk[among].where(over == rival, torch.inf).argmin(1)
            add(among, scores[least], torch.full_like(among, rival))
    else:
        wrong = risk[watched].where(over != top[watched].unsqueeze(1), torch.inf).argmin(1)
        add(watched, scores[wrong], over[wrong])
    row, start, right, rival = (torch.cat(part) for part in (rows, starts, tops, rivals))
    bound = rival >= 0
    start = start.clone()
    # The score of the right class is that of the rival less a square.
    held = bound.nonzero().squeeze(1)
    gap = start[held, rival[held]] - start[held, right[held]]
    start[held, right[held]] = gap.clamp(min=1e-2).sqrt()
    ahead = 1e-9 if risks.subject.dtype is torch.float64 else 1e-5

    def unfolded(x: Tensor, which: Tensor) -> Tensor:
        own = x.gather(1, right[which].unsqueeze(1))
        other = x.gather(1, rival[which].clamp(min=0).unsqueeze(1))
        mine = torch.where(bound[which].unsqueeze(1), other - own.square() - ahead * (1 + other.abs()), own)
        return x.scatter(1, right[which].unsqueeze(1), mine)

    def sloped(x: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        value = (costs(risks.subject, unfolded(x, which)) * every[row[which]]).sum(1)
        (slope,) = torch.autograd.grad(value.sum(), x, materialize_grads=True)
        return value.detach(), slope

    exact = risks.subject.dtype is torch.float64
    found = minimise(
        sloped,
        start,
        calls=calls,
        gain=(1e-15 if exact else 1e-9) * float(risks.scale.mean()),
        shortest=1e-13 if exact else 1e-7,
        far=_FAR,
    )
    return unfolded(found, torch.arange(len(found)))
