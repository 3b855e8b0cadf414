"""How the true probability is read from the best prediction: in closed form where it is one, else from a table.

The best predictions of a ladder of probabilities are held against the links that have names, by least squares. A form
is given only where it fits all of them, and it comes with the line of Python that undoes it.

McCullagh & Nelder 1989, Generalized Linear Models (links); Reid & Williamson 2010, JMLR 11:2387 (composite losses).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
import math
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Link:
    """What the best prediction is of the true probability.

    Attributes:
        name: the form, such as "logit" or "half logit"; "table" where it has no name, "none" where there is none.
        says: the form in words; empty where it has none.
        inverse: the true probability as a line of Python of the prediction `x`; empty where it has no closed form.
        rows: probabilities with their best predictions.
    """

    name: str
    says: str = ""
    inverse: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(frozen=True)
class _Form:
    """A link that has a name."""

    name: str
    of: Callable[[Tensor], Tensor]
    undo: str


#: What a best score may be of a probability, but for a slope and a shift; `{}` stands for the score without them.
_FORMS = (
    _Form("logit", torch.logit, "torch.sigmoid({})"),
    _Form("identity", lambda eta: eta, "{}"),
    _Form("probit", torch.special.ndtri, "torch.special.ndtr({})"),
    _Form("complementary log-log", lambda eta: (-torch.log1p(-eta)).log(), "1 - torch.exp(-torch.exp({}))"),
    _Form("tangent", lambda eta: torch.tan(eta - 0.5), "0.5 + torch.atan({})"),
)


def link_of_label(eta: Tensor, best: Tensor, *, probability: bool, close: float) -> Link:
    """The link between chances and their best scores.

    Args:
        eta: chances, rising, none of them 0 or 1.
        best: the best score for each; of a probability its logit.
        probability: whether predictions are probabilities.
        close: a form that is off by no more than this share of the range fits.
    """
    emitted = torch.sigmoid(best) if probability else best
    rows = [{"probability": _short(e), "best": _short(x)} for e, x in zip(eta, emitted, strict=True)]
    for form in _FORMS[:1] if probability else _FORMS:
        fit = _straight(form.of(eta), best, close)
        if fit is not None:
            return _named(form, *fit, rows, probability)
    fit = _straight(eta, torch.sigmoid(best), close)
    if fit is not None:
        slope, shift = fit
        x = "x" if probability else "torch.sigmoid(x)"
        says = f"it stands for a probability of {shift:.4g} + {slope:.4g} times the true one"
        return Link(name="smoothed", says=says, inverse=_unshifted(x, slope, shift), rows=rows)
    return Link(name="table", rows=rows)


def link_of_classes(laws: Tensor, best: Tensor, *, predicts: str, close: float) -> Link:
    """The link between laws over the classes and their best scores.

    Args:
        laws: laws, one a row, no chance of them 0.
        best: the best scores for each; of probabilities or log-probabilities any scores that stand for them.
        predicts: what predictions are: "" for scores, "linear" for probabilities, "log" for their logarithms.
        close: a form that is off by no more than this share of the range fits.
    """
    emitted = {"": best, "linear": best.softmax(1), "log": best.log_softmax(1)}[predicts]
    rows = [{"law": _each(law), "best": _each(x)} for law, x in zip(laws, emitted, strict=True)]
    probabilities = {"": "x.softmax(-1)", "linear": "x", "log": "x.exp()"}[predicts]
    scores = "x.log()" if predicts == "linear" else "x"
    relative = laws.log() - laws.log().mean(1, keepdim=True)
    if (fit := _parallel(relative, best - best.mean(1, keepdim=True), close)) is not None:
        slope, shifts = fit
        if slope == 1 and not bool(shifts.any()):
            return Link(name="softmax", says="it is the law itself", inverse=probabilities, rows=rows)
        # A softmax knows no common shift.
        shifts = torch.where((shifts - shifts[0]).abs() <= close, 0.0, shifts - shifts[0])
        weights = shifts.exp()
        says = "its probabilities stand as the true ones"
        says += f" to the power of {slope:.4g}" if slope != 1 else ""
        says += f" times ({', '.join(f'{w:.4g}' for w in weights)})" if bool(shifts.any()) else ""
        inverse = f"({_unshifted(scores, slope, shifts)}).softmax(-1)"
        return Link(
            name="softmax of a power" if slope != 1 else "shifted softmax", says=says, inverse=inverse, rows=rows
        )
    if (fit := _parallel(laws, best.softmax(1), close)) is not None:
        says = f"its probabilities are {_told(fit[1])} plus {fit[0]:.4g} times the true ones"
        return Link(name="smoothed", says=says, inverse=_unshifted(probabilities, *fit), rows=rows)
    for form in _FORMS[:2] if not predicts else ():
        if (fit := _parallel(form.of(laws), best, close)) is not None:
            inverse = form.undo.format(_unshifted("x", *fit))
            return Link(name=f"{form.name} of each class", inverse=inverse, rows=rows)
    return Link(name="table", rows=rows)


def _parallel(x: Tensor, y: Tensor, close: float) -> tuple[float, Tensor] | None:
    """One slope and a shift for each column of the lines through these points; None if they are on no such lines."""
    across, up = x - x.mean(0), y - y.mean(0)
    slope = float((across * up).sum() / across.square().sum())
    room = close * max(float(up.abs().max()), 1e-12)
    if not slope > 0 or bool((slope * across - up).abs().max() > room):
        return None
    slope = next((nice for nice in (1.0, 2.0, 0.5) if bool((nice * across - up).abs().max() <= room)), slope)
    shifts = (y - slope * x).mean(0)
    return slope, torch.where(shifts.abs() <= room, 0.0, shifts)


def _each(row: Tensor) -> list[float]:
    return [_short(x) for x in row]


def _told(row: Tensor) -> str:
    return f"{row[0]:.4g}" if bool((row - row[0]).abs().max() < 1e-4) else f"({', '.join(f'{x:.4g}' for x in row)})"


def _named(form: _Form, slope: float, shift: float, rows: list[dict[str, Any]], probability: bool) -> Link:
    x = "torch.logit(x)" if probability else "x"
    inverse = form.undo.format(_unshifted(x, slope, shift))
    if probability and slope == 1 and shift == 0:
        return Link(name="identity", says="it is the true probability", inverse="x", rows=rows)
    name = {1.0: "", 0.5: "half "}.get(slope, f"{slope:.4g} ") + form.name
    name += f" {'+' if shift > 0 else '-'} {abs(shift):.4g}" if shift else ""
    if form.name == "logit":
        says = "its odds are the true odds"
        says += f" to the power of {slope:.4g}" if slope != 1 else ""
        says += f" times {math.exp(shift):.4g}" if shift else ""
    else:
        says = "it is the " + (
            "true probability" if form.name == "identity" else f"{form.name} of the true probability"
        )
        says += f" times {slope:.4g}" if slope != 1 else ""
        says += f", {'plus' if shift > 0 else 'less'} {abs(shift):.4g}" if shift else ""
    return Link(name=name, says=says, inverse=inverse, rows=rows)


def _straight(x: Tensor, y: Tensor, close: float) -> tuple[float, float] | None:
    """Slope and shift of the line through these points, rounded where that fits; None if they are on no line."""
    across, up = x - x.mean(), y - y.mean()
    slope = float((across * up).sum() / across.square().sum())
    shift = float(y.mean() - slope * x.mean())
    room = close * max(float(up.abs().max()), 1e-12)
    if not slope > 0 or bool((slope * x + shift - y).abs().max() > room):
        return None
    for nice in (1.0, 2.0, 0.5):
        level = float((y - nice * x).mean())
        if bool((nice * x + level - y).abs().max() <= room):
            slope, shift = nice, level
    if bool((slope * x - y).abs().max() <= room):
        shift = 0.0
    return slope, shift


def _unshifted(x: str, slope: float, shift: float | Tensor) -> str:
    """Python for `x` without its slope and shift."""
    moved = x
    if isinstance(shift, Tensor) and not bool((shift - shift[0]).abs().max() < 1e-4):
        moved = f"{x} - torch.tensor({_each(shift)})"
    elif shift := float(shift[0] if isinstance(shift, Tensor) else shift):
        moved = f"{x} {'-' if shift > 0 else '+'} {abs(shift):.6g}"
    if slope == 1:
        return moved
    return f"{1 / slope:.6g} * {x if moved is x else f'({moved})'}"


def _short(x: Tensor) -> float:
    return float(f"{x.item():.6g}")
