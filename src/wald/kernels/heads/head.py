"""A linear head: the matrix from features to class scores, its bias, and an adapter of low rank."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """What a low-rank adapter (LoRA) adds to a matrix: `scale · up @ down`.

    Attributes:
        down: A, of shape (rank, D).
        up: B, of shape (V, rank).
        scale: what PEFT calls scaling, alpha / rank.
    """

    down: Tensor
    up: Tensor
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """hidden @ (weight + scale · up @ down).T + bias.

    Attributes:
        weight: of shape (V, D).
        bias: of shape (V,), or None.
        lora: a low-rank adapter, or None.
    """

    weight: Tensor
    bias: Tensor | None = None
    lora: LowRank | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """What the head holds, in one order: weight, bias, A, B; what is not there is left out."""
        low = () if self.lora is None else (self.lora.down, self.lora.up)
        return (self.weight, *(() if self.bias is None else (self.bias,)), *low)

    def factors(self) -> tuple[Tensor, ...]:
        """What is multiplied: weight, A, B; what is not there is left out."""
        return (self.weight, *(() if self.lora is None else (self.lora.down, self.lora.up)))

    def holding(self, tensors: tuple[Tensor, ...]) -> Head:
        """The same head of other tensors, in the order of `tensors()`."""
        weight, *rest = tensors
        bias = None if self.bias is None else rest.pop(0)
        return Head(weight, bias, None if self.lora is None else LowRank(rest[0], rest[1], self.lora.scale))

    def to(self, dtype: torch.dtype) -> Head:
        """The same head in another dtype."""
        return self.holding(tuple(x.to(dtype) for x in self.tensors()))

    def logits(self, hidden: Tensor) -> Tensor:
        """All logits in differentiable torch, of hidden states and a head of one dtype."""
        scores = F.linear(hidden, self.weight, self.bias)
        if self.lora is None:
            return scores
        return scores + self.lora.scale * F.linear(F.linear(hidden, self.lora.down), self.lora.up)


@dataclass(frozen=True, slots=True)
class Needed:
    """Of what a gradient is wanted."""

    hidden: bool = False
    weight: bool = False
    bias: bool = False
    down: bool = False
    up: bool = False

    @classmethod
    def of(cls, head: Head, flags: tuple[bool, ...]) -> Needed:
        """From one flag a tensor, in the order of `names`."""
        return cls(**dict(zip(cls.names(head), flags, strict=True)))

    @staticmethod
    def names(head: Head) -> tuple[str, ...]:
        """What the gradients are by, in the order in which tensors are passed: hidden, then `Head.tensors`."""
        bias = () if head.bias is None else ("bias",)
        return ("hidden", "weight", *bias, *(() if head.lora is None else ("down", "up")))

    @property
    def any(self) -> bool:
        """Whether a gradient is wanted at all."""
        return self.hidden or self.weight or self.bias or self.down or self.up
