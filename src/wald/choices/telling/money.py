"""What is at stake, where mistakes have a price."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...audits.statistics import Sample
from ..costs import Costs
from ..profiling import Profile
from ..racing import Race


@dataclass(frozen=True)
class Rule:
    """A way to decide, and what it came to on the held-out rows.

    Attributes:
        name: what it is.
        cost: of all rows together.
        yes: how many rows it says yes to.
        missed: how many yes it misses.
    """

    name: str
    cost: float
    yes: int
    missed: int


@dataclass(frozen=True)
class Money:
    """What several ways to decide cost on the same held-out rows.

    Attributes:
        rules: always no, always yes, the plain loss at one half, the plain loss at the threshold of the costs, what is
            recommended, and what knowing the truth would cost.
        rows: how many rows.
        positives: how many are yes.
        unit: of the costs.
        chosen: the place of the recommended one among the rules.
        saved: what the recommended one saves over the cheaper of always and never.
        interval: of that, 95 %, as other rows of the same kind would vary it.
    """

    rules: tuple[Rule, ...]
    rows: int
    positives: int
    unit: str
    chosen: int
    saved: float
    interval: tuple[float, float]

    def told(self, amount: float) -> str:
        """An amount with its unit, to the whole number where it is large.

        >>> Money((), 1, 1, "dollars", 0, 0.0, (0.0, 0.0)).told(12345.6)
        '12,346 dollars'
        """
        return f"{self.amount(amount)} {self.unit}".rstrip()

    @staticmethod
    def amount(amount: float) -> str:
        """The number alone."""
        return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.3g}"


def money_of(race: Race, profile: Profile, costs: Costs) -> Money | None:
    """What is at stake; None where no candidate says anything of probabilities, or there are more than two classes."""
    said = race.predictions.get(race.recommended)
    if profile.task != "binary" or said is None:
        return None
    held = said.isfinite().nonzero()[:, 0]
    columns = {name: values[held] for name, values in profile.columns.items()}
    here = costs.on(columns)
    target = profile.target[held]
    weight = None if profile.weight is None else profile.weight[held]
    plain = min((one for one in race.entries if not one.failure), key=lambda one: one.candidate.plainness)
    at_half = race.predictions[plain.name][held] >= 0
    rules = [
        _rule("always no", torch.zeros(len(held), dtype=torch.bool), target, here, weight),
        _rule("always yes", torch.ones(len(held), dtype=torch.bool), target, here, weight),
        _rule(f"{plain.name}, decided at one half", at_half, target, here, weight),
    ]
    decided = at_half
    for name in dict.fromkeys((plain.name, race.recommended)):
        decided = torch.sigmoid(race.predictions[name][held]) >= here.threshold
        told = f"{name}, decided by the costs" if "threshold" not in name else name
        rules.append(_rule(told, decided, target, here, weight))
    chosen = len(rules) - 1
    rules.append(_rule("knowing the truth", target.bool(), target, here, weight))
    fixed = torch.full_like(decided, rules[1].cost < rules[0].cost)
    gain = here.paid(fixed, target) - here.paid(decided, target)
    sample = Sample(len(held), weight=weight, ordered=profile.order is not None and profile.order.given)
    many = float(len(held)) if weight is None else float(weight.sum())
    saved, half = sample.mean(gain) * many, 1.96 * float(sample.errors(gain)) * many
    return Money(tuple(rules), len(held), int(target.sum()), costs.unit, chosen, saved, (saved - half, saved + half))


def _rule(name: str, decided: Tensor, target: Tensor, costs: Costs, weight: Tensor | None) -> Rule:
    paid = costs.paid(decided, target)
    missed = int((~decided & target.bool()).sum())
    return Rule(name, float(paid.sum() if weight is None else (paid * weight).sum()), int(decided.sum()), missed)
