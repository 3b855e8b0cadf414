"""The elementwise losses as C++ and GPUs know them: a name, and a few numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .. import losses
from ..core import Loss


class Program(NamedTuple):
    """What computes one example of a loss.

    Attributes:
        name: of the struct in native/source/losses.hpp; a GPU knows some of them (gpu/elementwise.py).
        numbers: its parameters, in the order in which it takes them.
    """

    name: str
    numbers: tuple[float, ...] = ()


def _levels(level: float) -> tuple[float, float]:
    return level, 1 - level


def _pinball(loss: losses.Pinball) -> Program | None:
    if isinstance(loss.level, tuple):
        return None
    return Program("Pinball", (loss.factor * loss.level, loss.factor * (1 - loss.level)))


def _percentage(loss: losses.Percentage) -> Program | None:
    if loss.zero == "add" or loss.factor != 1:
        return None
    return Program("Percentage", (loss.floor if loss.zero == "floor" else 0.0,))


def _binary_cross_entropy(loss: losses.BinaryCrossEntropy) -> Program | None:
    if isinstance(loss.pos_weight, tuple):
        return None
    return Program("BinaryCrossEntropy", (loss.pos_weight, 1 - loss.label_smoothing, loss.label_smoothing / 2))


def _focal(loss: losses.Focal) -> Program | None:
    if loss.kind != "binary" or isinstance(loss.alpha, tuple):
        return None
    return Program("Focal", (loss.gamma, *((1.0, 1.0) if loss.alpha is None else _levels(loss.alpha))))


def _poisson(loss: losses.Poisson) -> Program | None:
    return None if loss.full else Program("Poisson" if loss.log_input else "PoissonRate")


def _tweedie(loss: losses.Tweedie) -> Program | None:
    if loss.power == 2:
        return Program("Gamma" if loss.log_input else "GammaMean")
    if loss.power == 1:
        return Program("Poisson" if loss.log_input else "PoissonRate")
    return Program("Tweedie", (2 - loss.power, 1 - loss.power)) if loss.log_input else None


#: Gives None for a kind of the loss that has no program.
PROGRAMS: Final[dict[type[Loss], Callable[[Any], Program | None]]] = {
    losses.Absolute: lambda loss: Program("Absolute"),
    losses.AsymmetricFocal: lambda loss: Program("AsymmetricFocal", (loss.gamma_pos, loss.gamma_neg, loss.clip)),
    losses.BinaryCrossEntropy: _binary_cross_entropy,
    losses.Expectile: lambda loss: Program("Expectile", _levels(loss.level)),
    losses.Focal: _focal,
    losses.Gamma: lambda loss: Program("Gamma" if loss.log_input else "GammaMean"),
    losses.Hinge: lambda loss: Program("Hinge", (loss.margin,)),
    losses.Huber: lambda loss: Program("Huber", (loss.delta,)),
    losses.Linex: lambda loss: Program("Linex", (loss.steepness,)),
    losses.LogCosh: lambda loss: Program("LogCosh", (loss.scale,)),
    losses.Percentage: _percentage,
    losses.Pinball: _pinball,
    losses.Poisson: _poisson,
    losses.PseudoHuber: lambda loss: Program("PseudoHuber", (loss.delta,)),
    losses.SmoothedPinball: lambda loss: Program("SmoothedPinball", (*_levels(loss.level), loss.width)),
    losses.Squared: lambda loss: Program("Squared"),
    losses.SquaredHinge: lambda loss: Program("SquaredHinge", (loss.margin,)),
    losses.SquaredLog: lambda loss: Program("SquaredLog"),
    losses.Tweedie: _tweedie,
}
