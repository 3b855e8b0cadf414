"""One result: what was asked, what came out, how sure that is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, isnan
import re
from typing import TYPE_CHECKING, Any, cast

from wald.findings.plain import to_plain
from wald.findings.rule import Controls
from wald.findings.state import STATES, State

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE = re.compile(r"[A-Z]{1,4}[0-9]{3,4}")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One result of a check, with its evidence.

    Attributes:
        code: The stable name of the rule, such as `W101`.
        state: One of the seven `STATES`.
        question: The question that this belongs to, such as "edge cases".
        says: What was found, in one sentence.
        fix: What to do about it, in one sentence.
        effect: The size of it, in `unit`; None where nothing was measured.
        unit: The unit of effect, interval, threshold and detectable, such as "MAE".
        interval: Lower and upper bound of the effect; an unknown bound is infinite.
        threshold: The practical level beyond which this is a failure.
        detectable: The smallest effect that could have been seen.
        controls: How the check did where the truth was known.
        evidence: The offending input and whatever else proves it. `reproduce` is two lines of code.
        seconds: What it cost.
        method: How it was measured.
        source: Where the method or the claim comes from.

    Raises:
        ValueError: If a field contradicts the contract: an unknown state, a code that is none, an interval that
            straddles the threshold of a pass or a fail, a fail whose own controls came out wrong.
    """

    code: str
    state: State
    question: str
    says: str
    fix: str = ""
    effect: float | None = None
    unit: str = ""
    interval: tuple[float, float] | None = None
    threshold: float | None = None
    detectable: float | None = None
    controls: Controls = field(default_factory=Controls)
    # Not hashed, because a mapping cannot be; it still counts when two findings are compared.
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    seconds: float = 0.0
    method: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"A finding is one of {', '.join(sorted(STATES))}; got state={self.state!r}.")
        if not _CODE.fullmatch(self.code):
            raise ValueError(f"A code is capitals and three or four digits, such as 'W101'; got {self.code!r}.")
        for name in ("question", "says"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.code} needs a {name!r}; it is empty.")
        for name in ("effect", "threshold", "detectable"):
            object.__setattr__(self, name, _number(self.code, name, getattr(self, name)))
        object.__setattr__(self, "seconds", _number(self.code, "seconds", self.seconds) or 0.0)
        object.__setattr__(self, "interval", _interval(self.code, self.interval))
        object.__setattr__(self, "evidence", to_plain(self.evidence))
        if self.state in ("pass", "fail") and self._straddles():
            raise ValueError(
                f"{self.code}: the interval {self.interval} straddles the threshold {self.threshold}, "
                f"which is 'inconclusive' and never {self.state!r}."
            )
        if self.state == "fail" and self.controls.wrong:
            raise ValueError(f"{self.code}: a control came out wrong, so this is 'inconclusive' and no 'fail'.")

    def _straddles(self) -> bool:
        # Only finite bounds: infinities read back from JSON are bounds that it could not hold.
        if self.interval is None or self.threshold is None or not all(map(isfinite, self.interval)):
            return False
        low, high = self.interval
        return low < self.threshold < high

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that strict JSON can hold: NaN and infinities become None."""
        return {
            "code": self.code,
            "state": self.state,
            "question": self.question,
            "says": self.says,
            "fix": self.fix,
            "effect": to_plain(self.effect),
            "unit": self.unit,
            "interval": to_plain(self.interval),
            "threshold": to_plain(self.threshold),
            "detectable": to_plain(self.detectable),
            "controls": self.controls.to_dict(),
            "evidence": to_plain(self.evidence),
            "seconds": to_plain(self.seconds),
            "method": self.method,
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """Take back what `to_dict` gave. Keys that are not known here are passed over."""
        known: dict[str, Any] = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known["controls"] = Controls.from_dict(data.get("controls"))
        return cls(**known)


def _number(code: str, name: str, value: object) -> float | None:
    if value is None:
        return None
    try:
        number = float(cast("float", value))
    except (TypeError, ValueError):
        raise ValueError(f"{code}: {name} is a number or None; got {value!r}.") from None
    # NaN is how a failed measurement looks; None is how it is said.
    return None if isnan(number) else number


def _interval(code: str, value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        low, high = cast("tuple[object, object]", value)
    except (TypeError, ValueError):
        raise ValueError(f"{code}: an interval is (low, high) or None; got {value!r}.") from None
    least, most = _number(code, "interval", low), _number(code, "interval", high)
    least, most = (-inf if least is None else least), (inf if most is None else most)
    if least > most:
        raise ValueError(f"{code}: an interval is (low, high); got ({least}, {most}).")
    return least, most
