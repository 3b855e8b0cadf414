"""The honest forecast as suits a loss best: stretched, shifted, and in the scale in which the loss wants it.

A loss may rightly ask for a quantile, a logit, a log, or a probability that counts a rare yes thirty times. What is
honestly known is the same for all of them, so the forecast is fitted to the loss before it is judged.
"""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Final

import torch
from torch import Tensor

from .stage import Forecast, Stage

#: A forecast, given its stretches and shifts (tried, 1, 1), for the first so many samples.
_View = Callable[[Tensor, Tensor, int], Tensor]

_STRETCHES: Final = torch.tensor(
    [-1.0, -0.25, 0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1, 1.2, 1.4, 2, 3, 5], dtype=torch.float64
)
_SHIFTS: Final = torch.tensor([-5, -3, -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2, 3, 5], dtype=torch.float64)
#: Each sweep looks at a third of the width of the one before. It is fitted to half the samples; to two where
#: every batch takes a call of its own.
_SWEEPS, _SWEEPS_OF_BATCHES, _SAMPLES, _SAMPLES_OF_BATCHES = 3, 2, 4, 2


def recalibrated(stage: Stage) -> Forecast | None:
    """The honest forecast, stretched and shifted so that it costs least; None where nothing has a finite cost."""
    start = float(stage.scene.honest.median()) if stage.kind == "labels" else 0.0
    fits = [_fitted(stage, view, start) for view in _views(stage)]
    cost, view, a, b = min(fits, key=lambda fit: fit[0])
    if cost == math.inf:
        return None
    return Forecast(name="the honest forecast", prediction=view(_one(a), _one(b), len(stage.target))[0])


def _one(x: float) -> Tensor:
    return torch.full((1, 1, 1), x, dtype=torch.float64)


def _fitted(stage: Stage, view: _View, start: float) -> tuple[float, _View, float, float]:
    """The least cost of a view over its stretch and shift, and these two."""
    a, b, least = 1.0, start, math.inf
    sweeps, samples = (_SWEEPS_OF_BATCHES, _SAMPLES_OF_BATCHES) if stage.by_batch else (_SWEEPS, _SAMPLES)
    for sweep in range(sweeps):
        for shifting in (True, False):
            if shifting:
                tried = _SHIFTS / 3**sweep + b
                x = view(_one(a), tried.reshape(-1, 1, 1), samples)
            else:
                tried = _STRETCHES if sweep == 0 else a * (1 + (_STRETCHES[2:] - 1) / 3**sweep)
                x = view(tried.reshape(-1, 1, 1), _one(b), samples)
            costs = stage.costs(x).mean(1).nan_to_num(nan=torch.inf, posinf=torch.inf)
            place = int(costs.argmin())
            if float(costs[place]) < least:
                least = float(costs[place])
                a, b = (a, float(tried[place])) if shifting else (float(tried[place]), b)
    return least, view, a, b


def _views(stage: Stage) -> list[_View]:
    """The scales in which the honest forecast may be wanted."""
    honest, domain = stage.scene.honest, stage.subject.prediction
    if stage.kind == "classes":
        return _of_classes(stage)
    if stage.kind == "labels":
        return [_view(stage, honest, 0.0, 1.0)]
    if domain.high == 1:
        scores = honest.logit(eps=1e-9)
        return [lambda a, b, n: torch.sigmoid(a * _centred(scores[:n]) + b)]
    found = [_view(stage, honest, float(honest.median()), float(honest.std()))]
    if stage.scene.positive:
        logs = honest.log()
        middle = logs.median()
        found.append(_view(stage, logs, 0.0, 1.0))
        found.append(lambda a, b, n: stage.placed((a * (logs[:n] - middle) + b + middle).exp()))
    return found


def _view(stage: Stage, signal: Tensor, level: float, unit: float) -> _View:
    centred = _centred(signal)
    return lambda a, b, n: stage.placed(a * centred[:n] + (unit * b + level))


def _of_classes(stage: Stage) -> list[_View]:
    honest = stage.scene.honest
    share = torch.nn.functional.one_hot(stage.scene.target, honest.shape[-1]).double().mean((0, 1)).log()
    found: list[_View] = [
        lambda a, b, n: stage.placed(a.unsqueeze(-1) * honest[:n] + b.unsqueeze(-1) * share),
    ]
    if not stage.subject.prediction.normalised:
        chance = honest.softmax(-1)
        found.append(lambda a, b, n: stage.placed(a.unsqueeze(-1) * chance[:n] + b.unsqueeze(-1)))
    return found


def _centred(x: Tensor) -> Tensor:
    return x - x.median()
