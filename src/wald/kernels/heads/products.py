"""The large products of one pass over the rows of a linear head, chunk by chunk, with every sum in fp32 or wider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from .budget import HeadPlan, head_plan
from .head import Head, Needed
from .slab import Pieces, Slab


class Products:
    """Logits of a chunk of rows, and what their gradient adds to the sums.

    For each chunk: take `logits(start, stop)`, overwrite them with the gradient of the loss by them, and `add` that. At
    the end `sums` has the gradients. Logits and sums are fp32 whatever the chunks; fp32 and fp64 are multiplied as they
    are. Of half precision a CPU gets operands that are widened a piece at a time, which is more exact and no slower; a
    GPU multiplies them as they are, into sums of fp32.

    Attributes:
        sums: the gradients, by the names of `Needed`.
    """

    def __init__(
        self,
        head: Head,
        hidden: Tensor,
        needed: Needed,
        plan: HeadPlan,
        index: Tensor | None = None,
        *,
        filtering: float | None = None,
    ) -> None:
        """Nothing is computed yet.

        Args:
            head: the head, its tensors detached.
            hidden: of shape (rows, D), detached.
            needed: what `add` sums up.
            plan: the pieces.
            index: the rows of `hidden` that count, each once; None for all. `start` and `stop` count these.
            filtering: the share of the absolute mass of a chunk's gradient that may be left out; the plan then lends
                nothing. None for all of it.
        """
        self.filtering, self.dropped, self.mass = filtering, 0.0, 0.0
        self.head, self.hidden, self.needed, self.plan, self.index = head, hidden, needed, plan, index
        self.wide = torch.promote_types(torch.float32, hidden.dtype)
        half = hidden.dtype != self.wide
        self._as_they_are = half and hidden.device.type != "cpu"
        self.classes, self.features = head.weight.shape
        self.sums = self._zeros()
        self._buffer = self._fresh(plan.rows, self.classes)
        self._scratch = self._fresh(plan.block, self.classes) if plan.lent else None
        self._held = self._fresh(plan.lent * plan.slice)
        self._widened = self._fresh(plan.slice, self.features) if half and not self._as_they_are else None
        # Hidden rows that need not be widened leave room for as much of a gradient that is narrowed.
        self._step = 2 * self.features if self._as_they_are else plan.slice if half else self.classes
        self._begun = False

    @classmethod
    def without_gradient(cls, head: Head, hidden: Tensor, rows: int, index: Tensor) -> Products:
        """Logits only, so many rows at a time, of a head that is looked at beside the one that learns."""
        classes, features = head.weight.shape
        plan = head_plan(len(index), features, classes, dtype=hidden.dtype, matrix=False)
        return cls(head, hidden, Needed(), replace(plan, rows=rows), index)

    def _zeros(self) -> dict[str, Tensor]:
        sums: dict[str, Tensor] = {}
        head, hidden, plan = self.head, self.hidden, self.plan
        if self.needed.hidden:
            # A row that is left out has a gradient of exactly 0.
            make = torch.empty_like if self.index is None else torch.zeros_like
            # In fp16 a gradient that is yet to be multiplied by the scale of a GradScaler would underflow.
            kept = self.wide if hidden.dtype == torch.float16 else hidden.dtype
            sums["hidden"] = make(hidden, dtype=kept, memory_format=torch.contiguous_format)
        if self.needed.weight:
            # Where there is a chunk, its product is where the sum begins.
            count = len(hidden if self.index is None else self.index)
            make = torch.empty if count and self.filtering is None else torch.zeros
            kept = hidden.dtype if plan.narrow else self.wide
            sums["weight"] = make((self.classes, self.features), dtype=kept, device=hidden.device)
        low = head.lora
        rest = {"bias": head.bias, "down": low and low.down, "up": low and low.up}
        for name, tensor in rest.items():
            if getattr(self.needed, name) and tensor is not None:
                sums[name] = torch.zeros_like(tensor, dtype=self.wide)
        return sums

    def gradients(self) -> list[Tensor | None]:
        """The sums in the order in which tensors are passed, None for those that are not needed."""
        return [self.sums.get(name) for name in Needed.names(self.head)]

    def rows(self, start: int, stop: int) -> Tensor:
        """The hidden rows of a chunk, as they are multiplied."""
        taken = self.hidden[start:stop] if self.index is None else self.hidden.index_select(0, self.index[start:stop])
        return taken if self._as_they_are else taken.to(self.wide)

    def logits(self, start: int, stop: int) -> Slab:
        """The logits of a chunk of rows, but for the bias, in memory that the next chunk uses again.

        The bias is for whoever goes through the logits block by block: in the cache it costs nothing.
        """
        x = self.rows(start, stop)
        lent = stop <= self.plan.lent
        slab = Slab(self._room(stop - start, lent=lent), self._scratch if lent else None)
        low = self.head.lora
        thin = None if low is None else x.to(self.wide) @ low.down.to(self.wide).T
        for part, out, matrix in self._beside(slab):
            self._put(out, x, matrix.T)
            if low is not None and thin is not None:
                out.addmm_(thin, low.up[part].to(self.wide).T, alpha=low.scale)
        return slab

    def add(self, start: int, stop: int, slab: Slab, factor: Tensor | None = None) -> None:
        """Add to the sums what the gradient of the loss by the logits of a chunk brings about.

        Args:
            start: the first row of the chunk.
            stop: the row behind its last.
            slab: the gradient but for the factor; it may be overwritten.
            factor: one number a row, applied on the narrow side of the products; None for 1.
        """
        if start == stop:
            return
        x = self.rows(start, stop)
        thin = self._add_thin(x, slab, factor)
        if self.filtering is not None:
            self._add_some(start, stop, x.to(self.wide), slab.whole, thin, self.filtering)
            return
        scale = by = None
        if self._as_they_are:
            scale = by = _fitted(slab, factor, self.hidden.dtype)
        elif factor is not None:
            by = factor.unsqueeze(-1)
            x = x * by
        # The matrix's own gradient comes last: where it lends its memory, it is what overwrites the slab.
        if self.needed.hidden:
            self._add_hidden(start, stop, slab, thin, by)
        if self.needed.weight:
            self._add_weight(x, slab, scale)
        self._begun = True

    def _room(self, count: int, *, lent: bool) -> Pieces:
        """Where the logits of a chunk lie."""
        if not lent:
            return [(slice(0, self.classes), self._buffer[:count])]
        pieces: Pieces = []
        for part in self._parts(0, self.classes, self.plan.slice):
            memory = self.sums["weight"][part].view(-1).view(self.wide)
            width = part.stop - part.start
            pieces.append((part, memory[: count * width].view(count, width)))
        return pieces

    def _parts(self, start: int, stop: int, step: int) -> Iterator[slice]:
        for low in range(start, stop, max(step, 1)):
            yield slice(low, min(low + step, stop))

    def _beside(self, slab: Slab) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """The logits of a slab piece by piece, each beside its rows of the matrix, as they are multiplied."""
        weight = self.head.weight
        for whole, logits in slab.pieces:
            for part in self._parts(whole.start, whole.stop, self._step):
                matrix = weight[part]
                if self._widened is not None:
                    matrix = self._widened[: len(matrix)].copy_(matrix)
                yield part, logits[:, part.start - whole.start : part.stop - whole.start], matrix

    def _put(self, out: Tensor, left: Tensor, right: Tensor, *, more: bool = False) -> None:
        """A product where it belongs, or added to what is there."""
        if self._as_they_are:
            found = summed_wide(left.to(self.hidden.dtype), right, self.wide)
            _ = out.add_(found) if more else out.copy_(found)
        elif more:
            out.addmm_(left, right)
        else:
            torch.mm(left, right, out=out)

    def _add_hidden(self, start: int, stop: int, slab: Slab, thin: Tensor | None, by: Tensor | None) -> None:
        whole = self.sums["hidden"]
        plain = whole.dtype == self.wide and self.index is None
        found = whole[start:stop] if plain else self._fresh(stop - start, self.features)
        for k, (_, gradient, matrix) in enumerate(self._beside(slab)):
            self._put(found, gradient, matrix, more=k > 0)
        self._put_hidden(start, stop, found if by is None else found.mul_(by), thin)

    def _put_hidden(self, start: int, stop: int, found: Tensor, thin: Tensor | None) -> None:
        whole = self.sums["hidden"]
        if thin is not None and (low := self.head.lora) is not None:
            found.addmm_(thin, low.down.to(self.wide), alpha=low.scale)
        if self.index is not None:
            whole.index_copy_(0, self.index[start:stop], found.to(whole.dtype))
        elif found.data_ptr() != whole[start:stop].data_ptr():
            whole[start:stop] = found

    def _add_weight(self, x: Tensor, slab: Slab, scale: Tensor | None) -> None:
        total = self.sums["weight"]
        for whole, gradient in slab.pieces:
            if slab.lent:
                # What lies in the memory that the product fills must be out of it first.
                gradient = self._held[: gradient.numel()].view(gradient.shape).copy_(gradient)
            if total.dtype == self.wide and not self._as_they_are:
                self._put(total[whole], gradient.T, x, more=self._begun)
                continue
            # In half precision the product is made a piece at a time, and narrowed when it is whole.
            for part in self._parts(whole.start, whole.stop, self._step):
                here = gradient[:, part.start - whole.start : part.stop - whole.start].T
                found = summed_wide(here.to(x.dtype), x, self.wide)
                found = found if scale is None else found.mul_(scale)
                _ = total[part].add_(found) if self._begun else total[part].copy_(found)

    def _add_some(
        self, start: int, stop: int, x: Tensor, gradient: Tensor, thin: Tensor | None, filtering: float
    ) -> None:
        """The products without the classes that together hold at most a share of the gradient's absolute mass."""
        masses = torch.linalg.vector_norm(gradient, 1, 0).to(torch.float64)
        small, order = masses.sort()
        upto = small.cumsum(0)
        left_out = int((upto <= filtering * upto[-1]).sum()) if self.classes else 0
        self.mass += float(upto[-1]) if self.classes else 0.0
        self.dropped += float(upto[left_out - 1]) if left_out else 0.0
        found = self._fresh(stop - start, self.features).zero_()
        for part in order[left_out:].sort().values.split(max(self.plan.slice, 1)):
            some = gradient[:, part]
            if self.needed.hidden:
                found.addmm_(some, self.head.weight[part].to(self.wide))
            if self.needed.weight:
                self.sums["weight"].index_add_(0, part, some.T @ x)
        if self.needed.hidden:
            self._put_hidden(start, stop, found, thin)

    def _add_thin(self, x: Tensor, slab: Slab, factor: Tensor | None) -> Tensor | None:
        """Bias and adapter; for the latter the gradient by what lies between its two matrices, before its scale."""
        low, needed = self.head.lora, self.needed
        if needed.bias:
            for part, gradient in slab.pieces:
                self.sums["bias"][part] += gradient.sum(0) if factor is None else gradient.T @ factor
        if low is None:
            return None
        by = 1 if factor is None else factor.unsqueeze(-1)
        x = x.to(self.wide)
        between = (x @ low.down.to(self.wide).T) * by if needed.up else None
        thin = self._fresh(len(x), len(low.down)).zero_()
        for part, gradient in slab.pieces:
            thin.addmm_(gradient, low.up[part].to(self.wide))
            if between is not None:
                self.sums["up"][part].addmm_(gradient.T, between, alpha=low.scale)
        thin.mul_(by)
        if needed.down:
            self.sums["down"].addmm_(thin.T, x, alpha=low.scale)
        return thin

    def _fresh(self, *shape: int) -> Tensor:
        return self.hidden.new_empty(shape, dtype=self.wide)


def summed_wide(left: Tensor, right: Tensor, wide: torch.dtype) -> Tensor:
    """The product of two matrices of one dtype, in the dtype of its sums."""
    if left.dtype == wide:
        return left @ right
    # Only on a GPU can torch widen the result without the operands.
    return torch.mm(left, right, out_dtype=wide) if left.is_cuda else left.to(wide) @ right.to(wide)


def _fitted(slab: Slab, factor: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Make the gradient fit to be narrowed; what the products must still be multiplied by, None for 1."""
    if factor is not None:
        for _, gradient in slab.pieces:
            gradient.mul_(factor.unsqueeze(-1))
    if dtype != torch.float16:
        return None
    # It has no room for what a mean has made small, so what all share is multiplied last.
    most = torch.stack([gradient.abs().amax() for _, gradient in slab.pieces]).amax()
    scale = torch.where((most > 0) & most.isfinite(), most, torch.ones_like(most))
    for _, gradient in slab.pieces:
        gradient.div_(scale)
    return scale
