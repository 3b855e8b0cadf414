"""Divergence from a teacher of whom only the likeliest classes are known."""

from __future__ import annotations

import torch
from torch import Tensor

from ..cache_blocks import scored
from .divergence import Divergence, between
from .teacher import TeacherTop


def of_outcomes(loss: Divergence, logs: Tensor, teacher: TeacherTop, rows: Tensor | None) -> Tensor:
    """The divergence of each row by its definition.

    Args:
        loss: which divergence.
        logs: the student's log-probabilities (rows, classes).
        teacher: what the teacher says.
        rows: of which rows; None for all.
    """
    ids, theirs = teacher.outcomes(rows, logs.shape[-1], logs.dtype)
    own = logs.gather(-1, ids)
    if teacher.tail == "renormalise":
        own = own.log_softmax(-1)
    elif theirs.shape[-1] > ids.shape[-1]:
        own = torch.cat([own, logs.scatter(-1, ids, -torch.inf).logsumexp(-1, keepdim=True)], -1)
    return between(loss, own, theirs)


def diverge_from_top(
    loss: Divergence,
    student: Tensor,
    teacher: TeacherTop,
    rows: Tensor,
    bias: Tensor | None = None,
    temperature: float = 1.0,
) -> Tensor:
    """The divergence of each row, and its slopes written over the student's logits.

    Args:
        loss: which divergence.
        student: logits (rows, classes) but for bias and temperature, overwritten.
        teacher: what the teacher says.
        rows: the numbers of these rows.
        bias: what is added to the student's logits, or None.
        temperature: what they are divided by.
    """
    ids, theirs = teacher.outcomes(rows, student.shape[-1], student.dtype)
    values = student.new_empty(len(student))
    for part, z in scored(student, bias, temperature):
        work = _conditional if teacher.tail == "renormalise" else _with_the_rest
        values[part] = work(loss, z, ids[part], theirs[part])
    return values


def _conditional(loss: Divergence, z: Tensor, ids: Tensor, theirs: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = z.gather(-1, ids).requires_grad_()
        value = between(loss, leaf.log_softmax(-1), theirs)
        (slopes,) = torch.autograd.grad(value.sum(), leaf)
    z.zero_().scatter_(-1, ids, slopes)
    return value.detach()


def _with_the_rest(loss: Divergence, z: Tensor, ids: Tensor, theirs: Tensor) -> Tensor:
    logs = z.log_softmax(-1)
    own = logs.gather(-1, ids)
    named = own.exp()
    # What is not named is added up by itself: 1 less what is named would keep few digits of it.
    rest = torch.exp(logs, out=z).scatter_(-1, ids, 0.0)
    mass = rest.sum(-1, keepdim=True)
    with torch.enable_grad():
        outcomes = own if theirs.shape[-1] == ids.shape[-1] else torch.cat([own, mass.log()], -1)
        leaf = outcomes.requires_grad_()
        value = between(loss, leaf, theirs)
        (slopes,) = torch.autograd.grad(value.sum(), leaf)
    total = slopes.sum(-1, keepdim=True)
    of_named = slopes[:, : ids.shape[-1]]
    share = (slopes[:, ids.shape[-1] :].sum(-1, keepdim=True) / mass).masked_fill(mass == 0, 0.0)
    rest.mul_(share - total).scatter_(-1, ids, of_named - named * total)
    return value.detach()
