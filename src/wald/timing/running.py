"""The harness: the sides of a case in turn, A B C A B C, in one process."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
import gc
import math
from typing import Final

import torch

from . import clocks
from .case import COMPILED, FLOOR, OURS, Case, Sides, Size, Step
from .clocks import Clock, Taken
from .peak import peak_of
from .result import Result, Side

#: A case is measured for so many seconds if it can be, and not in more rounds than these.
_QUICK: Final = 5.0
_MOST_ROUNDS: Final = 40

#: Told of a side: its name, which measurement it is, of how many.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How cases are measured.

    Attributes:
        size: how large the tensors are.
        rounds: how often each side is timed; 0 for what the case wants at least, and more where that is quick.
        threads: how many threads torch may use.
        compiled: whether `torch.compile` is a rival.
        memory: whether peak memory is measured.
    """

    size: Size = "quick"
    rounds: int = 0
    threads: int = 1
    compiled: bool = False
    memory: bool = True


@dataclass(frozen=True, slots=True)
class Running:
    """The sides of a case that can run, in the order in which they do, and why the others cannot."""

    sides: Sides
    steps: dict[str, Step]
    absent: dict[str, str]


def sides_of(case: Case, settings: Settings) -> Running:
    """The sides of a case: ours, the floor, the rivals."""
    sides = case.sides(settings.size)
    steps: dict[str, Step] = {OURS: sides.ours}
    absent: dict[str, str] = {}
    if sides.floor is not None:
        steps[FLOOR] = sides.floor
    for name, rival in sides.rivals.items():
        if isinstance(rival, str):
            absent[name] = rival
        else:
            steps[name] = rival
    if sides.compiled is not None and settings.compiled:
        steps[COMPILED] = sides.compiled()
    elif sides.compiled is not None:
        absent[COMPILED] = "takes 10 s to warm up; --compiled"
    return Running(sides, steps, absent)


def measured(case: Case, settings: Settings, progress: Progress = lambda *_: None) -> Result:
    """Everything about one case.

    Args:
        case: what is timed.
        settings: how.
        progress: is told what is done next.
    """
    if case.device == "cuda" and not torch.cuda.is_available():
        return Result.unmeasured(case, "no CUDA device here")
    with _threads(settings.threads):
        running = sides_of(case, settings)
        clock = clocks.gpu if case.device == "cuda" else clocks.processor
        wants_memory = settings.memory and running.sides.input_bytes > 0
        done, total = 0, (1 + case.rounds + wants_memory) * len(running.steps)

        def told(side: str) -> None:
            nonlocal done
            progress(side, done, total)
            done += 1

        values, blocks, lasting = _warmed(running, clock, told)
        if OURS not in running.steps:
            return Result.unmeasured(case, running.absent[OURS])
        rounds = settings.rounds or _rounds(case, lasting)
        total = done + (rounds + wants_memory) * len(running.steps)
        taken = _in_turn(running, blocks, clock, rounds, told)
        peaks: dict[str, int | str] = {}
        for side in running.steps if wants_memory else ():
            told(side)
            if side != FLOOR:
                peaks[side] = peak_of(case, side, settings.size, settings.threads)
    return Result.of(
        case,
        running.sides,
        {
            side: Side.of(taken[side], calls=blocks[side], value=values[side], peak=peaks.get(side))
            for side in running.steps
        },
        running.absent,
        size=settings.size,
    )


def _rounds(case: Case, lasting: float) -> int:
    """As many as the case wants, and more where one is over quickly: a median of many moves less."""
    return max(case.rounds, min(_MOST_ROUNDS, math.ceil(_QUICK / lasting)))


def _warmed(
    running: Running, clock: Clock, told: Callable[[str], None]
) -> tuple[dict[str, float | None], dict[str, int], float]:
    """Run every side until it is warm: its value, how many calls fill a block, and how long a round will take.

    A side that fails is absent from then on.
    """
    values: dict[str, float | None] = {}
    blocks: dict[str, int] = {}
    lasting = 0.0
    for side, work in list(running.steps.items()):
        told(side)
        try:
            value = work()
            values[side] = None if value is None else float(value)
            calls, wall = _calls_in_a_block(work, clock)
            blocks[side] = calls
            lasting += calls * wall
        except Exception as error:
            del running.steps[side]
            running.absent[side] = f"failed: {type(error).__name__}: {error}".partition("\n")[0]
    return values, blocks, lasting


def _calls_in_a_block(work: Step, clock: Clock) -> tuple[int, float]:
    """How many calls fill a block, and how long one takes on the wall."""
    calls = 1
    while (found := clock(work, calls)).wall * calls < clocks.BLOCK / 4:
        calls *= 4
    return max(1, math.ceil(clocks.BLOCK / found.wall)), found.wall


def _in_turn(
    running: Running, blocks: dict[str, int], clock: Clock, rounds: int, told: Callable[[str], None]
) -> dict[str, list[Taken]]:
    taken: dict[str, list[Taken]] = {side: [] for side in running.steps}
    with _undisturbed():
        for _ in range(rounds):
            for side, work in running.steps.items():
                told(side)
                taken[side].append(clock(work, blocks[side]))
    return taken


@contextmanager
def _undisturbed() -> Generator[None]:
    """Without a collection of garbage in the middle of somebody's block."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _threads(count: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
