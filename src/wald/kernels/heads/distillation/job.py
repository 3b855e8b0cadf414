"""One call of `linear_distillation`: how far the student is from the teacher, by a kernel and by the definition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..budget import HeadPlan
from ..head import Head, Needed
from ..products import Products
from ..rows import Results, Upstream
from ..whole_matrix import all_logits, shown
from .divergence import Divergence, between, diverge
from .teacher import Teacher, TeacherTop
from .top_classes import diverge_from_top, of_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationJob:
    """What is asked about the tokens, one entry a row of the hidden states.

    Attributes:
        loss: the divergence.
        head: the form of the student's head.
        keep: which tokens count.
        teacher: what it says of them.
        temperature: what the logits of both are divided by; the value is multiplied by its square.
        plan: how many rows of logits may be held of each.
    """

    loss: Divergence
    head: Head
    keep: Tensor
    teacher: Teacher
    temperature: float
    plan: HeadPlan

    @property
    def names(self) -> tuple[str, ...]:
        """Nothing is told beside the values."""
        return ()

    smooth = names

    def defined(self, head: Head, hidden: Tensor) -> dict[str, Tensor]:
        """The values ("loss"), in differentiable torch."""
        student = all_logits(head, shown(hidden, self.keep)) / self.temperature
        if isinstance(self.teacher, TeacherTop):
            values = of_outcomes(self.loss, student.log_softmax(-1), self.teacher, None)
        else:
            with torch.no_grad():
                teacher = shown(self.teacher.defined().to(student.dtype) / self.temperature, self.keep)
            values = between(self.loss, student.log_softmax(-1), teacher.log_softmax(-1))
        return {"loss": torch.where(self.keep, self.temperature**2 * values, torch.zeros_like(values))}

    def passed(
        self, head: Head, hidden: Tensor, needed: Needed, upstream: Upstream | None
    ) -> tuple[Results, list[Tensor | None]]:
        """One pass: values and, with an upstream, the gradients."""
        index = self.keep.nonzero().squeeze(-1)
        plan = self.plan.holding(len(index))
        products = Products(head, hidden, needed, plan, index)
        values = hidden.new_zeros(len(self.keep), dtype=products.wide)
        weights = None if upstream is None or not needed.any else upstream.loss.expand(len(self.keep))
        of_teacher = None if isinstance(self.teacher, TeacherTop) else self.teacher.chunks(index, plan.rows)
        for start, stop in plan.spans(len(index)):
            rows, slab = index[start:stop], products.logits(start, stop)
            if isinstance(self.teacher, TeacherTop):
                values[rows] = diverge_from_top(self.loss, slab.whole, self.teacher, rows, head.bias, self.temperature)
            elif of_teacher is not None:
                teacher = of_teacher(start, stop).to(products.wide)
                values[rows] = diverge(self.loss, slab.whole, teacher, head.bias, self.temperature)
            if weights is not None:
                products.add(start, stop, slab, self.temperature * weights[rows])
        return Results(values.mul_(self.temperature**2)), products.gradients()
