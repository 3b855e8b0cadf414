"""One call of `wald.linear`: its rows block by block, and by the definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .budget import HeadPlan
from .definition import DefinitionRows
from .head import Head, Needed
from .products import Products
from .rows import SMOOTH, Results, Rows, Upstream
from .whole_matrix import all_logits


@dataclass(frozen=True, slots=True, eq=False)
class LinearJob:
    """What is asked about the rows of logits.

    Attributes:
        head: its form.
        rows: what is done with logits.
        definition: the same by the loss's own definition.
        shape: that of the values, (rows that count,) or with the classes behind.
        index: the hidden rows that count; None for all.
        names: the outputs that are asked for.
        plan: the pieces, from what is needed.
        filtering: the share of the gradient's mass that may be left out of the products; None for nothing.
    """

    head: Head
    rows: Rows
    definition: DefinitionRows
    shape: tuple[int, ...]
    index: Tensor | None
    names: tuple[str, ...]
    plan: Callable[[Needed], HeadPlan]
    filtering: float | None = None

    @property
    def smooth(self) -> tuple[str, ...]:
        """The outputs that are differentiable."""
        return tuple(name for name in self.names if name in SMOOTH)

    def passed(
        self, head: Head, hidden: Tensor, needed: Needed, upstream: Upstream | None
    ) -> tuple[Results, list[Tensor | None]]:
        """One pass: what is found out, and, with an upstream, the gradients, in the order of tensors."""
        plan = self.plan(needed)
        products = Products(head, hidden, needed, plan, self.index, filtering=self.filtering)
        results = self._blank(hidden)
        for start, stop in plan.spans(self.shape[0]):
            slab = products.logits(start, stop)
            for low in range(start, stop, plan.block):
                high = min(low + plan.block, stop)
                block = slab.read(low - start, high - start)
                if head.bias is not None:
                    block += head.bias
                self.rows.work(slice(low, high), block, results, upstream)
                if upstream is not None:
                    slab.write(low - start, high - start, block)
            if upstream is not None:
                products.add(start, stop, slab)
        results.dropped = products.dropped / products.mass if self.filtering is not None and products.mass else 0.0
        return results, products.gradients()

    def defined(self, head: Head, hidden: Tensor) -> dict[str, Tensor]:
        """The values ("loss") and the smooth outputs, in differentiable torch."""
        logits = all_logits(head, hidden if self.index is None else hidden[self.index])
        return self.definition.found(slice(0, len(logits)), logits, self.smooth)

    def _blank(self, hidden: Tensor) -> Results:
        """Room for what will be found out."""
        wide = torch.promote_types(torch.float32, hidden.dtype)
        kinds = {"argmax": torch.int64, "correct": torch.bool}
        outputs = {name: hidden.new_zeros(self.shape[0], dtype=kinds.get(name, wide)) for name in self.names}
        return Results(hidden.new_zeros(self.shape, dtype=wide), outputs)
