"""A loss along straight lines through the space of its predictions, with its derivatives.

What is asked of a shape (convex, smooth, steep) is a question about every line. A loss of one number has one line
for each target; one of vectors is looked at along random lines, along each entry, and along what all entries have
in common; one whose examples meet, along lines through the space of whole batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ...cards import Domain, Real
from ..subjects.grids import inside, spread
from ..subjects.subject import BATCH, Inputs, Subject

#: How many targets, or lines, and how many points on each where a loss is called point by point.
_TARGETS, _LINES, _FEW = 7, 12, 60
_BETWEEN = Domain(says="a share of the way", low=0.0, high=1.0)
_OUTWARD = Domain(says="a distance", low=0.0, open_low=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class Lines:
    """Lines through the predictions of a subject: column j is `base[j] + t * step[j]` under its own target.

    Attributes:
        subject: whose.
        domain: where the place t on a line may be.
        base: where each line is at t = 0, in double precision; (lines, *axes), or (lines, batch, *axes).
        step: where it goes.
        rest: the other inputs of each line.
    """

    subject: Subject
    domain: Domain
    base: Tensor
    step: Tensor
    rest: Inputs

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.base)

    @property
    def dense(self) -> bool:
        """Whether many points cost next to nothing."""
        return self.subject.together and not self.subject.whole

    def at(self, t: Tensor) -> Inputs:
        """The inputs at places t (points, lines), as rows: all lines of the first point, then of the next."""
        spot = t.reshape(*t.shape, *[1] * (self.base.ndim - 1))
        x = (self.base + spot * self.step).flatten(0, 1).to(self.subject.dtype)
        return (x, *(r.expand(len(t), *r.shape).flatten(0, 1) for r in self.rest))

    def point(self, t: float, line: int) -> Inputs:
        """The inputs of one place on one line: one example, or one whole batch."""
        x = (self.base[line] + t * self.step[line]).to(self.subject.dtype)
        row = (x, *(r[line] for r in self.rest))
        return row if self.subject.whole else tuple(part.unsqueeze(0) for part in row)

    def only(self, lines: Tensor) -> Lines:
        """Some of the lines, one of them perhaps more than once."""
        rest = tuple(r[lines] for r in self.rest)
        return replace(self, base=self.base[lines], step=self.step[lines], rest=rest)

    def values(self, t: Tensor) -> Tensor:
        """The loss at places t (points, lines)."""
        with torch.no_grad():
            return self._of(t)

    def derivatives(self, t: Tensor, order: int) -> list[Tensor]:
        """The loss and its derivatives along the lines up to `order`; as many as autograd gives."""
        place = t.detach().clone().requires_grad_()
        found = [self._of(place)]
        for k in range(1, order + 1):
            if not found[-1].requires_grad:
                # What does not depend on the place any more has derivatives of zero, if it ever did.
                found += [torch.zeros_like(t)] * (order + 1 - k) if k > 1 else []
                break
            try:
                (slope,) = torch.autograd.grad(found[-1].sum(), place, create_graph=k < order, materialize_grads=True)
            except (RuntimeError, NotImplementedError):
                break
            found.append(slope)
        return [x.detach() for x in found]

    def _of(self, t: Tensor) -> Tensor:
        inputs = self.at(t)
        if not self.subject.whole:
            return self.subject.values(*inputs).double().reshape(t.shape)
        each = [_value(self.subject, row) for row in zip(*inputs, strict=True)]
        return torch.stack(each).reshape(t.shape)

    @cached_property
    def on_grid(self) -> Tensor:
        """The loss at the places of the grid."""
        return self.values(self.grid)

    @cached_property
    def slopes(self) -> list[Tensor]:
        """The loss and its slope at the places of the grid; the loss alone where there is no slope."""
        return self.derivatives(self.grid, 1)

    @cached_property
    def grid(self) -> Tensor:
        """Places in ascending order, near each other and decades apart; (points, lines)."""
        n = 400 if self.dense else _FEW if not self.subject.whole else 16
        generator = self.subject.generator()
        downward = self.domain.low == -torch.inf and self.domain.high < torch.inf
        domain = _OUTWARD if downward else self.domain
        near = spread(domain, n, generator, wide=False)
        far = spread(domain, n // 2, generator, wide=True)
        if not domain.bounded:
            near = 2 * near
        if downward:
            near, far = self.domain.high - near, self.domain.high - far
        return torch.cat([near, far]).sort().values.unsqueeze(1).expand(-1, self.count)


def lines_of(subject: Subject) -> Lines:
    """Lines through the predictions of `subject`."""
    if subject.whole:
        return _of_batches(subject)
    return _of_numbers(subject) if not subject.prediction.axes else _of_vectors(subject)


def best_places(lines: Lines) -> Tensor:
    """Where each line is least, on its grid."""
    values = lines.on_grid.nan_to_num(nan=torch.inf)
    return lines.grid.gather(0, values.argmin(0, keepdim=True)).squeeze(0)


def _value(subject: Subject, row: Inputs) -> Tensor:
    try:
        return subject.batch(*row).double().mean()
    except (RuntimeError, ValueError):
        return torch.tensor(torch.nan, dtype=torch.float64)


def _of_numbers(subject: Subject) -> Lines:
    if subject.labelled:
        rest: Inputs = (torch.tensor(subject.labels, dtype=subject.dtype),)
    elif subject.scalar:
        n = _TARGETS if subject.together else 3
        rest = (spread(subject.target, n, subject.generator(), wide=False).to(subject.dtype),)
    else:
        rest = subject.inputs(_TARGETS if subject.together else 3)[1:]
    zero = torch.zeros(len(rest[0]) if rest else 1, dtype=torch.float64)
    return Lines(subject=subject, domain=subject.prediction, base=zero, step=zero + 1, rest=rest)


def _of_vectors(subject: Subject) -> Lines:
    n = _LINES if subject.together else 4
    base, *rest = subject.inputs(n)
    return _through(subject, base.double(), tuple(rest))


def _of_batches(subject: Subject) -> Lines:
    generator = subject.generator()
    drawn = [subject.inputs(BATCH, generator) for _ in range(2)]
    base, *rest = (torch.stack(column) for column in zip(*drawn, strict=True))
    return _through(subject, base.double(), tuple(rest))


def _through(subject: Subject, base: Tensor, rest: Inputs) -> Lines:
    """Random lines through these points that stay in the domain."""
    domain, generator = subject.prediction, subject.generator()
    step = torch.randn(base.shape, generator=generator, dtype=torch.float64)
    if domain.normalised == "linear" or (domain.high < torch.inf and domain.low > -torch.inf):
        # To the border: one entry falls to nothing.
        other = base.clone()
        last = other.shape[-1] if domain.axes else 1
        gone = torch.nn.functional.one_hot(torch.arange(len(base)) % last, last).bool()
        other = torch.where(gone if other.ndim == 2 else gone.unsqueeze(1), torch.zeros_like(other), other)
        other = other / other.sum(-1, keepdim=True) if domain.normalised else other
        return Lines(subject=subject, domain=_BETWEEN, base=base, step=other - base, rest=rest)
    if domain.low > -torch.inf:
        return Lines(subject=subject, domain=_OUTWARD, base=inside(domain, base), step=step.abs(), rest=rest)
    if domain.high < torch.inf:
        return Lines(subject=subject, domain=_OUTWARD, base=base, step=-step.abs(), rest=rest)
    # The first line is along what all entries have in common, the next ones along one entry each.
    step[0] = 1
    if domain.axes and not subject.whole:
        for line in range(1, min(len(step), 1 + step.shape[-1])):
            step[line] = 0
            step[line, ..., line - 1] = 1
    return Lines(subject=subject, domain=Real, base=base, step=step, rest=rest)
