"""Handwritten digits under attack: nearly perfect on the test rows, and fooled by a tenth of a pixel's range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...losses import CrossEntropy
from .. import metrics
from ..case import Case
from ..input_space import Attack, InputSpace
from .images import SETTINGS, SOURCE, digits
from .network import fit, retrainer


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    data = digits(seed=seed)
    used = CrossEntropy() if loss is None else loss
    model, states = fit(used, *data.train, **SETTINGS, seed=seed)
    pixels = data.train[0].shape[1]
    return Case(
        name="digits",
        model=model,
        loss=used,
        train=data.train,
        test=data.test,
        metric=metrics.error_rate(),
        checkpoints=states[:: max(1, len(states) // 8)] + states[-1:],
        refit=retrainer(data.train, used, **SETTINGS),
        input_space=InputSpace(low=0.0, high=1.0),
        attack=Attack(reach=0.1, scale=(1.0,) * pixels, tolerance=1.0),
        about=(
            f"{len(data.train[1]) + len(data.test[1]):,} images of 8 × 8 pixels ({SOURCE}). A network with one hidden "
            f"layer of {SETTINGS['hidden']}, trained on 60 %, measured on 40 %. An adversary may move every pixel by a "
            "tenth of its range; the error must not more than double."
        ),
    )
