"""What is done with a block of logits, and what is found out about each row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import torch
from torch import Tensor

#: What can be asked for beside the loss.
OUTPUTS: Final = ("log_sum_exp", "log_prob", "entropy", "argmax", "correct")

#: Those that are differentiable.
SMOOTH: Final = OUTPUTS[:3]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What logits become before the softmax.

    Attributes:
        softcap: c of c · tanh(logits / c).
        temperature: what scores are divided by, a number or one a row (rows, in the order of the truth).
    """

    softcap: float | None = None
    temperature: float | Tensor | None = None

    def of(self, logits: Tensor, temperature: float | Tensor | None) -> Tensor:
        """The definition, in differentiable torch."""
        z = logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)
        if temperature is None:
            return z
        return z / (temperature.unsqueeze(-1) if isinstance(temperature, Tensor) and temperature.ndim else temperature)

    def at(self, rows: slice) -> float | Tensor | None:
        """The temperature of a block of rows."""
        t = self.temperature
        return t[rows] if isinstance(t, Tensor) and t.ndim else t


@dataclass(slots=True, eq=False)
class Results:
    """What is found out about each row, in the order of the rows that count.

    Attributes:
        values: the losses.
        outputs: what else is asked for, by name.
        dropped: the share of the gradient's absolute mass that was left out of the products.
    """

    values: Tensor
    outputs: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    dropped: float = 0.0
    _spare: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def spare(self, name: str, like: Tensor) -> Tensor:
        """Memory for one more block, the same for every block: fresh memory costs more than what is done in it."""
        room = self._spare.get(name)
        if room is None or len(room) < len(like):
            room = self._spare[name] = torch.empty_like(like, memory_format=torch.contiguous_format)
        return room[: len(like)]


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """By how much what is differentiated depends on each row.

    Attributes:
        loss: on its loss, one number a row, or one for all.
        outputs: on its outputs, by name, one number a row.
    """

    loss: Tensor
    outputs: dict[str, Tensor] = field(default_factory=dict[str, Tensor])


class Rows(Protocol):
    """A loss of rows of logits, computed a block at a time."""

    def work(self, rows: slice, z: Tensor, results: Results, upstream: Upstream | None) -> None:
        """Find out about these rows; with an upstream, overwrite their logits `z` by its gradient."""
        ...
