"""The rule by which a measurement becomes a verdict. Every check and audit judges with it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wald.findings.state import State


@dataclass(frozen=True, kw_only=True)
class Controls:
    """How a check did where the truth was known. True is right, False is wrong, None was not tried.

    Attributes:
        positive: A planted defect was found.
        negative: A clean twin stayed quiet.
    """

    positive: bool | None = None
    negative: bool | None = None

    def __post_init__(self) -> None:
        for name in ("positive", "negative"):
            value = getattr(self, name)
            # `bool(...)` also takes numpy's own booleans, which JSON does not know.
            object.__setattr__(self, name, None if value is None else bool(value))

    @property
    def right(self) -> bool:
        """Both were tried and both came out as they should: only then may a check accuse."""
        return self.positive is True and self.negative is True

    @property
    def wrong(self) -> bool:
        """One of them came out wrong: then the check says nothing, in either direction."""
        return self.positive is False or self.negative is False

    def to_dict(self) -> dict[str, bool | None]:
        """Return `{"positive": ..., "negative": ...}`."""
        return {"positive": self.positive, "negative": self.negative}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Controls:
        """Take back what `to_dict` gave; nothing at all means that neither was tried."""
        return cls() if data is None else cls(positive=data.get("positive"), negative=data.get("negative"))


def judge(
    *,
    effect: float | None,
    interval: tuple[float, float] | None,
    threshold: float,
    controls: Controls,
    worse: Literal["above", "below"] = "above",
    warn: float | None = None,
    detectable: float | None = None,
) -> State:
    """Turn an effect and its interval into a state.

    - An accusation (`fail`, `warn`) needs the effect beyond the level, its interval wholly beyond it, and both
      controls tried and right.
    - A `pass` needs the effect and its whole interval on the good side of the lowest level, and no control wrong.
    - All else is `inconclusive`: an interval that straddles, a control that came out wrong, an effect outside
      its own interval, no interval at all, nothing measured.

    A level itself still counts as good. Where the effect is exact, as with a computed counter-example, the
    interval is `(effect, effect)`; leaving it out says that the uncertainty is unknown.

    Args:
        effect: What was measured; None or NaN where nothing could be.
        interval: Its lower and upper bound. A NaN bound is an unknown one, so it reaches to infinity.
        threshold: The practical level beyond which this is a failure.
        controls: How the check did where the truth was known.
        worse: The side of the level on which the bad values lie.
        warn: A milder level. Wholly beyond it and not wholly beyond `threshold` is a warning.
        detectable: The smallest effect that could have been seen. Where that is larger than the lowest level, a
            quiet result shows nothing. It is a size, so it is compared only where `worse` is "above":
            a level such as "a correlation of at least 0.8" has no size to compare with.

    Raises:
        ValueError: If the levels are not numbers, contradict each other, or the interval is upside down.
    """
    if worse not in ("above", "below"):
        raise ValueError(f"worse is 'above' or 'below'; got {worse!r}.")
    if isnan(threshold) or (warn is not None and isnan(warn)):
        raise ValueError(f"A level to judge by must be a number; got threshold={threshold}, warn={warn}.")
    sign = 1.0 if worse == "above" else -1.0
    fails, warns = sign * threshold, sign * (threshold if warn is None else warn)
    if warns > fails:
        raise ValueError(f"warn is the milder level, but with worse={worse!r} {warn} is beyond threshold={threshold}.")
    if effect is None or isnan(effect) or interval is None or controls.wrong:
        return "inconclusive"
    low, high = _bounds(interval, sign)
    value = sign * effect
    if controls.right and value > fails and low > fails:
        return "fail"
    if controls.right and warn is not None and value > warns and low > warns:
        return "warn"
    if value <= warns and high <= warns:
        blind = worse == "above" and detectable is not None and not detectable <= warns
        return "inconclusive" if blind else "pass"
    return "inconclusive"


def _bounds(interval: tuple[float, float], sign: float) -> tuple[float, float]:
    low, high = interval
    low, high = (-inf if isnan(low) else low), (inf if isnan(high) else high)
    if low > high:
        raise ValueError(f"An interval is (low, high); got {tuple(interval)}.")
    return (low, high) if sign > 0 else (-high, -low)
