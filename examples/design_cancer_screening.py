"""Whom to call back after a mammogram: the threshold that follows from the harm of both mistakes.

The numbers are made up, and round; the way from them to a threshold is what is shown.

Run:  python examples/design_cancer_screening.py
"""

from __future__ import annotations

from itertools import product

import wald

#: Harm in units of one needless biopsy: a missed cancer, and the biopsy that a right call also costs.
COSTS = wald.Costs(false_negative=60.0, false_positive=1.0, true_positive=1.0, unit="biopsies")

#: Women by what the image shows: how many there are, and what share of them has cancer.
GROUPS = {
    "nothing to see": (90_000, 0.0004),
    "dense tissue": (7_000, 0.004),
    "a round shadow": (2_000, 0.015),
    "a shadow with edges": (800, 0.08),
    "calcified spots": (150, 0.35),
    "a star-shaped mass": (50, 0.85),
}


def saving() -> wald.choices.designing.Saving:
    """What calling by the threshold costs 100,000 women, and what it saves."""
    design = wald.design(costs=COSTS, unit=COSTS.unit)
    return design.saving([share for count, share in GROUPS.values() for _ in range(count)])


def by_enumeration() -> tuple[float, list[str]]:
    """The least harm of all 64 ways to call some groups and not others, and whom that calls."""

    def harm(calls: tuple[bool, ...]) -> float:
        return sum(
            count * (share * (1.0 if call else 60.0) + (1 - share) * (1.0 if call else 0.0))
            for (count, share), call in zip(GROUPS.values(), calls, strict=True)
        )

    best = min(product([False, True], repeat=len(GROUPS)), key=harm)
    return harm(best), [name for name, call in zip(GROUPS, best, strict=True) if call]


if __name__ == "__main__":
    print(wald.design(costs=COSTS, unit=COSTS.unit))
    print()
    print(saving())
    least, called = by_enumeration()
    print(f"Of all 64 ways to call groups the best costs {least:.0f}; it calls: {', '.join(called)}.")
