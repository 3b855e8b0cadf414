"""One call of `linear_distillation`: how far the student is from the teacher, by a kernel and by the definition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...one_pass import Gradients
from ..row_products import HeadProducts
from ..whole_matrix import all_logits
from .divergence import Divergence, between, diverge
from .teacher import Teacher, TeacherTop
from .top_classes import diverge_from_top, of_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationJob:
    """What is asked about the tokens, one entry a row of the hidden states.

    Attributes:
        loss: the divergence.
        keep: which tokens count.
        teacher: what it says of them.
        temperature: what the logits of both are divided by; the value is multiplied by its square.
        rows: how many rows of logits may be held of each.
    """

    loss: Divergence
    keep: Tensor
    teacher: Teacher
    temperature: float
    rows: int

    def defined(self, weights: Tensor | None, *tensors: Tensor) -> Tensor:
        """Σ weight · value, or all values, in differentiable torch."""
        hidden, weight, *rest = tensors
        # A row that is left out may hold anything, NaN among it; neither value nor gradient may see that.
        hidden = torch.where(self.keep.unsqueeze(-1), hidden, torch.zeros((), dtype=hidden.dtype, device=hidden.device))
        student = all_logits(hidden, weight, rest[0] if rest else None) / self.temperature
        if isinstance(self.teacher, TeacherTop):
            values = of_outcomes(self.loss, student.log_softmax(-1), self.teacher, None)
        else:
            with torch.no_grad():
                teacher = self.teacher.defined().to(student.dtype) / self.temperature
                teacher = torch.where(self.keep.unsqueeze(-1), teacher, torch.zeros_like(teacher))
            values = between(self.loss, student.log_softmax(-1), teacher.log_softmax(-1))
        values = torch.where(self.keep, self.temperature**2 * values, torch.zeros_like(values))
        return values if weights is None else (values * weights).sum()

    def passed(self, needed: tuple[bool, ...], weights: Tensor | None, *tensors: Tensor) -> tuple[Tensor, Gradients]:
        """All values, and with weights the gradients of Σ weight · value."""
        head = HeadProducts(needed, *tensors)
        values = torch.zeros(len(self.keep), dtype=head.wide, device=self.keep.device)
        index = self.keep.nonzero().squeeze(-1)
        most = min(self.rows, len(index))
        buffer = head.buffer(most)
        of_teacher = None if isinstance(self.teacher, TeacherTop) else self.teacher.chunks(most)
        for rows in index.split(most) if most else ():
            student = head.logits(rows, buffer)
            if self.temperature != 1:
                student.mul_(1 / self.temperature)
            if isinstance(self.teacher, TeacherTop):
                values[rows] = diverge_from_top(self.loss, student, self.teacher, rows)
            elif of_teacher is not None:
                teacher = of_teacher(rows).to(head.wide)
                values[rows] = diverge(self.loss, student, teacher, self.temperature)
            if weights is not None and head.needed:
                head.add(rows, student, self.temperature * weights[rows])
        return values.mul_(self.temperature**2), head.gradients()[: len(tensors)]
