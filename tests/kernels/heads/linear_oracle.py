"""What a loss of a linear head must give: torch's linear in fp64, then the loss itself."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.kernels.heads import linear

SMOOTH = ("log_sum_exp", "log_prob", "entropy")


@dataclass
class Call:
    """One call, and what it is held to."""

    hidden: Tensor
    weight: Tensor
    target: Any
    loss: wald.Loss = field(default_factory=wald.CrossEntropy)
    bias: Tensor | None = None
    lora: tuple[Tensor, Tensor, float] | None = None
    softcap: float | None = None
    temperature: Any = None
    how: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)

    @property
    def leaves(self) -> list[Tensor]:
        tensors = [self.hidden, self.weight, self.bias, *(self.lora or ())[:2]]
        return [x for x in tensors if x is not None and x.requires_grad]

    def computed(self) -> Any:
        return linear(
            self.loss,
            self.hidden,
            self.weight,
            self.target,
            self.bias,
            lora=self.lora,
            softcap=self.softcap,
            temperature=self.temperature,
            **self.how,
            **self.ours,
        )

    def expected(self, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The loss, the scores and the leaves, all in fp64."""
        made: list[Tensor] = []

        def wide(x: Tensor | None) -> Tensor | None:
            if x is None:
                return None
            copy = x.detach().to(dtype).requires_grad_(x.requires_grad)
            if x.requires_grad:
                made.append(copy)
            return copy

        hidden, weight, bias = wide(self.hidden), wide(self.weight), wide(self.bias)
        assert hidden is not None
        assert weight is not None
        scores = F.linear(hidden, weight, bias)
        if self.lora is not None:
            down, up = wide(self.lora[0]), wide(self.lora[1])
            assert down is not None
            assert up is not None
            scores = scores + self.lora[2] * (hidden @ down.T) @ up.T
        if self.softcap is not None:
            scores = self.softcap * torch.tanh(scores / self.softcap)
        if self.temperature is not None:
            heat = self.temperature
            scores = scores / (heat.to(dtype).unsqueeze(-1) if isinstance(heat, Tensor) and heat.ndim else heat)
        how = {("weight" if k == "token_weight" else k): v for k, v in self.how.items()}
        how = {k: v.to(dtype) if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in how.items()}
        return self.loss(scores, self.dense(dtype), **how), scores, made

    def dense(self, dtype: torch.dtype) -> Tensor:
        if not isinstance(self.target, tuple):
            return self.target.to(dtype) if self.target.is_floating_point() else self.target
        ids, shares = self.target
        blank = torch.zeros(*ids.shape[:-1], len(self.weight), dtype=dtype)
        return blank.scatter_add(-1, ids, shares.to(dtype)).clamp(max=1)

    def agrees(self, *, rtol: float = 2e-5, atol: float = 2e-6, upstream: float = 1.7) -> None:
        """Value and gradients, with an upstream gradient other than 1."""
        found = self.computed()
        value, _, leaves = self.expected()
        pull = torch.rand(value.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * upstream
        torch.testing.assert_close(found.double(), value, rtol=rtol, atol=atol)
        assert found.dtype == torch.promote_types(torch.float32, self.hidden.dtype)
        got = torch.autograd.grad((found * pull).sum(), self.leaves)
        want = torch.autograd.grad((value * pull).sum(), leaves)
        for one, two, leaf in zip(got, want, self.leaves, strict=True):
            assert one.dtype == leaf.dtype
            scale = float(two.abs().max())
            torch.testing.assert_close(one.double(), two, rtol=rtol, atol=atol + rtol * scale)


def head(
    rows: int = 23, features: int = 13, classes: int = 37, *, dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hidden rows, a matrix, a bias and class ids of sizes that no power of two divides."""
    rng = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, features, generator=rng).to(dtype).requires_grad_()
    weight = (torch.randn(classes, features, generator=rng) / features**0.5 * 2).to(dtype).requires_grad_()
    bias = torch.randn(classes, generator=rng).to(dtype).requires_grad_()
    return hidden, weight, bias, torch.randint(classes, (rows,), generator=rng)
