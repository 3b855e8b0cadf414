"""What was measured, as numbers: sides, ratios, bars that are met or missed; and the run that they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
import json
from statistics import median, quantiles
from typing import Any, Final

from .case import FLOOR, OURS, Bar, Case, Sides, Size
from .clocks import Taken

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Side:
    """What one side took.

    Attributes:
        ms: the median over the rounds, in milliseconds a call, of the processor or the GPU.
        quartiles_ms: between these lies the middle half of the rounds.
        wall_ms: the median on the wall.
        rounds: how many blocks were timed.
        calls: how many calls there were in a block.
        value: the value of the loss, where it gives one.
        peak_bytes: extra memory at its peak, or why it was not measured; None where it was not asked for.
    """

    ms: float
    quartiles_ms: tuple[float, float]
    wall_ms: float
    rounds: int
    calls: int
    value: float | None = None
    peak_bytes: int | str | None = None

    @classmethod
    def of(cls, taken: Sequence[Taken], *, calls: int, value: float | None, peak: int | str | None) -> Side:
        """The medians of all rounds."""
        busy = [1e3 * one.busy for one in taken]
        low, _, high = quantiles(busy, n=4, method="inclusive") if len(busy) > 1 else busy * 3
        wall = median(1e3 * one.wall for one in taken)
        return cls(median(busy), (low, high), wall, len(busy), calls, value, peak)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar, the figure that was found, and whether it keeps the promise.

    Attributes:
        promise: the bar in words.
        found: the ratio or the figure of which the promise speaks; None where one of its sides was not measured.
        met: whether it is met; None where it was not measured, or not at the size for which it is promised.
    """

    promise: str
    found: float | None
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that was found about one case."""

    name: str
    row: int | None
    losses: tuple[str, ...]
    device: str
    sizes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sides: Mapping[str, Side] = field(default_factory=dict[str, Side])
    absent: Mapping[str, str] = field(default_factory=dict[str, str])
    disagree: Mapping[str, float] = field(default_factory=dict[str, float])
    input_bytes: int = 0
    input_name: str = "input"
    owed_bytes: int = 0
    bars: tuple[Verdict, ...] = ()
    reason: str | None = None

    @classmethod
    def unmeasured(cls, case: Case, reason: str) -> Result:
        """A case that cannot be measured here, and why."""
        return cls(
            name=case.name,
            row=case.row,
            losses=case.losses,
            device=case.device,
            bars=tuple(Verdict(str(bar), None, None) for bar in case.bars),
            reason=reason,
        )

    @classmethod
    def of(
        cls, case: Case, sides: Sides, measured: Mapping[str, Side], absent: Mapping[str, str], *, size: Size
    ) -> Result:
        """What the sides came to, held against the bars."""
        found = cls(
            name=case.name,
            row=case.row,
            losses=case.losses,
            device=case.device,
            sizes=case.sizes[size],
            sides=measured,
            absent=absent,
            disagree=_disagreeing(measured, case.tolerance),
            input_bytes=sides.input_bytes,
            input_name=sides.input_name,
            owed_bytes=sides.owed_bytes,
        )
        return found.held_against(case.bars, binding=size == "full")

    def held_against(self, bars: Sequence[Bar], *, binding: bool) -> Result:
        """The same, with a verdict on every bar; only where they are binding is a bar met or missed."""
        from dataclasses import replace

        return replace(self, bars=tuple(self._verdict(bar, binding) for bar in bars))

    def ratio(self, against: str, side: str = OURS) -> float | None:
        """How many times the time of `against` a side takes; None where one of them was not measured."""
        if side not in self.sides or against not in self.sides:
            return None
        return self.sides[side].ms / self.sides[against].ms

    def extra_bytes(self, side: str = OURS) -> int | None:
        """The peak of a side, without what every implementation must hold; None where it was not measured."""
        peak = self.sides[side].peak_bytes if side in self.sides else None
        return max(0, peak - self.owed_bytes) if isinstance(peak, int) else None

    def memory_ratio(self, side: str = OURS) -> float | None:
        """The extra memory of a side as a multiple of the input."""
        extra = self.extra_bytes(side)
        return extra / self.input_bytes if extra is not None and self.input_bytes else None

    def _verdict(self, bar: Bar, binding: bool) -> Verdict:
        found = self._time(bar) if bar.quantity == "time" else self._memory(bar)
        promise = str(bar)
        if bar.against == "input":
            promise = promise.replace("input", self.input_name)
        met = None if found is None or not binding else found <= bar.most
        return Verdict(promise, 1 / found if found and bar.many_times else found, met)

    def _time(self, bar: Bar) -> float | None:
        if not bar.absolute:
            return self.ratio(bar.against, bar.side)
        if bar.side not in self.sides:
            return None
        above = self.sides[FLOOR].ms if bar.against == "ms above floor" else 0.0
        return self.sides[bar.side].ms - above

    def _memory(self, bar: Bar) -> float | None:
        if bar.against == "input":
            return self.memory_ratio(bar.side)
        extra = self.extra_bytes(bar.side)
        if extra is None:
            return None
        if bar.against == "MB":
            return extra / 1e6
        theirs = self.extra_bytes(bar.against)
        return extra / theirs if theirs else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as the JSON has it."""
        return {
            "name": self.name,
            "row": self.row,
            "losses": list(self.losses),
            "device": self.device,
            "sizes": {name: x if isinstance(x, int | float | str) else repr(x) for name, x in self.sizes.items()},
            "reason": self.reason,
            "sides": {
                name: {
                    "ms": rounded(side.ms),
                    "quartiles_ms": [rounded(x) for x in side.quartiles_ms],
                    "wall_ms": rounded(side.wall_ms),
                    "rounds": side.rounds,
                    "calls": side.calls,
                    "value": side.value,
                    "peak_bytes": side.peak_bytes,
                    "ratio_to_floor": rounded(self.ratio(FLOOR, name)),
                    "ratio_to_wald": rounded(self.ratio(OURS, name)),
                    "memory_ratio": rounded(self.memory_ratio(name)),
                }
                for name, side in self.sides.items()
            },
            "absent": dict(self.absent),
            "disagree": dict(self.disagree),
            "input_bytes": self.input_bytes,
            "input_name": self.input_name,
            "owed_bytes": self.owed_bytes,
            "bars": [{"promise": bar.promise, "found": rounded(bar.found), "met": bar.met} for bar in self.bars],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Results that were measured together.

    Attributes:
        machine: processor, memory, versions.
        size: how large the tensors were.
        threads: how many threads torch had.
        results: what was found, in the order in which it was measured.
        date: when, in UTC.
        complete: whether everything that was asked for is there.
    """

    machine: Mapping[str, Any]
    size: Size
    threads: int
    results: Sequence[Result]
    date: datetime = field(default_factory=lambda: datetime.now(UTC))
    complete: bool = True

    @property
    def missed(self) -> list[tuple[Result, Verdict]]:
        """The bars that were not met."""
        return [(result, bar) for result in self.results for bar in result.bars if bar.met is False]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as the JSON has it."""
        return {
            "schema": SCHEMA,
            "kind": "bench",
            "date": self.date.isoformat(timespec="seconds"),
            "machine": dict(self.machine),
            "size": self.size,
            "threads": self.threads,
            "complete": self.complete,
            "cases": [result.as_dict() for result in self.results],
        }

    def json(self) -> str:
        """Strict JSON, legible for a person too."""
        return json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)


def rounded(x: float | None) -> float | None:
    """Four digits, more than a measurement has."""
    return None if x is None else float(f"{x:.4g}")


def _disagreeing(sides: Mapping[str, Side], tolerance: float) -> dict[str, float]:
    """How far, relative to ours, the value of a rival is from ours, where that is more than `tolerance`."""
    ours = sides[OURS].value
    if ours is None:
        return {}
    away = {
        name: abs(side.value - ours) / max(abs(ours), 1e-30) for name, side in sides.items() if side.value is not None
    }
    # A NaN is away from everything.
    return {name: x for name, x in away.items() if not x <= tolerance}
