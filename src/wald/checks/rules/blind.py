"""What the loss cannot see: the size of forecasts, their level, or which of them belongs to which target.

Forecasts are multiplied by factors up to a million, shifted, and shuffled among the examples. A loss that stays the
same does not hold a model to the right size or level: a correlation is perfect for forecasts in the wrong unit. That
may be meant, as in ranking, and then scores must be calibrated before they are used as numbers. A loss that does not
see which prediction belongs to which target compares nothing but two heaps; the usual cause is shapes (n, 1) and
(n,) that were broadcast against each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding, State
from ..measured import Measured
from .rule import Rule, regression, shown, squared_error

_CODES = {
    "size": (
        "W602",
        "it cannot see the size of forecasts",
        "Add a term that sees it, or rescale forecasts afterwards.",
    ),
    "level": (
        "W603",
        "it cannot see the level of forecasts",
        "Add a term that sees it, or shift forecasts afterwards.",
    ),
    "order": (
        "W606",
        "it cannot see which forecast belongs to which target",
        "Compare each prediction with its own target; look for shapes that broadcast.",
    ),
}
_SEES = {"size": "the size of forecasts", "level": "their level", "order": "which belongs to which target"}


def look(measured: Measured) -> Iterator[Finding]:
    """One finding for each thing that it cannot see; else one that says what it sees."""
    rays = measured.rays
    verdicts = {name: getattr(rays, name) for name in _CODES}
    blind = [name for name, verdict in verdicts.items() if verdict.word == "no"]
    for name in blind:
        code, says, fix = _CODES[name]
        # Scores of labels and ranks are compared with each other; numbers are meant to be right themselves.
        state: State = "warn" if measured.subject.task == "regression" or name == "order" else "pass"
        yield Finding(
            code=code,
            state=state,
            question="gaming",
            says=f"{says}: {verdicts[name].why}",
            fix=fix if state == "warn" else "",
            evidence={"reproduce": shown(measured.subject, *verdicts[name].inputs)},
            method="a batch of forecasts, and the same times a million, shifted, or shuffled",
        )
    seen = [_SEES[name] for name, verdict in verdicts.items() if verdict.word == "yes"]
    if not blind:
        yield Finding(
            code="W602",
            state="pass" if seen else "not_applicable",
            question="gaming",
            says=f"it sees {' and '.join(seen)}" if seen else "its predictions have no size that could be changed",
            method="a batch of forecasts, and the same times a million, shifted, or shuffled",
        )


def _correlation(prediction: Tensor, target: Tensor) -> Tensor:
    x, y = prediction - prediction.mean(), target - target.mean()
    return 1 - (x * y).sum() / (x.norm() * y.norm())


RULE = Rule(
    codes={
        "W602": "it cannot see the size of forecasts",
        "W603": "it cannot see the level of forecasts",
        "W606": "it cannot see which forecast belongs to which target",
    },
    explains=__doc__ or "",
    look=look,
    aimed=True,
    planted=lambda: regression(_correlation, whole=True),
    clean=lambda: regression(squared_error),
)
