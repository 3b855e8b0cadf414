"""What a teacher says of each token, in whichever form it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ....core import DomainError, DtypeError, ShapeError
from ....core.admission import visible
from ..arguments import operands, refuse_head
from ..head import Head
from ..products import Products
from ..whole_matrix import all_logits

#: Logits of all tokens, (*batch, classes), or a function that gives those of some, by the numbers of their rows.
Logits = Tensor | Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class TeacherHead:
    """Hidden states and a head.

    Attributes:
        hidden: (rows, features).
        head: the head.
    """

    hidden: Tensor
    head: Head

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds."""
        return self.hidden, *self.head.tensors()

    def defined(self) -> Tensor:
        """All logits."""
        return all_logits(self.head, self.hidden)

    def chunks(self, index: Tensor, most: int) -> Callable[[int, int], Tensor]:
        """A function from a span of the rows in `index`, at most so many, to their logits, in memory used again."""
        products, bias = Products.without_gradient(self.head, self.hidden, most, index), self.head.bias

        def made(start: int, stop: int) -> Tensor:
            logits = products.logits(start, stop).whole
            return logits if bias is None else logits.add_(bias)

        return made


@dataclass(frozen=True, slots=True)
class TeacherLogits:
    """Logits as they are.

    Attributes:
        given: (rows, classes), or a function of row numbers.
        rows: how many there are.
        classes: how many classes there are.
    """

    given: Logits
    rows: int
    classes: int

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds, as far as that can be seen."""
        return (self.given,) if isinstance(self.given, Tensor) else ()

    def defined(self) -> Tensor:
        """All logits."""
        if isinstance(self.given, Tensor):
            return _widened(self.given)
        return self.chunks(torch.arange(self.rows), self.rows)(0, self.rows)

    def chunks(self, index: Tensor, most: int) -> Callable[[int, int], Tensor]:
        """A function from a span of the rows in `index` to their logits; `most` is for teachers that hold them."""
        given = self.given
        if isinstance(given, Tensor):
            return lambda start, stop: _widened(given.index_select(0, index[start:stop]))

        def asked(start: int, stop: int) -> Tensor:
            rows = index[start:stop]
            found = given(rows).detach()
            if found.shape != (len(rows), self.classes):
                raise ShapeError(
                    f"teacher_logits({len(rows)} row numbers) gave {tuple(found.shape)}; give one row of logits for "
                    f"each row number, {(len(rows), self.classes)}."
                )
            return _widened(found)

        return asked


@dataclass(frozen=True, slots=True)
class TeacherTop:
    """The likeliest classes of each token.

    Attributes:
        ids: (rows, k), class ids.
        logprob: (rows, k), their log-probabilities among all classes.
        tail: "bucket" or "renormalise".
    """

    ids: Tensor
    logprob: Tensor
    tail: str

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds."""
        return self.ids, self.logprob

    def outcomes(self, rows: Tensor | None, classes: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The ids, and the log-probabilities of the outcomes that are told apart, the bucket last."""
        ids = self.ids if rows is None else self.ids[rows]
        logs = (self.logprob if rows is None else self.logprob[rows]).to(dtype)
        if self.tail == "renormalise":
            return ids, logs.log_softmax(-1)
        if ids.shape[-1] == classes:
            return ids, logs
        rest = (1 - logs.exp().sum(-1, keepdim=True)).clamp(min=0)
        return ids, torch.cat([logs, rest.log()], -1)


Teacher = TeacherHead | TeacherLogits | TeacherTop


def teacher_of(
    who: str,
    batch: tuple[int, ...],
    classes: int,
    head: tuple[Tensor | None, Tensor | None, Tensor | None],
    logits: Logits | None,
    top: tuple[Tensor, Tensor] | None,
    tail: str,
) -> Teacher:
    """The teacher in the form in which it is given, without a gradient.

    Raises:
        TypeError: there is no teacher, or more than one.
        ShapeError: it is not of the same tokens or classes as the student.
        DomainError: what is given as log-probabilities is none, or names a class twice.
        ValueError: `tail` is not one of its choices.
    """
    hidden, weight, bias = (None if x is None else x.detach() for x in head)
    forms = (hidden is not None or weight is not None) + (logits is not None) + (top is not None)
    if forms != 1:
        raise TypeError(
            f"{who} wants one teacher, got {forms}. Give teacher_hidden and teacher_weight, or teacher_logits=, or "
            "teacher_top=(ids, log_probabilities)."
        )
    if tail not in ("bucket", "renormalise"):
        raise ValueError(f'{who}: tail must be "bucket" or "renormalise", got {tail!r}.')
    if top is not None:
        return _top_of(who, batch, classes, top, tail)
    if logits is not None:
        if isinstance(logits, Tensor):
            _refuse_classes(who, "teacher_logits", logits.shape[-1], classes)
            _refuse_batch(who, "teacher_logits", tuple(logits.shape[:-1]), batch)
            logits = logits.detach().reshape(-1, classes)
        return TeacherLogits(logits, torch.Size(batch).numel(), classes)
    if hidden is None or weight is None:
        raise TypeError(f"{who}: teacher_{'hidden' if hidden is None else 'weight'} is missing; a head needs both.")
    theirs = Head(weight, bias)
    refuse_head(who, hidden, theirs, ("teacher_hidden", "teacher_weight", "teacher_bias"))
    _refuse_batch(who, "teacher_hidden", tuple(hidden.shape[:-1]), batch)
    _refuse_classes(who, "teacher_weight", len(weight), classes)
    return TeacherHead(*operands(who, hidden.reshape(-1, hidden.shape[-1]), theirs))


def _top_of(who: str, batch: tuple[int, ...], classes: int, top: tuple[Tensor, Tensor], tail: str) -> TeacherTop:
    ids, logs = (x.detach() for x in top)
    if ids.is_floating_point() or not logs.is_floating_point():
        swapped = ids.is_floating_point() and not logs.is_floating_point()
        fix = "They look swapped: use teacher_top=(ids, log_probabilities)." if swapped else "Use ids.long()."
        raise DtypeError(
            f"{who}: teacher_top is of {ids.dtype} and {logs.dtype}, wanted whole numbers and floats. {fix}"
        )
    if ids.shape != logs.shape:
        raise ShapeError(f"{who}: teacher_top has ids {tuple(ids.shape)} and log-probabilities {tuple(logs.shape)}.")
    _refuse_batch(who, "teacher_top", tuple(ids.shape[:-1]), batch)
    ids, logs = ids.reshape(-1, ids.shape[-1]).long(), logs.reshape(-1, ids.shape[-1])
    if visible(ids) and ids.numel():
        if bool(((ids < 0) | (ids >= classes)).any()):
            raise DomainError(
                f"{who}: the ids of teacher_top reach from {int(ids.min())} to {int(ids.max())}; the student has "
                f"classes 0 to {classes - 1}."
            )
        ordered = ids.sort(-1).values
        if bool((ordered[:, 1:] == ordered[:, :-1]).any()):
            raise DomainError(f"{who}: a row of teacher_top names a class twice. Use the ids of torch.topk.")
    if visible(logs) and logs.numel() and float(most := logs.double().exp().sum(-1).max()) > 1 + 2e-2:
        raise DomainError(
            f"{who}: the log-probabilities of teacher_top add up to {float(most):.3g} after exp in one row, and "
            "probabilities to 1 at most. Use logits.log_softmax(-1).topk(k)."
        )
    return TeacherTop(ids, logs, tail)


def _refuse_batch(who: str, name: str, got: tuple[int, ...], batch: tuple[int, ...]) -> None:
    if got != tuple(batch):
        raise ShapeError(
            f"{who}: {name} is of tokens {got}, the student of {tuple(batch)}. Both must have seen the same tokens."
        )


def _refuse_classes(who: str, name: str, got: int, classes: int) -> None:
    if got != classes:
        fix = f"If the larger one is padded, use {'weight' if classes > got else name}[:{min(got, classes)}]."
        raise ShapeError(f"{who}: {name} has {got} classes, the student {classes}. {fix}")


def _widened(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
