"""The rows of a linear head on a GPU: a chunk of logits becomes its gradient in one launch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ..heads.rows import Results, Upstream as Pull
from ..heads.softmax_rows import SoftmaxRows
from .available import DTYPES, has_triton
from .rows import Features, Upstream, rows_of


@dataclass(frozen=True, slots=True, eq=False)
class FusedRows(SoftmaxRows):
    """`SoftmaxRows` by a Triton program, where the target is one class a row and the logits are on a GPU.

    The logits may be fp32, bf16 or fp16; they are read as they are, worked on in fp32, and overwritten by their
    gradient in their own dtype. Nothing waits for the device.
    """

    @classmethod
    def of(cls, rows: SoftmaxRows) -> FusedRows:
        """The same rows, fused."""
        return cls(**{field.name: getattr(rows, field.name) for field in fields(rows)})

    def work(self, rows: slice, z: Tensor, results: Results, upstream: Pull | None) -> None:
        """Find out about these rows; with an upstream, overwrite their logits by its gradient."""
        truth = self.truth.at(rows)
        if truth.soft or not self._runs(z):
            # By name: a dataclass with slots is made twice, which the short form of super cannot follow.
            return SoftmaxRows.work(self, rows, z, results, upstream)
        asked = results.outputs
        found = rows_of(
            z,
            truth.target,
            self._features(rows, z),
            gradient=None if upstream is None else z,
            upstream=Upstream() if upstream is None else _pulled(rows, len(z), upstream),
            entropy="entropy" in asked,
            best="argmax" in asked or "correct" in asked,
        )
        results.values[rows] = found.value
        if "log_sum_exp" in asked:
            asked["log_sum_exp"][rows] = found.log_sum_exp
        if "log_prob" in asked:
            asked["log_prob"][rows] = found.log_probability
        if found.entropy is not None:
            asked["entropy"][rows] = found.entropy
        if found.best is not None:
            for name, what in (("argmax", found.best), ("correct", found.best == truth.target)):
                if name in asked:
                    asked[name][rows] = what
        return None

    def _runs(self, z: Tensor) -> bool:
        return z.is_cuda and z.dtype in DTYPES and z.is_contiguous() and has_triton()

    def _features(self, rows: slice, z: Tensor) -> Features:
        heat: Any = self.scores.at(rows)
        if heat is not None:
            heat = torch.as_tensor(heat, dtype=torch.float32, device=z.device).expand(len(z))
        return Features(
            class_weight=None if self.weight is None else self.weight.float(),
            temperature=heat,
            label_smoothing=self.smoothing,
            z_loss=self.z_loss,
            softcap=self.scores.softcap or 0.0,
        )


def _pulled(rows: slice, count: int, upstream: Pull) -> Upstream:
    """By how much these rows count, in fp32."""
    beside = {name: given.expand(count) if given.ndim == 0 else given[rows] for name, given in upstream.outputs.items()}
    loss = upstream.loss[rows] if upstream.loss.ndim else upstream.loss
    return Upstream(loss=loss.float(), **{name: given.float() for name, given in beside.items()})
