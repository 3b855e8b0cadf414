"""Amounts of which too little and too much cost differently → a quantile."""

from __future__ import annotations

from ...losses import Pinball, SmoothedPinball
from ..errors import ChoiceError
from .designed import Design, Option
from .stakes import Amount
from .words import told


def from_amounts(underage: float, overage: float, unit: str) -> Design:
    """The newsvendor: too little costs `underage` a piece, too much `overage`."""
    for name, cost in (("underage", underage), ("overage", overage)):
        if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 < cost < float("inf"):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ChoiceError(
                f"{name} is what one piece too {'little' if name == 'underage' else 'much'} costs, a positive number; "
                f"got {cost!r}. Were it 0, as much as possible, or nothing, would be ordered."
            )
    level = underage / (underage + overage)
    return Design(
        asked=f"a piece too little costs {told(underage)}, one too much {told(overage)}",
        loss=Pinball(level=level),
        estimates="median" if level == 0.5 else f"quantile({level:g})",
        reads=f"the amount that is enough in {told(100 * level)} % of cases",
        decide="Have the predicted amount ready.",
        why=(
            "This is the newsvendor. One more piece is worth having as long as the chance that it is wanted, times "
            f"{told(underage)}, exceeds the chance that it is left over, times {told(overage)}. Both are equal at the "
            f"quantile of the critical ratio {told(underage)} / ({told(underage)} + {told(overage)}) = {told(level)}, "
            f"which is what the pinball loss of that level estimates. {told(underage + overage)} times the loss is "
            "the expected cost itself."
        ),
        alternatives=(
            Option(
                loss=SmoothedPinball(level=level, width=0.1),
                why="A booster or L-BFGS needs a second derivative: the same, over a window of +-width, which you set "
                "well below the spread of the target.",
            ),
        ),
        warnings=_far_out(level),
        stakes=Amount(float(underage), float(overage)),
        unit=unit,
    )


def _far_out(level: float) -> tuple[str, ...]:
    rows = 100 / min(level, 1 - level)
    if rows <= 10_000:
        return ()
    return (
        f"Only one row in {told(1 / min(level, 1 - level))} lies beyond this quantile: with fewer than about "
        f"{told(float(f'{rows:.1g}'))} rows it is a guess.",
    )
