"""What a call of a loss of a linear head lets in: sizes and types are held against each other before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from ...core import DtypeError, Loss, ShapeError, Supervised
from ...losses import CrossEntropy, NextToken
from .arguments import known, operands, refuse_head
from .head import Head, LowRank
from .rows import OUTPUTS, Scores

WHO: Final = "linear"

#: Class ids (*batch, k) and their probabilities.
Few = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The arguments of a call, once they are known to go together, the operands in one dtype."""

    loss: Supervised
    hidden: Tensor
    head: Head
    target: Tensor | Few
    token_weight: Tensor | None
    mask: Tensor | None
    softcap: float | None
    temperature: float | Tensor | None
    outputs: tuple[str, ...]

    @property
    def wide(self) -> torch.dtype:
        """In what is summed: fp32, or fp64."""
        return torch.promote_types(torch.float32, self.hidden.dtype)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them, for whoever asks whether they are plain."""
        target = self.target if isinstance(self.target, tuple) else (self.target,)
        rest = (self.token_weight, self.mask, self.temperature)
        return (self.hidden, *self.head.tensors(), *target, *(x for x in rest if isinstance(x, Tensor)))

    def scores_at(self, rows: Tensor | None) -> Scores:
        """What logits of these rows become; None for all rows, one behind the other."""
        heat = self.temperature
        if isinstance(heat, Tensor):
            heat = heat.to(self.wide)
            if heat.ndim:
                heat = heat.reshape(-1)
                heat = heat if rows is None else heat[rows]
        return Scores(self.softcap, heat)


def admitted(
    loss: Loss,
    hidden: Tensor,
    head: Head,
    target: Tensor | Few,
    *,
    token_weight: Tensor | None,
    mask: Tensor | None,
    softcap: float | None,
    temperature: float | Tensor | None,
    outputs: Sequence[str],
) -> Given:
    """The arguments, once they are known to go together.

    Raises:
        TypeError: the loss is none of (prediction, target), or something is of a type that cannot be meant.
        ValueError: sizes do not go together, or the loss cannot be computed row by row.
    """
    loss = _row_by_row(loss)
    refuse_head(WHO, hidden, head)
    hidden, head = operands(WHO, hidden, head)
    if isinstance(target, tuple):
        _refuse_few(loss, target, hidden)
    if softcap is not None and not softcap > 0:
        raise ValueError(f"softcap must be above 0, got {softcap}; scores are softcap · tanh(logits / softcap).")
    _refuse_temperature(temperature, hidden)
    asked = known(WHO, outputs, OUTPUTS)
    if asked and not isinstance(loss, CrossEntropy | NextToken):
        raise ValueError(
            f"outputs={asked} are about softmax, and belong to CrossEntropy or NextToken; got {type(loss).__name__}."
        )
    for name, x in (("target", target), ("temperature", temperature)):
        for one in x if isinstance(x, tuple) else (x,):
            if isinstance(one, Tensor) and one.requires_grad:
                raise ValueError(
                    f"{name} requires a gradient, which wald.linear does not give. Use {name}.detach(), or all scores "
                    "at once: loss(torch.nn.functional.linear(hidden, weight), target)."
                )
    return Given(loss, hidden, head, target, token_weight, mask, softcap, temperature, asked)


def _row_by_row(loss: Any) -> Supervised:
    if not isinstance(loss, Loss):
        raise TypeError(
            f"wald.linear wants a loss such as wald.CrossEntropy() first, got {type(loss).__name__}. For a function of "
            "your own: my_loss(torch.nn.functional.linear(hidden, weight), target)."
        )
    if loss.card.coupling == "coupled":
        raise ValueError(
            f"{loss!r} is coupled: its examples meet each other, so it cannot be worked out a few rows at a time. Use "
            "loss(torch.nn.functional.linear(hidden, weight), target)."
        )
    axes = loss.plain.named_domains[0][1].axes
    if not isinstance(loss, Supervised) or len(axes) > 1:
        wants = ", ".join(name for name, _ in loss.named_domains)
        raise TypeError(
            f"wald.linear is for losses of (prediction, target) with one axis of scores, and {type(loss).__name__} "
            f"takes {wants}{' with the axes ' + ', '.join(axes) if len(axes) > 1 else ''}. Compute its inputs with "
            "torch.nn.functional.linear and call it."
        )
    return loss


def _refuse_few(loss: Loss, target: Few, hidden: Tensor) -> None:
    if not isinstance(loss, CrossEntropy):
        raise TypeError(f"ids with probabilities are a target of CrossEntropy; {type(loss).__name__} takes one tensor.")
    if len(target) != 2 or target[0].shape != target[1].shape or target[0].shape[:-1] != hidden.shape[:-1]:
        found = ", ".join(str(tuple(x.shape)) for x in target)
        lead = ", ".join(map(str, hidden.shape[:-1]))
        raise ShapeError(f"a target of a few classes is (ids, probabilities), both ({lead}, k); got {found}.")
    ids, shares = target
    if ids.is_floating_point() or not shares.is_floating_point():
        raise DtypeError(
            f"a target of a few classes is (ids, probabilities), in this order; got {_short(ids.dtype)} and "
            f"{_short(shares.dtype)}."
        )


def _refuse_temperature(temperature: float | Tensor | None, hidden: Tensor) -> None:
    if isinstance(temperature, Tensor):
        if temperature.ndim and temperature.shape != hidden.shape[:-1]:
            raise ShapeError(
                f"temperature {tuple(temperature.shape)} must be one number, or one a row: {tuple(hidden.shape[:-1])}."
            )
    elif temperature is not None and not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}; scores are divided by it.")


def head_of(weight: Tensor, bias: Tensor | None, lora: tuple[Tensor, Tensor, float] | None) -> Head:
    """The head of these tensors."""
    return Head(weight, bias, None if lora is None else LowRank(lora[0], lora[1], float(lora[2])))


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
