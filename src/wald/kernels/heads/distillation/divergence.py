"""Divergences between what two heads say, and their slopes in the student's logits, in the memory of the logits."""

from __future__ import annotations

import torch
from torch import Tensor

from ....losses import JensenShannon, KLDivergence
from ..cache_blocks import scored

#: The losses that a distillation knows.
Divergence = KLDivergence | JensenShannon


def diverge(
    loss: Divergence, student: Tensor, teacher: Tensor, bias: Tensor | None = None, temperature: float = 1.0
) -> Tensor:
    """The divergence of each row, and its slopes written over the student's logits.

    Args:
        loss: which divergence; its spaces play no part.
        student: logits (rows, classes) but for bias and temperature, overwritten.
        teacher: logits (rows, classes) but for the temperature.
        bias: what is added to the student's, or None.
        temperature: what both are divided by.
    """
    values = student.new_empty(len(student))
    for rows, z in scored(student, bias, temperature):
        said = teacher[rows] if temperature == 1 else teacher[rows] / temperature
        s, t = z.log_softmax(-1), said.log_softmax(-1)
        p = torch.exp(s, out=z)
        if isinstance(loss, JensenShannon):
            values[rows] = _jensen_shannon(loss.beta, s, t, p)
        elif loss.direction == "forward":
            values[rows] = _forward(s, t, p)
        else:
            values[rows] = _reverse(s, t, p)
    return values


def between(loss: Divergence, student: Tensor, teacher: Tensor) -> Tensor:
    """The divergence of each row from log-probabilities, by the definition."""
    return loss.between((student.exp(), student), (teacher.exp(), teacher))


# Each of these gets log-probabilities of student and teacher and the probabilities of the student, and may use the
# memory of all three; the slopes go where the probabilities were.


def _forward(s: Tensor, t: Tensor, p: Tensor) -> Tensor:
    likely = t.exp()
    p.sub_(likely)
    return _mean(likely, t.sub_(s))


def _reverse(s: Tensor, t: Tensor, p: Tensor) -> Tensor:
    apart = s.sub_(t)
    value = _mean(p, apart)
    p.mul_(apart.sub_(value.unsqueeze(-1)))
    return value


def _jensen_shannon(beta: float, s: Tensor, t: Tensor, p: Tensor) -> Tensor:
    likely = t.exp()
    mixture = torch.lerp(p, likely, beta)
    middle = mixture.masked_fill_(mixture == 0, 1.0).log_()
    of_teacher = _mean(likely, t.sub_(middle))
    of_student = _mean(p, s.sub_(middle))
    p.mul_(s.sub_(of_student.unsqueeze(-1)).mul_(1 - beta))
    return beta * of_teacher + (1 - beta) * of_student


def _mean(likely: Tensor, apart: Tensor) -> Tensor:
    """Σ likely · apart, where 0 · ∞ is 0; `apart` is 0 from then on wherever `likely` is."""
    apart.masked_fill_(likely == 0, 0.0)
    return torch.linalg.vecdot(likely, apart)
