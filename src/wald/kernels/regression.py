"""Regression losses for which torch itself has the fast kernel; `wald.which` says so.

Absolute has none here: torch's l1_loss is the definition, two operations, behind a wrapper that costs time.
"""

from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ..core import implements
from ..losses import Huber, Poisson, Squared
from .unweighted import unweighted


def _mean_squared(loss: Squared, prediction: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(prediction, target)


@implements(Squared, name="torch.nn.functional.mse_loss", mean=unweighted(_mean_squared))
def _squared(loss: Squared, prediction: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(prediction, target, reduction="none")


def _mean_huber(loss: Huber, prediction: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(prediction, target, delta=loss.delta)


@implements(Huber, name="torch.nn.functional.huber_loss", mean=unweighted(_mean_huber))
def _huber(loss: Huber, prediction: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(prediction, target, reduction="none", delta=loss.delta)


def _log_rate(loss: Poisson, prediction: Tensor, target: Tensor) -> bool:
    # torch adds eps inside the log of a rate, and approximates the constant that full=True asks for.
    return loss.log_input and not loss.full


def _mean_poisson(loss: Poisson, prediction: Tensor, target: Tensor) -> Tensor:
    return F.poisson_nll_loss(prediction, target)


@implements(Poisson, name="torch.nn.functional.poisson_nll_loss", accepts=_log_rate, mean=unweighted(_mean_poisson))
def _poisson(loss: Poisson, prediction: Tensor, target: Tensor) -> Tensor:
    return F.poisson_nll_loss(prediction, target, reduction="none")
