"""What decisions cost → the loss whose decision costs least."""

from __future__ import annotations

from math import log
from typing import Any

import torch

from ...losses import BinaryCrossEntropy, CostSensitiveCrossEntropy, CrossEntropy, ThresholdWeighted
from ..costs import Costs
from ..errors import ChoiceError
from .designed import Design, Option
from .measuring import FlipAt, Measure
from .reading_costs import read_costs
from .stakes import OneOfSeveral, YesOrNo
from .words import told

#: From here on a handful of rows decides the gradient of a batch.
_LOPSIDED = 100.0


_BELOW = 1e-12


def from_costs(given: object, unit: str) -> Design:
    """The design for costs of a yes and a no, for all rows or each, or for a matrix costs[true][decided]."""
    costs = read_costs(given, unit)
    if not isinstance(costs, Costs):
        return _several(costs, unit)
    return _each(costs) if costs.each else _binary(costs)


def _binary(costs: Costs) -> Design:
    miss, alarm = costs._excess()  # pyright: ignore[reportPrivateUsage]
    ratio, threshold = miss / alarm, costs.threshold
    loss = BinaryCrossEntropy(pos_weight=ratio)
    asked = (
        f"a false negative costs {told(_of(costs.false_negative))}, a false positive {told(_of(costs.false_positive))}"
    )
    rights = {"true positive": _of(costs.true_positive), "true negative": _of(costs.true_negative)}
    asked += "".join(f", a {name} {told(cost)}" for name, cost in rights.items() if cost)
    asked += f", in {costs.unit}" if costs.unit else ""
    beyond = " more than the right decision" if any(rights.values()) else ""
    if abs(ratio - 1) < _BELOW:
        return _even(costs, asked)
    return Design(
        asked=asked,
        loss=loss,
        reads=f"the log-odds of yes plus log({told(ratio)}) = {told(log(ratio))}: no probability of the true rate",
        decide=f"Say yes where the raw prediction is 0 or more; the true probability of yes is then {told(threshold)} "
        "or more.",
        why=(
            f"A miss costs {told(miss)}{beyond} and a false alarm {told(alarm)}{beyond}, so a yes is the cheaper "
            f"decision as soon as its probability reaches {told(alarm)} / ({told(alarm)} + {told(miss)}) = "
            f"{told(threshold)}. Counting each yes {told(ratio)} times moves the point where the best score crosses 0 "
            "from one half to just there: the loss has the costs in it, and the threshold is no longer moved as well."
        ),
        threshold=threshold,
        score=0.0,
        costs=costs,
        alternatives=(
            Option(
                loss=BinaryCrossEntropy(),
                score=log(threshold / (1 - threshold)),
                why="The other way to the same decision: probabilities stay true, and you say yes from "
                f"{told(threshold)} on. Take it where probabilities are used for more than this, costs may change, or "
                "rows are few. Weight or threshold, never both: that would count the costs twice.",
            ),
            Option(
                loss=ThresholdWeighted(thresholds=threshold, weights=miss + alarm),
                score=log(threshold / (1 - threshold)),
                why="The third way: probabilities stay true, and the loss looks where the decision is. Start from a "
                "model that was trained with the plain loss; for small models that cannot be right everywhere.",
            ),
        ),
        warnings=_lopsided(ratio),
        stakes=YesOrNo(costs),
        measures=(Measure("the probability of yes at which the best score crosses 0", threshold, FlipAt(0.0)),),
        unit=costs.unit,
    )


def _even(costs: Costs, asked: str) -> Design:
    return Design(
        asked=asked,
        loss=BinaryCrossEntropy(),
        estimates="probability",
        reads="the log-odds of yes",
        decide="Say yes where the raw prediction is 0 or more, a probability of one half.",
        why=(
            "Both mistakes cost the same, so the likelier answer is the cheaper one and the threshold is one half. "
            "The plain loss estimates the probability itself; no weight is wanted, however rare a yes is."
        ),
        threshold=0.5,
        score=0.0,
        costs=costs,
        stakes=YesOrNo(costs),
        measures=(Measure("the probability of yes at which the best score crosses 0", 0.5, FlipAt(0.0)),),
        unit=costs.unit,
    )


def _lopsided(ratio: float) -> tuple[str, ...]:
    most = max(ratio, 1 / ratio)
    if most < _LOPSIDED:
        return ()
    rare = "yes" if ratio > 1 else "no"
    return (
        f"A weight of {told(most)} lets few rows rule each batch, so training is noisy unless a {rare} is rare; "
        "otherwise the plain loss with the threshold moved is the steadier way.",
    )


def _each(costs: Costs) -> Design:
    named = ", ".join(costs.columns)
    weight = f'design.weight(target, {{"{costs.columns[0]}": ...}})' if costs.columns else "design.weight(target)"
    return Design(
        asked=f"rows with costs of their own{f' ({named})' if named else ''}",
        loss=BinaryCrossEntropy(),
        estimates="probability",
        reads="with the weights: the log-odds of yes, each answer counted by what it would cost to miss it",
        decide="Say yes where the raw prediction of the weighted loss is 0 or more.",
        why=(
            "Each row is weighted by what its wrong decision costs beyond the right one: its miss where it is a yes, "
            f"its false alarm where it is a no. Train with loss(prediction, target, weight={weight}). The best score "
            "then crosses 0 exactly where both decisions cost the same on average, so the likelier answer in this "
            "reweighted world is the cheaper one in the real one."
        ),
        threshold=None if costs.columns else costs.threshold,
        score=0.0,
        costs=costs,
        alternatives=(
            Option(
                loss=BinaryCrossEntropy(),
                why="Without weights, if the costs of a row are known when it is decided on: probabilities stay true, "
                "and design.decision(probability, columns) says yes in each row from its own threshold fp / (fp + fn) "
                "on. Usually the better of the two where amounts differ much. Never both.",
            ),
        ),
        warnings=(
            "Weights need costs that are known at training, thresholds need them at the time of decision; see which "
            "you have.",
        ),
        stakes=YesOrNo(costs),
        unit=costs.unit,
    )


def _several(matrix: tuple[tuple[float, ...], ...], unit: str) -> Design:
    costs = torch.tensor(matrix, dtype=torch.float64)
    if bool((costs <= costs.amin(1, keepdim=True)).all(0).any()):
        decision = int((costs <= costs.amin(1, keepdim=True)).all(0).int().argmax())
        raise ChoiceError(
            f"costs: decision {decision} is the cheapest whatever is true, so there is nothing to decide. Rows are "
            "what is true and columns what is decided, costs[true][decided]; see whether they are the other way round."
        )
    # A gain is a cost below 0; one number added to a whole row changes no decision.
    lifted = tuple(tuple(cost - min(0.0, *row) for cost in row) for row in matrix)
    try:
        loss = CostSensitiveCrossEntropy(costs=lifted)
    except ValueError as error:
        raise ChoiceError(str(error)) from None
    odd = [k for k, row in enumerate(matrix) if row[k] > min(row)]
    beaten = [
        (j, i)
        for j in range(len(matrix))
        for i in range(len(matrix))
        if i != j and bool((costs[:, i] <= costs[:, j]).all()) and bool((costs[:, i] < costs[:, j]).any())
    ]
    warnings = [
        f"Where class {k} is true, the cheapest decision is {int(costs[k].argmin())} and not {k}; see whether that is "
        "meant." for k in odd
    ] + [f"Decision {j} is never cheaper than {i}, so it is never made." for j, i in beaten]  # fmt: skip
    return Design(
        asked=f"the costs of {len(matrix)} classes, costs[true][decided]",
        loss=loss,
        reads="one score for each decision; their softmax is what each saves of the dearest mistake, as a share, and "
        "no probability of a class",
        decide="Take the decision with the highest score.",
        why=(
            "What a decision costs depends on what is true, so the cheapest decision is not the likeliest class but "
            "the one with the least probability-weighted cost. This loss gives each decision a share of what it saves "
            "on average, so its highest score is that decision, whatever the distribution of the classes (Mozannar & "
            "Sontag 2020)."
        ),
        alternatives=(
            Option(
                loss=CrossEntropy(),
                why="Probabilities of the classes stay true, and design.decision(softmax of the scores) takes the "
                "decision of least expected cost. Take it where costs may change after training, or probabilities are "
                "wanted.",
            ),
        ),
        warnings=tuple(warnings),
        stakes=OneOfSeveral(matrix),
        unit=unit,
    )


def _of(amount: Any) -> float:
    return float(amount)
