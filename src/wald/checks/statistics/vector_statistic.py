"""Which statistics of the target a loss of several outputs elicits: quantile sets, a mean and a variance, a law.

Each entry of the prediction is looked at with the others held at their best, as a loss of one number is; what has
no form of its own is compared with measures of spread. All entries together must then cost no more than the best
predictions of a dozen laws. Where that fails, a loss may still be a proper score of a whole law: the logarithmic one,
whose exponential is a density for every prediction, or one whose best prediction for normal targets is their
parameters.

Fissler & Ziegel 2016, arXiv:1503.08123; Gneiting & Raftery 2007, doi:10.1198/016214506000001437.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from ..subjects.grids import spread
from ..subjects.subject import Subject
from . import functionals
from .derivatives import Slope, table_of
from .functionals import Functional
from .identification import identified
from .moments import expected_shortfall, spreads
from .statistic import Statistic
from .vector_acts import (
    VectorActs,
    alone,
    by_batch,
    finite_laws,
    is_slope_of_values,
    risk,
    slopes_of,
    starts,
    vector_acts,
)

#: How far a best prediction may be from a statistic to be taken for it, before costs decide.
_NEAR: Final = 0.02
_DENSITY: Final = "its exponential is a density for every prediction, so it is the logarithmic score of a law"
#: Starts that rise, so that targets lie between their entries; and how many entries can be parted so.
_RISING: Final = slice(160, 166)
_PARTED: Final = 12
#: Predictions for which it must be one.
_PREDICTIONS: Final = 16
#: What the named statistics may cost more than the best prediction.
_EXCESS: Final = {torch.float64: 1e-5, torch.float32: 1e-3}
#: What is left of derivatives that cancel.
_BALANCED: Final = {torch.float64: 1e-4, torch.float32: 1e-3}


def measure_vector_statistic(subject: Subject) -> Statistic:
    """The statistics that `subject`, a loss of several outputs against one number, elicits."""
    if not is_slope_of_values(subject):
        return _unresolved("its gradient is not the slope of its values, as where a part is cut from the graph")
    acts = vector_acts(subject, finite_laws(subject))
    if acts is None:
        if _is_density(subject):
            return Statistic(name="distribution", why=_DENSITY, scale="several")
        return _unresolved("its expected cost has no least value that was found")
    if dead := _dead(subject, acts):
        return _unresolved(f"entries {', '.join(map(str, dead))} of its prediction change nothing")
    rank, entries = _determined(subject), acts.acts.shape[1]
    if rank < entries:
        if rank > 1 and _is_density(subject):
            return Statistic(name="distribution", why=_DENSITY, scale="several")
        return _unresolved(f"of its {entries} entries only {rank} matter: some may be traded for others")
    facts = {"acts": _shown(acts)}
    if (named := _named(subject, acts)) is not None:
        return Statistic(
            name=_listed(named),
            why="entry by entry derivatives or best predictions name it, and together they cost least for a dozen laws",
            facts=facts,
            scale="several",
        )
    if (why := _whole_law(subject, acts)) is not None:
        return Statistic(name="distribution", why=why, facts=facts, scale="several")
    return _unresolved("its best predictions are no statistics that have a name", facts)


def _unresolved(why: str, facts: dict[str, Any] | None = None) -> Statistic:
    return Statistic(name="unresolved", why=why, facts=facts or {}, scale="several")


def _listed(named: list[Functional]) -> str:
    names = [one.name for one in named]
    if all(name == "median" or name.startswith("quantile") for name in names):
        names = [name.replace("median", "quantile(0.5)") for name in names]
    return ", ".join(names)


def _shown(acts: VectorActs) -> list[dict[str, Any]]:
    """The best predictions for laws of few atoms, for a reader."""
    rows = zip(acts.laws[:3], acts.acts[:3], strict=True)
    return [{"law": law[law.isfinite()].sort().values.tolist(), "best": act.tolist()} for law, act in rows]


def _dead(subject: Subject, acts: VectorActs) -> list[int]:
    """Entries that may be anything."""
    found: list[int] = []
    for entry in range(acts.acts.shape[1]):
        moved = acts.acts.clone()
        low = subject.prediction.low
        moved[:, entry] = moved[:, entry] + 1 if low == -torch.inf else low + 2 * (moved[:, entry] - low)
        if bool((acts.excess(subject, moved) <= 0).all()):
            found.append(entry)
    return found


def _determined(subject: Subject) -> int:
    """How many directions of the prediction matter: the rank of the derivatives in its entries over many targets."""
    generator = subject.generator()
    tried = starts(subject)[_RISING]
    if tried.shape[1] > _PARTED:
        # Too many for a few targets to tell apart.
        return tried.shape[1]
    y = spread(subject.target, 200, generator, wide=False).to(subject.dtype)
    most = 0
    for x in tried:
        slopes = slopes_of(subject, x.repeat(len(y), 1), y)
        if bool(slopes.isfinite().all()):
            sizes = torch.linalg.svdvals(slopes / slopes.norm(dim=0).clamp(min=1e-300))
            most = max(most, int((sizes > 1e-4 * sizes[0]).sum()))
    return most


# Entry by entry.


def _named(subject: Subject, acts: VectorActs) -> list[Functional] | None:
    """The statistics of all entries, if each has a name and together they cost least."""
    entries = acts.acts.shape[1]
    found = [_by_form(subject, acts, entry) for entry in range(entries)]
    levels = [one.level for one in found if one is not None and one.level is not None]
    others = [*spreads(), functionals.mean(), functionals.mean("log"), functionals.quantile(0.5)]
    others += [
        expected_shortfall(level, upper=upper, log=log)
        for log in (False, True) for level in levels for upper in (False, True)
    ]  # fmt: skip
    named: list[Functional] = []
    for entry, one in enumerate(found):
        one = one or _by_acts(acts, entry, others)
        if one is None:
            return None
        named.append(one)
    predictions = torch.stack([_of_laws(one, acts.laws) for one in named], 1).to(subject.dtype)
    if not bool((acts.excess(subject, predictions) <= _EXCESS[subject.dtype]).all()):
        return None
    without_form = [entry for entry, one in enumerate(found) if one is None]
    return named if _stationary(subject, acts.laws, predictions, without_form) else None


def _stationary(subject: Subject, laws: Tensor, predictions: Tensor, entries: list[int]) -> bool:
    """Whether the derivatives in these entries add to zero under each law, which values alone did not say."""
    there = laws.isfinite()
    law = there.nonzero()[:, 0]
    slopes = slopes_of(subject, predictions[law], laws[there])[:, entries]
    total, size = (torch.zeros(len(laws), len(entries)).double().index_add(0, law, x) for x in (slopes, slopes.abs()))
    return bool((total.abs() <= _BALANCED[subject.dtype] * (size + size.amax(0))).all())


def _by_form(subject: Subject, acts: VectorActs, entry: int) -> Functional | None:
    """What the derivatives in one entry name, with the others held where they are best for some law."""
    twin = alone(subject)
    found: list[Functional | None] = []
    for law in (len(acts.acts) // 2, 0):
        slope = _slope_in(subject, acts.acts[law], entry)
        tables = (table_of(twin, slope, wide=wide) for wide in (True, False))
        found.append(next((one for table in tables if table and (one := identified(table))), None))
    one, other = found
    # What depends on where the others are held is no statistic by itself.
    return one if one is not None and other is not None and one.name == other.name else None


def _slope_in(subject: Subject, held: Tensor, entry: int) -> Slope:
    def slope(x: Tensor, y: Tensor) -> Tensor:
        whole = held.repeat(len(x), 1)
        whole[:, entry] = x.to(held)
        try:
            return slopes_of(subject, whole, y.to(subject.dtype))[:, entry]
        except Exception:
            # What is far out may be refused, and says nothing then.
            return torch.full((len(x),), torch.nan, dtype=torch.float64)

    return slope


def _by_acts(acts: VectorActs, entry: int, candidates: list[Functional]) -> Functional | None:
    """The statistic that the best predictions of all laws are nearest to, if they are near at all."""
    act = acts.acts[:, entry].double()
    scale = act.std().clamp(min=1e-6)
    best, least = None, _NEAR
    for one in candidates:
        off = float((_of_laws(one, acts.laws) - act).abs().max() / scale)
        if off < least:
            best, least = one, off
    return best


def _of_laws(functional: Functional, laws: Tensor) -> Tensor:
    return torch.stack([functional.of(law[law.isfinite()].double().unsqueeze(0))[0] for law in laws])


# Whole laws.


def _whole_law(subject: Subject, acts: VectorActs) -> str | None:
    """Why it is a proper score of a law, if it is."""
    if _is_density(subject):
        return _DENSITY
    if _is_sample(subject, acts):
        return "its best prediction is a sample that is spread evenly over the law, entry by entry"
    for family, quantile in _FAMILIES.items():
        if _is_of_family(subject, quantile):
            return f"for {family} targets its best prediction is their parameters, and for others the nearest such law"
    return None


def _is_density(subject: Subject) -> bool:
    """Whether the exponential of minus the loss adds up to the same for every prediction."""
    if by_batch(subject):
        return False  # it takes too many values
    predictions = starts(subject, scale=0.5)[:_PREDICTIONS]
    low = subject.target.low
    u, v = torch.linspace(-9, 9, 1601, dtype=torch.float64), torch.linspace(-30, 9, 1601, dtype=torch.float64)
    grids = [(torch.arange(400.0).double(), torch.ones(400))]
    grids += [(u.sinh(), u.cosh())] if low == -torch.inf else [(low + v.exp(), v.exp())]
    for y, width in grids:
        many = len(y)
        x = predictions.repeat_interleave(many, 0)
        given = y.to(subject.dtype).repeat(len(predictions))
        values = subject.values(x, given).detach().double().reshape(-1, many)
        for scale in (1.0, 2.0, 0.5):
            mass = ((-scale * values).exp() * width).sum(1)
            if bool(mass.isfinite().all()) and float(mass.std() / mass.mean()) < 2e-3:
                return True
    return False


def _is_sample(subject: Subject, acts: VectorActs) -> bool:
    """Whether its entries may change places, and quantiles that are evenly spread cost least."""
    entries = acts.acts.shape[1]
    flipped = risk(subject, acts.acts.flip(1).unsqueeze(1), acts.laws).squeeze(1)
    if not torch.allclose(flipped, acts.costs, rtol=1e-6, atol=1e-9):
        return False
    levels = [(2 * place + 1) / (2 * entries) for place in range(entries)]
    spread_out = torch.stack([_of_laws(functionals.quantile(level), acts.laws) for level in levels], 1)
    return bool((acts.excess(subject, spread_out.to(subject.dtype)) <= _EXCESS[subject.dtype]).all())


_FAMILIES: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "normal": lambda p: 2**0.5 * torch.erfinv(2 * p - 1),
    "Laplace": lambda p: -torch.sign(p - 0.5) * torch.log1p(-2 * (p - 0.5).abs()),
    "logistic": torch.logit,
}
#: Places and scales of the laws of a family that are tried.
_PARAMETERS: Final = ((0.0, 1.0), (1.0, 0.5), (-1.0, 2.0), (0.5, 1.5))


def _is_of_family(subject: Subject, quantile: Callable[[Tensor], Tensor]) -> bool:
    """Whether its best predictions for laws of a family are their place and their scale, in some scale of its own."""
    if subject.target.bounded:
        return False
    shares = (torch.arange(100, dtype=torch.float64) + 0.5) / 100
    places, scales = torch.tensor(_PARAMETERS, dtype=torch.float64).T
    laws = places.unsqueeze(1) + scales.unsqueeze(1) * quantile(shares)
    found = vector_acts(subject, laws.to(subject.dtype))
    if found is None or found.acts.shape[1] != 2 or len(found.acts) != len(laws):
        return False
    place, scale = found.acts.double().T
    if not bool(((place - places).abs() < 0.02 * scales).all()):
        return False
    maps = (*(functionals.LINKS[name][0] for name in ("identity", "log", "inverse softplus", "reciprocal")),)
    maps = (*maps, torch.square, lambda s: s.square().log())
    return any(bool(((to(scales) - scale).abs() < 0.03 * (1 + to(scales).abs())).all()) for to in maps)
