"""A process of its own for losses that nobody vouches for.

A loss may hang, call `exit()`, crash the interpreter or ask for all the memory there is. Where the system can fork,
it is measured in a copy of this process, whose results come back one by one: what it takes along is only its copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
import os
import pickle
import signal
import sys
from time import monotonic
from typing import Final, NoReturn
import warnings

import torch

#: Seconds of work, or of sleep, without a result after which the copy is given up. No sound loss takes so long; one
#: that waits for its turn on a busy machine neither works nor sleeps, and is given this many times as long.
SILENCE, PATIENCE = 12.0, 5
#: So many copies are worth loading beforehand what each of them may have to load.
_FEW: Final = 3
_copies = 0
#: Bytes that a loss may ask for beyond what the process had; a loss that wants more is told that there is no more.
MEMORY: Final = 8 << 30
#: Seconds of processor time after which a copy that nobody listens to any more ends by itself.
_PROCESSOR: Final = 600


@dataclass(frozen=True)
class Lost:
    """The copy of the process ended before its work did.

    Attributes:
        why: how it ended, as the end of a sentence that starts with "it".
    """

    why: str


def available() -> bool:
    """Whether a copy of this process can be made and used."""
    # A graphics card that is in use does not survive a fork.
    return hasattr(os, "fork") and sys.platform != "darwin" and not torch.cuda.is_initialized()


def guarded(work: Callable[[], Iterator[object]]) -> Iterator[object]:
    """What `work` yields, worked out in a copy of this process; after it a `Lost`, if the copy did not finish.

    Args:
        work: what to do; what it yields is pickled.
    """
    _load_what_comes_late()
    here, there = Pipe(duplex=False)
    for stream in (sys.stdout, sys.stderr):
        # What waits in a buffer would be written by the copy too.
        stream.flush()
    with warnings.catch_warnings():
        # Python warns of forks in processes with threads; the copy uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        here.close()
        _child(work, there)
    with suppress(OSError):
        # Here as well as there, so that it is done before either needs it.
        os.setpgid(child, child)
    there.close()
    try:
        yield from _heard(here, child)
    finally:
        here.close()
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)


def _load_what_comes_late() -> None:
    """What a second derivative may load takes a second: where loss after loss is measured, here once."""
    global _copies
    _copies += 1
    if _copies != _FEW:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("torch._dynamo")


def _heard(here: Connection, child: int) -> Iterator[object]:
    while True:
        if not _answers(here, child):
            yield Lost(f"gave no answer for {SILENCE:g} s")
            return
        try:
            message: object = pickle.loads(here.recv_bytes())  # noqa: S301  (it comes from our own copy)
        except EOFError:
            yield Lost(_end(os.waitpid(child, 0)[1]))
            return
        if message is None:
            return
        yield message
        if isinstance(message, Lost):
            return


def _answers(here: Connection, child: int) -> bool:
    """Whether the copy gives its next result, or ends, while there is patience."""
    start, (_, spent) = monotonic(), _life(child)
    asleep = 0.0
    last = start
    while not here.poll(min(SILENCE, 0.5)):
        state, worked = _life(child)
        now = monotonic()
        asleep += (now - last) * (state in "SD?")
        last = now
        if max(asleep, worked - spent, (now - start) / PATIENCE) > SILENCE:
            return False
    return True


def _life(child: int) -> tuple[str, float]:
    """Whether a process runs (R) or sleeps (S, D), and the seconds that it has worked; "?" where nobody can tell."""
    try:
        with open(f"/proc/{child}/stat") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return "?", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _end(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(ValueError):
            name = signal.Signals(number).name
            memory = " (as where the memory is used up)" if name == "SIGKILL" else ""
            return f"ended the process by the signal {name}{memory}"
    return f"ended the process with exit code {os.waitstatus_to_exitcode(status)}"


def _child(work: Callable[[], Iterator[object]], there: Connection) -> NoReturn:
    """Do the work, and end without a trace: nothing that this process has in mind to do at its end is done twice."""
    try:
        _alone()
        for message in work():
            there.send_bytes(pickle.dumps(message))
        there.send_bytes(pickle.dumps(None))
    except BaseException as error:
        with suppress(OSError):
            there.send_bytes(pickle.dumps(Lost(f"raised {type(error).__name__}: {error}".partition("\n")[0])))
    finally:
        os._exit(0)


def _alone() -> None:
    """Cut the copy off from the terminal, from threads, and from more memory than a loss can need."""
    import faulthandler
    import resource

    # That a loss crashes is told in its report.
    faulthandler.disable()
    # A group of its own, so that what it starts can be stopped with it.
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdin, sys.stdout, sys.stderr = (open(os.devnull, mode) for mode in ("r", "w", "w"))  # noqa: PTH123, SIM115
    # The threads of the process were not copied, and waiting for them would take for ever.
    torch.set_num_threads(1)
    _limit(resource.RLIMIT_AS, _held() + MEMORY)
    _limit(resource.RLIMIT_CPU, _PROCESSOR)
    _limit(resource.RLIMIT_CORE, 0)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        # Where memory runs out all the same, this process is the one to go.
        file.write("1000")


def _limit(what: int, most: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(what, (most, hard))


def _held() -> int:
    """The bytes of address space that this process has."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 40
