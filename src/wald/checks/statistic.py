"""Which statistic of the target a loss of one number elicits.

The table D of derivatives over irregular predictions x and targets y is looked at. A minimiser solves
E D(x, Y) = 0, so the form of D in y names it:

- D = a(x) + b(x) φ(y): a mean of φ(Y); its root says in which scale the prediction is.
- D = b(x) w(y) (x - y): a mean under weights w.
- log |D| = h(x) + w(y) + c · [x > T(y)]: a quantile of level 1 / (1 + exp c).
- the same of |D| / |x - y|: an expectile.
- D of the difference alone, and none of these: an M-functional.

What the derivatives say must be confirmed by values alone (see `acts`), else it is unresolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from . import functionals
from .acts import Acts, bayes_acts
from .functionals import LINKS, Functional, Numbers
from .grids import pairs, spread
from .subject import Subject

_XS, _YS = 37, 41
#: Rows below this many say too little.
_FEWEST = 8
#: The right form fits to rounding, the wrong ones are off by 1e-2 and more.
_FITS = {torch.float64: 1e-6, torch.float32: 1e-3}


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What was found.

    Attributes:
        name: in the words of a card.
        why: what shows it, or why it is unresolved.
        facts: numbers for the evidence.
        scale: the scale in which the prediction is.
    """

    name: str
    why: str
    facts: dict[str, Any]
    scale: str = "identity"


def measure_statistic(subject: Subject, *, transform: bool = False) -> Statistic:
    """The statistic that `subject` elicits.

    Args:
        subject: a loss of one number against one number.
        transform: its batches are a transform of a mean, so only whole batches have a value in order.
    """
    for wide in (True, False):
        table = _Table.of(subject, wide=wide, transform=transform)
        if table is None:
            continue
        found = _identified(table)
        shifts = found is None and _shift_invariant(subject, table, transform)
        if found is None and not shifts and wide:
            # Perhaps the decades were too many for its arithmetic: look at typical numbers before giving up.
            continue
        return _confirmed(subject, found, shifts, wide=wide, transform=transform)
    table = _Table.of(subject, wide=False, transform=transform)
    if table is None:
        return _unresolved("its derivative in the prediction is not finite, or is zero everywhere")
    return _confirmed(subject, None, False, wide=False, transform=transform)


def _unresolved(why: str) -> Statistic:
    return Statistic(name="unresolved", why=why, facts={})


def _confirmed(subject: Subject, found: Functional | None, shifts: bool, *, wide: bool, transform: bool) -> Statistic:
    acts = bayes_acts(subject, wide=wide, transform=transform)
    facts = _examples(acts)
    if found is not None:
        if acts.confirm(found):
            return Statistic(
                name=found.name,
                why="derivatives name it and the best predictions of two dozen laws are it",
                facts=facts,
                scale=found.scale,
            )
        return _unresolved(f"its derivatives are those of a {found.name}, but its best predictions are not")
    plain = [functionals.mean(), functionals.quantile(0.5)]
    if (told := next((one.name for one in plain if acts.confirm(one)), None)) is not None:
        return _unresolved(f"its best predictions are the {told}, but its derivatives are of another form")
    if shifts:
        return Statistic(
            name="m-functional",
            why="a loss of the difference alone whose best predictions are neither mean, quantile nor expectile",
            facts=facts,
        )
    return Statistic(name="none", why="no statistic that has a name fits its derivatives", facts=facts)


def _examples(acts: Acts) -> dict[str, Any]:
    """A few laws with their best predictions, beside mean and median, for a reader to compare."""
    law, act = acts.laws[2].double(), acts.acts[2].double()
    rows = [
        {"law": y.sort().values.tolist(), "best": x.item(), "mean": y.mean().item(), "median": y.median().item()}
        for x, y in zip(act[:3], law[:3], strict=True)
    ]
    return {"acts": rows}


# The table of derivatives.


@dataclass(frozen=True)
class _Table:
    """D over predictions (rows) and targets (columns): only rows in which the arithmetic can be trusted."""

    xs: Tensor
    ys: Tensor
    slopes: Tensor
    close: float

    @staticmethod
    def of(subject: Subject, *, wide: bool, transform: bool) -> _Table | None:
        generator = subject.generator()
        xs = spread(subject.prediction, _XS, generator, wide=wide).to(subject.dtype)
        ys = torch.cat([spread(subject.target, _YS, generator, wide=wide), _beside(subject, xs)]).to(subject.dtype)
        slopes = _slopes(subject, *pairs(xs, ys), transform=transform).reshape(len(xs), len(ys)).double()
        finite = slopes.isfinite().all(1)
        centred = slopes - slopes.mean(1, keepdim=True)
        # A row whose mean drowns what varies in it has lost that to rounding.
        clear = centred.norm(dim=1) > 1e-7 * slopes.norm(dim=1)
        use = finite & clear
        if int(use.sum()) < _FEWEST:
            return None
        return _Table(xs.double()[use], ys.double(), slopes[use], _FITS[subject.dtype])


def _beside(subject: Subject, xs: Tensor) -> Tensor:
    """Targets that predictions all but hit, where what looks like a kink from afar may be a bend."""
    closest = -5 if subject.dtype is torch.float64 else -2
    gaps = torch.logspace(-1, closest, 1 - 2 * closest, dtype=torch.float64)
    middle = xs[len(xs) // 2 :][: len(gaps)].double()
    low = max(subject.prediction.low, subject.target.low)
    scale = middle - low if low > -torch.inf else torch.ones_like(middle)
    y = middle + scale * gaps * (1 - 2 * (torch.arange(len(gaps)) % 2))
    return y[(y > subject.target.low) & (y < subject.target.high)]


def _slopes(subject: Subject, x: Tensor, y: Tensor, *, transform: bool) -> Tensor:
    if not transform:
        return subject.slopes(x, y)
    first = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(subject.batch(first, y).sum(), first)
    return slope.detach()


def _shift_invariant(subject: Subject, table: _Table, transform: bool) -> bool:
    if transform:
        return False
    x, y = (z.to(subject.dtype) for z in pairs(table.xs, table.ys))
    there = subject.slopes(x + 1.25, y + 1.25).double().reshape(table.slopes.shape)
    return bool(there.isfinite().all()) and torch.allclose(
        there, table.slopes, rtol=1e-6, atol=table.close * float(table.slopes.abs().median())
    )


# The forms.


def _identified(table: _Table) -> Functional | None:
    return next(_candidates(table), None)


def _candidates(table: _Table) -> Iterator[Functional]:
    for form in (_mean, _weighted_mean, _quantile, _expectile):
        found = form(table)
        if found is not None:
            yield found


def _mean(table: _Table) -> Functional | None:
    """D = a(x) + b(x) φ(y): after centring, every row is the same row."""
    centred = table.slopes - table.slopes.mean(1, keepdim=True)
    rows = centred / centred.norm(dim=1, keepdim=True)
    aligned = rows * (rows @ rows[0]).sign().unsqueeze(1)
    if not bool(((aligned - aligned[0]).abs() < table.close).all()):
        return None
    for name in ("identity", "log", "log1p", "sqrt", "reciprocal", "square", "exp"):
        to, back = LINKS[name]
        phi = to(table.ys)
        if not bool(phi.isfinite().all()):
            continue
        basis = torch.stack([torch.ones_like(phi), phi], 1)
        fit = torch.linalg.lstsq(basis, aligned[0].unsqueeze(1)).solution
        if bool(((basis @ fit).squeeze(1) - aligned[0]).abs().max() > table.close):
            continue
        a, b = torch.linalg.lstsq(basis, table.slopes.T).solution
        root = -a / b
        if _same(back(root), table.xs, table.close):
            return functionals.mean() if name == "identity" else functionals.inner_mean(name)
        if name == "identity":
            return _through(root, table)
        return None
    return None


def _through(root: Tensor, table: _Table) -> Functional | None:
    """The mean in another scale: the root of a row is where its prediction lies on the scale of the target."""
    for name, (_, back) in LINKS.items():
        if _same(back(table.xs), root, 1e2 * table.close):
            return functionals.mean(name)
    return None


def _same(a: Tensor, b: Tensor, close: float) -> bool:
    return torch.allclose(a, b, rtol=10 * close, atol=close)


def _weighted_mean(table: _Table) -> Functional | None:
    error = table.xs.unsqueeze(1) - table.ys
    fit = _additive((table.slopes / error).abs().log(), None, table.close)
    if fit is None or not bool(((table.slopes > 0) == (error > 0)).all()):
        return None
    weight = _weight(table.ys, fit.columns, table.close)
    return None if weight is None else functionals.weighted_mean(*weight)


def _quantile(table: _Table) -> Functional | None:
    for link, (to, _) in LINKS.items():
        above = table.xs.unsqueeze(1) > to(table.ys)
        if not bool(((table.slopes > 0) == above).all() & (table.slopes != 0).all()):
            continue
        fit = _additive(table.slopes.abs().log(), above.double(), table.close)
        if fit is None:
            continue
        level = float(torch.sigmoid(torch.tensor(-fit.jump)))
        if bool((fit.columns.abs() < 10 * table.close).all()):
            return functionals.quantile(level, link)
        weight = _weight(table.ys, fit.columns, table.close)
        if weight is not None:
            return functionals.quantile(level, link, *weight)
    return None


def _expectile(table: _Table) -> Functional | None:
    error = table.xs.unsqueeze(1) - table.ys
    if not bool(((table.slopes > 0) == (error > 0)).all()):
        return None
    fit = _additive((table.slopes / error).abs().log(), (error > 0).double(), table.close)
    if fit is None or not bool((fit.columns.abs() < 10 * table.close).all()):
        return None
    return functionals.expectile(float(torch.sigmoid(torch.tensor(-fit.jump))))


@dataclass(frozen=True)
class _Additive:
    columns: Tensor
    jump: float


def _additive(table: Tensor, indicator: Tensor | None, close: float) -> _Additive | None:
    """The parts of table = rows + columns + jump · indicator, if it is of that form."""
    if not bool(table.isfinite().all()):
        return None
    jump = 0.0
    if indicator is not None:
        left, right = _centred(table), _centred(indicator)
        jump = float((left * right).sum() / (right * right).sum())
        table = table - jump * indicator
    if bool(_centred(table).abs().max() > close):
        return None
    columns = table.mean(0)
    return _Additive(columns - columns.median(), jump)


def _centred(table: Tensor) -> Tensor:
    return table - table.mean(0) - table.mean(1, keepdim=True) + table.mean()


def _weight(ys: Tensor, logs: Tensor, close: float) -> tuple[Numbers, str] | None:
    """A weight of the form |y|^k, or max(|y|, c)^k, from its logarithm up to a constant."""
    size = ys.abs().log()
    far = size.argsort()[-8:]
    power = float((logs[far[-1]] - logs[far[0]]) / (size[far[-1]] - size[far[0]]))
    power = round(power, 3)
    offset = (logs[far] - power * size[far]).mean()
    off = (logs - power * size - offset).abs() > 10 * close
    if power == 0:
        return None
    if not bool(off.any()):
        return (lambda y: y.abs() ** power), f"y^{power:g}"
    floor = float(torch.exp((logs[off].mean() - offset) / power))
    floor = float(f"{floor:.3g}")
    floored = torch.clamp(ys.abs(), min=floor).log() * power + offset
    if bool(((floored - logs).abs() > 10 * close).any()):
        return None
    return (lambda y: torch.clamp(y.abs(), min=floor) ** power), f"max(y, {floor:g})^{power:g}"
