"""How much a decision at each threshold matters → the proper loss that weighs them so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import re
from typing import Any, cast

import torch
from torch import Tensor

from ...losses import BetaProper, BinaryCrossEntropy, ThresholdWeighted
from ..errors import ChoiceError
from .designed import Design, Option
from .drawing import pictures_of_weight
from .words import numbers_in, share, told

_EXAMPLE = 'thresholds={0.1: 2.0, 0.5: 1.0}, "beta=2,6" or "0.05-0.2"'

#: Into so many pieces a function of thresholds is cut; within each its weight is even.
_PIECES = 64

#: Where some thresholds weigh nothing, so much of the log loss is added, as a share of all the weight.
_SMOOTH = 0.05

_WHY = (
    "Every proper loss is a mixture of mistakes in decisions at thresholds c, where a missed yes costs 1 - c and a "
    "false alarm c; a weight over c says how much each decision matters (Schervish 1989), and each weight is a proper "
    "loss. All of them have the true probability as a best prediction; they differ in where a model that cannot be "
    "right everywhere is right."
)


def from_thresholds(wish: object) -> Design:
    """The design for a weight over thresholds: a mapping, a range, a beta law, or a function."""
    if isinstance(wish, Mapping):
        return _points(cast("Mapping[Any, Any]", wish))
    if callable(wish):
        return _function(wish)
    if isinstance(wish, (tuple, list)) and len(cast("list[Any]", wish)) == 2:
        wish = "-".join(str(end) for end in cast("list[Any]", wish))
    if not isinstance(wish, str):
        raise ChoiceError(f"thresholds are {_EXAMPLE}, or a function of thresholds; got {wish!r}.")
    text = wish.strip().lower()
    if text.startswith("beta"):
        return _beta(numbers_in(text.removeprefix("beta").lstrip("= ("), "thresholds=beta", "beta=2,6"))
    if ":" in text:
        return _points(_pairs(text))
    if found := re.fullmatch(r"([\d.eE+-]+?)\s*(?:-|\.\.|to)\s*([\d.eE+]+)", text):
        return _range(*(float(end) for end in numbers_in(f"{found[1]},{found[2]}", "thresholds", "0.05-0.2")))
    raise ChoiceError(f"thresholds are {_EXAMPLE}; got {wish!r}.")


def _beta(numbers: tuple[float, ...]) -> Design:
    if len(numbers) != 2:
        raise ChoiceError(f'thresholds="beta=2,6" takes two numbers; got {len(numbers)}.')
    alpha, beta = numbers
    try:
        loss = BetaProper(alpha=alpha, beta=beta)
    except ValueError as error:
        raise ChoiceError(str(error)) from None
    where = (
        f"This one weighs c^{told(alpha - 1)} (1 - c)^{told(beta - 1)}"
        + (
            f", most of it around {told(alpha / (alpha + beta))}"
            if min(alpha, beta) > 0
            else ", which is endless at an end"
        )
        + "."
    )
    return _weighted(
        loss,
        f"thresholds weighed by beta({told(alpha)}, {told(beta)})",
        where,
        wanted=lambda c: c ** (alpha - 1) * (1 - c) ** (beta - 1),
    )


def _points(given: Mapping[Any, Any]) -> Design:
    try:
        pairs = sorted((float(at), float(weight)) for at, weight in given.items())
    except (TypeError, ValueError):
        raise ChoiceError(
            f"thresholds are a mapping of thresholds to weights, such as {{0.1: 2.0}}; got {given!r}."
        ) from None
    pairs = [(share(at, "a threshold", "thresholds={0.1: 2.0}"), _weight(weight)) for at, weight in pairs]
    kept = [(at, weight) for at, weight in pairs if weight > 0]
    if not kept:
        raise ChoiceError("thresholds: every weight is 0, so no decision matters and there is nothing to design.")
    loss = ThresholdWeighted(thresholds=tuple(at for at, _ in kept), weights=tuple(weight for _, weight in kept))
    return _weighted(
        loss,
        "decisions at the thresholds " + ", ".join(f"{told(at)} (weight {told(weight)})" for at, weight in kept),
        f"This one asks on which side of {' and '.join(told(at) for at, _ in kept)} a probability lies; so that it "
        f"has a slope, each threshold is spread over +-{told(loss.width)} in log-odds.",
        marks=kept,
    )


def _range(low: float, high: float) -> Design:
    if not 0 <= low < high <= 1:
        raise ChoiceError(
            f'thresholds="{low:g}-{high:g}": a range of thresholds goes from a lower to a higher probability within '
            "0 and 1."
        )
    inner = [(at, density) for at, density in ((low, 0.0), (high, 1.0)) if 0 < at < 1]
    loss = ThresholdWeighted(
        thresholds=tuple(at for at, _ in inner), density=(*(density for _, density in inner), 1.0 if high == 1 else 0.0)
    )
    return _weighted(
        loss,
        f"decisions at thresholds between {told(low)} and {told(high)}, evenly",
        f"This one has the same weight at each threshold between {told(low)} and {told(high)} and next to none "
        "outside: a probability is asked to be right in there, and else only to be on its side.",
        wanted=lambda c: ((c >= low) & (c <= high)).to(c),
    )


def _function(weight: Callable[[Tensor], Any]) -> Design:
    middle = (torch.arange(_PIECES, dtype=torch.float64) + 0.5) / _PIECES
    try:
        values = torch.as_tensor(weight(middle), dtype=torch.float64)
    except Exception as error:
        raise ChoiceError(
            f"thresholds: the function failed on a Tensor of thresholds ({type(error).__name__}: {error}). It takes "
            "thresholds, (n,), and gives their weights, (n,)."
        ) from None
    values = values.expand(_PIECES) if values.ndim == 0 else values
    if values.shape != middle.shape:
        raise ChoiceError(
            f"thresholds: the function gives one weight for each threshold, ({_PIECES},); got {tuple(values.shape)}."
        )
    for each in values.tolist():
        _weight(each)
    if not float(values.sum()):
        raise ChoiceError(
            "thresholds: the weight is 0 everywhere, so no decision matters and there is nothing to design."
        )
    edges = (torch.arange(1, _PIECES, dtype=torch.float64) / _PIECES).tolist()
    name, strict = getattr(weight, "__name__", ""), bool((values > 0).all())
    loss = ThresholdWeighted(thresholds=tuple(edges), density=tuple(values.tolist()), smooth=0.0 if strict else _SMOOTH)
    return _weighted(
        loss,
        f"thresholds weighed by {'a function' if name in ('', '<lambda>') else name}",
        f"The function is taken as even within each of {_PIECES} pieces of equal width.",
        wanted=lambda c: torch.as_tensor(weight(c), dtype=torch.float64).expand(c.shape),
    )


def _weighted(
    loss: BetaProper | ThresholdWeighted,
    asked: str,
    where: str,
    *,
    wanted: Callable[[Tensor], Tensor] | None = None,
    marks: list[tuple[float, float]] | None = None,
) -> Design:
    log_loss = isinstance(loss, ThresholdWeighted) and loss.smooth > 0
    flat = (
        (
            f"Where thresholds weigh nothing only a little log loss is left (smooth={loss.smooth:g} of all the "
            "weight): probabilities there are learned last. smooth=0 is the exact weight, to judge by.",
        )
        if isinstance(loss, ThresholdWeighted) and log_loss
        else ()
    )
    return Design(
        asked=asked,
        loss=loss,
        estimates="probability",
        reads="the log-odds of yes; torch.sigmoid(prediction) is the probability",
        decide="Say yes where the probability is at least the threshold of the decision at hand.",
        why=f"{_WHY} {where}",
        alternatives=(
            Option(
                loss=BinaryCrossEntropy(),
                why="The log loss weighs every threshold, those near 0 and 1 most; it is convex and trains well. "
                "Start from it.",
            ),
        ),
        warnings=(
            *flat,
            "The slope fades where a prediction is sure and wrong: start from a model that was trained with the log "
            "loss.",
        ),
        figures=pictures_of_weight(loss, wanted, marks or ()),
    )


def _pairs(text: str) -> dict[str, str]:
    """Thresholds and weights that were written as 0.1:2, 0.5:1."""
    return dict(part.split(":", 1) for part in text.strip("{} ").split(",") if ":" in part)  # pyright: ignore[reportReturnType]


def _weight(value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ChoiceError(f"the weight of a threshold is a number from 0 on; got {value:g}.")
    return value
