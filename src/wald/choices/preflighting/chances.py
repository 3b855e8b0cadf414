"""L102 and L103: the chance level, and where the predictions stand to it."""

from __future__ import annotations

import torch
from torch import Tensor

from ...audits.statistics import t_interval
from ...findings import Controls, Finding
from .constants import best_constant
from .naming import constant_name, cost_name, even
from .rows import Rows

QUESTION = "chance level"


def chance_finding(rows: Rows) -> tuple[Finding, Tensor | None, dict[str, object]]:
    """The loss of the best constant, what it is, and the constant itself."""
    found = best_constant(rows)
    facts: dict[str, object] = {}
    if found is None:
        said = "no constant prediction has a finite loss here, so there is no chance level"
        return Finding(code="L102", state="inconclusive", question=QUESTION, says=said), None, facts
    value, cost = found
    name, what = cost_name(rows, cost), constant_name(rows, value)
    flat = even(rows)
    shown = f"{float(value):.4g}" if value.ndim == 0 else "(" + ", ".join(f"{one:.4g}" for one in value[:6].tolist())
    shown += "" if value.ndim == 0 else (", ...)" if len(value) > 6 else ")")
    says = f"the best constant, {shown}{f' ({what})' if what else ''}, has a loss of {cost:.4g}"
    says += f", {name}" if name else ""
    if flat is not None and abs(flat[0] - cost) > 1e-9:
        says += f"; scores that say nothing cost {flat[0]:.4g}" + (f" = {flat[1]}" if flat[1] else "")
    elif flat is not None and flat[1] and flat[1] not in says:
        says += f" = {flat[1]}"
    says += ": a model that learns must get below"
    facts |= {"chance level": cost, "best constant": value.tolist(), "chance level is": name or None,
              "best constant is": what or None, "loss of even scores": None if flat is None else flat[0]}  # fmt: skip
    finding = Finding(
        code="L102",
        state="pass",
        question=QUESTION,
        says=says,
        effect=cost,
        unit="loss",
        evidence=facts,
        method="the constant that costs least on these rows: the best of many, then a golden section, or downhill",
    )
    return finding, value, facts


def against_chance(rows: Rows, value: Tensor | None, facts: dict[str, object]) -> Finding:
    """Where the predictions stand to the best constant."""
    if rows.prediction is None or value is None:
        said = (
            "the predictions against chance: none were given" if rows.prediction is None else "there is no chance level"
        )
        state = "not_run" if rows.prediction is None else "not_applicable"
        return Finding(code="L103", state=state, question=QUESTION, says=said, fix="give prediction=...")
    mine, constant = rows.costs(rows.prediction), rows.costs(rows.constant(value))
    mean = rows.mean(rows.prediction)
    facts["loss of the predictions"] = mean
    base = float(facts["chance level"])  # pyright: ignore[reportArgumentType]
    gap = (mine - constant) * (rows.weight * len(rows.weight))
    interval = t_interval(gap)[1] if len(gap) > 1 else (-torch.inf, torch.inf)
    if interval[0] > 0:
        where = "above it: as an untrained model is, and a trained one is not"
    elif interval[1] < 0:
        where = "below it"
    else:
        where = "no different from it, as far as these rows tell"
    return Finding(
        code="L103",
        state="pass",
        question=QUESTION,
        says=f"the predictions have a loss of {mean:.4g} where chance is {base:.4g}: {where}",
        effect=mean - base,
        unit="loss",
        interval=None if len(gap) < 2 else (float(interval[0]), float(interval[1])),
        method="mean difference of the rows, Student's interval; said, not judged: before training it means nothing",
    )


def space_finding(rows: Rows) -> Finding:
    """L104: are these probabilities where logits are wanted?"""
    first = rows.loss.named_domains[0][1]
    if rows.prediction is None or not first.logits or rows.own or not rows.binary:
        said = "logits mistaken for probabilities: this loss takes none" if rows.prediction is not None else (
            "logits mistaken for probabilities: no predictions were given"
        )  # fmt: skip
        state = "not_applicable" if rows.prediction is not None else "not_run"
        return Finding(code="L104", state=state, question=QUESTION, says=said)
    found = _gain(rows)
    # What would be found of these very targets, told rightly as logits and wrongly as probabilities.
    noise = torch.randn(rows.target.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logit = 3 * (2 * rows.target.double() - 1) + noise
    wrong, right = _gain(rows.at(torch.sigmoid(logit))), _gain(rows.at(logit))
    controls = Controls(positive=wrong is not None and wrong[0] > 0, negative=right is None)
    if found is None or found[0] <= 0 or not controls.right:
        return Finding(
            code="L104", state="pass", question=QUESTION, says="the predictions are logits, as the loss wants"
        )
    return Finding(
        code="L104",
        state="warn",
        question=QUESTION,
        says=f"all predictions are between 0 and 1, and read as probabilities they would cost {found[2]:.3g} less than "
        "read as the logits that this loss takes: a sigmoid seems to be applied twice",
        fix="leave out the sigmoid at the end of the model",
        effect=found[2],
        unit="loss",
        interval=(found[0], found[1]),
        threshold=0.0,
        controls=controls,
        method="the same rows with the log-odds of the predictions; Student's interval of the difference",
    )


def _gain(rows: Rows) -> tuple[float, float, float] | None:
    """By how much the loss falls if predictions are read as probabilities; None where they cannot be."""
    said = rows.prediction
    if said is None or bool(((said < 0) | (said > 1)).any()) or float(said.std(correction=0)) < 1e-6:
        return None
    gap = rows.costs(said) - rows.costs(torch.logit(said, eps=1e-6))
    if len(gap) < 2:
        return None
    value, (low, high) = t_interval(gap * (rows.weight * len(rows.weight)), 0.999)
    return low, high, value
