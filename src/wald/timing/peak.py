"""How much memory one side of a case takes at its peak, beyond what was there before.

Other work leaves memory behind that the allocator uses again, and then the peak reads too low; so each side is
measured in a process of its own: `python -m wald.timing.peak '{"case": …, "side": …, "size": …, …}'`.
On Linux the kernel keeps the peak (`VmHWM`) and forgets it when 5 is written to `/proc/self/clear_refs`.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import gc
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Final

import torch

from .case import COMPILED, Case, Size

_PROCESS: Final = Path("/proc/self")

#: Blocks of 64 KiB and more are handed back when they are freed, as blocks of 32 MB are in any process.
_ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

#: No side takes longer than this, in seconds.
_PATIENCE: Final = 600


def measurable() -> bool:
    """Whether the kernel keeps a peak that can be set back."""
    return os.access(_PROCESS / "clear_refs", os.W_OK)


def peak_of(case: Case, side: str, size: Size, threads: int) -> int | str:
    """The bytes that one side takes at its peak, or why they could not be measured."""
    if case.device == "cpu" and not measurable():
        return "the peak can be read on Linux alone"
    made_of = None if case.of is None else case.of.to_dict()
    asked = json.dumps({"case": case.name, "of": made_of, "side": side, "size": size, "threads": threads})
    try:
        done = subprocess.run(  # noqa: S603  (ourselves)
            [sys.executable, "-m", __spec__.name, asked],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=os.environ | _ALLOCATOR,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {_PATIENCE} s"
    if done.returncode:
        told = done.stderr.strip().splitlines()
        return told[-1] if told else f"the process ended with {done.returncode}"
    return int(done.stdout)


def peak_while(work: Callable[[], object]) -> int:
    """The bytes that this process takes beyond those it had, at the peak of `work`."""
    gc.collect()
    _give_back()
    before = _status("VmRSS")
    (_PROCESS / "clear_refs").write_text("5")
    work()
    return max(0, _status("VmHWM") - before)


def peak_on_gpu(work: Callable[[], object]) -> int:
    """The bytes that torch takes on the GPU beyond those it had, at the peak of `work`."""
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _status(name: str) -> int:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status says nothing of {name}")


def _give_back() -> None:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def main(asked: str) -> None:
    """Measure the side that is asked for and write its bytes."""
    from ..core import from_dict
    from .cases import cases
    from .running import Settings, sides_of
    from .typical import typical

    told = json.loads(asked)
    torch.set_num_threads(told["threads"])
    known = cases() if told["of"] is None else [typical(from_dict(told["of"]))]
    (case,) = (case for case in known if case.name == told["case"])
    work = sides_of(case, Settings(size=told["size"], compiled=told["side"] == COMPILED)).steps[told["side"]]
    # What is loaded and set up on the first call is no memory of the loss.
    work()
    print((peak_while if case.device == "cpu" else peak_on_gpu)(work))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
