"""Pictures of a design: the loss, and the weight that it gives to decisions at each threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ...core import Loss, Supervised
from ...findings import Figure
from .measuring import weight_over_thresholds

_POINTS = 161


def picture_of(loss: Loss, *, score: float | None = None) -> Figure | None:
    """The loss of one example over its prediction; None where a prediction is more than one number."""
    if not isinstance(loss, Supervised) or loss.card.coupling == "coupled":
        return None
    (_, prediction), (_, target) = loss.named_domains[:2]
    if prediction.axes or target.axes:
        return None
    if loss.card.task == "binary":
        x = torch.linspace(-6, 6, _POINTS, dtype=torch.float64)
        series = [_curve(f"the truth is {name}", x, loss, label) for name, label in (("yes", 1.0), ("no", 0.0))]
        caption = "Both lines meet the ground where the answer is sure and right."
        if score is not None:
            caption = f"Say yes from {score:.3g} on."
    elif loss.card.task == "regression":
        y = 2.0 if target.low >= 0 else 0.0
        low = 0.05 if prediction.low >= 0 else -3.0
        x = torch.linspace(low, 5.0 if target.low >= 0 else 3.0, _POINTS, dtype=torch.float64)
        series = [_curve(f"the target is {y:g}", x, loss, y)]
        caption = "What each prediction costs for one target."
    else:
        return None
    return Figure(
        kind="lines", title="The loss of one example", caption=caption, x="raw prediction", y="loss", series=series
    )


def pictures_of_weight(
    loss: Loss, wanted: Callable[[Tensor], Tensor] | None, marks: Sequence[tuple[float, float]] = ()
) -> tuple[Figure, ...]:
    """The weight that a proper loss gives to decisions at each threshold, measured, and the one that was asked for."""
    c = torch.linspace(0.005, 0.995, 199, dtype=torch.float64)
    series = [{"name": "the loss, measured", "x": c.tolist(), "y": weight_over_thresholds(loss, c).tolist()}]
    if wanted is not None:
        series.append({"name": "asked for", "x": c.tolist(), "y": wanted(c).tolist()})
    measured = Figure(
        kind="lines",
        title="What a decision at each threshold weighs",
        caption="Where the weight is high, probabilities must be right. A plain log loss weighs 1 / (c (1 - c)).",
        x="threshold on the probability of yes",
        y="weight per unit of probability",
        series=series,
    )
    if not marks:
        return (measured,)
    asked = Figure(
        kind="bars",
        title="The thresholds that were asked for",
        caption="The loss spreads each a little, so that it has a slope to train by.",
        x="threshold on the probability of yes",
        y="weight",
        series=[{"name": "weight", "labels": [f"{at:g}" for at, _ in marks], "y": [weight for _, weight in marks]}],
    )
    return (measured, asked)


def _curve(name: str, x: Tensor, loss: Loss, target: float) -> dict[str, Any]:
    with torch.no_grad():
        return {"name": name, "x": x.tolist(), "y": loss.per_example(x, torch.full_like(x, target)).tolist()}
