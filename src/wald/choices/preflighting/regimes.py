"""L105 and L106: in which part of the loss the rows lie, and whether its bend is where the residuals are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...audits.statistics import wilson
from ...findings import Controls, Finding, State
from .rows import Rows, slopes_at
from .scales import Bend, bend_of, robust_scale

QUESTION = "regimes"

#: A second derivative of this share of the largest is curved as a square, or straight as an absolute value.
_CURVED, _STRAIGHT = 0.5, 0.05
#: A slope of this share of the steepest is flat.
_FLAT = 0.01

#: From this share of rows on a regime is all there is.
_ALL = 0.98
#: So many rows may be stuck.
_STUCK = 0.2


@dataclass(frozen=True)
class Shares:
    """How much of the rows lies in each regime; the names are keys of `share`.

    Attributes:
        share: by name, adding to 1.
        curve: the second derivative where it is the same in all rows; else None.
        stuck: of rows that cost more than they must and have no slope.
    """

    share: dict[str, float]
    curve: float | None
    stuck: float

    @property
    def told(self) -> str:
        """The shares in words, the largest first."""
        order = sorted(self.share.items(), key=lambda pair: -pair[1])
        return ", ".join(f"{_percent(value)} {name}" for name, value in order if value > 0)


def shares_of(rows: Rows) -> Shares:
    """The regimes of the rows at their predictions, from the slopes of the loss."""
    assert rows.prediction is not None  # noqa: S101  (asked for only where there are some)
    gradient, curve = rows.slopes
    w = rows.weight
    if rows.own or rows.prediction.ndim > 1:
        return _of_several(rows, gradient)
    right = _perfect(rows)
    value = rows.costs(rows.prediction)
    least = rows.costs(right)
    at_right = slopes_at(rows.loss, right, rows.target)[1] if rows.numbers else curve
    size = gradient.abs()
    flat = size <= (1e-9 * size.max() if rows.numbers else _FLAT * _steepest(rows))
    above = value - least > 1e-6 * (1 + least.abs())
    if not rows.numbers:
        wrong = (rows.prediction - _middle(rows)) * (2 * rows.target - 1) < 0
        # Beyond where both labels cost the same nothing is gained, and a flat slope there holds a row in place.
        stuck = flat & wrong & above
        found = {"settled (right, hardly any slope)": flat & ~stuck, "pulled": ~flat, "stuck (wrong, no slope)": stuck}
    else:
        largest = float(torch.cat([curve.abs(), at_right.abs()]).max())
        bent = curve.abs() / largest if largest > 0 else torch.zeros_like(curve)
        stuck, settled = flat & above, flat & ~above
        straight = ~flat & (bent <= _STRAIGHT)
        found = {
            "curved, as a squared error": ~flat & (bent >= _CURVED),
            "between": ~flat & (bent > _STRAIGHT) & (bent < _CURVED),
            "straight, too low": straight & (gradient < 0),
            "straight, too high": straight & (gradient > 0),
            "settled (no loss to lose)": settled,
            "stuck (a loss, no slope)": stuck,
        }
    whole = curve[~flat]
    same = len(whole) > 0 and float(whole.max() - whole.min()) <= 1e-9 * float(whole.abs().max())
    share = {name: float(w[mask].sum()) for name, mask in found.items()}
    return Shares(share, float(whole[0]) if same else None, float(w[stuck].sum()))


def _steepest(rows: Rows) -> Tensor:
    """How steep the loss of each row's label can be: a weight makes one of them steeper than the other."""
    score = torch.linspace(-12, 12, 97, dtype=torch.float64)
    raw = torch.sigmoid(score) if rows.loss.named_domains[0][1].high == 1.0 else score
    yes, no = (slopes_at(rows.loss, raw, torch.full_like(raw, label))[0].abs().max() for label in (1.0, 0.0))
    return rows.target * yes + (1 - rows.target) * no


def _of_several(rows: Rows, gradient: Tensor) -> Shares:
    size = gradient.reshape(len(gradient), -1).square().sum(-1).sqrt()
    flat = size <= _FLAT * max(float(size.max()), 1e-300)
    found = {"settled (hardly any slope)": flat, "pulled": ~flat}
    return Shares({name: float(rows.weight[mask].sum()) for name, mask in found.items()}, None, 0.0)


def regime_finding(rows: Rows, *, constant: bool) -> tuple[Finding, dict[str, object]]:
    """The shares of the regimes, and a warning where rows stand still that should move.

    Args:
        rows: with predictions.
        constant: whether these are of the best constant, as there were no others.
    """
    found = shares_of(rows)
    facts: dict[str, object] = {"regimes": found.share}
    stuck = found.stuck > _STUCK and not constant
    whose = "around the best constant" if constant else "at these predictions"
    return Finding(
        code="L105",
        state="warn" if stuck else "pass",
        question=QUESTION,
        says=f"{_percent(found.stuck)} of the rows cost more than they must and have no slope, so nothing pulls them "
        f"back ({whose}: {found.told})"
        if stuck
        else f"the rows {whose}: {found.told}",
        fix="raise the cap or bound of the loss, start from predictions inside it, or use one that never goes flat"
        if stuck
        else "",
        effect=found.stuck,
        unit="of the rows",
        interval=(found.stuck, found.stuck),
        threshold=_STUCK,
        controls=Controls(positive=True, negative=True),
        evidence=facts,
        method="slope and second derivative of every row; exact, so nothing is estimated",
    ), facts


def bend_finding(rows: Rows, *, constant: bool) -> tuple[Finding | None, dict[str, object]]:
    """Whether the delta of a robust loss is where the residuals are, and one that is."""
    bend = bend_of(rows.loss) if rows.numbers and rows.prediction is not None and rows.prediction.ndim == 1 else None
    if bend is None or rows.prediction is None:
        return None, {}
    residual = rows.target - rows.prediction
    scale = robust_scale(residual, rows.weight)
    if scale == 0:
        said = "more than half of the residuals are equal, so they have no robust scale to choose "
        return Finding(code="L106", state="inconclusive", question=QUESTION, says=f"{said}{bend.field} by"), {}
    suggested = bend.per_scale * scale
    below = float(rows.weight[residual.abs() <= bend.value].sum())
    size = 1 / float(rows.weight.square().sum())
    state, kind = _verdict(residual, rows.weight, bend, scale)
    if constant and kind == "straight":
        # A model's residuals are smaller than those around a constant.
        state = "pass"
    name = type(rows.loss).__name__
    whose = " (around the best constant, as no predictions were given)" if constant else ""
    share = f"{_percent(below)} of residuals are below {bend.field}"
    of = f"{name}({bend.field}={bend.value:g}): {share}{whose}"
    hint = f"Suggested {bend.field} from your residuals: {suggested:.2g}"
    if state == "warn" and kind == "curved":
        says = f"{of}; this is {bend.curve / 2:g}*mse, and no residual is treated as an outlier. {hint}."
    elif state == "warn":
        says = f"{of}; this is an absolute error for nearly all rows, and its minimiser the median. {hint}."
    else:
        says = f"{of}. {hint} ({bend.per_scale:.4g} x the robust scale {scale:.3g})."
    unit = torch.linspace(-3, 3, 401, dtype=torch.float64) * (bend.value / bend.per_scale)
    flat = torch.full_like(unit, 1 / 401)
    controls = Controls(
        positive=_verdict(unit * 1e-3, flat, bend, 1e-3 * bend.value / bend.per_scale)[0] == "warn",
        negative=_verdict(unit, flat, bend, bend.value / bend.per_scale)[0] == "pass",
    )
    low, high = wilson(below * size, size)
    facts: dict[str, object] = {
        "suggested": {bend.field: suggested}, "robust scale": scale, f"share below {bend.field}": below
    }  # fmt: skip
    return Finding(
        code="L106",
        state=state if controls.right else "inconclusive",
        question=QUESTION,
        says=says,
        fix=str(rows.loss.replace(**{bend.field: float(f"{suggested:.2g}")})),
        effect=below,
        unit=f"of residuals below {bend.field}",
        interval=(low, high),
        controls=controls,
        evidence=facts,
        method=f"{bend.field} at {bend.per_scale:.4g} robust scales keeps 95 % efficiency on normal errors, worked out "
        "from the slopes of the loss; the scale is the median absolute residual made to match a normal, then the "
        "spread within 2.5 of it. Controls: residuals a thousand times too small, and some that fit",
        source="Huber 1964, doi:10.1214/aoms/1177703732",
    ), facts


def _verdict(residual: Tensor, weight: Tensor, bend: Bend, scale: float) -> tuple[State, str]:
    """Whether a bend lies outside the residuals, and on which side."""
    size = 1 / float(weight.square().sum())
    below = float(weight[residual.abs() <= bend.residual].sum())
    low, high = wilson(below * size, size)
    # Few rows cannot show a share, but a bend far beyond all of them needs no share.
    if low > _ALL or (below > 1 - 1e-9 and size >= 5 and bend.value > 3 * bend.per_scale * scale):
        return "warn", "curved"
    if high < 1 - _ALL or (below < 1e-9 and size >= 5 and bend.value < bend.per_scale * scale / 30):
        return "warn", "straight"
    return "pass", "between"


def _perfect(rows: Rows) -> Tensor:
    """Predictions that know the target, as the loss takes them."""
    first = rows.loss.named_domains[0][1]
    y = rows.target.double()
    if rows.numbers:
        if getattr(rows.loss, "log_input", False) is True:
            return y.clamp_min(1e-12).log()
        return y.clamp_min(first.low + 1e-12) if first.bounded else y
    far = torch.where(y > 0.5, 30.0, -30.0).double()
    return torch.sigmoid(far) if first.high == 1.0 else far


def _middle(rows: Rows) -> float:
    return 0.5 if rows.loss.named_domains[0][1].high == 1.0 else 0.0


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share > 0.995 or share == 0 else f"{100 * share:.2g}%"
