"""A run as text for a terminal: the sides of every case, and the bars, met or missed in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .case import FLOOR, OURS, TYPICAL
from .result import Result, Run, Verdict

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

_STYLE: Final[dict[bool | None, str]] = {True: "green", False: "red", None: ""}


def table(run: Run) -> Group:
    """Everything that was found, to be printed by rich."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(_heading(run), style="dim"), Text("")]
    for result in run.results:
        parts += [_case(result, named=run.size == "full" and TYPICAL not in result.name), Text("")]
    parts.append(Text(conclusion(run)))
    return Group(*parts)


def duration(ms: float | None) -> str:
    """A time in the unit in which it reads best."""
    if ms is None:
        return ""
    if ms < 1:
        return f"{1e3 * ms:.3g} µs"
    return f"{ms:.3g} ms" if ms < 1000 else f"{ms / 1e3:.3g} s"


def amount(count: int | None) -> str:
    """Bytes in the unit in which they read best."""
    if count is None:
        return ""
    if count < 1e6:
        return f"{count / 1e3:.3g} kB"
    return f"{count / 1e6:.3g} MB" if count < 1e9 else f"{count / 1e9:.3g} GB"


def times(ratio: float | None) -> str:
    """A ratio."""
    return "" if ratio is None else f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.0f}×"


def said(bar: Verdict) -> str:
    """A bar as a sentence."""
    if bar.found is None:
        return f"{bar.promise}: not measured here"
    found = f"{bar.found:.3g}"
    if bar.met is None:
        return f"{bar.promise}: {found} (promised at full size; this is a smaller one)"
    return f"{bar.promise}: met, {found}" if bar.met else f"{bar.promise}: NOT met, {found}"


def conclusion(run: Run) -> str:
    """In a sentence or two how it went."""
    judged = [bar for result in run.results for bar in result.bars if bar.met is not None]
    count = len(run.results)
    told = f"{count} case{'s' * (count != 1)}"
    if not run.complete:
        told = f"Stopped early; {told} measured"
    if not any(result.bars for result in run.results):
        return f"{told}; nothing is promised for {'it' if count == 1 else 'them'}."
    if not judged:
        return f"{told}. Bars are promised at full size: --full."
    missed = run.missed
    if not missed:
        return f"{told}; all {len(judged)} bars met."
    return f"{told}; {len(judged) - len(missed)} of {len(judged)} bars met, {len(missed)} not."


def _heading(run: Run) -> str:
    machine = run.machine
    threads = f"{run.threads} thread{'s' * (run.threads != 1)}"
    torch = machine["versions"].get("torch", "?")
    return (
        f"{machine['processor']}, {threads}, torch {torch}, {run.size} size. Time of the processor, median of rounds."
    )


def _case(result: Result, *, named: bool) -> RenderableType:
    """One case; `named` is whether its name says how large it is."""
    from rich.console import Group
    from rich.text import Text

    title = Text(result.name, style="bold")
    if result.sizes and not named:
        title.append(
            f", here with {', '.join(f'{name} {x}' for name, x in result.sizes.items())}", style="not bold dim"
        )
    parts: list[RenderableType] = [title]
    if result.reason is not None:
        return Group(*parts, Text(f"  not measured: {result.reason}"))
    parts.append(_sides(result))
    notes = [f"{name}: {reason}" for name, reason in result.absent.items()]
    notes += [f"{name}: its value is {x:.1e} of ours away" for name, x in result.disagree.items()]
    notes += [
        f"{name}: memory not measured, {side.peak_bytes}"
        for name, side in result.sides.items()
        if isinstance(side.peak_bytes, str)
    ]
    parts += [Text(f"  {note}", style="dim") for note in notes]
    parts += [Text(f"  {said(bar)}", style=_STYLE[bar.met]) for bar in result.bars]
    return Group(*parts)


def _sides(result: Result) -> Table:
    from rich.table import Table

    memory = any(isinstance(side.peak_bytes, int) for side in result.sides.values())
    grid = Table(box=None, padding=(0, 2), header_style="dim", pad_edge=True)
    grid.add_column("")
    for name in ("time", "middle half", "× floor", "× wald"):
        grid.add_column(name, justify="right")
    if memory:
        grid.add_column("extra memory", justify="right")
        grid.add_column(f"× {result.input_name}", justify="right")
    for name, side in result.sides.items():
        low, high = side.quartiles_ms
        cells = [
            name,
            duration(side.ms),
            f"{duration(low)} – {duration(high)}",
            times(result.ratio(FLOOR, name)),
            "" if name == OURS else times(result.ratio(OURS, name)),
        ]
        if memory:
            cells += [amount(result.extra_bytes(name)), times(result.memory_ratio(name))]
        grid.add_row(*cells)
    return grid
