"""A detector of digits that meets a digit which it has never seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...losses import CrossEntropy
from .. import metrics
from ..case import Case
from ..input_space import InputSpace
from .images import SETTINGS, SOURCE, digits
from .network import fit, retrainer

UNSEEN = 9


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    data = digits(seed=seed)
    inputs, target = data.train
    known = (inputs[target != UNSEEN], target[target != UNSEEN])
    used = CrossEntropy() if loss is None else loss
    model, _ = fit(used, *known, **SETTINGS, seed=seed)
    return Case(
        name="unseen",
        model=model,
        loss=used,
        train=known,
        test=data.test,
        metric=metrics.error_rate(),
        groups={"digit": data.test[1].tolist()},
        refit=retrainer(known, used, **SETTINGS),
        input_space=InputSpace(low=0.0, high=1.0),
        about=(
            f"The digits of scikit-learn ({SOURCE}). The network was trained without a single {UNSEEN}, and the test "
            f"rows have all ten: what a detector does in the first week after the world has changed."
        ),
    )
