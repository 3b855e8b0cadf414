"""What a piece of work takes: time of the processor or of the GPU, and time on the wall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import time
from typing import Final

import torch

#: A block of calls is at least so long, in seconds, so that the clock and the loop are no part of the figure.
BLOCK: Final = 0.05


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds for one call: of the processor (all threads and child processes) or the GPU, and on the wall."""

    busy: float
    wall: float


Clock = Callable[[Callable[[], object], int], Taken]


def processor(work: Callable[[], object], calls: int) -> Taken:
    """Time of the processor, which does not count what other processes do meanwhile."""
    began, busy = time.perf_counter(), _processor_seconds()
    for _ in range(calls):
        work()
    busy, wall = _processor_seconds() - busy, time.perf_counter() - began
    return Taken(busy / calls, wall / calls)


def gpu(work: Callable[[], object], calls: int) -> Taken:
    """Time between two events on the current CUDA stream."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    began = time.perf_counter()
    start.record()
    for _ in range(calls):
        work()
    end.record()
    torch.cuda.synchronize()
    wall = time.perf_counter() - began
    return Taken(start.elapsed_time(end) / 1000 / calls, wall / calls)


def _processor_seconds() -> float:
    return time.process_time() + _seconds_of_children()


def _seconds_of_children() -> float:
    try:
        from resource import RUSAGE_CHILDREN, getrusage
    except ImportError:  # Windows
        return 0.0
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
