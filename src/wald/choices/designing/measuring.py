"""What a designed loss really does: the statistic that it elicits, where its decision flips, what its weight is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Finding, Report

if TYPE_CHECKING:
    from .designed import Design

#: How far a measured number may lie from what was designed, as a share of it.
_CLOSE = 1e-6


@dataclass(frozen=True)
class Measure:
    """A number that the design sets, and how to measure it on a loss.

    Attributes:
        says: what it is.
        wanted: what it should be.
        of: measures it.
    """

    says: str
    wanted: float
    of: Callable[[Loss], float]


@dataclass(frozen=True)
class FlipAt:
    """The true probability at which the best score of a binary loss is `score`."""

    score: float

    def __call__(self, loss: Loss) -> float:
        """Measured where the expected slope is zero."""
        return flip(loss, self.score)


def flip(loss: Loss, score: float) -> float:
    """The true probability of yes for which `score` is the best prediction of a convex binary loss.

    There the expected slope is zero: η ℓ'(score, 1) + (1 − η) ℓ'(score, 0) = 0.
    """
    yes, no = _slopes(loss, torch.tensor([score], dtype=torch.float64))
    return float(no / (no - yes))


def weight_over_thresholds(loss: Loss, thresholds: Tensor) -> Tensor:
    """The weight that a proper loss of logits gives to a decision at each threshold, (thresholds,).

    A proper loss is a mixture of the losses of deciding at thresholds c (Schervish 1989, Annals of Statistics 17):
    with q = sigmoid(prediction), dℓ(q, 1)/dq = −(1 − q) w(q).
    """
    c = thresholds.double()
    yes, _ = _slopes(loss, torch.logit(c))
    return -yes / (c * (1 - c).square())


def _slopes(loss: Loss, score: Tensor) -> tuple[Tensor, Tensor]:
    """The slope of the loss for a yes and for a no."""

    def slope(label: float) -> Tensor:
        with torch.enable_grad():
            at = score.clone().requires_grad_(True)
            value = loss.per_example(at, torch.full_like(score, label)).sum()
            return torch.autograd.grad(value, at)[0] if value.requires_grad else torch.zeros_like(score)

    return slope(1.0), slope(0.0)


def checked(design: Design, seed: int) -> Report:
    """The report of `wald.check`, with findings that hold the loss to its design put first."""
    from ...checks import check

    report = check(design.loss, seed=seed)
    return replace(report, findings=(*_held(design, report), *report.findings))


def _held(design: Design, report: Report) -> list[Finding]:
    found: list[Finding] = []
    if design.estimates is not None:
        found.append(_minimiser(design, report.card.get("elicits")))
    for measure in design.measures:
        value = measure.of(design.loss)
        off = abs(value - measure.wanted) / max(abs(measure.wanted), 1e-300)
        found.append(
            Finding(
                code="D102",
                state="pass" if off <= _CLOSE else "fail",
                question="design",
                says=f"{measure.says} is {value:.6g}"
                + (", as designed" if off <= _CLOSE else f", and {measure.wanted:.6g} was designed"),
                fix="" if off <= _CLOSE else "Use another of the alternatives, and report this.",
                evidence={"designed": measure.wanted, "measured": value},
                method="the expected slope of the loss",
            )
        )
    return found


def _minimiser(design: Design, measured: Any) -> Finding:
    """Whether the minimiser is the statistic that was designed."""
    right, method = measured == design.estimates, "the minimiser on populations of which the statistic is known"
    told = f"the minimiser is {measured}"
    if not right and design.estimates == "probability" and _stationary(design.loss):
        # Where thresholds weigh next to nothing, values differ too little to be told apart; slopes do not.
        right, told, method = True, "the minimiser is the probability", "the expected slope, zero at every true chance"
    state = "pass" if right else "inconclusive" if measured in (None, "unresolved") else "fail"
    return Finding(
        code="D101",
        state=state,
        question="design",
        says=f"{told}, as designed" if right else f"{told}, and {design.estimates} was designed",
        fix="" if right else "Train with one of the alternatives, and report this.",
        method=method,
        evidence={"asked": design.asked, "loss": repr(design.loss)},
    )


def _stationary(loss: Loss) -> bool:
    """Whether the expected slope of a binary loss changes its sign at every true chance, and only there."""
    chance = torch.linspace(0.0113, 0.9887, 173, dtype=torch.float64)[:, None]
    score = torch.logit(torch.linspace(0.0057, 0.9943, 311, dtype=torch.float64))
    yes, no = _slopes(loss, score)
    expected = chance * yes + (1 - chance) * no
    return bool((expected.sign() == (score - torch.logit(chance)).sign()).all())


def changes_of(before: Loss, after: Loss) -> dict[str, tuple[Any, Any]]:
    """What two losses do differently, by the cards that `wald.check` measures."""
    from ...checks import check

    names = (
        "elicits", "proper", "calibrated", "invertible", "symmetric", "threshold", "convex", "bounded_below", "smooth",
        "slope",
    )  # fmt: skip
    first, second = check(before).card, check(after).card
    told = {name: (first.get(name), second.get(name)) for name in names}
    moved = _constants(before, after)
    if moved is not None:
        told["best constant for waiting times of mean 1"] = moved
    return {name: pair for name, pair in told.items() if pair[0] != pair[1]}


def _constants(before: Loss, after: Loss) -> tuple[float, float] | None:
    """The best constants of both on an exponential law, whose mean is 1 and whose median is 0.69."""
    for loss in (before, after):
        prediction, target = (domain for _, domain in loss.named_domains[:2])
        if loss.card.task != "regression" or prediction.axes or prediction.bounded or target.low > 0:
            return None
    share = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    law = -torch.log1p(-share)
    first, second = (_best_constant(loss, law) for loss in (before, after))
    return round(first, 3), round(second, 3)


def _best_constant(loss: Loss, law: Tensor) -> float:
    """The least expected loss on a grid, which is refined three times around the best."""
    low, high, best = -2.0, 8.0, 0.0
    for _ in range(4):
        grid = torch.linspace(low, high, 81, dtype=torch.float64)
        cost = torch.stack([loss.per_example(point.expand(len(law)), law).mean() for point in grid])
        best, step = float(grid[int(cost.argmin())]), (high - low) / 80
        low, high = best - step, best + step
    return best
