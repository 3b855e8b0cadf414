"""`linear_distillation`: a student's head against a teacher's, without either matrix of logits."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from ....core import Reduction
from ....core.reduction import Empty
from ....losses import JensenShannon, KLDivergence
from ...eligible import eligible
from ..arguments import kept, operands, refuse_head
from ..budget import head_plan
from ..head import Head
from ..reducing import How, answered
from .divergence import Divergence
from .job import DistillationJob
from .teacher import Logits, teacher_of

_WHO = "linear_distillation"


def linear_distillation(
    loss: Divergence,
    hidden: Tensor,
    weight: Tensor,
    teacher_hidden: Tensor | None = None,
    teacher_weight: Tensor | None = None,
    bias: Tensor | None = None,
    teacher_bias: Tensor | None = None,
    *,
    teacher_logits: Logits | None = None,
    teacher_top: tuple[Tensor, Tensor] | None = None,
    tail: str = "bucket",
    temperature: float = 1.0,
    mask: Tensor | None = None,
    token_weight: Tensor | None = None,
    reduction: Reduction | Literal["tally"] = "mean",
    normalizer: str | float | Tensor | None = None,
    empty: Empty = "zero",
    memory_budget: int | None = None,
) -> Any:
    """How far softmax(hidden @ weight.T + bias) is from what a teacher says, chunk by chunk.

    The logits of student and teacher are made for a chunk of tokens, the gradient is written over the student's, and
    both are forgotten: four products of matrices, and memory that does not grow with the tokens. The teacher gets no
    gradient. Tokens that do not count are skipped, not multiplied by 0.

    **The value is T² · loss(student logits / T, teacher logits / T)** at temperature T, after Hinton et al. 2015,
    arXiv:1503.02531: the gradient then stays about as large while T changes. For the loss without the factor divide by
    T². Both sides are logits here, so the spaces of the loss play no part.

    Args:
        loss: `KLDivergence()` (the teacher's view), `KLDivergence(direction="reverse")` or `JensenShannon(beta=0.5)`.
        hidden: (*batch, features), the student's hidden states.
        weight: (classes, features), the matrix of its head.
        teacher_hidden: (*batch, the teacher's features), its hidden states at the same tokens.
        teacher_weight: (classes, the teacher's features).
        bias: (classes,), or None.
        teacher_bias: (classes,), or None.
        teacher_logits: in place of hidden states, logits of any dtype, (*batch, classes), which are read chunk by
            chunk; or a function that gives them, rows numbered through the batch: `lambda rows: stored[rows]`.
        teacher_top: in place of either, (ids, log_probabilities) of the teacher's likeliest classes, (*batch, k) each,
            as `logits.log_softmax(-1).topk(k)` gives them; at a temperature T, of logits / T.
        tail: what becomes of the classes that `teacher_top` does not name. "bucket": all together are one more class,
            on both sides; the value is at most that of all classes. "renormalise": they are left out on both sides, so
            the student's mass there is not held by anything.
        temperature: what the logits of both sides are divided by.
        mask: (*batch), True to keep.
        token_weight: (*batch), how often each token counts.
        reduction: "mean", "sum", "none", a functional, or "tally" for a `wald.Tally`, over tokens.
        normalizer: what the mean divides by: None for the sum of weights, "rows" for the tokens that count, a number.
        empty: what the mean is when no token counts: "zero" (with a zero gradient), "nan" or "raise".
        memory_budget: bytes for logits; None for 192 rows of both, and 16 MiB at least. It changes the speed only.

    Raises:
        ShapeError: the tensors do not go together.
        DtypeError: a tensor is of a type that cannot be meant.
        DomainError: what is given as the teacher's log-probabilities is none.
        TypeError: another loss, no teacher, or more than one.
        ValueError: the budget is too small for one row of logits.

    >>> import torch, wald
    >>> rng = torch.Generator().manual_seed(0)
    >>> student, teacher = torch.randn(2, 5, 4, generator=rng)  # five tokens, four features each
    >>> head = torch.randn(7, 4, generator=rng)
    >>> wald.linear_distillation(wald.KLDivergence(), student, head, student, head)
    tensor(0.)
    >>> wald.linear_distillation(wald.JensenShannon(), student, head, teacher, head)
    tensor(0.1800)
    """
    if not isinstance(loss, (KLDivergence, JensenShannon)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"{_WHO} knows wald.KLDivergence and wald.JensenShannon, got {loss!r}. For class ids or soft targets use "
            "wald.linear."
        )
    if not temperature > 0:
        raise ValueError(f"{_WHO}: temperature must be > 0, got {temperature!r}.")
    head = Head(weight, bias)
    refuse_head(_WHO, hidden, head)
    batch, classes = hidden.shape[:-1], len(weight)
    teacher = teacher_of(
        _WHO, batch, classes, (teacher_hidden, teacher_weight, teacher_bias), teacher_logits, teacher_top, tail
    )
    everyone = torch.ones(batch, dtype=torch.bool, device=hidden.device)
    keep = kept(_WHO, loss, everyone, token_weight, mask, "token_weight")
    x, head = operands(_WHO, hidden.reshape(-1, hidden.shape[-1]), head)
    job = DistillationJob(
        loss=loss,
        head=head,
        keep=keep.reshape(-1),
        teacher=teacher,
        temperature=float(temperature),
        plan=head_plan(len(x), x.shape[1], 2 * classes, dtype=x.dtype, memory_budget=memory_budget, matrix=False),
    )
    kernel = eligible(x, *head.tensors(), job.keep, *teacher.tensors(), device=x.device.type)
    return answered(job, x, keep, token_weight, How(reduction, normalizer, empty), kernel=kernel)[0]
