"""A first-in-first-out queue of earlier vectors: negatives beyond the batch."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ...core import DtypeError, ShapeError
from .rows import directions_at_random, products, refuse_count, refuse_vectors, unit


class Queue(nn.Module):
    """The last vectors that were put in: gives the products of queries with each of them.

    For MoCo, whose `negative` it makes; for the codes of SwAV, and as a memory across batches. Vectors are kept as they
    come, without a gradient: bring keys to length 1 first, where products are to be cosines. **Put in the keys of this
    batch after the loss**, or each meets itself as a negative.

    Until it is full a queue gives what it holds, at first nothing: MoCo without negatives costs 0. With
    `start="random"` it begins full of random directions, as MoCo's authors do, and no shape ever changes, which spares
    a compiler its work. A batch larger than the queue leaves its last vectors.

    Labels go into a queue of their own, `Queue(size, dtype=torch.long)`, filled beside the other: row i of both is the
    same example.

    In a distributed run **each process has its own queue**: gather the keys before `update` for one that all share. Do
    not put a queue into a model under DistributedDataParallel, which would overwrite it by that of the first process
    (`broadcast_buffers`).

    Args:
        size: how many are held.
        features: the length of a vector; None for single numbers, such as labels.
        start: "empty", or full of "random" directions.
        seed: of the random directions.
        dtype: of what is held; None for torch's default.

    Attributes:
        slots: (size, features), a buffer: where the vectors lie, unused ones 0.

    Raises:
        ValueError: a count is not a whole number from 1 on, or `start` is unknown or has no directions.

    >>> import torch, wald
    >>> queue = wald.Queue(4, features=2)
    >>> query = key = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    >>> wald.MoCo()((query * key).sum(-1), queue(query))  # nothing to confuse it with
    tensor(0.)
    >>> queue.update(key)
    >>> queue(query).shape
    torch.Size([3, 3])
    >>> queue.update(3 * key)
    >>> queue.vectors  # the last four, the youngest where the oldest were
    tensor([[0.0000, 3.0000],
            [1.8000, 2.4000],
            [0.6000, 0.8000],
            [3.0000, 0.0000]])
    """

    slots: Tensor

    def __init__(
        self,
        size: int,
        features: int | None = None,
        *,
        start: Literal["empty", "random"] = "empty",
        seed: int = 0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        refuse_count("Queue", size=size, **({} if features is None else {"features": features}))
        if start not in ("empty", "random"):
            raise ValueError(f'Queue: start must be "empty" or "random", got {start!r}')
        shape = (size,) if features is None else (size, features)
        slots = torch.zeros(shape, dtype=dtype)
        if start == "random":
            if features is None or not slots.is_floating_point():
                raise ValueError('Queue: start="random" draws directions, for which it needs features=, and floats')
            slots = directions_at_random(*shape, seed=seed).to(slots.dtype)
        self.register_buffer("slots", slots)
        # Numbers of Python: as tensors on a GPU they would make the processor wait in every step.
        self._next, self._held = 0, size if start == "random" else 0

    def __len__(self) -> int:
        return self._held

    @property
    def vectors(self) -> Tensor:
        """What it holds: (held, features), in no order that means anything."""
        return self.slots[: self._held]

    def forward(self, query: Tensor) -> Tensor:
        """The products of queries with all that is held: (*batch, held).

        Raises:
            DtypeError: `query` is not of floats.
            ShapeError: it has another number of features, or the queue holds single numbers.
        """
        self._refuse("query", query)
        return products(query, self.vectors)

    def nearest(self, query: Tensor) -> Tensor:
        """Of each query the vector of largest cosine, as a positive of its own: (*batch, features).

        NNCLR asks a query to pick out the nearest neighbour of its other view: InfoNCE()(query, queue.nearest(key)).

        Raises:
            DtypeError: `query` is not of floats.
            RuntimeError: the queue is empty.
            ShapeError: `query` has another number of features, or the queue holds single numbers.
        """
        self._refuse("query", query)
        if not self._held:
            raise RuntimeError(
                'Queue: it is empty, and has no nearest vector. Call update(key) first, or make it with start="random".'
            )
        with torch.no_grad():
            best = products(unit(query), unit(self.vectors)).argmax(-1)
        return self.vectors[best]

    @torch.no_grad()
    def update(self, key: Tensor) -> None:
        """Put these in, and drop as many of the oldest; call it after the loss.

        Args:
            key: (*batch, features), or (*batch) for single numbers; rows that should not be kept are left out by the
                caller, key[mask].

        Raises:
            DtypeError: vectors are not floats, or numbers with a fraction go into a queue of whole ones.
            ShapeError: they have another number of features.
        """
        size, *own = self.slots.shape
        if own:
            refuse_vectors("Queue", "key", key, own[0])
        if key.is_floating_point() and not self.slots.is_floating_point():
            raise DtypeError(f"Queue: key is {key.dtype}, and this queue holds {self.slots.dtype}. Use key.long().")
        rows = key.reshape(-1, *own).to(self.slots)
        # No place is written twice: on a GPU it is not said which of the two would stay.
        first = max(0, len(rows) - size)
        place = torch.arange(first, len(rows), device=self.slots.device).add_(self._next).remainder_(size)
        # What was given before keeps its value, for a backward pass that is still to come.
        self.slots = self.slots.index_copy(0, place, rows[first:])
        self._next = (self._next + len(rows)) % size
        self._held = min(size, self._held + len(rows))

    def get_extra_state(self) -> Tensor:
        """Where the next vector goes, and how many are held; for the state dict."""
        return torch.tensor([self._next, self._held], device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Take these from a state dict."""
        self._next, self._held = (int(number) for number in state)

    def extra_repr(self) -> str:
        """The sizes, for `print`."""
        return f"{', '.join(map(str, self.slots.shape))}, held={self._held}"

    def _refuse(self, name: str, x: Tensor) -> None:
        if self.slots.ndim == 1:
            raise ShapeError("Queue: it holds single numbers, which have no products; they are in `vectors`.")
        refuse_vectors("Queue", name, x, self.slots.shape[-1])
