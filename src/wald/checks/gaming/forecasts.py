"""Forecasts that are tried against the honest one: perfect, blind, and of the wrong size."""

from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Final

import torch
from torch import Tensor

from .scenes import SKEW
from .stage import Forecast, Stage

SHUFFLED: Final = "the honest forecasts, shuffled"
_HUGE, _SURE, _SURER = 1e6, 10.0, 1000.0
_FACTORS = (0.5, 0.8, 2.0, 10.0, 1000.0)
#: What the noise of bell-shaped targets is, for their quantiles.
_NOISE = 0.7


def perfect(stage: Stage) -> list[Tensor]:
    """The targets themselves, in every scale in which they may be wanted, and as sure as suits the loss."""
    target = stage.scene.target
    if stage.kind == "numbers":
        views = [target, *([target.log(), target.log1p(), target.sqrt()] if stage.scene.positive else [])]
        views += [target.logit()] if stage.subject.target.high == 1 else []
        return [stage.placed(view) for view in views]
    if stage.kind == "labels":
        side = 2 * target - 1
    else:
        side = torch.nn.functional.one_hot(target, stage.scene.honest.shape[-1]).double()
    # The other way round, too, where a loss is written so.
    return [stage.placed(sign * sure * side) for sure in (1, 2, 4, _SURE, 30, _SURER) for sign in (1, -1)]


def plain(stage: Stage, weighted: str) -> Forecast:
    """The honest forecast of the plain statistic, for a loss that elicits a weighted one."""
    z = 0.0
    if "mean" in weighted:
        z = SKEW / 2 if stage.scene.positive else 0.0
    elif "quantile(" in weighted:
        level = float(weighted.split("quantile(")[1].split(",")[0])
        z = float(torch.special.ndtri(torch.tensor(level)))
    honest = stage.scene.honest
    honest = honest * math.exp(SKEW * z) if stage.scene.positive else honest + _NOISE * z
    return Forecast(name="the honest forecast", prediction=stage.placed(honest))


def distorted(stage: Stage, honest: Forecast) -> Iterator[Forecast]:
    """The honest forecast times factors."""
    for factor in _FACTORS:
        name = f"the honest forecast times {factor:g}"
        yield Forecast(name=name, prediction=stage.placed(factor * honest.prediction), scaled=True)


def blind(stage: Stage, honest: Forecast) -> Iterator[Forecast]:
    """Forecasts that know nothing of their example."""
    like, scene = stage.scene.honest, stage.scene
    # Not recalibrated: where nothing beats a constant, the recalibrated ones are one, shuffled or not.
    usual = honest.prediction if stage.kind == "numbers" else stage.placed(like)
    orders = [torch.randperm(like.shape[1], generator=torch.Generator().manual_seed(i)) for i in range(len(like))]
    yield Forecast(
        name=SHUFFLED, prediction=torch.stack([row[order] for row, order in zip(usual, orders, strict=True)])
    )
    low = stage.subject.prediction.low
    if stage.kind == "labels" or (stage.kind == "numbers" and low == -torch.inf):
        opposite = 1 - honest.prediction if stage.subject.prediction.high == 1 else -honest.prediction
        yield Forecast(name="the opposite of the honest forecast", prediction=opposite)
    if scene.last is not None:
        yield Forecast(name="the last value", prediction=scene.last)
    for name, constant in _constants(stage).items():
        yield Forecast(name=name, prediction=stage.placed(constant.expand(like.shape)), constant=True)


def _constants(stage: Stage) -> dict[str, Tensor]:
    target = stage.scene.target
    if stage.kind == "numbers":
        nothing = torch.zeros((), dtype=torch.float64)
        return {
            "zero everywhere": nothing,
            "next to zero everywhere": 1e-3 * target.std(),
            "the mean everywhere": target.mean(),
            "the median everywhere": target.median(),
            f"{_HUGE:g} everywhere": nothing + _HUGE,
            f"{-_HUGE:g} everywhere": nothing - _HUGE,
        }
    if stage.kind == "labels":
        nothing = torch.zeros((), dtype=torch.float64)
        return {
            "zero everywhere": nothing,
            "next to zero everywhere": nothing + 1e-3,
            "how common yes is": target.mean().logit(),
            "no everywhere": nothing - _SURE,
            "yes everywhere": nothing + _SURE,
            "-1000 everywhere": nothing - _SURER,
            "1000 everywhere": nothing + _SURER,
        }
    size = stage.scene.honest.shape[-1]
    share = torch.nn.functional.one_hot(target, size).double().mean((0, 1))
    common, rare = (torch.nn.functional.one_hot(place, size).double() for place in (share.argmax(), share.argmin()))
    return {
        "zero for every class": 0 * share,
        "how common each class is": share.log(),
        "the commonest class, for sure": _SURE * common,
        "the commonest class, with a score of 1000": _SURER * common,
        "1000 for every class": 0 * share + _SURER,
        "the rarest class, for sure": _SURE * rare,
    }
