"""Centres that follow the embeddings of their class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core import ShapeError
from .rows import refuse_count, refuse_labels, refuse_share, refuse_vectors, widened


class ClassCentres(nn.Module):
    """A centre for each class, which follows the mean of its examples: gives each example the centre of its class.

    For Center, whose target it is. The centre of a class with n examples in the batch goes `rate` · n / (n + `inertia`)
    of the way to their mean; a class that is not in the batch stays where it is. With an inertia of 1 that is the rule
    of the paper, in which a class with one example moves half as far as one with many; with 0 it is a plain moving
    mean. Centres begin at the origin, and have no gradient. To learn them by a gradient take
    `torch.nn.Embedding(classes, features)` instead.

    In a distributed run each process follows its own examples: gather embeddings and labels before `update`, or the
    centres part.

    Args:
        classes: how many.
        features: the length of an embedding.
        rate: how much of the way, from 0 to 1; 0.5 in the paper.
        inertia: how many examples the old centre counts as, from 0.

    Attributes:
        vectors: (classes, features), a buffer.

    Raises:
        ValueError: a count is not a whole number from 1 on, `rate` not between 0 and 1, or `inertia` below 0.

    >>> import torch, wald
    >>> centres, loss = wald.ClassCentres(classes=3, features=2), wald.Center()
    >>> embedding, label = torch.tensor([[2.0, 0.0], [4.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 2])
    >>> loss(embedding, centres(label))  # half of the mean of 4, 16 and 1
    tensor(3.5000)
    >>> centres.update(embedding, label)
    >>> centres.vectors  # 1/2 · 2/3 of the way to (3, 0); at home; 1/2 · 1/2 of the way to (0, 1)
    tensor([[1.0000, 0.0000],
            [0.0000, 0.0000],
            [0.0000, 0.2500]])
    """

    vectors: Tensor

    def __init__(self, classes: int, features: int, *, rate: float = 0.5, inertia: float = 1.0) -> None:
        super().__init__()
        refuse_count("ClassCentres", classes=classes, features=features)
        refuse_share("ClassCentres", "rate", rate)
        if not inertia >= 0:
            raise ValueError(f"ClassCentres: inertia must be a number of examples from 0 on, got {inertia!r}")
        self.rate, self.inertia = rate, inertia
        self.register_buffer("vectors", torch.zeros(classes, features))

    def forward(self, label: Tensor) -> Tensor:
        """The centre of each example's class: (*batch, features).

        Raises:
            DomainError: a label has no class.
            DtypeError: labels are no whole numbers.
        """
        refuse_labels("ClassCentres", label, len(self.vectors))
        return nn.functional.embedding(label.long(), self.vectors)

    @torch.no_grad()
    def update(self, embedding: Tensor, label: Tensor, *, mask: Tensor | None = None) -> None:
        """Move the centre of every class that is in the batch; call it after the loss.

        Args:
            embedding: (*batch, features).
            label: (*batch) class ids.
            mask: (*batch) True to keep; what is left out moves nothing, whatever it holds.

        Raises:
            DomainError: a label that is kept has no class.
            DtypeError: embeddings are not floats, or labels no whole numbers.
            ShapeError: the tensors do not go together.
        """
        classes, features = self.vectors.shape
        refuse_vectors("ClassCentres", "embedding", embedding, features)
        for name, x in (("label", label), ("mask", mask)):
            if x is not None and x.shape != embedding.shape[:-1]:
                raise ShapeError(
                    f"ClassCentres: {name} {tuple(x.shape)} must have the shape of the batch, "
                    f"{tuple(embedding.shape[:-1])}, that of embedding without its features."
                )
        keep = torch.ones_like(label, dtype=torch.bool) if mask is None else mask != 0
        label = torch.where(keep, label, torch.zeros_like(label))
        refuse_labels("ClassCentres", label, classes)
        dtype = widened(embedding, self.vectors)
        rows = embedding.detach().to(dtype).reshape(-1, features)
        rows = torch.where(keep.reshape(-1, 1), rows, torch.zeros_like(rows))
        ids = label.long().flatten()
        count = rows.new_zeros(classes, 1).index_add(0, ids, keep.reshape(-1, 1).to(dtype))
        mean = rows.new_zeros(classes, features).index_add(0, ids, rows) / count.clamp(min=1)
        share = self.rate * count / (count.clamp(min=1) + self.inertia)
        # What was given before keeps its value, for a backward pass that is still to come.
        self.vectors = torch.lerp(self.vectors.to(dtype), mean, share).to(self.vectors.dtype)

    def extra_repr(self) -> str:
        """The sizes and the rule, for `print`."""
        return f"{', '.join(map(str, self.vectors.shape))}, rate={self.rate}, inertia={self.inertia}"
