"""The forms of derivatives by which a statistic is known.

D over predictions x and targets y is looked at. A minimiser solves E D(x, Y) = 0, so the form of D in y names it:

- D = a(x) + b(x) φ(y): a mean of φ(Y); its root says in which scale the prediction is.
- D = b(x) w(y) (x - y): a mean under weights w.
- log |D| = h(x) + w(y) + c · [x > T(y)]: a quantile of level 1 / (1 + exp c).
- the same of |D| / |x - y|: an expectile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from . import functionals
from .derivatives import Slope, Table
from .functionals import LINKS, Functional, Numbers

#: A table that fits this much worse than the right form would is neither of the form nor clearly of another.
_NEARLY = 20.0
#: Maps of the target, in the order in which they are tried; the other links are inverses of these.
_MAPS = ("identity", "log", "log1p", "sqrt", "reciprocal", "square", "exp", "asinh")


def identified(table: Table) -> Functional | None:
    """The statistic that the derivatives name, if they are of a form that has one."""
    return next(_candidates(table), None)


def nearly_identified(table: Table) -> Functional | None:
    """The statistic that they would name if their arithmetic were less precise than it should be."""
    return identified(replace(table, close=_NEARLY * table.close))


def is_function_of_a_mean(table: Table) -> bool:
    """Whether the best prediction is a function of one mean E[φ(Y)], named or not."""
    return _one_row(table) is not None


def _candidates(table: Table) -> Iterator[Functional]:
    for form in (_mean, _weighted_mean, _quantile, _expectile):
        found = form(table)
        if found is not None:
            yield found


# D = a(x) + b(x) φ(y).


def _one_row(table: Table) -> Tensor | None:
    """The row that every row is after centring, up to a factor: φ."""
    centred = table.slopes - table.slopes.mean(1, keepdim=True)
    rows = centred / centred.norm(dim=1, keepdim=True)
    aligned = rows * (rows @ rows[0]).sign().unsqueeze(1)
    return aligned[0] if bool(((aligned - aligned[0]).abs() < table.close).all()) else None


def _mean(table: Table) -> Functional | None:
    row = _one_row(table)
    if row is None:
        return None
    for name in _MAPS:
        phi = LINKS[name][0](table.ys)
        if (root := _root(phi, row, table)) is not None:
            return _mean_of(name, root, table)
    power = _power(table.ys, row)
    if power is not None and (root := _root(table.ys**power, row, table)) is not None:
        back = root.clamp(min=0) ** (1 / power)
        return functionals.power_mean(power) if _same(back, table.xs, table.close) else None
    return _mean_of_unknown(row, table)


def _root(phi: Tensor, row: Tensor, table: Table) -> Tensor | None:
    """Where each row is zero, on the scale of `phi`, if `phi` is what the rows are made of."""
    if not bool(phi.isfinite().all()):
        return None
    basis = torch.stack([torch.ones_like(phi), phi], 1)
    fit = torch.linalg.lstsq(basis, row.unsqueeze(1)).solution
    if not bool(((basis @ fit).squeeze(1) - row).abs().max() < table.close):
        return None
    a, b = torch.linalg.lstsq(basis, table.slopes.T).solution
    return -a / b


def _mean_of(name: str, root: Tensor, table: Table) -> Functional | None:
    if _same(LINKS[name][1](root), table.xs, table.close):
        return functionals.mean() if name == "identity" else functionals.inner_mean(name)
    if name == "identity":
        return _through(root, table)
    return functionals.expectation(name) if _same(root, table.xs, table.close) else None


def _through(root: Tensor, table: Table) -> Functional | None:
    """The mean in another scale: the root of a row is where its prediction lies on the scale of the target."""
    best, least, second = "", torch.inf, torch.inf
    for name, (_, back) in LINKS.items():
        off = ((back(table.xs) - root).abs() / (root.abs() + table.close)).max().nan_to_num(nan=torch.inf).item()
        if off < least:
            best, least, second = name, off, least
        else:
            second = min(second, off)
    # Two links may agree on most of the line, as the logistic function and the exponential do below zero.
    return functionals.mean(best) if least < 1e2 * table.close and 3 * least < second else None


def _same(a: Tensor, b: Tensor, close: float) -> bool:
    return torch.allclose(a, b, rtol=10 * close, atol=close)


def _power(ys: Tensor, row: Tensor) -> float | None:
    """The exponent of the power that `row` is, up to scale and shift."""
    if bool((ys <= 0).any()):
        return None
    order = ys.argsort()
    places = order[[2, len(ys) // 2, len(ys) - 3]]
    low, middle, high = row[places].tolist()
    if middle == low:
        return None
    wanted, logs = (high - middle) / (middle - low), ys[places].log()

    def ratio(power: float) -> float:
        below, at, above = torch.expm1(power * (logs - logs[1])).tolist()
        return (above - at) / (at - below) if at != below else 0.0

    left, right = -4.0, 4.0
    for _ in range(60):
        half = (left + right) / 2 or 1e-9
        left, right = (half, right) if ratio(half) < wanted else (left, half)
    power = (left + right) / 2
    power = round(power, 4) if abs(power - round(power, 4)) < 1e-6 else power
    return power if 0.01 < abs(power) < 3.99 else None


def _mean_of_unknown(row: Tensor, table: Table) -> Functional | None:
    """A map that has no name, if it rises and the target itself costs least."""
    own = table.slope(table.xs, table.xs)
    size = table.slopes.abs().amax(1)
    rising = row[table.ys.argsort()].diff()
    monotone = bool((rising >= 0).all() | (rising <= 0).all())
    if not (monotone and bool((own.abs() <= table.close * size).all())):
        return None
    return Functional(
        name="mean through T(y)",
        of=_zero_of(table),
        formula="x with T(x) = E[T(Y)], for the increasing map T that its derivatives are made of",
    )


def _zero_of(table: Table) -> Numbers:
    """The prediction at which the derivatives under a law add to zero, by halving what lies between its atoms."""

    def of(law: Tensor) -> Tensor:
        low, high = law.amin(-1).double(), law.amax(-1).double()
        for _ in range(50):
            half = (low + high) / 2
            x = half.unsqueeze(-1).expand_as(law)
            total = table.slope(x.reshape(-1), law.reshape(-1)).reshape(law.shape).sum(-1)
            low, high = torch.where(total < 0, half, low), torch.where(total < 0, high, half)
        return ((low + high) / 2).to(law.dtype)

    return of


# Additive logarithms.


def _weighted_mean(table: Table) -> Functional | None:
    error = table.xs.unsqueeze(1) - table.ys
    if not bool(((table.slopes > 0) == (error > 0)).all()):
        return None
    fit = _additive((table.slopes / error).abs().log(), None, table.close)
    if fit is None:
        return None
    return functionals.weighted_mean(*_weight(table, fit.columns, lambda x, y: (x - y).abs()))


def _quantile(table: Table) -> Functional | None:
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
        return functionals.quantile(level, link, *_weight(table, fit.columns, lambda x, y: torch.ones_like(y)))
    return None


def _expectile(table: Table) -> Functional | None:
    error = table.xs.unsqueeze(1) - table.ys
    if not bool(((table.slopes > 0) == (error > 0)).all()):
        return None
    fit = _additive((table.slopes / error).abs().log(), (error > 0).double(), table.close)
    if fit is None:
        return None
    level = float(torch.sigmoid(torch.tensor(-fit.jump, dtype=torch.float64)))
    if bool((fit.columns.abs() < 10 * table.close).all()):
        return functionals.expectile(level)
    return functionals.expectile(level, *_weight(table, fit.columns, lambda x, y: (x - y).abs()))


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


# Weights.


def _weight(table: Table, logs: Tensor, size: Slope) -> tuple[Numbers, str]:
    """The weight whose logarithm, up to a constant, is `logs`; by name if it is |y|^k or max(|y|, c)^k."""
    return _power_weight(table.ys, logs, table.close) or (_seen_weight(table, size), "w(y)")


def _seen_weight(table: Table, size: Slope) -> Numbers:
    """The weight of any target, as seen from the farthest prediction, above all of them, where no side changes."""
    top = table.xs.max()

    def weight(y: Tensor) -> Tensor:
        flat = y.double().reshape(-1)
        x = top.expand_as(flat)
        return (table.slope(x, flat).abs() / size(x, flat)).reshape(y.shape).to(y.dtype)

    return weight


def _power_weight(ys: Tensor, logs: Tensor, close: float) -> tuple[Numbers, str] | None:
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
