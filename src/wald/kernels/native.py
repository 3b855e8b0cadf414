"""Where torch itself has the fast kernel, it is used, and `wald.which` says so."""

import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)
from torch import Tensor

from ..core import implements
from ..losses import Huber


@implements(Huber, name="torch.nn.functional.huber_loss")
def _huber(loss: Huber, prediction: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(prediction, target, reduction="none", delta=loss.delta)
