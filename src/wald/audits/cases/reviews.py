"""A classifier of texts that was trained until it was sure of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...losses import BinaryCrossEntropy
from .. import metrics
from ..case import Case
from .network import fit, retrainer
from .text import SOURCE, counted, reviews, vocabulary

WORDS = 1_500


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    data = reviews()
    known = vocabulary(data.train[0], WORDS)
    train = (counted(data.train[0], known), data.train[1])
    test = (counted(data.test[0], known), data.test[1])
    used = BinaryCrossEntropy() if loss is None else loss
    settings: dict[str, Any] = {"hidden": 32, "epochs": 15, "decay": 0.0}
    model, states = fit(used, *train, **settings, seed=seed)
    return Case(
        name="reviews",
        model=model,
        loss=used,
        train=train,
        test=test,
        metric=metrics.brier(),
        features=tuple(f"log count of '{word}'" for word in known),
        checkpoints=states[::3],
        refit=retrainer(train, used, **settings),
        about=(
            f"{len(train[1]) + len(test[1]):,} reviews of food and whether they gave the best score ({SOURCE}). "
            f"Counts of the {WORDS:,} most frequent words go into a network with one hidden layer of 32, which is "
            "trained long after it has learnt what there is to learn, without any decay: it knows the training rows by "
            "heart and is far too sure of the others."
        ),
    )
