"""Which Hessian a booster gets for a loss: chosen by what was measured on the targets, and said in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math
from typing import Final, Literal, get_args

import numpy as np

from ...losses import NegativeBinomial, Poisson
from .errors import BoostingError
from .kinks import Kinks
from .labels import Floats
from .slopes import slopes
from .task import Task

Hessian = Literal["auto", "exact", "majorised", "gauss-newton", "constant"]
Leaves = Literal["auto", "newton", "refit"]

#: A step of this size in the logarithm of a mean at most doubles what a mean-like curvature is, as boosters assume.
_LOG_STEP: Final = 0.7
#: The residual below which the majoriser of a kink no longer grows, in units of the spread of residuals.
_EASE: Final = 0.1
#: The longest step that one row may ask for in a logarithm or in log-odds, where a loss is not convex; in the unit of
#: the target it is the spread of the targets.
_LONGEST: Final = 1.0
#: Below this share of the largest a Hessian counts as zero.
_NOTHING: Final = 1e-9
#: More rows say nothing new of which Hessian is positive.
_ROWS: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Which Hessian trees are grown with, and how their leaves are set.

    Attributes:
        hessian: "exact": the second derivative. "majorised": a curvature that is never too small, so that no step
            overshoots. "gauss-newton": the curvature in the probability or mean, carried to the score. "constant".
        leaves: "newton": the value of a leaf is one Newton step. "refit": it is set to the constant that is best for
            the rows of the leaf, which only `fit` can do; the engine's own train takes Newton steps.
        says: all this in words.
        step: the step in the score within which that bound holds; None where there is none.
        factor: by which the exact Hessian is multiplied where that majorises it.
        ease: in units of the target, the residual below which |gradient| / |residual| no longer grows; 0 where the
            Hessian is not that.
        level: of a constant Hessian.
        unit: by which gradient and Hessian are multiplied, so that an engine's penalties count rows.
        longest: of each column the step that one row may ask for at most; None for no such floor.
        kinked: whether the loss has a slope on either side of the target and no curvature.
    """

    hessian: Literal["exact", "majorised", "gauss-newton", "constant"]
    says: str
    leaves: Literal["newton", "refit"] = "newton"
    step: float | None = None
    factor: float = 1.0
    ease: float = 0.0
    level: float = 1.0
    unit: float = 1.0
    longest: tuple[float, ...] | None = None
    kinked: bool = False

    def __str__(self) -> str:
        return self.says


def policy_of(
    task: Task,
    labels: Floats,
    base: Floats,
    kinks: Kinks | None,
    hessian: Hessian,
    leaves: Leaves,
    *,
    share: float,
    cautious: bool,
) -> Policy:
    """The policy for a loss on these targets.

    Args:
        task: the loss and what it takes.
        labels: encoded targets, (rows,).
        base: the best constant score, (columns,).
        kinks: of a loss without curvature.
        hessian: what was asked for.
        leaves: what was asked for.
        share: by which the diagonal is multiplied for several classes, as the engine does it.
        cautious: whether the engine bounds the steps of counts.

    Raises:
        BoostingError: what was asked for does not exist for this loss.
    """
    for name, given, known in (("hessian", hessian, get_args(Hessian)), ("leaves", leaves, get_args(Leaves))):
        if given not in known:
            raise BoostingError(f"{name} is {given!r}; it is one of {', '.join(map(repr, known))}.")
    seen = _Seen(task, labels[:: len(labels) // _ROWS + 1], base, kinks is not None)
    chosen = _chosen(task, seen, cautious=cautious) if hessian == "auto" else hessian
    makers = {"exact": seen.exact, "gauss-newton": seen.gauss_newton, "constant": seen.constant}
    made = seen.majorised(share) if chosen == "majorised" else makers[chosen]()
    made = replace(made, kinked=seen.kinked, unit=_unit(task, seen, made))
    if leaves == "newton" or (leaves == "auto" and kinks is None):
        return made
    return replace(made, leaves="refit", says=f"{made.says} {_REFIT_SMOOTH if kinks is None else _REFIT}")


_REFIT: Final = (
    "By fit, trees are grown on the gradient alone (a Hessian of 1), and each leaf is then set to the best constant "
    "for its rows; where the engine trains by itself it takes the Newton steps of this Hessian."
)
_REFIT_SMOOTH: Final = "By fit, each leaf is then brought to the best constant for its rows by further such steps."


class _Seen:
    """What a loss does around its best constant on the targets."""

    def __init__(self, task: Task, labels: Floats, base: Floats, kinked: bool) -> None:
        self.task, self.labels = task, labels
        self.loss = task.loss
        self.kinked = kinked
        start = np.repeat(base[None, :], len(labels), 0)
        self.residual = start - labels[:, None]
        measured = np.array(task.emission.measured)
        away = np.abs(self.residual[:, measured])
        self.spread = (float(np.median(away)) or float(away.mean()) or 1.0) if measured.any() else 1.0
        #: The longest step that one row may ask for in each column.
        self.steps = tuple(np.where(measured, self.spread, _LONGEST).tolist())
        self.longest = None if self.loss.card.convex is True else self.steps
        self.gradient, self.hessian = slopes(task, start, labels)
        around = [slopes(task, start + step * np.array(self.steps), labels)[1] for step in (-1.0, 1.0)]
        every = np.concatenate([self.hessian, *around])
        self.largest = float(np.abs(every).max())
        self.none = float((every <= _NOTHING * self.largest).mean()) if self.largest else 1.0
        #: Whether every row is pulled towards its target, so that |gradient| / |residual| is a curvature.
        self.towards = task.in_units and bool((self.gradient * self.residual >= 0).all())

    def exact(self) -> Policy:
        """Its own Hessian, with a floor where that is not positive."""
        if not self.largest:
            instead = "majorised" if self.towards else "constant"
            raise BoostingError(
                f"{self.loss}: its second derivative is 0 in 100 % of rows, so a booster that is given it makes no "
                f'split and predicts one constant. Use hessian="{instead}", or leave it at "auto".'
            )
        says = f"{self.loss}: the exact second derivative."
        if self.none:
            says = f"{says} It is not positive in {self.none:.0%} of rows around the start, where a floor stands in."
        return Policy(hessian="exact", longest=self.longest, says=says)

    def majorised(self, share: float) -> Policy:
        """A curvature that is never too small: `share` times the Hessian for several classes."""
        if self.towards:
            ease = _EASE * self.spread
            says = (
                f"{self.loss}: the majoriser |gradient| / max(|residual|, {ease:.3g}), the curvature of the parabola "
                f"that touches the loss and lies above it, as the second derivative "
                f"{'is 0 everywhere' if self.kinked else 'fades where errors are large'}."
            )
            return Policy(hessian="majorised", ease=ease, says=says)
        if not self.largest:
            raise BoostingError(
                f"{self.loss}: it has no second derivative, and its rows are not pulled towards their targets, so no "
                'parabola lies above it that a booster could use. Use hessian="constant".'
            )
        classes = self.loss.named_domains[0][1].axes == ("classes",)
        factor = share if classes else math.exp(_LOG_STEP)
        why = (
            "which outweighs what the classes share"
            if classes
            else f"its bound for steps of up to {_LOG_STEP} in the score"
        )
        says = f"{self.loss}: {factor:.3g} times the exact second derivative, {why}."
        step = None if classes else _LOG_STEP
        return Policy(hessian="majorised", step=step, factor=factor, longest=self.longest, says=says)

    def gauss_newton(self) -> Policy:
        """The curvature in the probability or the mean."""
        if self.task.in_units:
            raise BoostingError(
                f"{self.loss}: a booster adds up the prediction itself here, so there is nothing for Gauss-Newton to "
                'leave out. Use hessian="exact" or "majorised".'
            )
        through = "mean" if self.loss.card.task == "regression" else "probability"
        says = (
            f"{self.loss}: Gauss-Newton, the curvature of the loss in the {through}, carried to the score, as in the "
            "score itself the loss is not convex."
        )
        return Policy(hessian="gauss-newton", longest=self.steps, says=says)

    def constant(self) -> Policy:
        """The same for every row."""
        pull = float(np.abs(self.gradient).mean()) or 1.0
        level = 1.0 if self.kinked else self.largest or pull
        says = f"{self.loss}: a constant Hessian of {level:.3g}, so that trees follow the gradient alone."
        return Policy(hessian="constant", level=level, says=says)


def _chosen(task: Task, seen: _Seen, *, cautious: bool) -> Literal["exact", "majorised", "gauss-newton", "constant"]:
    card, loss = task.loss.card, task.loss
    if seen.kinked:
        return "majorised"
    if not seen.largest:
        return "constant"
    if not task.plain:
        return "gauss-newton" if seen.none else "exact"
    if task.in_units:
        bounded = card.slope in ("bounded", "vanishing", "logarithmic", "sublinear")
        exact = card.convex is True and not seen.none and not bounded
        return "exact" if exact or not seen.towards else "majorised"
    several = loss.named_domains[0][1].axes == ("classes",)
    if card.convex is True:
        counts = cautious and isinstance(loss, Poisson | NegativeBinomial)
        return "majorised" if several or counts else "exact"
    return "gauss-newton" if task.emission.form == "logits" else "exact"


def _unit(task: Task, seen: _Seen, made: Policy) -> float:
    """What makes the loss half a square near its target, as engines write it, so that their penalties count rows."""
    if not task.in_units:
        return 1.0
    near = 1e-6 * seen.spread
    ahead = [
        slopes(task, np.repeat(seen.labels[:, None] + side, task.columns, 1), seen.labels)[1] for side in (near, -near)
    ]
    bend = float(np.median(ahead))
    if seen.kinked or bend <= 0 or not math.isfinite(bend):
        # There is no such square: the mean of the Hessian that is used instead is made 1.
        away = np.maximum(np.abs(seen.residual), made.ease or 1.0)
        bend = made.level if made.hessian == "constant" else float((np.abs(seen.gradient) / away).mean())
    return 1.0 / bend if bend > 0 and math.isfinite(1.0 / bend) else 1.0
