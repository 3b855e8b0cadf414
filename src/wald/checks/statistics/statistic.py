"""Which statistic of the target a loss of one number elicits.

It is found twice. The derivatives over a table of predictions and targets have a form that names it (see
`identification`), and its best predictions for two dozen finite laws, had by values alone, must be what was named
(see `acts`). Where the two disagree nothing is claimed. A loss of the difference alone is also looked at far out (see
`psi`), where a Huber loss shows that it is no squared error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..subjects.grids import pairs
from ..subjects.subject import Subject
from . import functionals
from .acts import Acts, bayes_acts, examples
from .derivatives import Slope, Table, is_slope_of_values, slopes_by_autograd, slopes_by_differences, table_of
from .functionals import Functional
from .identification import identified, is_function_of_a_mean, nearly_identified
from .psi import Psi, measure_psi

#: How closely the right form fits in single precision, or worse.
_SINGLE = 1e-4
#: The share of slopes that must have the right sign.
_TOWARDS = 0.97


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What was found.

    Attributes:
        name: in the words of a card.
        why: what shows it, or why it is unresolved.
        facts: numbers for the evidence.
        scale: the scale in which the prediction is.
        measured: whether it was looked for at all.
    """

    name: str
    why: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    scale: str = "identity"
    measured: bool = True


def measure_statistic(subject: Subject, *, transform: bool = False) -> Statistic:
    """The statistic that `subject` elicits.

    Args:
        subject: a loss of one number against one number.
        transform: its batches are a transform of a mean, so only whole batches have a value in order.
    """
    return _Search(subject, transform).result()


class _Search:
    """One loss, and how it must be called."""

    def __init__(self, subject: Subject, transform: bool) -> None:
        self.subject = subject
        self.transform = transform
        self.by_batch = transform or not subject.together

    def result(self) -> Statistic:
        """What derivatives and best predictions agree on."""
        slope = slopes_by_autograd(self.subject, by_batch=self.by_batch)
        tables = [(wide, table_of(self.subject, slope, wide=wide)) for wide in (True, False)]
        differences = all(table is None for _, table in tables) and not self.transform
        if differences:
            slope = slopes_by_differences(self.subject)
            tables = [(False, table_of(self.subject, slope, wide=False, differences=True))]
        seen = [(wide, table) for wide, table in tables if table is not None]
        if not seen:
            return self._by_acts_alone()
        psi = measure_psi(self.subject, slope, differences=differences)
        wide, table, found = _first_identified(seen, stop=psi is not None)
        if psi is not None and not _is_plain(found, psi):
            return self._of_difference(psi, slope, wide)
        if found is not None:
            return self._confirmed(found, wide)
        if differences:
            # A staircase has slopes between its steps that mean nothing.
            return self._by_acts_alone()
        return self._nameless(table, slope, wide)

    def _acts(self, wide: bool) -> Acts:
        return bayes_acts(self.subject, wide=wide, by_batch=self.by_batch)

    def _facts(self, **more: Any) -> dict[str, Any]:
        return {"acts": examples(self.subject, by_batch=self.by_batch), **more}

    def _confirmed(self, found: Functional, wide: bool) -> Statistic:
        if not self._acts(wide).confirm(found):
            return _unresolved(f"its derivatives are those of a {found.name}, but its best predictions are not")
        meaning = f" ({found.formula})" if found.formula else ""
        return Statistic(
            name=found.name,
            why=f"derivatives name it{meaning} and the best predictions of two dozen laws are it",
            facts=self._facts(**({"formula": found.formula} if found.formula else {})),
            scale=found.scale,
        )

    def _of_difference(self, psi: Psi, slope: Slope, wide: bool) -> Statistic:
        facts = self._facts(psi=dict(psi.facts()))
        if psi.has_one_sign():
            return Statistic(name="none", why="its slope never changes sign, so it has no least value", facts=facts)
        if not self.transform and not is_slope_of_values(self.subject, slope):
            return self._disagreement(wide)
        likeness = self._plain(self._acts(wide))
        alike = f"; for errors of the usual size its best predictions are the {likeness}" if likeness else ""
        return Statistic(
            name="m-functional",
            why=f"a loss of the difference alone, of which {psi.says()}{alike}",
            facts=facts,
        )

    def _nameless(self, table: Table, slope: Slope, wide: bool) -> Statistic:
        """No form fits: that is only said where both ways say it."""
        if (near := nearly_identified(table)) is not None:
            return _unresolved(
                f"its derivatives are nearly those of a {near.name}, but not as nearly as they should be"
            )
        if is_function_of_a_mean(table):
            return _unresolved(
                "its best prediction is a function of one mean of the target, in no scale that has a name"
            )
        if self._plain(self._acts(wide)) or not (self.transform or is_slope_of_values(self.subject, slope)):
            return self._disagreement(wide)
        return Statistic(name="none", why="no statistic that has a name fits its derivatives", facts=self._facts())

    def _disagreement(self, wide: bool) -> Statistic:
        told = self._plain(self._acts(wide))
        if told:
            return _unresolved(f"its best predictions are the {told}, but its derivatives are of another form")
        return _unresolved("its gradient is not the slope of its values")

    def _plain(self, acts: Acts) -> str:
        """Mean or median, where its best predictions are one of them."""
        plain = (functionals.mean(), functionals.quantile(0.5))
        return next((one.name for one in plain if acts.confirm(one)), "")

    # Without any derivative.

    def _by_acts_alone(self) -> Statistic:
        acts = self._acts(wide=False)
        if all(bool((typical <= cost).all()) for typical, cost in zip(acts.typical, acts.costs, strict=True)):
            return _unresolved("it costs the same whatever is predicted")
        confirmed = [one for one in _candidates(self.subject, acts) if acts.confirm(one) and acts.single(one)]
        if len(confirmed) == 1:
            (found,) = confirmed
            return Statistic(
                name=found.name,
                why="the best predictions of two dozen laws are it; it has no derivative to confirm that",
                facts=self._facts(),
                scale=found.scale,
            )
        if acts.inside and not confirmed and not self.transform and self._same_everywhere():
            return Statistic(
                name="m-functional",
                why="a loss of the difference alone, without a slope, whose best predictions have no other name",
                facts=self._facts(),
            )
        return _unresolved("its derivative in the prediction is not finite, or is zero everywhere")

    def _same_everywhere(self) -> bool:
        """Whether its values are those of the difference alone."""
        if self.subject.prediction.bounded or self.subject.target.bounded:
            return False
        base, r = pairs(torch.tensor([0.0, 1.25, -3.5]), torch.arange(-20, 21) / 8)
        base, r = (x.to(self.subject.dtype) for x in (base, r))
        found = self.subject.values(base + r, base).detach().double().reshape(3, -1)
        return torch.allclose(found, found[:1].expand_as(found), rtol=1e-6, atol=1e-9)


def _unresolved(why: str) -> Statistic:
    return Statistic(name="unresolved", why=why)


def _first_identified(seen: list[tuple[bool, Table]], *, stop: bool) -> tuple[bool, Table, Functional | None]:
    """The first table whose form has a name; numbers of the usual size are looked at where decades were too many."""
    wide, table = seen[0]
    found = identified(table)
    if found is not None or len(seen) == 1 or stop:
        return wide, table, found
    usual = identified(seen[1][1])
    return (wide, table, None) if usual is not None and _contradicts(table, usual) else (*seen[1], usual)


def _contradicts(table: Table, usual: Functional) -> bool:
    """Whether a table over decades, whose arithmetic holds, is of another form than what usual numbers name."""
    if not table.whole:
        return False
    near = nearly_identified(table)
    if near is not None and near.name == usual.name:
        return False
    if table.close < _SINGLE:
        return True
    # In single precision only signs are sure: whatever the target itself minimises falls towards it.
    towards = (table.slopes > 0) == (table.xs.unsqueeze(1) > table.ys)
    return usual.scale == "identity" and float(towards.double().mean()) < _TOWARDS


def _is_plain(found: Functional | None, psi: Psi) -> bool:
    """Whether what was named holds however far out, and is not one of the many means of a difference."""
    if found is None:
        return False
    if found.name == "mean" or found.name.startswith("expectile"):
        return psi.is_linear()
    if found.name == "median" or found.name.startswith("quantile"):
        return psi.is_step()
    return False


def _candidates(subject: Subject, acts: Acts) -> list[Functional]:
    """Statistics with a name that best predictions alone can be compared with."""
    found = [functionals.mean(), functionals.quantile(0.5)]
    if subject.target.low >= 0 and subject.prediction.low >= 0:
        found += [functionals.inner_mean("log"), functionals.inner_mean("reciprocal")]
    level = _level(acts.laws[-1].double(), acts.acts[-1].double())
    return found if abs(level - 0.5) < 1e-3 else [*found, functionals.expectile(level)]


def _level(law: Tensor, act: Tensor) -> float:
    """The level of the expectile that the best predictions would be."""
    below, above = (act.unsqueeze(1) - law).clamp(min=0).sum(1), (law - act.unsqueeze(1)).clamp(min=0).sum(1)
    return float((below / (below + above)).median())
