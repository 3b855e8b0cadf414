"""What losses need whose examples all meet each other: one batch axis, which says who meets whom."""

from __future__ import annotations

from torch import Tensor

from ...core import ShapeError


def one_batch(loss: str, meets: str, **inputs: Tensor) -> None:
    """Raise unless the first input is (N, features).

    Args:
        loss: the name of the loss.
        meets: what the batch axis says, for the message ("which vectors compete").
        inputs: all inputs of the loss by name, the first of them vectors.

    Raises:
        ShapeError: there is no batch axis, or more than one.
    """
    (first, x), *_ = inputs.items()
    if x.ndim != 2:
        flat = " and ".join(f"{name}.flatten({'0, -2' if t.ndim == x.ndim else ''})" for name, t in inputs.items())
        raise ShapeError(
            f"{loss}: {first} {tuple(x.shape)} must be (N, features), as the one batch axis says {meets}. "
            f"Use {flat} if all of them do, or torch.vmap(loss)({', '.join(inputs)}) for separate batches."
        )
