"""A moving mean of vectors: the centre of DINO."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core import ShapeError
from .rows import refuse_count, refuse_share, refuse_vectors, widened


class RunningMean(nn.Module):
    """The mean of vectors over batches, of which older ones count less: gives it to each example.

    For DINO and iBOT, whose `centre` it is, of the teacher's scores: mean <- momentum · mean + (1 - momentum) · mean of
    the batch. **A momentum near 1 is slow here**, as for every moving average of this library and in DINO; the
    momentum of torch's batch norm is 1 minus this one. It begins at 0. Patches (iBOT) have a mean of their own.

    In a distributed run each process has its own: give `update` the scores of all, gathered, or their mean as one row.

    Args:
        features: the length of a vector; prototypes, for DINO.
        momentum: how much of the old mean stays, from 0 to 1.

    Attributes:
        mean: (features,), a buffer.

    Raises:
        ValueError: `features` is not a whole number from 1 on, or `momentum` not between 0 and 1.

    >>> import torch, wald
    >>> centre, loss = wald.RunningMean(2), wald.DINO()
    >>> student, teacher = torch.randn(4, 2, requires_grad=True), torch.tensor([[1.0, 3.0]]).expand(4, 2)
    >>> loss(student, teacher, centre(teacher)).backward()
    >>> centre.update(teacher)  # after the loss
    >>> centre.mean
    tensor([0.1000, 0.3000])
    """

    mean: Tensor

    def __init__(self, features: int, *, momentum: float = 0.9) -> None:
        super().__init__()
        refuse_count("RunningMean", features=features)
        refuse_share("RunningMean", "momentum", momentum)
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(features))

    def forward(self, target: Tensor) -> Tensor:
        """The mean, once for each example of `target`, in its shape.

        Raises:
            DtypeError: `target` is not of floats.
            ShapeError: it has another number of features.
        """
        refuse_vectors("RunningMean", "target", target, len(self.mean))
        return self.mean.expand_as(target)

    @torch.no_grad()
    def update(self, target: Tensor, *, mask: Tensor | None = None) -> None:
        """Move the mean towards that of this batch; call it after the loss.

        Args:
            target: (*batch, features).
            mask: (*batch) True to keep: the patches that the student did not see. With none kept nothing moves.

        Raises:
            DtypeError: `target` is not of floats.
            ShapeError: the tensors do not go together.
        """
        refuse_vectors("RunningMean", "target", target, len(self.mean))
        if mask is not None and mask.shape != target.shape[:-1]:
            raise ShapeError(
                f"RunningMean: mask {tuple(mask.shape)} must have the shape of the batch, {tuple(target.shape[:-1])}, "
                "that of target without its features."
            )
        dtype = widened(target, self.mean)
        rows = target.detach().to(dtype).reshape(-1, len(self.mean))
        keep = torch.ones_like(rows[:, :1], dtype=torch.bool) if mask is None else mask.reshape(-1, 1) != 0
        count = keep.sum()
        of_batch = torch.where(keep, rows, torch.zeros_like(rows)).sum(0) / count.clamp(min=1)
        old = self.mean.to(dtype)
        moved = torch.lerp(old, of_batch, 1 - self.momentum)
        # What was given before keeps its value, for a backward pass that is still to come.
        self.mean = torch.where(count > 0, moved, old).to(self.mean.dtype)

    def extra_repr(self) -> str:
        """The size and the momentum, for `print`."""
        return f"{len(self.mean)}, momentum={self.momentum}"
