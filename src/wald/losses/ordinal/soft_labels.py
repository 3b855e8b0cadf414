"""Soft labels of ordered classes: some probability for the neighbours of the true one, less the farther they are.

They are targets for every loss that takes probabilities:

>>> import torch, wald
>>> from wald.losses.ordinal.soft_labels import binomial, distances, poisson
>>> wald.CrossEntropy()(torch.zeros(2, 4), distances(torch.tensor([0, 2]), classes=4))
tensor(1.3863)

Each has one peak, at the true class. With soft labels the minimiser is no longer the true distribution but one that is
blurred in the same way: good for telling grades apart from few labels, not for probabilities. Mix them with the labels
themselves as `share * soft + (1 - share) * one_hot`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...core import DomainError
from ...core.admission import visible


def distances(target: Tensor, *, classes: int, power: float = 2.0, scale: float = 1.0) -> Tensor:
    """SORD: the softmax of -scale · |k - target|**power, over the classes k.

    Díaz & Marathe 2019 (CVPR).

    Args:
        target: (*batch) class ids.
        classes: how many there are.
        power: 1 falls like a two-sided exponential, 2 like a Gaussian.
        scale: how fast it falls; as it grows only the label itself is left.

    Returns:
        (*batch, classes), probabilities.

    Raises:
        DomainError: an id is not a class.

    >>> distances(torch.tensor([0, 1]), classes=3, power=1.0)
    tensor([[0.6652, 0.2447, 0.0900],
            [0.2119, 0.5761, 0.2119]])
    """
    return _normalised(-scale * (_place(target, classes) - target.unsqueeze(-1)).abs() ** power)


def binomial(target: Tensor, *, classes: int, edge: float = 0.1) -> Tensor:
    """The binomial law of classes - 1 draws: the chance of k successes, each of a chance that rises with the target.

    Liu et al. 2020 (unimodal regularisation); the chance goes from `edge` for the first class to 1 - `edge` for the
    last, in even steps.

    Args:
        target: (*batch) class ids.
        classes: how many there are.
        edge: the chance of a success where the first class is true. **Above 1 / classes its peak leaves the label.**

    Returns:
        (*batch, classes), probabilities.

    Raises:
        DomainError: an id is not a class.
        ValueError: the edge is not between 0 and 1 / classes.

    >>> binomial(torch.tensor([0, 1]), classes=3)
    tensor([[0.8100, 0.1800, 0.0100],
            [0.2500, 0.5000, 0.2500]])
    """
    if not 0 < edge < 1 / classes:
        raise ValueError(
            f"binomial: edge is {edge:g}, and of {classes} classes the label is the likeliest only for an edge between "
            f"0 and {1 / classes:g}. Use edge={0.5 / classes:g}."
        )
    place = _place(target, classes)
    chance = edge + (1 - 2 * edge) * target.unsqueeze(-1) / max(classes - 1, 1)
    return _normalised(_log_choose(place, classes) + place * (chance.log() - (1 - chance).log()))


def poisson(target: Tensor, *, classes: int) -> Tensor:
    """The Poisson law of mean target + 1/2, of which only the classes are left.

    Its spread grows with the class. The mean is between label and label + 1, so that the label is the peak; dlordinal
    takes label + 1, of which label and label + 1 are equally likely, and then a softmax of the probabilities, which is
    nearly even.

    Args:
        target: (*batch) class ids.
        classes: how many there are.

    Returns:
        (*batch, classes), probabilities.

    Raises:
        DomainError: an id is not a class.

    >>> poisson(torch.tensor([0, 1]), classes=3)
    tensor([[0.6154, 0.3077, 0.0769],
            [0.2759, 0.4138, 0.3103]])
    """
    place = _place(target, classes)
    return _normalised(place * (target.unsqueeze(-1) + 0.5).log() - torch.lgamma(place + 1))


def _place(target: Tensor, classes: int) -> Tensor:
    if visible(target) and target.numel():
        least, most = int(target.min()), int(target.max())
        if least < 0 or most >= classes:
            raise DomainError(
                f"target contains {most if most >= classes else least}, and of {classes} classes the ids are 0 to "
                f"{classes - 1}. Use target - 1 if they are counted from 1, and leave out beforehand what is to be "
                "ignored: target[target >= 0]."
            )
    return torch.arange(classes, device=target.device, dtype=torch.get_default_dtype())


def _log_choose(place: Tensor, classes: int) -> Tensor:
    return -torch.lgamma(place + 1) - torch.lgamma(classes - place)


def _normalised(logs: Tensor) -> Tensor:
    return logs.softmax(-1)
