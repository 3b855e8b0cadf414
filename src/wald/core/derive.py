"""What follows from `per_example` alone: derivatives, for boosting, checks and audits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import grad, jvp, vmap

from .loss import Loss


def gradient_and_hessian(loss: Loss, *inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient and Hessian diagonal of each example's loss in its own prediction, the first input.

    Args:
        loss: a loss whose examples do not depend on each other.
        inputs: as the loss takes them.

    Returns:
        Two tensors of the shape of the first input in plain layout (its classes last, nothing left to shift), in
        the dtype that the loss computes in.

    Raises:
        ValueError: the examples of the loss are coupled, so that a diagonal would leave out what matters.

    >>> import torch, wald
    >>> wald.gradient_and_hessian(wald.Squared(), torch.tensor([3.0]), torch.tensor([1.0]))
    (tensor([4.]), tensor([2.]))
    """
    if loss.card.coupling == "coupled":
        raise ValueError(
            f"{loss}: its examples depend on each other, so a Hessian diagonal says little. "
            "Use torch.func.hessian on the whole batch."
        )
    first, *rest = loss.prepared(*inputs)
    loss = loss.arranged(inputs, None, None)[0]

    def gradient(prediction: Tensor) -> Tensor:
        return grad(lambda x: loss.per_example(x, *rest).sum())(prediction)

    def along(direction: Tensor) -> Tensor:
        return jvp(gradient, (first,), (direction,))[1]

    own = len(loss.named_domains[0][1].axes)
    if own == 0:
        return gradient(first), along(torch.ones_like(first))
    # One entry of every example at a time, whichever of its axes it lies on.
    axes = first.shape[first.ndim - own :]
    basis = torch.eye(axes.numel(), dtype=first.dtype, device=first.device).unflatten(-1, axes)
    columns = vmap(lambda entry: along(entry.expand_as(first)))(basis)
    return gradient(first), columns.flatten(-own).diagonal(dim1=0, dim2=-1).reshape(first.shape)
