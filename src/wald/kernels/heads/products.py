"""The large products of one pass over the rows of a linear head, chunk by chunk, with every sum in fp32 or wider."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .budget import HeadPlan
from .head import Head, Needed

Pieces = list[tuple[slice, Tensor]]


class Slab:
    """The logits of a chunk of rows, later their gradient: whole, or a few classes a piece.

    Attributes:
        pieces: which classes, and their logits, of shape (rows, classes of the piece).
        lent: whether they lie where the gradient of the matrix will be.
    """

    def __init__(self, pieces: Pieces, scratch: Tensor | None) -> None:
        """`scratch` holds a block of whole rows of logits that are lent; None for logits that are not."""
        self.pieces, self._scratch, self.lent = pieces, scratch, scratch is not None

    def read(self, start: int, stop: int) -> Tensor:
        """The logits of a block of rows, contiguous, to be worked on in place."""
        if self._scratch is None:
            return self.pieces[0][1][start:stop]
        block = self._scratch[: stop - start]
        for part, logits in self.pieces:
            block[:, part] = logits[start:stop]
        return block

    def write(self, start: int, stop: int, block: Tensor) -> None:
        """What `read` gave, changed, back to where it belongs."""
        if self.lent:
            for part, logits in self.pieces:
                logits[start:stop] = block[:, part]


class Products:
    """Logits of a chunk of rows, and what their gradient adds to the sums.

    Operands of half precision are widened a piece at a time and multiplied in fp32, so that logits and sums are fp32
    whatever the chunks; fp32 and fp64 are multiplied as they are. For each span of the plan: take `logits(start,
    stop)`, overwrite them with the gradient of the loss by them, and `add` that. At the end `sums` has the gradients.

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
            index: the rows of `hidden` that count; None for all. `start` and `stop` count these.
            filtering: the share of the absolute mass of a chunk's gradient that may be left out; the plan then lends
                nothing. None for all of it.
        """
        self.filtering, self.dropped, self.mass = filtering, 0.0, 0.0
        self.head, self.hidden, self.needed, self.plan, self.index = head, hidden, needed, plan, index
        self.wide = torch.promote_types(torch.float32, hidden.dtype)
        self.exact = hidden.dtype == self.wide
        # In fp16 a gradient that is yet to be multiplied by the scale of a GradScaler would underflow.
        self.kept = self.wide if hidden.dtype == torch.float16 else hidden.dtype
        self.classes, self.features = head.weight.shape
        self.sums: dict[str, Tensor] = {}
        self._buffer = self._fresh(plan.rows, self.classes)
        self._scratch = self._fresh(plan.block, self.classes) if plan.lent else None
        self._held = self._fresh(plan.lent * plan.slice)
        self._widened = None if self.exact else self._fresh(plan.slice, self.features)
        self._begun = False
        if needed.hidden:
            # A row that is left out has a gradient of exactly 0.
            make = torch.empty_like if index is None else torch.zeros_like
            self.sums["hidden"] = make(hidden, dtype=self.kept, memory_format=torch.contiguous_format)
        if needed.weight:
            make = torch.empty if plan.chunks and filtering is None else torch.zeros
            self.sums["weight"] = make(
                (self.classes, self.features), dtype=hidden.dtype if plan.narrow else self.wide, device=hidden.device
            )
        low = head.lora
        rest = {"bias": head.bias, "down": low and low.down, "up": low and low.up}
        for name, tensor in rest.items():
            if getattr(needed, name) and tensor is not None:
                self.sums[name] = torch.zeros_like(tensor, dtype=self.wide)

    def rows(self, start: int, stop: int) -> Tensor:
        """The hidden rows of a chunk, as wide as the products are."""
        taken = self.hidden[start:stop] if self.index is None else self.hidden[self.index[start:stop]]
        return taken if self.exact else taken.to(self.wide)

    def logits(self, start: int, stop: int) -> Slab:
        """The logits of a chunk of rows, but for the bias, in memory that the next chunk uses again."""
        x = self.rows(start, stop)
        lent = stop <= self.plan.lent
        slab = Slab(self._room(stop - start, lent=lent), self._scratch if lent else None)
        for part, out, matrix in self._beside(slab):
            torch.mm(x, matrix.T, out=out)
            if (low := self.head.lora) is not None:
                out.addmm_(x @ low.down.to(self.wide).T, low.up[part].to(self.wide).T, alpha=low.scale)
        return slab

    def add(self, start: int, stop: int, slab: Slab) -> None:
        """Add to the sums what the gradient of the loss by the logits of a chunk brings about."""
        x = self.rows(start, stop)
        thin = self._add_thin(x, slab)
        if self.filtering is not None:
            self._add_some(start, stop, x, slab.pieces[0][1], thin, self.filtering)
            return
        # The matrix's own gradient comes last: where it lends its memory, it is what overwrites the slab.
        if self.needed.hidden:
            self._add_hidden(start, stop, slab, thin)
        if self.needed.weight:
            self._add_weight(x, slab)
        self._begun = True

    def _room(self, count: int, *, lent: bool) -> Pieces:
        """Where the logits of a chunk lie."""
        if not lent:
            return [(slice(0, self.classes), self._buffer[:count])]
        pieces: Pieces = []
        for part in self._parts(0, self.classes):
            memory = self.sums["weight"][part].view(-1).view(self.wide)
            width = part.stop - part.start
            pieces.append((part, memory[: count * width].view(count, width)))
        return pieces

    def _parts(self, start: int, stop: int) -> Iterator[slice]:
        for low in range(start, stop, self.plan.slice):
            yield slice(low, min(low + self.plan.slice, stop))

    def _beside(self, slab: Slab) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """The logits of a slab piece by piece, each beside its rows of the matrix, which are widened if they must."""
        weight = self.head.weight
        for whole, logits in slab.pieces:
            if self._widened is None:
                yield whole, logits, weight[whole]
                continue
            for part in self._parts(whole.start, whole.stop):
                matrix = self._widened[: part.stop - part.start].copy_(weight[part])
                yield part, logits[:, part.start - whole.start : part.stop - whole.start], matrix

    def _add_hidden(self, start: int, stop: int, slab: Slab, thin: Tensor | None) -> None:
        whole = self.sums["hidden"]
        plain = whole.dtype == self.wide and self.index is None
        found = whole[start:stop] if plain else self._fresh(stop - start, self.features)
        for k, (_, gradient, matrix) in enumerate(self._beside(slab)):
            found.addmm_(gradient, matrix, beta=1 if k else 0)
        self._put_hidden(start, stop, found, thin)

    def _put_hidden(self, start: int, stop: int, found: Tensor, thin: Tensor | None) -> None:
        whole = self.sums["hidden"]
        if thin is not None and (low := self.head.lora) is not None:
            found.addmm_(thin, low.down.to(self.wide), alpha=low.scale)
        if found.data_ptr() != whole[start:stop].data_ptr() or found.dtype != whole.dtype:
            whole[slice(start, stop) if self.index is None else self.index[start:stop]] = found.to(whole.dtype)

    def _add_weight(self, x: Tensor, slab: Slab) -> None:
        total = self.sums["weight"]
        for whole, gradient in slab.pieces:
            if slab.lent:
                # What lies in the memory that the product fills must be out of it first.
                gradient = self._held[: gradient.numel()].view(gradient.shape).copy_(gradient)
            if total.dtype == self.wide:
                into = total[whole]
                if self._begun:
                    into.addmm_(gradient.T, x)
                else:
                    torch.mm(gradient.T, x, out=into)
                continue
            # In half precision the product is made a piece at a time, and narrowed when it is whole.
            for part in self._parts(whole.start, whole.stop):
                total[part] = gradient[:, part.start - whole.start : part.stop - whole.start].T @ x

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

    def _add_thin(self, x: Tensor, slab: Slab) -> Tensor | None:
        """Bias and adapter; for the latter the gradient by what lies between its two matrices, before its scale."""
        low, needed = self.head.lora, self.needed
        for part, gradient in slab.pieces:
            if needed.bias:
                self.sums["bias"][part] += gradient.sum(0)
        if low is None:
            return None
        between = x @ low.down.to(self.wide).T if needed.up else None
        thin = self._fresh(len(x), len(low.down)).zero_()
        for part, gradient in slab.pieces:
            thin.addmm_(gradient, low.up[part].to(self.wide))
            if between is not None:
                self.sums["up"][part].addmm_(gradient.T, between, alpha=low.scale)
        if needed.down:
            self.sums["down"].addmm_(thin.T, x, alpha=low.scale)
        return thin

    def _fresh(self, *shape: int) -> Tensor:
        return self.hidden.new_empty(shape, dtype=self.wide)
