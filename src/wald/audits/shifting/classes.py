"""Classes that are tested and were never trained on, judged."""

from __future__ import annotations

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ..evidence import Evidence
from ..probe import ADVICE, Outcome
from .silent import QUESTION, silent
from .unseen import unseen

#: More of the test rows than this in classes that were never trained on fail; fewer warn.
UNSEEN = 0.01


def classes(evidence: Evidence) -> Outcome:
    """Compare the classes of the test rows with those of the training rows."""
    case, space, what = evidence.case, evidence.space, "classes that were never trained on"
    if space is None or space.task == "regression":
        return silent("R212", what, "the case has no classes")
    if case.train is None:
        return silent("R212", what, "the case gives no train", fix=ADVICE["train"], state="not_run")
    trained = case.train[1]
    found = unseen(evidence.score, evidence.target, trained, evidence.sample)
    share = sum(one.share for one in found)
    kinds = trained.detach().cpu().reshape(-1).double().unique()
    controls = Controls(
        # The same test must find a class that is taken away from what was trained on, and miss none of the others.
        positive=bool(unseen(evidence.score, evidence.target, _without(evidence.target), evidence.sample)),
        negative=not unseen(evidence.score, evidence.target, torch.cat([kinds, evidence.target.double()]),
                            evidence.sample),
    )  # fmt: skip
    state = judge(effect=share, interval=(share, share), threshold=UNSEEN, warn=0.0, controls=controls)
    if found:
        told = ", ".join(f"class {one.label:g} ({one.rows} rows, {one.right:.0%} of them right)" for one in found[:5])
        says = f"{share:.1%} of the test rows are of classes that no training row has: {told}"
    else:
        says = f"each of the {len(evidence.target.unique())} classes of the test rows is among the training rows"
    finding = Finding(
        code="R212",
        state=state,
        question=QUESTION,
        says=says,
        fix="train on rows of these classes, or have the model say that it does not know; what it says of them now is "
        "no forecast",
        effect=share,
        unit="of the test rows",
        interval=(share, share),
        threshold=UNSEEN,
        controls=controls,
        evidence={
            "classes": [one.label for one in found],
            "rows": [one.rows for one in found],
            "share right": [one.right for one in found],
        },
        method="the targets of the test rows against those of the training rows, exactly. Fails beyond a hundredth of "
        "the rows. Controls: a class taken away from those that were trained on, and all classes put there",
    )
    answer = f"{share:.0%} of the test rows are of classes that it was never trained on" if found else ""
    return Outcome((finding,), answer=answer)


def _without(target: Tensor) -> Tensor:
    """The targets without their last class."""
    return target[target != target.max()]
