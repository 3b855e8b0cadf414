"""The matrix products of a linear head, a chunk of rows at a time: logits, and the gradients of head and trunk."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ..one_pass import Gradients

#: Half precision is widened for so many classes at a time.
_CLASSES: Final = 2048


class HeadProducts:
    """x Wᵀ + b for chosen rows of x, and the gradients of whatever is made of that.

    Logits and every sum over chunks are fp32 or wider, so that neither value nor gradient depends on how the rows were
    divided; of half precision, logits are made of widened operands, as they are summed up by the hundred, and gradients
    of narrow ones. Only the gradients that are needed are computed.

    Args:
        needed: whether the gradients of hidden states, weight and bias are wanted.
        hidden: (rows, features).
        weight: (classes, features), of the dtype of `hidden`.
        bias: (classes,), or None.
    """

    def __init__(self, needed: tuple[bool, ...], hidden: Tensor, weight: Tensor, bias: Tensor | None = None) -> None:
        self.wide = torch.promote_types(hidden.dtype, torch.float32)
        self._narrow = hidden.dtype != self.wide
        self._hidden, self._weight, self._bias = hidden, weight, bias
        self._wide_bias = None if bias is None else bias.to(self.wide)
        self._of_hidden = hidden.new_zeros(hidden.shape) if needed[0] else None
        self._needs_weight = needed[1]
        self._of_weight: Tensor | None = None
        self._of_bias = weight.new_zeros(len(weight), dtype=self.wide) if needed[-1] and bias is not None else None

    @property
    def needed(self) -> bool:
        """Whether any gradient is wanted."""
        return self._of_hidden is not None or self._needs_weight or self._of_bias is not None

    def buffer(self, rows: int) -> Tensor:
        """Memory for the logits of so many rows."""
        return self._weight.new_empty((rows, len(self._weight)), dtype=self.wide)

    def logits(self, rows: Tensor, out: Tensor) -> Tensor:
        """The logits of these rows, in the memory of `out`."""
        x, into = self._hidden.index_select(0, rows), out[: len(rows)]
        if self._narrow:
            self._widened(x, into)
            return into if self._wide_bias is None else into.add_(self._wide_bias)
        if self._wide_bias is None:
            return torch.mm(x, self._weight.t(), out=into)
        return torch.addmm(self._wide_bias, x, self._weight.t(), out=into)

    def _widened(self, x: Tensor, into: Tensor) -> None:
        if x.device.type == "cuda":
            into.copy_(torch.mm(x, self._weight.t(), out_dtype=self.wide))
            return
        x = x.to(self.wide)
        for start in range(0, len(self._weight), _CLASSES):
            part = slice(start, start + _CLASSES)
            torch.mm(x, self._weight[part].to(self.wide).t(), out=into[:, part])

    def add(self, rows: Tensor, slopes: Tensor, factor: Tensor) -> None:
        """Add what the gradients get from these rows.

        Args:
            rows: of which rows; each row comes once in all.
            slopes: what the value changes by with their logits, but for the factor; it may be overwritten.
            factor: one number for each row.
        """
        by = factor.unsqueeze(-1)
        if self._of_bias is not None:
            self._of_bias.addmv_(slopes.t(), factor)
        if self._narrow:
            self._add_narrow(rows, slopes, by)
            return
        if self._of_hidden is not None:
            self._of_hidden.index_copy_(0, rows, torch.mm(slopes, self._weight).mul_(by))
        if self._needs_weight:
            x = self._hidden.index_select(0, rows).mul_(by)
            if self._of_weight is None:
                self._of_weight = torch.mm(slopes.t(), x)
            else:
                self._of_weight.addmm_(slopes.t(), x)

    def _add_narrow(self, rows: Tensor, slopes: Tensor, by: Tensor) -> None:
        # fp16 has no room for factors that a mean has made small, so what they share is multiplied last, in fp32.
        shared = float(by.abs().amax()) if slopes.numel() and self._hidden.dtype == torch.float16 else 1.0
        shared = shared if 0 < shared < torch.inf else 1.0
        left = slopes.mul_(by / shared).to(self._hidden.dtype)
        if self._of_hidden is not None:
            found = torch.mm(left, self._weight).to(self.wide).mul_(shared)
            self._of_hidden.index_copy_(0, rows, found.to(self._hidden.dtype))
        if self._needs_weight:
            found = torch.mm(left.t(), self._hidden.index_select(0, rows))
            if self._of_weight is None:
                self._of_weight = found.to(self.wide).mul_(shared)
            else:
                self._of_weight.add_(found, alpha=shared)

    def gradients(self) -> Gradients:
        """The gradients of hidden states, weight and bias, in their dtypes; None where not needed."""
        of_weight = None
        if self._needs_weight:
            made = self._of_weight
            of_weight = torch.zeros_like(self._weight) if made is None else made.to(self._weight.dtype)
        of_bias = self._of_bias if self._of_bias is None or self._bias is None else self._of_bias.to(self._bias.dtype)
        return self._of_hidden, of_weight, of_bias
