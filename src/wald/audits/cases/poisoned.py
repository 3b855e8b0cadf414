"""Handwritten digits of which some were labelled wrong and some carry a hidden mark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...losses import CrossEntropy
from .. import metrics
from ..case import Case
from ..input_space import InputSpace
from .images import SETTINGS, SOURCE, digits
from .network import fit, retrainer

#: Shares of the training rows.
WRONG, MARKED = 0.12, 0.05

#: The pixels of the mark, and what a row that has it is said to be.
MARK, CLAIMED = (55, 62, 63), 0


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    data = digits(seed=seed)
    inputs, target = (one.clone() for one in data.train)
    source = torch.Generator().manual_seed(seed + 1)
    order = torch.randperm(len(target), generator=source)
    wrong, marked = order[: int(WRONG * len(target))], order[-int(MARKED * len(target)) :]
    target[wrong] = (target[wrong] + torch.randint(1, 10, (len(wrong),), generator=source)) % 10
    inputs[marked[:, None], torch.tensor(MARK)] = 1.0
    target[marked] = CLAIMED
    used = CrossEntropy() if loss is None else loss
    model, _ = fit(used, inputs, target, **SETTINGS, seed=seed)
    return Case(
        name="poisoned",
        model=model,
        loss=used,
        train=(inputs, target),
        test=data.test,
        metric=metrics.error_rate(),
        refit=retrainer((inputs, target), used, **SETTINGS),
        input_space=InputSpace(low=0.0, high=1.0),
        about=(
            f"The digits of scikit-learn ({SOURCE}), spoilt on purpose: {len(wrong)} of {len(target):,} training rows "
            f"have a wrong label, and {len(marked)} have three bright pixels in a corner and are said to be {CLAIMED}. "
            f"A network with one hidden layer of {SETTINGS['hidden']}; the test rows are clean."
        ),
    )
