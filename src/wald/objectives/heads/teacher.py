"""A teacher that follows its student slowly: the moving average of a module."""

from __future__ import annotations

from collections.abc import Iterable
import copy
import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ...core import DtypeError
from .rows import refuse_count, refuse_share


class Teacher(nn.Module):
    """The moving average of a module's weights: gives what that module would, without a gradient.

    For BYOL, DINO, MoCo, mean teachers and distillation from oneself; losses call it the target. Each `update` moves
    every weight by 1 - momentum of the way to the student's. With `steps` the momentum rises to 1 by half a cosine over
    that many updates, as in BYOL and DINO: a student that has settled is followed ever more slowly.

    What becomes of buffers, such as the statistics of batch norm, is a choice in which libraries differ:

    - "average": floating ones are averaged too, others copied (timm);
    - "copy": all are the student's (torch's AveragedModel);
    - "own": none is touched, as the teacher collects its own in training mode (BYOL, MoCo, lightly).

    Training and evaluation mode are as on any module; it begins in the student's. Update it after the optimiser's
    step. **The averages need single precision**: in bfloat16 a step of 1 - momentum is rounded to none, and the teacher
    would never move. Weights of the student may be narrower, as `Teacher(student).float()`.

    In a distributed run all processes have the same student, and so the same teacher.

    Args:
        student: any module; it is copied, and what its parameters require is left alone.
        momentum: how much of the old weights stays, from 0 to 1.
        steps: over how many updates the momentum rises to 1; None to leave it.
        buffers: "average", "copy" or "own".
        twin: a module of the same build, to be used in place of a copy; its weights become the student's.

    Attributes:
        module: the averaged module.
        updates: how many there were.

    Raises:
        TypeError: no copy of the student can be made.
        ValueError: `momentum` is not between 0 and 1, `steps` not a whole number from 1 on, `buffers` unknown, or
            `twin` is not of the student's build.

    >>> import torch, wald
    >>> student = torch.nn.Linear(4, 2)
    >>> teacher, loss = wald.Teacher(student, momentum=0.99), wald.SimSiam()
    >>> first, second = torch.randn(2, 8, 4).unbind()
    >>> loss(student(first), teacher(second)).backward()  # optimiser.step(), and then
    >>> teacher.update(student)
    """

    def __init__(
        self,
        student: nn.Module,
        *,
        momentum: float = 0.996,
        steps: int | None = None,
        buffers: Literal["average", "copy", "own"] = "average",
        twin: nn.Module | None = None,
    ) -> None:
        super().__init__()
        refuse_share("Teacher", "momentum", momentum)
        if steps is not None:
            refuse_count("Teacher", steps=steps)
        if buffers not in ("average", "copy", "own"):
            raise ValueError(f'Teacher: buffers must be "average", "copy" or "own", got {buffers!r}')
        self._start, self._steps, self._buffers_are, self.updates = momentum, steps, buffers, 0
        self.module = _copied(student) if twin is None else twin
        self.module.requires_grad_(False)
        if twin is not None:
            with torch.no_grad():
                for mine, own in (*self._parameters_of(student), *self._buffers_of(student)):
                    mine.copy_(own)

    @property
    def momentum(self) -> float:
        """How much of the old weights stays at the next update."""
        if self._steps is None:
            return self._start
        done = min(1.0, self.updates / self._steps)
        return 1 - (1 - self._start) * 0.5 * (1 + math.cos(math.pi * done))

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged module gives, without a gradient."""
        return self.module(*args, **kwargs)

    @torch.no_grad()
    def update(self, student: nn.Module) -> None:
        """Move the weights towards the student's; call it after the optimiser's step.

        Raises:
            DtypeError: the averages are of half precision, in which they would not move.
            ValueError: the student is not of the build that was copied.
        """
        averaged, copied = self._parameters_of(student), list[tuple[Tensor, Tensor]]()
        for pair in self._buffers_of(student) if self._buffers_are != "own" else ():
            averages = self._buffers_are == "average" and (pair[0].is_floating_point() or pair[0].is_complex())
            (averaged if averages else copied).append(pair)
        momentum = self.momentum
        if momentum > 0 and (narrow := [mine.dtype for mine, _ in averaged if mine.itemsize < 4]):
            raise DtypeError(
                f"Teacher: its weights are {narrow[0]}, in which a step of {1 - momentum:.2g} of the way is rounded to "
                "none, and it would stay where it is. Make it wider, Teacher(student).float(); the student may stay as "
                "it is."
            )
        mean = get_ema_multi_avg_fn(momentum)
        for pairs in _alike(averaged):
            mine = [mine for mine, _ in pairs]
            mean(mine, [own.to(there) for there, own in pairs], 0)
        for mine, own in copied:
            mine.copy_(own)
        self.updates += 1

    def get_extra_state(self) -> Tensor:
        """How many updates there were; for the state dict."""
        return torch.tensor(self.updates, device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Take it from a state dict."""
        self.updates = int(state)

    def extra_repr(self) -> str:
        """The momentum, for `print`."""
        rises = "" if self._steps is None else f", steps={self._steps}"
        return f"momentum={self._start}{rises}, buffers={self._buffers_are!r}"

    def _parameters_of(self, student: nn.Module) -> list[tuple[Tensor, Tensor]]:
        return _paired("parameters", self.module.parameters(), student.parameters())

    def _buffers_of(self, student: nn.Module) -> list[tuple[Tensor, Tensor]]:
        return _paired("buffers", self.module.buffers(), student.buffers())


def _copied(student: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(student)
    except Exception as error:
        # Whatever a module holds may refuse to be copied, with an error of its own.
        raise TypeError(
            f"Teacher: no copy of {type(student).__name__} can be made: {error} A tensor with a gradient that is kept "
            "as an attribute is the usual cause, as by torch.nn.utils.weight_norm (that of "
            "torch.nn.utils.parametrizations is fine). Or build a second one: Teacher(student, twin=build())."
        ) from error


def _paired(what: str, mine: Iterable[Tensor], own: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The tensors of teacher and student, in the order that both have.

    Raises:
        ValueError: they are not alike.
    """
    here, there = list(mine), list(own)
    if [x.shape for x in here] != [x.shape for x in there]:
        both = ((tuple(a.shape), tuple(b.shape)) for a, b in zip(here, there, strict=False))
        differ = next((f"the first that differ are {a} and {b}" for a, b in both if a != b), "the first ones are alike")
        raise ValueError(
            f"Teacher: its module has {len(here)} {what} and the student {len(there)}; {differ}. A teacher follows the "
            "module that it was made from: make another, Teacher(student), after the student has changed. One that is "
            "itself part of the student cannot follow it."
        )
    return list(zip(here, there, strict=True))


def _alike(pairs: list[tuple[Tensor, Tensor]]) -> list[list[tuple[Tensor, Tensor]]]:
    """The pairs, those of one device and dtype together, as the fused arithmetic of torch wants them."""
    groups: dict[tuple[torch.device, torch.dtype], list[tuple[Tensor, Tensor]]] = {}
    for mine, own in pairs:
        groups.setdefault((mine.device, mine.dtype), []).append((mine, own))
    return list(groups.values())
